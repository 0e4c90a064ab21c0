"""From runs to a proposal: fit, choose, propose, bootstrap. No training, no files."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from castor.filters.errors import ConfigError
from castor.mixtures.ablate import bootstrap, fit, propose, swarm
from castor.mixtures.ablate.runs import Run
from castor.mixtures.ablate.spec import AblationSpec

Mixture = dict[str, float]


@dataclasses.dataclass(frozen=True)
class Analysis:
    """What the runs say; every mapping is by the name of a domain.

    Attributes:
        fitted: the laws of all runs.
        proposal: the proposed weights, six decimals, sum 1.
        low, high: interval of each weight.
        slope: d score / d share at the baseline, the others shrinking in proportion.
        scores: predicted, of `baseline`, `natural`, `uniform` and `proposal`; and of `best_run`,
            observed.
        gain: predicted, its interval's `low` and `high`, and `probability` of being positive.
    """

    fitted: fit.Fitted
    proposal: Mixture
    low: Mixture
    high: Mixture
    slope: Mixture
    scores: Mapping[str, float]
    gain: Mapping[str, float]


def analyse(
    spec: AblationSpec, runs: Sequence[Run], *, baseline: Mapping[str, float],
    natural: Mapping[str, float], caps: Mapping[str, float],
) -> Analysis:  # fmt: skip
    """Fits the swarm's runs and proposes.

    Args:
        spec: its targets, law, kl, bootstrap and seed.
        runs: with losses.
        baseline: the weights to beat, which are also the prior of the KL term.
        natural: shares of all tokens.
        caps: largest weights, of the domains that have one.

    Raises:
        ConfigError: a domain has no weight in the baseline.
        CastorError: a run has no loss of a target.
    """
    like = {name: given.like for name, given in spec.evaluate.items() if given.like}
    mixtures, losses = [r.mixture for r in runs], [r.losses for r in runs]
    data = fit.table(mixtures, losses, spec.target_weights, like)
    names = data.names
    missing = [name for name in names if not baseline.get(name, 0.0) > 0]
    if missing:
        raise ConfigError(
            "domains that the baseline gives no weight", got=", ".join(missing),
            fix="leave them out of the ablation, or give them a weight in the stage",
        )  # fmt: skip

    def vector(weights: Mapping[str, float]) -> np.ndarray:
        return np.array([weights[name] for name in names])

    prior, most = vector(baseline), np.array([caps.get(name, 1.0) for name in names])
    fitted = fit.fit(data, law=spec.law, seed=spec.seed)
    starts = [data.X[int(np.argmin(data.score))]]
    found = propose.propose(fitted, prior, pull=spec.kl, caps=most, starts=starts)[0]
    proposal = np.array(swarm.rounded(found, most))
    sure = bootstrap.uncertainty(
        fitted, proposal, prior, prior, pull=spec.kl, caps=most, replicates=spec.bootstrap,
        seed=spec.seed, starts=starts,
    )  # fmt: skip
    gradient = fitted.slopes(prior[None])[0]
    uniform = np.full(len(names), 1.0 / len(names))
    points = np.stack([prior, vector(natural), uniform, proposal])
    scores = dict(
        zip(("baseline", "natural", "uniform", "proposal"), fitted.score(points)[0].tolist())
    )

    def named(values: np.ndarray) -> Mixture:
        return {name: float(v) for name, v in zip(names, values)}

    return Analysis(
        fitted, named(proposal), named(sure.low), named(sure.high),
        named(gradient - float(gradient @ prior)),
        scores | {"best_run": float(data.score.min())},
        {
            "predicted": scores["baseline"] - scores["proposal"],
            "low": sure.gain[0], "high": sure.gain[1], "probability": sure.probability,
        },
    )  # fmt: skip
