"""What one small model reads: a constant mixture over slices of the sources, ordered by a plan."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from castor.mixtures.ablate import repetition
from castor.mixtures.apportion import ROWS_PER_SOURCE
from castor.mixtures.plan import Plan, PlanStage
from castor.mixtures.rows import Layout, Pieces, RowSource

BLOCK = 64  # sequences; a small run is short, and its shares are to be right early


@dataclasses.dataclass(frozen=True)
class Sliced:
    """The layout of some rows of a source, as if they were all.

    Attributes:
        whole: the layout of the source.
        chosen: its rows that are in the slice, int64.
    """

    whole: Layout
    chosen: np.ndarray

    @property
    def rows(self) -> int:
        """How many rows the slice has."""
        return len(self.chosen)

    def pieces(self, rows: np.ndarray) -> Pieces:
        """What stands in each of these rows (int64 [n]) of the slice."""
        return self.whole.pieces(self.chosen[rows])


@dataclasses.dataclass(frozen=True)
class ProxyMixture:
    """A mixture as `castor.mixtures.loader.Loader` reads it."""

    plan: Plan
    sources: Sequence[RowSource]
    sequence_length: int
    sequences: int
    soft_dims: Mapping[str, int]


@dataclasses.dataclass(frozen=True)
class Rows:
    """The rows of all domains, cut for small runs of one length.

    Attributes:
        sources: slices by name.
        sequence_length: positions in a row.
        soft_dims: modality -> width, of modalities that occur in any source.
    """

    sources: Mapping[str, RowSource]
    sequence_length: int
    soft_dims: Mapping[str, int]

    def mixture(self, weights: Mapping[str, float], *, sequences: int, seed: int) -> ProxyMixture:
        """The mixture of one run.

        Args:
            weights: by domain; absent ones are 0.
            sequences: that the run reads, at least.
            seed: of the order.
        """
        names = sorted(self.sources)
        block = max(BLOCK, ROWS_PER_SOURCE * len(names))
        shares = np.array([weights.get(name, 0.0) for name in names])
        first = tuple((shares / shares.sum()).tolist())
        stage = PlanStage(-(-sequences // block), first, first)
        rows = [self.sources[name].rows for name in names]
        plan = Plan(names, rows, [stage], seed=seed, block=block)
        ours = [self.sources[name] for name in names]
        return ProxyMixture(plan, ours, self.sequence_length, plan.sequences, self.soft_dims)


def cut(
    sources: Mapping[str, RowSource], slices: Mapping[str, int], *, sequence_length: int, seed: int
) -> Rows:
    """Cuts every source to its slice; all runs with the same seed see the same rows.

    Args:
        slices: rows to keep, by name; see `repetition.match`.
    """
    dims: dict[str, int] = {}
    for whole in sources.values():
        dims |= whole.source.soft_dims
    made = {}
    for name, whole in sources.items():
        layout = Sliced(whole.layout, repetition.choose(whole.rows, slices[name], seed=seed))
        made[name] = RowSource(whole.source, layout, sequence_length)
    return Rows(made, sequence_length, dims)
