"""What an ablation is about, settled before it trains: domains, baseline, caps, held-out text.

The mixture's own spec gives all of it: the weights to beat are those that its stage has now, and
the tokens of that stage are what the small models' repetition is matched to.
"""

from __future__ import annotations

import dataclasses
import math
import pathlib
from collections.abc import Mapping
from typing import Any

from castor.filters.configuration import typed
from castor.filters.errors import ConfigError, unknown_name
from castor.mixtures import resolve as resolution
from castor.mixtures.ablate import spec as specs
from castor.mixtures.ablate.spec import AblationSpec
from castor.mixtures.compile import resolve_mixture
from castor.mixtures.inputs import open_inputs
from castor.mixtures.spec import MixtureSpec, moved, to_yaml
from castor.mixtures.tokens import Tokens, TokenSource, open_tokens

ALL, LAST = "all", "last"
DEFAULT_LENGTH = 128  # of the rows, where neither the ablation nor a mixture says
MOST_BLOCK = 1024  # rows, as is a mixture's default


@dataclasses.dataclass(frozen=True)
class Problem:
    """An ablation with its data.

    Attributes:
        spec: the ablation.
        mixture: whose weights are sought; its paths are relative to `folder`.
        stages: names of the stages whose weights are sought.
        before: whether other stages come before them.
        inputs: of every domain: its token dataset, and its documents to train on.
        heldout: the same of every held-out domain that has documents.
        natural, baseline: weights by domain.
        caps: largest weights, of the domains that have one.
        target_tokens: of the run that the weights are for.
        sequence_length: of the small models.
    """

    spec: AblationSpec
    mixture: MixtureSpec
    folder: pathlib.Path
    stages: tuple[str, ...]
    before: bool
    inputs: Mapping[str, tuple[Tokens, TokenSource]]
    heldout: Mapping[str, tuple[Tokens, TokenSource]]
    natural: Mapping[str, float]
    baseline: Mapping[str, float]
    caps: Mapping[str, float]
    target_tokens: int
    sequence_length: int

    @property
    def training(self) -> dict[str, Any]:
        """What determines how runs are trained, by key of the spec: another fit cannot change it.

        What their documents are is not in it, nor what a run has alone.
        """
        spec = self.spec
        same = {"model", "optimizer", "batch_rows", "heldout_tokens", "simulated_epochs"}
        return {
            **spec.model_dump(mode="json", include=same),
            "sequence_length": self.sequence_length,
            "packing": self.mixture.packing.kind,
            "swarm.tokens_per_run": spec.swarm.tokens_per_run,
            "confirm.tokens": spec.confirm_tokens,
            "target_tokens": self.target_tokens if spec.simulated_epochs else None,
        }

    @property
    def tokens(self) -> dict[str, int]:
        """Tokens of every domain."""
        return {name: source.tokens for name, (_, source) in self.inputs.items()}

    @property
    def digests(self) -> dict[str, str]:
        """Digest of every domain's documents."""
        return {name: source.digest for name, (_, source) in self.inputs.items()}

    @property
    def heldout_digests(self) -> dict[str, str]:
        """Digest of every held-out domain's documents."""
        return {name: source.digest for name, (_, source) in self.heldout.items()}

    def weights_yaml(self, weights: Mapping[str, float], out: pathlib.Path) -> str:
        """The mixture's spec with these weights in its stages, for a file in the folder `out`.

        Sources that took no part keep the weight 0.
        """
        full = {name: weights.get(name, 0.0) for name in self.mixture.sources}
        stages = tuple(
            stage.model_copy(
                update={
                    "rule": "explicit",
                    "weights": full,
                    "temperature": None,
                    "limit": None,
                    "shrink": stage.shrink and stage.cap == "water-fill",
                }
            )
            if stage.name in self.stages
            else stage
            for stage in self.mixture.stages
        )
        spec = self.mixture.model_copy(update={"stages": stages})
        return to_yaml(moved(spec, self.folder, out))


def settle(path: pathlib.Path, spec: AblationSpec) -> Problem:
    """Opens the data of an ablation and decides everything that does not need training.

    Args:
        path: of the ablation's file, to which its paths are relative.

    Raises:
        ConfigError: the mixture or a target is wrong or missing, or has too few tokens or runs.
        CastorError: a token dataset is unfinished or damaged.
        GateError: the mixture itself cannot be filled.
    """
    if spec.mixture is not None:
        found = _of_mixture(path.parent / spec.mixture, spec)
    else:
        found = _of_sources(path.parent, spec)
    names = [name for name, weight in found.baseline.items() if weight > 0]
    specs.check_runs(spec, len(names))
    opened = {name: found.inputs[name] for name in names}
    heldout = _heldout(path.parent, spec, opened)
    total = sum(source.tokens for _, source in opened.values())
    left = sum(found.baseline[name] for name in names)
    target_tokens = spec.target_tokens or found.target_tokens
    return Problem(
        spec=spec,
        mixture=found.mixture,
        folder=found.folder,
        stages=found.stages,
        before=found.before,
        inputs=opened,
        heldout=heldout,
        natural={name: source.tokens / total for name, (_, source) in opened.items()},
        baseline={name: found.baseline[name] / left for name in names},
        caps=_caps(spec, {n: found.available[n] for n in names}, opened, target_tokens),
        target_tokens=target_tokens,
        sequence_length=spec.sequence_length or found.mixture.sequence_length,
    )


@dataclasses.dataclass(frozen=True)
class _Found:
    """What the mixture says; `available`: see `_available`, repetitions counted, or infinity."""

    mixture: MixtureSpec
    folder: pathlib.Path
    stages: tuple[str, ...]
    before: bool
    inputs: Mapping[str, tuple[Tokens, TokenSource]]
    baseline: Mapping[str, float]
    available: Mapping[str, float]
    target_tokens: int


def _of_mixture(path: pathlib.Path, spec: AblationSpec) -> _Found:
    resolved, inputs = resolve_mixture(path)
    mixture = resolved.spec
    names = [stage.spec.name for stage in resolved.stages]
    if spec.stage == ALL:
        chosen = names
    elif spec.stage == LAST:
        chosen = names[-1:]
    elif spec.stage in names:
        chosen = [spec.stage]
    else:
        raise unknown_name("stage", spec.stage, [*names, ALL, LAST], where="stage")
    ours = [s for s in resolved.stages if s.spec.name in chosen]
    blocks = sum(s.blocks for s in ours)
    baseline = {
        name: sum(s.blocks * s.last[name] for s in ours) / blocks for name in mixture.sources
    }
    return _Found(
        mixture, path.parent, tuple(chosen), names.index(chosen[0]) > 0,
        {i.name: (i.tokens, i.source) for i in inputs}, baseline,
        _available(resolved, chosen), blocks * mixture.block * mixture.sequence_length,
    )  # fmt: skip


def _available(resolved: resolution.Resolved, chosen: list[str]) -> dict[str, float]:
    """Tokens of every source that its limits on epochs leave for the weights that are sought.

    If these are the end of a ramp from another stage, half of its rows follow the shares there:
    more of them may follow the weights, or less.
    """
    mixture, found = resolved.spec, {}
    block = mixture.block * mixture.sequence_length
    ours = [s for s in resolved.stages if s.spec.name in chosen]
    limits = [s.spec.max_epochs or math.inf for s in ours]
    for name, source in mixture.sources.items():
        tokens = resolved.rows[name] * mixture.sequence_length
        elsewhere = sum(
            s.blocks * block * (s.first[name] + s.last[name]) / 2
            for s in resolved.stages
            if s.spec.name not in chosen
        )
        left = (source.max_epochs or math.inf) * tokens - elsewhere
        left = min(sum(limits) * tokens, left)
        if ours[0].spec.ramp == "linear":
            left = 2 * left - ours[0].first[name] * ours[0].blocks * block
        found[name] = max(0.0, left)
    return found


def _of_sources(folder: pathlib.Path, spec: AblationSpec) -> _Found:
    """A mixture of one stage with natural proportions, out of the ablation's own `sources`."""
    draft: dict[str, Any] = {
        "castor": 1,
        "name": spec.name,
        "seed": spec.seed,
        "sequence_length": spec.sequence_length or DEFAULT_LENGTH,
        "sources": {name: dict(source) for name, source in (spec.sources or {}).items()},
        "budget": {"tokens": spec.target_tokens or 1},
        "stages": [{"name": "all", "rule": "proportional"}],
    }
    mixture = typed(draft, MixtureSpec, where="sources of the ablation")
    opened = open_inputs(mixture, folder)
    total = sum(source.tokens for _, source in opened.values())
    target = spec.target_tokens or total
    rows = target // mixture.sequence_length
    draft["budget"] = {"tokens": target}
    draft["block"] = max(1, min(MOST_BLOCK, rows))
    mixture = typed(draft, MixtureSpec, where="sources of the ablation")
    limits = {name: s.max_epochs or math.inf for name, s in mixture.sources.items()}
    return _Found(
        mixture, folder, ("all",), False, opened,
        {name: source.tokens / total for name, (_, source) in opened.items()},
        {name: limits[name] * source.tokens for name, (_, source) in opened.items()}, target,
    )  # fmt: skip


def _caps(
    spec: AblationSpec, available: Mapping[str, float],
    opened: Mapping[str, tuple[Tokens, TokenSource]], target_tokens: int,
) -> dict[str, float]:  # fmt: skip
    """Largest weights x_i = N_i c_i / C, of the domains that have one below 1."""
    found = {}
    for name, tokens in available.items():
        own = (spec.max_epochs or math.inf) * opened[name][1].tokens
        cap = min(tokens, own) / target_tokens
        if cap < 1.0:
            found[name] = cap
    return found


def _heldout(
    folder: pathlib.Path, spec: AblationSpec, opened: Mapping[str, tuple[Tokens, TokenSource]]
) -> dict[str, tuple[Tokens, TokenSource]]:
    """The held-out documents of the domains, and of what `evaluate` names besides."""
    found = {
        name: (tokens, tokens.source(source.name, "heldout"))
        for name, (tokens, source) in opened.items()
        if source.split == "train"
    }
    one, _ = next(iter(opened.values()))
    for name, given in spec.evaluate.items():
        if name in opened:
            raise ConfigError(
                f"`evaluate` names {name!r}, which is a domain of the mixture",
                where=f"evaluate.{name}", fix="leave it out: domains are evaluated anyway",
            )  # fmt: skip
        if given.like is not None and given.like not in opened:
            raise unknown_name("domain", given.like, opened, where=f"evaluate.{name}.like")
        tokens = open_tokens(folder / given.tokens)
        if tokens.tokenizer_sha256 != one.tokenizer_sha256:
            raise ConfigError(
                "held-out text of another tokenizer than the mixture's",
                where=f"evaluate.{name}",
                got=f"{tokens.tokenizer_sha256[:12]}, the mixture has {one.tokenizer_sha256[:12]}",
                fix="encode it with the mixture's tokenizer",
            )
        found[name] = (tokens, tokens.source(given.source or name, "heldout"))
    for name in spec.target_weights:
        if name not in found:
            raise unknown_name("domain", name, found, where="targets")
    empty = [name for name in spec.target_weights if not found[name][1].documents]
    if empty:
        raise ConfigError(
            "a target has no held-out text", where="targets", got=", ".join(empty),
            fix="encode with a larger --heldout share, or choose another target",
        )  # fmt: skip
    return {name: pair for name, pair in found.items() if pair[1].documents}
