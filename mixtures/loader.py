"""The loader: batches of a compiled mixture, in one order whatever reads them.

A batch is a function of its number alone, so the whole state is one integer, and it means the
same for any number of hosts and threads.
"""

from __future__ import annotations

import collections
import dataclasses
import importlib.util
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np

from castor.filters.errors import ConfigError
from castor.mixtures.rows import Batch, RowSource, read_rows

AHEAD = 2  # batches made ahead of the reader, per thread


class Plan(Protocol):
    """What stands at a place of the mixture."""

    def locate(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Source int32, epoch int32 and row int64 of every index (int64), each [n]."""


class Mixture(Protocol):
    """What the loader reads: a compiled mixture."""

    @property
    def plan(self) -> Plan:
        """The order of the rows."""

    @property
    def sources(self) -> Sequence[RowSource]:
        """The rows of each source, in the plan's numbering."""

    @property
    def sequence_length(self) -> int:
        """Positions in a row."""

    @property
    def sequences(self) -> int:
        """Rows in the whole mixture, repetitions counted."""

    @property
    def soft_dims(self) -> Mapping[str, int]:
        """Modality -> width of its vectors, of modalities that occur."""


class Loader:
    """Batches of a mixture from a step on, made ahead of the reader by threads.

    Row i of batch s is sequence `s * batch_rows + i` of the plan. Host h of n gets the h-th of
    n equal runs of rows of every batch. Iterating ends with the last whole batch.

    Args:
        mixture: a compiled mixture.
        batch_rows: rows of a batch over all hosts.
        host, hosts: which of how many hosts this is.
        state: the batch to begin with; what `state` was when a run was left.
        threads: threads that make batches; 0 makes each when it is asked for.
        grain: True to read through grain, False not to, None where grain is installed; the
            batches are the same.

    Raises:
        ConfigError: the hosts do not divide the rows, there is no such host, the state is
            outside the mixture, or the mixture is shorter than a batch.
    """

    def __init__(
        self,
        mixture: Mixture,
        batch_rows: int,
        *,
        host: int = 0,
        hosts: int = 1,
        state: int = 0,
        threads: int = 2,
        grain: bool | None = None,
    ) -> None:
        if hosts < 1 or not 0 <= host < hosts:
            raise ConfigError("there is no such host", got=f"host {host} of {hosts}")
        if threads < 0:
            raise ConfigError("the number of threads is negative", where="threads", got=threads)
        if batch_rows < 1 or batch_rows % hosts:
            raise ConfigError(
                "the rows of a batch cannot be shared equally among the hosts",
                where="batch_rows",
                got=f"{batch_rows} rows for {hosts} hosts",
                fix=f"give a multiple of {hosts}",
            )
        self.steps = mixture.sequences // batch_rows
        if self.steps == 0:
            raise ConfigError(
                "the mixture is shorter than one batch", where="batch_rows",
                got=f"{mixture.sequences} sequences for {batch_rows} rows",
            )  # fmt: skip
        if not 0 <= state <= self.steps:
            raise ConfigError(
                "the state is outside the mixture", got=f"batch {state} of {self.steps}",
                fix="was it saved with another mixture or another batch_rows?",
            )  # fmt: skip
        self.mixture, self.batch_rows, self.threads = mixture, batch_rows, threads
        self.rows = batch_rows // hosts
        self._first_row = host * self.rows
        self._next = state
        self._grain = grain_is_here() if grain is None else grain
        self._made: Generator[Batch, None, None] | None = None

    @property
    def state(self) -> int:
        """The number of the batch that comes next: all there is to save."""
        return self._next

    def batches(self, step: int) -> Batch:
        """This host's rows of one batch, by number; any step, in any order, from any thread.

        Returns:
            What `castor.mixtures.rows.read_rows` describes.

        Raises:
            IndexError: the mixture has no such batch.
            CastorError: a file of the mixture is missing or damaged.
        """
        if not 0 <= step < self.steps:
            raise IndexError(f"batch {step} of {self.steps}")
        first = step * self.batch_rows + self._first_row
        index = np.arange(first, first + self.rows, dtype=np.int64)
        source, _, row = self.mixture.plan.locate(index)
        mixture = self.mixture
        return read_rows(mixture.sources, source, row, mixture.soft_dims)

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        if self._next == self.steps:
            self.close()
            raise StopIteration
        if self._made is None:
            through = _through_grain if self._grain else _through_threads
            self._made = through(_Batches(self, self._next), self.threads)
        try:
            batch = next(self._made)
        except BaseException:
            # A generator that has raised is at its end. Asked again, this batch is tried again;
            # it must not look as if the mixture were at its end.
            self._made = None
            raise
        self._next += 1
        return batch

    def close(self) -> None:
        """Stops making batches ahead; iterating again goes on where it was."""
        if self._made is not None:
            self._made.close()
            self._made = None


def grain_is_here() -> bool:
    """Whether grain is installed; it takes seconds to import, so it is not imported."""
    if "grain" in sys.modules:
        return sys.modules["grain"] is not None
    return importlib.util.find_spec("grain") is not None


@dataclasses.dataclass(frozen=True)
class _Batches:
    """The batches from a step on as random access, which is what grain reads."""

    loader: Loader
    first: int

    def __len__(self) -> int:
        return self.loader.steps - self.first

    def __getitem__(self, index: int) -> Batch:
        return self.loader.batches(self.first + int(index))


def _through_grain(batches: _Batches, threads: int) -> Generator[Batch, None, None]:
    """Reads ahead with grain's threads; processes would copy every batch."""
    import grain

    options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=AHEAD * threads)
    source: Any = batches
    made = iter(grain.MapDataset.source(source).to_iter_dataset(options))
    try:
        yield from made
    finally:
        if hasattr(made, "close"):  # older grain does it when the iterator is collected
            made.close()


def _through_threads(batches: _Batches, threads: int) -> Generator[Batch, None, None]:
    """The same without grain."""
    if threads == 0:
        for i in range(len(batches)):
            yield batches[i]
        return
    waiting: collections.deque[Future[Batch]] = collections.deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="castor-loader")
    try:
        for i in range(len(batches)):
            waiting.append(pool.submit(batches.__getitem__, i))
            if len(waiting) > AHEAD * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
