"""What `ablation.json` holds: everything the page shows and a program may ask."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from castor.mixtures.ablate.analysis import Analysis
from castor.mixtures.ablate.claims import claims
from castor.mixtures.ablate.runs import Run
from castor.mixtures.ablate.spec import AblationSpec
from castor.mixtures.ablate.verdict import Verdict


@dataclasses.dataclass(frozen=True)
class Setting:
    """What was ablated.

    Attributes:
        tokens: of every domain's train split.
        natural, baseline: weights by domain.
        caps: largest weights, of the domains that have one.
        target_tokens: of the run that the weights are for.
        stage: `names` of the stages, and whether others come `before` them.
        proxy: the small models; see docs/ablation.md.
        held_out: tokens and bytes that every model was asked, by domain.
    """

    tokens: Mapping[str, int]
    natural: Mapping[str, float]
    baseline: Mapping[str, float]
    caps: Mapping[str, float]
    target_tokens: int
    stage: Mapping[str, Any]
    proxy: Mapping[str, Any]
    held_out: Mapping[str, Mapping[str, int]]


def assemble(
    spec: AblationSpec, setting: Setting, analysis: Analysis, runs: Sequence[Run],
    lost_runs: int, verdict: Verdict | None,
) -> dict[str, Any]:  # fmt: skip
    """The result as JSON.

    Args:
        runs: the swarm's, in the order in which `analysis` was given them.
        lost_runs: of the swarm.
        verdict: None if there are no confirm runs.
    """
    accepted = verdict is not None and verdict.accepted
    result: dict[str, Any] = {
        "name": spec.name,
        "accepted": accepted,
        "verdict": _said(verdict),
        "targets": spec.target_weights,
        "stage": dict(setting.stage),
        "target_tokens": setting.target_tokens,
        "kl": spec.kl,
        "proxy": dict(setting.proxy),
        "held_out": {name: dict(found) for name, found in setting.held_out.items()},
        "domains": {
            name: {
                "tokens": setting.tokens[name],
                "natural": setting.natural[name],
                "baseline": setting.baseline[name],
                "proposed": weight,
                "low": analysis.low[name],
                "high": analysis.high[name],
                "cap": setting.caps.get(name),
                "epochs": weight * setting.target_tokens / setting.tokens[name],
                "slope": analysis.slope[name],
            }
            for name, weight in analysis.proposal.items()
        },
        "scores": dict(analysis.scores),
        "gain": dict(analysis.gain),
        "rho": analysis.fitted.rho_score,
        "laws": _laws(analysis),
        "runs": _runs(setting, analysis, runs),
        "lost_runs": lost_runs,
        "confirm": None if verdict is None else dataclasses.asdict(verdict),
    }
    may, may_not = claims(result)
    return result | {"claims": {"may": may, "may_not": may_not}}


def _said(verdict: Verdict | None) -> str:
    if verdict is None:
        return "No confirm runs of this proposal were trained."
    numbers = f"{verdict.gain:+.4f} bits per byte, standard error {verdict.standard_error:.4f}"
    if verdict.accepted:
        return f"The proposal beats the baseline by {numbers}, over seeds."
    if verdict.gain <= 0:
        return f"The proposal is no better than the baseline: {numbers}, over seeds."
    return f"The gain over seeds is within {verdict.needed:g} standard errors: {numbers}."


def _laws(analysis: Analysis) -> dict[str, Any]:
    fitted, found = analysis.fitted, {}
    for target, law in fitted.law.items():
        values = {name: value[0] for name, value in law.parameters().items()}
        slopes = dict(zip(fitted.table.names, values.pop("t").tolist()))
        found[target] = {
            "kind": law.kind,
            "rho": dict(fitted.rho[target]),
            "t": slopes,
            **{name: value.tolist() for name, value in values.items()},
        }
    return found


def _runs(setting: Setting, analysis: Analysis, runs: Sequence[Run]) -> list[dict[str, Any]]:
    uniform = 1.0 / len(setting.tokens)
    known = (
        ("baseline", setting.baseline),
        ("natural", setting.natural),
        ("uniform", dict.fromkeys(setting.tokens, uniform)),
    )
    table, found = analysis.fitted.table, []
    for i, run in enumerate(runs):
        same = [
            name
            for name, weights in known
            if all(abs(run.mixture.get(d, 0.0) - w) < 2e-6 for d, w in weights.items())
        ]
        found.append(
            {
                "name": same[0] if same else None,
                "mixture": dict(run.mixture),
                "losses": dict(run.losses),
                "score": float(table.score[i]),
                "predicted": float(analysis.fitted.predicted[i]),
            }
        )
    return found
