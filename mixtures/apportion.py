"""How many sequences of each source the blocks of a stage hold: whole numbers that follow shares.

The quota of a source is what its shares ask for from the first sequence of the run on, a real
number. Counts are whole, add up to the blocks' length, never fall, and stay beside the quotas:
at a block's end each is its quota rounded down or up, so that it is never a whole sequence away.

Rounding the quotas afresh at every block's end (largest remainder) does this for a source with at
least one sequence per block. A rarer one would sometimes be rounded up at one end and down at the
next. So the counts are refined from coarse to fine: first at the ends of 2^32 blocks, then in the
middle, then in the middles of both halves, down to spans of 64 blocks; every count lies between
its neighbours'. Inside a span sequences come in the order in which they are due. A span's counts
cost some ninety small steps, whichever it is, and no table is kept.

For a span to work out, the sources that are rounded up at its ends must not all be slow or all be
quick ones: what slow ones have had too much, quick ones miss for long. So at the ends of spans
sources of like frequency are rounded together: those that come less than once in a block have
together their common quota, to the nearest whole number; likewise among them those that come less
than once in 8 blocks, in 64, and so on.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from castor.mixtures import rounding

HORIZON = 32  # log2 of the blocks that a stage may have
SPAN = 6  # log2 of the blocks that are counted one after the other
# Sources are of like frequency if none of these lies between them, in sequences per block. They
# are powers of two, so that comparing is exact.
FREQUENCIES = 8.0 ** -np.arange(11)
# With fewer rows per block and source on the average most sources would come less than once in a
# block, and counts have been seen up to 1.2 from their quotas.
ROWS_PER_SOURCE = 8
_UNBOUNDED = 1 << 50  # more than a count, and sums of it fit


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
        if np.array_equal(self.first, self.last):
            return (self.block * self.last) * ends.astype(np.float64)[:, None]
        inside = np.minimum(ends, self.blocks).astype(np.float64)[:, None]
        beyond = np.maximum(ends - self.blocks, 0).astype(np.float64)[:, None]
        slope = (self.last - self.first) / (2 * self.blocks)
        during = self.block * self.first * inside + (self.block * slope) * (inside * inside)
        return during + (self.block * self.last) * beyond

    def alike(self) -> list[np.ndarray]:
        """The sources by frequency, the most frequent first: numbers of those of like frequency."""
        rate = np.minimum(self.first, self.last) * self.block
        rarity = (rate[:, None] < FREQUENCIES).sum(1)
        return [np.flatnonzero(rarity == one) for one in np.unique(rarity)]


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
        self._alike = shares.alike()
        # A source without a share keeps its count.
        frozen = (shares.first == 0) & (shares.last == 0)
        most = np.where(frozen, count, _UNBOUNDED)
        self._at_powers = [most] * (HORIZON + 2)  # counts at the ends of 2^j blocks
        for power in range(HORIZON, SPAN - 1, -1):
            start, width = np.zeros(1, np.int64), np.int64(1 << power)
            later = self._at_powers[power + 1]
            self._at_powers[power] = self._between(start, width, count[None], later[None])[0]

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
        spans = ends >> SPAN
        wanted = spans[np.flatnonzero(np.diff(spans, prepend=-1))]
        low, high = self._spans(wanted)
        blocks = 1 << SPAN
        # One end more than there are blocks: the rate after the last.
        every = (wanted[:, None] << SPAN) + np.arange(blocks + 2)
        quota = self.quotas(every.ravel()).reshape(*every.shape, -1)
        found = rounding.urgent_first(quota, low, high, self.shares.block)
        return found[np.searchsorted(wanted, spans), ends - (spans << SPAN)]

    def _spans(self, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Counts at the beginnings and ends of spans (ascending, each once); [n, sources]."""
        power = max(SPAN, int((wanted[-1] + 1) << SPAN).bit_length())  # 2^power is behind them
        node = np.zeros(1, np.int64)
        low, high = self._count[None], self._at_powers[power][None]
        for level in range(power - 1, SPAN - 1, -1):
            child = wanted >> (level - SPAN)
            child = child[np.flatnonzero(np.diff(child, prepend=-1))]
            width = np.int64(1 << level)
            middle = self._between(2 * node * width, width, low, high)
            parent = np.searchsorted(node, child >> 1)
            right = (child & 1).astype(bool)[:, None]
            low, high = (
                np.where(right, middle[parent], low[parent]),
                np.where(right, high[parent], middle[parent]),
            )
            node = child
        return low, high

    def _between(
        self, start: np.ndarray, width: np.int64, low: np.ndarray, high: np.ndarray
    ) -> np.ndarray:
        """Counts half-way between two ends of blocks, `width` after `start` (int64 [n]) and as
        much before the later one, at which the counts are `low` and `high` [n, sources].
        """
        before, quota, after = (self.quotas(start + i * width) for i in range(3))
        left = self._total + (start + width) * self.shares.block
        found = np.empty_like(low)
        for number, these in enumerate(self._alike):
            rest = np.concatenate([np.zeros(0, np.int64), *self._alike[number + 1 :]])
            total = left
            if len(rest):
                left = _of_rest(left, [(quota[:, x], low[:, x], high[:, x]) for x in (these, rest)])
                total = total - left
            found[:, these] = rounding.nearest(
                quota[:, these], total, low[:, these], high[:, these],
                before[:, these], after[:, these],
            )  # fmt: skip
        return found


def _of_rest(
    total: np.ndarray, parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]]
) -> np.ndarray:
    """How many of so many sequences (int64 [n]) the second of two parts of the sources gets.

    Its quota to the nearest whole number, if both parts can then be rounded down and up; the
    first part comes first.

    Args:
        parts: quota, low and high of each, [n, sources].
    """
    (own_down, own_up), (down, up) = (rounding.enclosing(*part) for part in parts)
    (_, own_low, own_high), (quota, low, high) = parts
    found = np.floor(quota.sum(1) + 0.5).astype(np.int64)
    found = np.clip(found, down, up)
    found = np.clip(found, total - own_up, total - own_down)
    found = np.clip(found, total - own_high.sum(1), total - own_low.sum(1))
    return np.clip(found, low.sum(1), high.sum(1))
