"""Rows of tokens as a model reads them: inputs, targets, segments, positions, loss mask, spans.

A packing says which tokens stand where in a row (its layout); everything else about a row
follows from that and is the same for every packing. All of it is made when a row is read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Protocol

import numpy as np

from castor.mixtures.token_format import PAD_ID
from castor.mixtures.token_source import TokenSource

Batch = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Pieces:
    """Runs of tokens of one document each, laid into rows; every array is [pieces].

    Attributes:
        row: int64, which of the rows asked for, ascending.
        at: int64, where in the row the piece begins, ascending within a row, without gaps.
        start: int64, its first token in the source.
        length: int64, its tokens, at least 1.
        ends: bool, whether it holds its document's last token, which has no target.
    """

    row: np.ndarray
    at: np.ndarray
    start: np.ndarray
    length: np.ndarray
    ends: np.ndarray


class Layout(Protocol):
    """Which tokens of a source stand where in its rows."""

    @property
    def rows(self) -> int:
        """How many rows the source has."""

    def pieces(self, rows: np.ndarray) -> Pieces:
        """What stands in each of these rows (int64 [n])."""


class RowSource:
    """The packed rows of one source.

    Attributes:
        source: the documents that they are made of.
        sequence_length: T, positions in a row.
        rows: how many there are.
    """

    def __init__(self, source: TokenSource, layout: Layout, sequence_length: int) -> None:
        self.source, self.layout, self.sequence_length = source, layout, sequence_length
        self.rows: int = layout.rows

    def gather(self, rows: np.ndarray) -> Batch:
        """The rows with these numbers (int64 [n]), as `empty_batch` describes them."""
        out = empty_batch(len(rows), self.sequence_length, self.source.soft_dims)
        self.fill(rows, out, np.arange(len(rows)))
        return out

    def fill(self, rows: np.ndarray, out: Batch, to: np.ndarray) -> None:
        """Writes rows (int64 [n]) into a batch, row i to `out[...][to[i]]`.

        Raises:
            IndexError: there is no row of that number.
        """
        if len(rows) and not 0 <= int(rows.min()) <= int(rows.max()) < self.rows:
            raise IndexError(f"rows {rows.min()} to {rows.max()} of {self.rows}")
        n, length = len(rows), self.sequence_length
        pieces = self.layout.pieces(np.asarray(rows, np.int64))
        window = self._window(pieces, n)
        targets = window[:, 1:]
        out["inputs"][to] = window[:, :-1]
        out["targets"][to] = targets
        segment_ids, positions = _segments(pieces, n, length)
        out["segment_ids"][to] = segment_ids
        out["positions"][to] = positions
        counted = targets != PAD_ID
        for placeholder in self.source.soft_ids.values():
            counted &= targets != placeholder
        last = (pieces.at + pieces.length - 1)[pieces.ends]
        counted[pieces.row[pieces.ends], last] = False
        out["loss_mask"][to] = counted
        if self.source.soft_dims:
            self._soft(pieces, out, to)

    def _window(self, pieces: Pieces, n: int) -> np.ndarray:
        """int32 [n, T + 1]: the tokens of the rows, and the target of each row's last token."""
        width = self.sequence_length + 1
        window = np.zeros((n, width), np.int32)
        # A piece that goes on behind its row brings the target along. In front of another piece
        # of the row that costs nothing: pieces are copied in order, the next one overwrites it.
        length = pieces.length + ~pieces.ends
        at = pieces.row * width + pieces.at
        self.source.copy(pieces.start.tolist(), length.tolist(), at.tolist(), window.reshape(-1))
        return window

    def _soft(self, pieces: Pieces, out: Batch, to: np.ndarray) -> None:
        """Writes the soft inputs of the rows and where they stand."""
        filled: dict[tuple[str, int], int] = {}  # vectors of a modality in a row so far
        for run in self.source.soft_runs(pieces.start, pieces.length):
            row = int(to[pieces.row[run.run]])
            at, n = int(pieces.at[run.run]) + run.at, len(run.vectors)
            first = filled.get((run.modality, row), 0)
            out[f"soft_{run.modality}"][row, first : first + n] = run.vectors
            index = np.arange(first, first + n)
            out[f"soft_{run.modality}_index"][row, at : at + n] = index
            filled[run.modality, row] = first + n


def empty_batch(n: int, length: int, soft_dims: Mapping[str, int]) -> Batch:
    """Arrays for `n` rows of `length` positions, all padding.

    `inputs`, `targets`, `segment_ids` (0 = padding, documents from 1) and `positions` are int32
    [n, length], `loss_mask` float32 [n, length], 1 where the target counts. For every modality
    with soft inputs: `soft_<modality>` float16 [n, length, dim], filled from the front, and
    `soft_<modality>_index` int32 [n, length], which of them stands at a position, or -1.
    """
    names = ("inputs", "targets", "segment_ids", "positions")
    batch: Batch = {name: np.zeros((n, length), np.int32) for name in names}
    batch["loss_mask"] = np.zeros((n, length), np.float32)
    for modality, dim in soft_dims.items():
        batch[f"soft_{modality}"] = np.zeros((n, length, dim), np.float16)
        batch[f"soft_{modality}_index"] = np.full((n, length), -1, np.int32)
    return batch


def _segments(pieces: Pieces, n: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """int32 [n, length] twice: the number of a position's piece in its row, its place in it."""
    count = np.bincount(pieces.row, minlength=n)
    filled = np.bincount(pieces.row, pieces.length, n).astype(np.int64)
    # One run of padding behind the pieces of every row, empty where the row is full.
    slot = np.arange(len(pieces.row)) + pieces.row
    pad = np.cumsum(count) + np.arange(n)
    lengths = np.empty(len(pieces.row) + n, np.int64)
    lengths[slot], lengths[pad] = pieces.length, length - filled
    first = np.cumsum(count) - count
    number = np.zeros(len(lengths), np.int32)
    number[slot] = np.arange(len(pieces.row)) - first[pieces.row] + 1
    begin = np.zeros(len(lengths), np.int32)
    begin[slot] = pieces.row * length + pieces.at
    segment_ids = np.repeat(number, lengths)
    positions = np.arange(n * length, dtype=np.int32) - np.repeat(begin, lengths)
    positions[segment_ids == 0] = 0
    return segment_ids.reshape(n, length), positions.reshape(n, length)
