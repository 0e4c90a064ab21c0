"""Best-fit packing: whole documents into rows, each where the least room is left.

Best-fit decreasing (Johnson, "Near-optimal bin packing algorithms", 1973; for training data
Ding et al., "Fewer Truncations Improve Language Modeling", 2024): the longest piece first, into
the row with the least room that still holds it. A document longer than a row is cut into pieces
of a row's length and a rest. It is done once, when a mixture is compiled; the index is a file.
"""

from __future__ import annotations

import bisect
import pathlib

import numpy as np

from castor.filters import storage
from castor.filters.errors import CastorError
from castor.mixtures.rows import Pieces
from castor.mixtures.token_source import TokenSource

FILES = ("starts.npy", "lengths.npy", "rows.npy")


def best_fit(lengths: np.ndarray, capacity: int) -> tuple[np.ndarray, np.ndarray]:
    """Packs pieces into as few rows as best-fit decreasing finds.

    Pieces of equal length are taken in their order, and of rows with equal room the one that
    has had it longest: the result depends on nothing else. All pieces of one length that go to
    rows of one room are placed at once, so it takes O(n log n) for the sort, and as many steps
    as there are such pairs, at most n.

    Args:
        lengths: int [n], each from 1 to `capacity`.

    Returns:
        row and place in the row of every piece, int64 [n] each; rows are numbered from 0.
    """
    row, at = np.empty((2, len(lengths)), np.int64)
    order = np.argsort(-lengths, kind="stable")
    sizes, first = np.unique(-lengths[order], return_index=True)
    bounds = [*first.tolist(), len(order)]
    rooms: list[int] = []  # the rooms that some row has left, ascending
    waiting: dict[int, list[np.ndarray]] = {}  # room -> its rows, in order
    opened = 0
    for k, size in enumerate((-sizes).tolist()):
        items = order[bounds[k] : bounds[k + 1]]
        while len(items):
            i = bisect.bisect_left(rooms, size)
            if i < len(rooms):
                room = rooms.pop(i)
                found = np.concatenate(waiting.pop(room))
            else:
                room = capacity
                found = np.arange(opened, opened - (-len(items) // (room // size)))
                opened += len(found)
            # A row that still holds the next piece has the least room of all that do: it goes on
            # taking until it is too full, then the next row does.
            each = room // size
            taken, items = items[: len(found) * each], items[len(found) * each :]
            place = np.arange(len(taken))
            row[taken] = found[place // each]
            at[taken] = capacity - room + place % each * size
            full, rest = divmod(len(taken), each)
            _wait(rooms, waiting, room - each * size, found[:full])
            if rest:
                _wait(rooms, waiting, room - rest * size, found[full : full + 1])
                full += 1
            if full < len(found):
                # These were here first, and nothing has come to this room since.
                _wait(rooms, waiting, room, found[full:])
    return row, at


def _wait(
    rooms: list[int], waiting: dict[int, list[np.ndarray]], room: int, rows: np.ndarray
) -> None:
    """Notes that these rows have this room left."""
    if room == 0 or len(rows) == 0:
        return
    if room not in waiting:
        bisect.insort(rooms, room)
        waiting[room] = []
    waiting[room].append(rows)


def build(source: TokenSource, sequence_length: int, folder: pathlib.Path) -> None:
    """Packs a source and writes its index: the pieces by row and place.

    `starts.npy` int64 and `lengths.npy` int32 [pieces] are tokens of the source, `rows.npy`
    int64 [rows + 1] says where each row's pieces begin.

    Raises:
        CastorError: the operating system refuses to write.
    """
    offsets = np.asarray(source.offsets)
    tokens = np.diff(offsets)
    count = -(-tokens // sequence_length)
    document = np.repeat(np.arange(len(tokens)), count)
    within = np.arange(len(document)) - np.repeat(np.cumsum(count) - count, count)
    starts = offsets[document] + within * sequence_length
    lengths = np.minimum(offsets[document + 1] - starts, sequence_length)
    row, at = best_fit(lengths, sequence_length)
    order = np.lexsort((at, row))
    rows = np.concatenate([[0], np.cumsum(np.bincount(row))]) if len(row) else np.zeros(1)
    arrays = (starts[order], lengths[order].astype(np.int32), rows.astype(np.int64))
    for name, array in zip(FILES, arrays):
        with storage.replacing(folder / name) as path, path.open("wb") as file:
            np.save(file, array)


class BestFit:
    """The layout that an index on disk describes.

    Raises:
        CastorError: the index is missing, damaged, or of another source.
    """

    def __init__(self, source: TokenSource, sequence_length: int, folder: pathlib.Path) -> None:
        self._source, self._length = source, sequence_length
        self._starts, self._lengths, self._rows = (_load(folder / name) for name in FILES)
        pieces = int(self._rows[-1])
        if not len(self._starts) == len(self._lengths) == pieces:
            found = f"{len(self._starts)} starts, {len(self._lengths)} lengths, {pieces} pieces"
            raise _damaged(folder, found)
        tokens = int(self._lengths.sum(dtype=np.int64))
        if tokens != source.tokens:
            raise _damaged(folder, f"{tokens} tokens, the source has {source.tokens}")

    @property
    def rows(self) -> int:
        """How many rows the documents were packed into."""
        return len(self._rows) - 1

    def pieces(self, rows: np.ndarray) -> Pieces:
        """The documents, or pieces of long ones, in each of these rows."""
        first = self._rows[rows]
        count = self._rows[rows + 1] - first
        row = np.repeat(np.arange(len(rows)), count)
        skipped = np.cumsum(count) - count
        piece = np.arange(len(row)) + np.repeat(first - skipped, count)
        start, length = self._starts[piece], self._lengths[piece].astype(np.int64)
        before = np.cumsum(length) - length
        at = before - before[skipped][row]
        ends = np.ones(len(row), bool)
        # Only a piece as long as a row can go on behind it.
        whole = np.flatnonzero((length == self._length) & (start + length < self._source.tokens))
        stop = start[whole] + length[whole]
        here, behind = self._source.document_at(start[whole]), self._source.document_at(stop)
        ends[whole] = here != behind
        return Pieces(row, at, start, length, ends)


def _load(path: pathlib.Path) -> np.ndarray:
    try:
        return np.asarray(np.load(path, mmap_mode="r"))
    except (OSError, ValueError, EOFError) as error:
        raise _damaged(path, " ".join(str(error).split())) from error


def _damaged(path: pathlib.Path, got: str) -> CastorError:
    return CastorError(
        "the index of a packing is damaged or missing",
        where=path,
        got=got,
        fix="run `castor mixture compile` again with --force",
    )
