"""The order of a mixture as a pure function: index of a sequence -> (source, epoch, row).

Sequences come in blocks. How many of a block belong to each source follows from the shares
(`castor.mixtures.apportion`); which of its places they take is a permutation of the block; the
n-th sequence of a source is row n of its rows, permuted anew in every epoch. All of it is
computed for the indices that are asked for, from the seed, the names, the rows and the stages:
nothing is kept, so that any number of hosts reads the same order from any index on, and a
stage that changes moves nothing before it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from castor.filters.errors import CastorError, ConfigError
from castor.mixtures import feistel
from castor.mixtures.apportion import HORIZON, ROWS_PER_SOURCE, Apportionment, Shares

PLAN_VERSION = 1  # another number whenever any spec would give another order
GROUP = 64  # blocks whose counts are computed at once for a reader that goes from index to index
CELLS = 1 << 21  # indices times sources at a time: memory does not grow with what is asked for


@dataclasses.dataclass(frozen=True)
class PlanStage:
    """One stage as the plan needs it.

    Attributes:
        blocks: its length.
        first, last: shares of the sources at its beginning and end, in the plan's order, each
            with the sum 1; the same unless the stage is a ramp.
    """

    blocks: int
    first: tuple[float, ...]
    last: tuple[float, ...]


class Plan:
    """Which row of which source stands at each place of a run.

    Args:
        names: of the sources; they number the sources, but only the names themselves, not their
            order, decide what comes where.
        rows: of each source.
        stages: in order.
        seed: another seed, another order.
        block: sequences in a block.

    Raises:
        ConfigError: a source with a share has no rows, the block is too small for the number of
            sources, or a stage has too many blocks.
    """

    def __init__(
        self,
        names: Sequence[str],
        rows: Sequence[int],
        stages: Sequence[PlanStage],
        *,
        seed: int,
        block: int,
    ) -> None:
        self.names, self.rows, self.stages = tuple(names), tuple(rows), tuple(stages)
        self.seed, self.block = seed, block
        self._check()
        self.blocks = sum(s.blocks for s in self.stages)
        self.sequences = self.blocks * block
        self._by_name = np.argsort(np.array(self.names))  # the order in which ties are broken
        self._to_given = np.argsort(self._by_name)
        self._rows = np.array(self.rows, np.int64)[self._by_name]
        self._source_keys = np.array(
            [feistel.key("rows", seed, self.names[i]) for i in self._by_name], np.uint64
        )
        self._block_key = np.uint64(feistel.key("block", seed))
        self._in_source = feistel.Permutations([max(1, n) for n in self._rows.tolist()])
        self._in_block = feistel.Permutations([block])
        self._starts = np.cumsum([0, *(s.blocks for s in self.stages)])
        self._apportioned = self._apportion()
        self._recent: tuple[int, np.ndarray] = (-1, np.zeros((0, 0), np.int64))

    def _check(self) -> None:
        if self.block < ROWS_PER_SOURCE * len(self.names):
            raise ConfigError(
                "a block is too small for so many sources",
                where="block",
                got=f"{self.block} rows for {len(self.names)} sources",
                fix=f"give {ROWS_PER_SOURCE * len(self.names)} or more",
            )
        for stage in self.stages:
            if not 1 <= stage.blocks <= 1 << HORIZON:
                raise ConfigError(
                    "a stage has no block, or too many", got=stage.blocks,
                    fix="change the length of the stage, or `block`",
                )  # fmt: skip
            for name, rows, *shares in zip(self.names, self.rows, stage.first, stage.last):
                if rows < 1 and any(shares):
                    raise ConfigError("a source with a share has no rows", got=name)

    def _apportion(self) -> list[Apportionment]:
        found = []
        quota, count = np.zeros(len(self.names)), np.zeros(len(self.names), np.int64)
        for stage in self.stages:
            shares = Shares(
                np.array(stage.first)[self._by_name],
                np.array(stage.last)[self._by_name],
                stage.blocks,
                self.block,
            )
            found.append(Apportionment(shares, quota, count))
            end = np.array([stage.blocks], np.int64)
            quota, count = found[-1].quotas(end)[0], found[-1].counts(end)[0]
        return found

    def counts(self, ends: np.ndarray) -> np.ndarray:
        """Sequences of each source in the first `ends` blocks.

        Args:
            ends: int64 [n], each in [0, blocks], in any order.

        Returns:
            int64 [n, sources]

        Raises:
            IndexError: the plan has not so many blocks.
        """
        wanted, back = np.unique(np.asarray(ends, np.int64), return_inverse=True)
        return self._counts(wanted)[back][:, self._to_given]

    def quotas(self, ends: np.ndarray) -> np.ndarray:
        """What the shares ask for in the first `ends` blocks, in sequences.

        Args:
            ends: int64 [n], each in [0, blocks], in any order.

        Returns:
            float64 [n, sources]; `counts` are these numbers made whole.
        """
        ends = np.asarray(ends, np.int64)
        found = np.empty((len(ends), len(self.names)))
        for number, at in self._by_stage(ends):
            found[at] = self._apportioned[number].quotas(ends[at] - self._starts[number])
        return found[:, self._to_given]

    def locate(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What stands at these places.

        Args:
            index: int64 [n], each in [0, sequences), in any order.

        Returns:
            source int32 [n], the number of its name; epoch int32 [n], how often all rows of that
            source have come before; row int64 [n].

        Raises:
            IndexError: the plan is not so long.
        """
        index = np.asarray(index, np.int64)
        if len(index) and not 0 <= int(index.min()) <= int(index.max()) < self.sequences:
            raise IndexError(f"indices {index.min()} to {index.max()} of {self.sequences}")
        source, epoch = np.empty(len(index), np.int32), np.empty(len(index), np.int32)
        row = np.empty(len(index), np.int64)
        chunk = max(1, CELLS // len(self.names))
        for start in range(0, len(index), chunk):
            part = slice(start, start + chunk)
            source[part], epoch[part], row[part] = self._located(index[part])
        return source, epoch, row

    def _located(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        block, inside = np.divmod(index, self.block)
        blocks, at = _distinct(block)
        begin, length = self._block_counts(blocks)
        keys = feistel.mix(blocks.astype(np.uint64) ^ self._block_key)
        place = self._in_block(inside, np.zeros_like(at), keys[at])
        source = self._source_at(at, place, length)
        # Which of its source's sequences it is, from the first of the run on.
        first = begin - (np.cumsum(length, axis=1) - length)
        number = first[at, source] + place
        epoch, within = np.divmod(number, self._rows[source])
        keys = feistel.mix(self._source_keys[source] + epoch.astype(np.uint64) * feistel.GOLDEN)
        row = self._in_source(within, source, keys)
        return self._by_name[source].astype(np.int32), epoch.astype(np.int32), row

    def _source_at(self, at: np.ndarray, place: np.ndarray, length: np.ndarray) -> np.ndarray:
        """The source (by name) to which a place of a block belongs; sources lie side by side.

        Args:
            at, place: int64 [n], number of the block, and place in it.
            length: int64 [blocks, sources], how many places each has.
        """
        blocks, sources = length.shape
        offset = at * self.block + place
        if blocks * self.block <= 4 * len(at):  # cheaper to write out than to search
            numbers = np.tile(np.arange(sources), blocks)
            return np.repeat(numbers, length.ravel())[offset]
        ends = np.cumsum(length.ravel())  # of all blocks, ascending: one search finds every source
        return np.searchsorted(ends, offset, side="right") - at * sources

    def _block_counts(self, blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Counts before these blocks (ascending, each once), and in them; by name."""
        group = int(blocks[0]) // GROUP
        if group != int(blocks[-1]) // GROUP:
            ends = np.union1d(blocks, blocks + 1)
            counts, at = self._counts(ends), np.searchsorted(ends, blocks)
        else:
            kept, counts = self._recent  # replaced whole: any thread may read it
            if kept != group:
                ends = np.arange(group * GROUP, min((group + 1) * GROUP, self.blocks) + 1)
                counts = self._counts(ends)
                self._recent = (group, counts)
            at = blocks - group * GROUP
        return counts[at], counts[at + 1] - counts[at]

    def _counts(self, ends: np.ndarray) -> np.ndarray:
        """Counts at the ends of blocks (ascending, each once), by name."""
        found = np.empty((len(ends), len(self.names)), np.int64)
        for number, at in self._by_stage(ends):
            found[at] = self._apportioned[number].counts(ends[at] - self._starts[number])
        return found

    def _by_stage(self, ends: np.ndarray) -> list[tuple[int, np.ndarray]]:
        """Stages and which of the ends of blocks lie in them."""
        if len(ends) and not 0 <= int(ends.min()) <= int(ends.max()) <= self.blocks:
            raise IndexError(f"blocks {ends.min()} to {ends.max()} of {self.blocks}")
        stage = np.searchsorted(self._starts[1:-1], ends, side="right")
        return [(n, np.flatnonzero(stage == n)) for n in np.unique(stage).tolist()]

    def to_json(self) -> dict[str, Any]:
        """All that determines the order, as JSON."""
        return {
            "version": PLAN_VERSION,
            "seed": self.seed,
            "block": self.block,
            "names": list(self.names),
            "rows": list(self.rows),
            "stages": [
                {"blocks": s.blocks, "first": list(s.first), "last": list(s.last)}
                for s in self.stages
            ],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Plan:
        """The plan of which this is the JSON.

        Raises:
            CastorError: another version of Castor made it, which may have another order.
        """
        if data["version"] != PLAN_VERSION:
            raise CastorError(
                f"the plan has version {data['version']}, this Castor orders by {PLAN_VERSION}",
                fix="compile the mixture again, or use the Castor that compiled it",
            )
        stages = [
            PlanStage(s["blocks"], tuple(s["first"]), tuple(s["last"])) for s in data["stages"]
        ]
        return cls(data["names"], data["rows"], stages, seed=data["seed"], block=data["block"])


def _distinct(blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ascending numbers among which all blocks (int64 [n]) are, and where each is; no more
    numbers than blocks.
    """
    if len(blocks):
        low, high = int(blocks.min()), int(blocks.max())
        if high - low < len(blocks):
            return np.arange(low, high + 1), blocks - low
    found, at = np.unique(blocks, return_inverse=True)
    return found, at
