"""Rows of tokens as a model reads them: inputs, targets, segments, positions, loss mask, spans.

A packing says which tokens stand where in a row (its layout); everything else about a row
follows from that and is the same for every packing. All of it is made when a row is read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
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

    def pieces(self, rows: np.ndarray) -> Pieces:
        """What stands in each of these rows (int64 [n]).

        Raises:
            IndexError: there is no row of that number.
        """
        if len(rows) and not 0 <= int(rows.min()) <= int(rows.max()) < self.rows:
            raise IndexError(f"rows {rows.min()} to {rows.max()} of {self.rows}")
        return self.layout.pieces(np.asarray(rows, np.int64))

    def gather(self, rows: np.ndarray) -> Batch:
        """The rows with these numbers (int64 [n], n > 0), as `read_rows` gives them."""
        rows = np.asarray(rows, np.int64)
        batch = read_rows([self], np.zeros(len(rows), np.int32), rows, self.source.soft_dims)
        del batch["source"]
        return batch


def read_rows(
    sources: Sequence[RowSource],
    source: np.ndarray,
    rows: np.ndarray,
    soft_dims: Mapping[str, int],
) -> Batch:
    """Reads rows of several sources, all of one length T.

    Args:
        source: int32 [n], the number of each row's source.
        rows: int64 [n], the number of the row in it; at least one.
        soft_dims: modality -> width of its vectors, of all modalities to give.

    Returns:
        `inputs`, `targets`, `segment_ids` (0 = padding, documents of a row from 1) and
        `positions` (from 0 in each piece of a document), int32 [n, T]; `loss_mask` float32
        [n, T], 0 where the target belongs to another document than the input, is padding or
        stands for a soft input; `source` int32 [n]. For every modality in `soft_dims`:
        `soft_<modality>` float16 [n, T, dim], filled from the front, and
        `soft_<modality>_index` int32 [n, T], which of them stands at a position, or -1.

    Raises:
        IndexError: a source has no such row.
        CastorError: a file is missing or damaged.
    """
    n, length = len(rows), sources[0].sequence_length
    window = np.zeros((n, length + 1), np.int32)
    batch = _empty_soft(n, length, soft_dims)
    placeholders: set[int] = set()
    found = []
    for number in np.unique(source).tolist():
        one, to = sources[number], np.flatnonzero(source == number)
        pieces = one.pieces(rows[to])
        pieces = dataclasses.replace(pieces, row=to[pieces.row])
        _copy_tokens(one.source, pieces, window)
        if one.source.soft_dims:
            _copy_soft(one.source, pieces, batch)
            placeholders.update(one.source.soft_ids.values())
        found.append(pieces)
    pieces = found[0] if len(found) == 1 else _merged(found)
    targets = np.ascontiguousarray(window[:, 1:])
    counted = targets != PAD_ID
    for placeholder in placeholders:
        counted &= targets != placeholder
    last = pieces.row * length + pieces.at + pieces.length - 1
    counted.reshape(-1)[last[pieces.ends]] = False
    segment_ids, positions = _segments(pieces, n, length)
    return {
        "inputs": np.ascontiguousarray(window[:, :-1]),
        "targets": targets,
        "segment_ids": segment_ids,
        "positions": positions,
        "loss_mask": counted.astype(np.float32),
        "source": source.astype(np.int32),
        **batch,
    }


def _merged(found: Sequence[Pieces]) -> Pieces:
    """The pieces of several sources by row; each row's come from one source, in order."""
    columns = zip(*([p.row, p.at, p.start, p.length, p.ends] for p in found))
    row, at, start, length, ends = map(np.concatenate, columns)
    order = np.argsort(row, kind="stable")
    return Pieces(row[order], at[order], start[order], length[order], ends[order])


def _copy_tokens(source: TokenSource, pieces: Pieces, window: np.ndarray) -> None:
    """Writes the tokens of pieces, and the target of each row's last, into int32 [n, T + 1]."""
    width = window.shape[1]
    stop = pieces.start + pieces.length
    to = pieces.row * width + pieces.at
    # What follows a full row in the source is the target of its last token, or masked.
    full = pieces.at + pieces.length == width - 1
    copied = np.minimum(stop + full, source.tokens)
    # Documents that follow each other in the source too are copied as one run.
    begins = np.ones(len(to), bool)
    begins[1:] = (pieces.start[1:] != stop[:-1]) | (pieces.row[1:] != pieces.row[:-1])
    first = np.flatnonzero(begins)
    last = np.append(first[1:], len(to)) - 1
    source.copy(pieces.start[first], copied[last], to[first], window.reshape(-1))


def _empty_soft(n: int, length: int, soft_dims: Mapping[str, int]) -> Batch:
    batch: Batch = {}
    for modality, dim in soft_dims.items():
        batch[f"soft_{modality}"] = np.zeros((n, length, dim), np.float16)
        batch[f"soft_{modality}_index"] = np.full((n, length), -1, np.int32)
    return batch


def _copy_soft(source: TokenSource, pieces: Pieces, batch: Batch) -> None:
    """Writes the soft inputs of pieces into a batch, and where in their rows they stand."""
    filled: dict[tuple[str, int], int] = {}  # vectors of a modality in a row so far
    for run in source.soft_runs(pieces.start, pieces.length):
        row = int(pieces.row[run.run])
        at, n = int(pieces.at[run.run]) + run.at, len(run.vectors)
        first = filled.get((run.modality, row), 0)
        batch[f"soft_{run.modality}"][row, first : first + n] = run.vectors
        batch[f"soft_{run.modality}_index"][row, at : at + n] = np.arange(first, first + n)
        filled[run.modality, row] = first + n


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
    if filled.min() < length:
        positions[segment_ids == 0] = 0
    return segment_ids.reshape(n, length), positions.reshape(n, length)
