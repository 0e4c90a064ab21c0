"""A mixture by its path, compiled or not: what comparing and exporting need of it."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from castor.filters.errors import ConfigError
from castor.mixtures.compile import resolve_mixture
from castor.mixtures.compiled import read_manifest
from castor.mixtures.plan import Plan


@dataclasses.dataclass(frozen=True)
class DescribedSource:
    """One source.

    Attributes:
        folder: of its token dataset.
        source, split: which part of that.
        digest: of its tokens.
        rows, tokens: how many.
        max_epochs: over all stages, or None.
    """

    folder: pathlib.Path
    source: str
    split: str
    digest: str
    rows: int
    tokens: int
    max_epochs: float | None


@dataclasses.dataclass(frozen=True)
class DescribedStage:
    """One stage: its name and rule, its place in the run in sequences, its shares by source."""

    name: str
    rule: str
    begin: int
    end: int
    first: Mapping[str, float]
    last: Mapping[str, float]

    @property
    def ramp(self) -> bool:
        """Whether the shares move."""
        return self.first != self.last

    @property
    def shares(self) -> dict[str, float]:
        """The mean shares of the stage."""
        return {name: (share + self.last[name]) / 2 for name, share in self.first.items()}


@dataclasses.dataclass(frozen=True)
class Described:
    """A mixture.

    Attributes:
        path: of the spec or of the compiled folder.
        packing, sequence_length: of its rows.
        tokenizer: hexadecimal SHA-256.
        sources: by name.
        stages: in order.
        plan: the order of its sequences.
    """

    path: pathlib.Path
    name: str
    packing: str
    sequence_length: int
    tokenizer: str
    sources: Mapping[str, DescribedSource]
    stages: Sequence[DescribedStage]
    plan: Plan


def describe(path: str | os.PathLike[str], settings: Sequence[str] = ()) -> Described:
    """The mixture of a spec, or in a compiled folder.

    Args:
        settings: `key=value`, for a spec.

    Raises:
        ConfigError: the spec is wrong, or settings were given for a compiled folder.
        GateError: a stage cannot be filled under `max_epochs`.
        CastorError: the folder holds no compiled mixture, or a damaged one.
    """
    path = pathlib.Path(path)
    if not path.is_dir():
        return _of_spec(path, settings)
    if settings:
        raise ConfigError(
            "a compiled mixture cannot be set", where=path, fix="give the spec instead"
        )
    return _of_folder(path)


def _of_spec(path: pathlib.Path, settings: Sequence[str]) -> Described:
    resolved, inputs = resolve_mixture(path, settings)
    sources = {
        i.name: DescribedSource(
            i.tokens.path, i.source.name, i.source.split, i.source.digest, i.rows,
            i.source.tokens, i.max_epochs,
        )
        for i in inputs
    }  # fmt: skip
    stages = [(s.spec.name, s.spec.rule, s.first, s.last) for s in resolved.stages]
    spec = resolved.spec
    return Described(
        path, spec.name, spec.packing.kind, spec.sequence_length,
        inputs[0].tokens.tokenizer_sha256, sources, _stages(resolved.plan, stages), resolved.plan,
    )  # fmt: skip


def _of_folder(path: pathlib.Path) -> Described:
    manifest: Mapping[str, Any] = read_manifest(path)
    plan = Plan.from_json(manifest["plan"])
    sources = {
        line["name"]: DescribedSource(
            path / line["folder"], line["source"], line["split"], line["digest"], line["rows"],
            line["tokens"], line["max_epochs"],
        )
        for line in manifest["sources"]
    }  # fmt: skip
    stages = [  # a manifest's keys are sorted, a plan's names stand as in the spec
        (s["name"], s["rule"], *({n: s[side][n] for n in plan.names} for side in ("first", "last")))
        for s in manifest["stages"]
    ]
    return Described(
        path, manifest["name"], manifest["packing"], manifest["sequence_length"],
        manifest["tokenizer"]["sha256"], sources, _stages(plan, stages), plan,
    )  # fmt: skip


def _stages(
    plan: Plan, stages: Sequence[tuple[str, str, Mapping[str, float], Mapping[str, float]]]
) -> list[DescribedStage]:
    ends = (np.cumsum([0, *(s.blocks for s in plan.stages)]) * plan.block).tolist()
    return [
        DescribedStage(name, rule, ends[i], ends[i + 1], dict(first), dict(last))
        for i, (name, rule, first, last) in enumerate(stages)
    ]
