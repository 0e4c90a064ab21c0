"""How many sequences of each source the blocks of a stage hold: whole numbers that follow shares.

The quota of a source is what its share asks for from the first sequence of the run on, a real
number. Counts are whole, add up to the blocks' length, never fall, and stay beside the quotas:
at a block's end each is its quota rounded down or up, so that it is never a sequence away.

Rounding the quotas afresh at every block's end (largest remainder) does this for a source with at
least one sequence per block. A rarer one would sometimes be rounded up at one end and down at the
next. So the counts are refined from coarse to fine: first at the ends of 2^32 blocks, then in the
middle, then in the middles of both halves; every count lies between its neighbours', and which
sources are rounded up is decided by how far each is through the time in which its next sequence
has to come. A block's counts cost some thirty such steps, and no table is kept.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

HORIZON = 32  # log2 of the blocks that a stage may have
# With fewer rows per block and source on the average, most sources would be rare ones, and some
# patterns of weights would take a count further than one sequence from its quota.
ROWS_PER_SOURCE = 8
_UNBOUNDED = 1 << 62


@dataclasses.dataclass(frozen=True)
class Shares:
    """The shares of the sources during one stage: constant, or linear from `first` to `last`.

    Attributes:
        first, last: float64 [sources], each with the sum 1.
        blocks: blocks in the stage.
        block: sequences in a block.
    """

    first: np.ndarray
    last: np.ndarray
    blocks: int
    block: int

    def asked(self, ends: np.ndarray) -> np.ndarray:
        """Sequences that the shares ask for up to the ends of blocks (int64 [n]): [n, sources].

        Beyond the stage the last shares go on, so that a longer stage begins like a shorter one
        if the shares are constant.
        """
        inside = np.minimum(ends, self.blocks).astype(np.float64)[:, None]
        beyond = np.maximum(ends - self.blocks, 0).astype(np.float64)[:, None]
        if np.array_equal(self.first, self.last):
            return (self.block * self.last) * ends.astype(np.float64)[:, None]
        slope = (self.last - self.first) / (2 * self.blocks)
        during = self.block * self.first * inside + (self.block * slope) * (inside * inside)
        return during + (self.block * self.last) * beyond


class Apportionment:
    """The counts of one stage.

    Args:
        shares: of the stage.
        quota: float64 [sources], what all stages before asked for.
        count: int64 [sources], what they gave; its sum is that of the quotas.
    """

    def __init__(self, shares: Shares, quota: np.ndarray, count: np.ndarray) -> None:
        self.shares, self._quota, self._count = shares, quota, count
        self._total = int(count.sum())
        # A source without a share keeps its count.
        frozen = (shares.first == 0) & (shares.last == 0)
        most = np.where(frozen, count, _UNBOUNDED)
        self._at_powers = [most] * (HORIZON + 2)  # counts at the end of 2^j blocks
        for power in range(HORIZON, -1, -1):
            end = np.array([1 << power], np.int64)
            later = np.array([2 << power], np.int64)
            self._at_powers[power] = self._between(
                np.zeros(1, np.int64), end, later, count[None], self._at_powers[power + 1][None]
            )[0]

    def quotas(self, ends: np.ndarray) -> np.ndarray:
        """Quotas of the whole run at the ends of blocks of the stage: float64 [n, sources]."""
        return self._quota + self.shares.asked(ends)

    def counts(self, ends: np.ndarray) -> np.ndarray:
        """Counts of the whole run at the ends of blocks of the stage.

        Args:
            ends: int64 [n], ascending, each once, in [0, 2^32]; 0 is the stage's beginning.

        Returns:
            int64 [n, sources]
        """
        power = int(ends[-1]).bit_length()  # 2^power is above every end
        node = np.zeros(1, np.int64)
        low, high = self._count[None], self._at_powers[power][None]
        for level in range(power - 1, -1, -1):
            wanted = ends >> level
            wanted = wanted[np.flatnonzero(np.diff(wanted, prepend=-1))]
            width = np.int64(1 << level)
            start = 2 * node * width
            middle = self._between(start, start + width, start + 2 * width, low, high)
            parent = np.searchsorted(node, wanted >> 1)
            right = (wanted & 1).astype(bool)[:, None]
            low, high = (
                np.where(right, middle[parent], low[parent]),
                np.where(right, high[parent], middle[parent]),
            )
            node = wanted
        return low

    def _between(
        self,
        start: np.ndarray,
        middle: np.ndarray,
        end: np.ndarray,
        low: np.ndarray,
        high: np.ndarray,
    ) -> np.ndarray:
        """Counts in the middle of spans whose counts at both ends are known; [n, sources]."""
        quota = self.quotas(middle)
        total = self._total + middle * self.shares.block
        count = _rounded_down(quota, total, low, high)
        missing = total - count.sum(1)
        may = np.minimum(count + 1, high) > count
        # The next sequence has to come while the quota goes from `count` to `count` + 1, and
        # between the ends of the span: how much of that is over.
        opens = np.maximum(count, self.quotas(start))
        closes = np.minimum(count + 1, self.quotas(end))
        width = np.where(closes > opens, closes - opens, 1.0)
        over = np.where(may, (quota - opens) / width, -math.inf)
        first = np.argsort(-over, axis=1, kind="stable")
        rank = np.empty_like(first)
        np.put_along_axis(rank, first, np.arange(first.shape[1])[None], axis=1)
        return count + (may & (rank < missing[:, None]))


def _rounded_down(
    quota: np.ndarray, total: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Quotas rounded down and held between bounds, less than one sequence each below `total`.

    Where the bounds (or sources without a share, whose counts stay) have taken too much or too
    little, all others are moved by the same whole number.
    """
    floor = np.floor(quota).astype(np.int64)
    shift = np.zeros((len(total), 1), np.int64)

    def held(by: np.ndarray) -> np.ndarray:
        return np.clip(floor + by, low, high)

    while (above := held(shift).sum(1) > total).any():
        shift -= above[:, None]
    while (below := held(shift + 1).sum(1) < total).any():
        shift += below[:, None]
    return held(shift)
