"""Best-fit packing: whole documents into rows, each where the least room is left.

Best-fit decreasing (Johnson, "Near-optimal bin packing algorithms", 1973; for training data
Ding et al., "Fewer Truncations Improve Language Modeling", 2024): the longest piece first, into
the row with the least room that still holds it. A document longer than a row is cut into pieces
of a row's length and a rest. It is done once, when a mixture is compiled; the index is a file.
"""

from __future__ import annotations

import bisect
import collections
import pathlib

import numpy as np

from castor.mixtures.index_files import damaged, load, save
from castor.mixtures.rows import Pieces
from castor.mixtures.token_source import TokenSource

FILES = ("starts.npy", "lengths.npy", "rows.npy")
CHUNK = 1 << 20  # pieces looked at at once, so that an index is opened without being in memory


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
    waiting: dict[int, Queue] = {}  # room -> its rows, in the order in which they came to it
    opened = 0
    for k, size in enumerate((-sizes).tolist()):
        items = order[bounds[k] : bounds[k + 1]]
        while len(items):
            i = bisect.bisect_left(rooms, size)
            room = rooms[i] if i < len(rooms) else capacity
            # A row that still holds the next piece has the least room of all that do: it goes on
            # taking until it is too full, then the next row does.
            each = room // size
            wanted = -(-len(items) // each)
            if i < len(rooms):
                found = _take(waiting[room], wanted)
                if not waiting[room]:
                    del waiting[room], rooms[i]
            else:
                found = np.arange(opened, opened + wanted)
                opened += wanted
            taken, items = items[: len(found) * each], items[len(found) * each :]
            place = np.arange(len(taken))
            row[taken] = found[place // each]
            at[taken] = capacity - room + place % each * size
            full, rest = divmod(len(taken), each)
            for left, rows in ((each, found[:full]), (rest, found[full:])):
                _wait(rooms, waiting, room - left * size, rows)
    return row, at


Queue = collections.deque[np.ndarray]


def _take(queue: Queue, wanted: int) -> np.ndarray:
    """The first rows of a queue, as many as are wanted or there."""
    found = []
    while wanted and queue:
        rows = queue.popleft()
        found.append(rows[:wanted])
        if len(rows) > wanted:
            queue.appendleft(rows[wanted:])
        wanted -= len(found[-1])
    return np.concatenate(found)


def _wait(rooms: list[int], waiting: dict[int, Queue], room: int, rows: np.ndarray) -> None:
    """Notes that these rows have this room left."""
    if room == 0 or len(rows) == 0:
        return
    if room not in waiting:
        bisect.insort(rooms, room)
        waiting[room] = collections.deque()
    waiting[room].append(rows)


def build(source: TokenSource, sequence_length: int, folder: pathlib.Path) -> None:
    """Packs a source and writes its index: the pieces by row and place.

    `starts.npy` int64 [pieces] is their first token in the source; `lengths.npy` int32 [pieces]
    their tokens, negative where the document goes on behind the row; `rows.npy` int64
    [rows + 1] says where each row's pieces begin.

    Raises:
        CastorError: the operating system refuses to write.
    """
    offsets = np.asarray(source.offsets)
    count = -(-np.diff(offsets) // sequence_length)
    document = np.repeat(np.arange(len(count)), count)
    within = np.arange(len(document)) - np.repeat(np.cumsum(count) - count, count)
    starts = offsets[document] + within * sequence_length
    stops = offsets[document + 1]
    lengths = np.minimum(stops - starts, sequence_length)
    row, at = best_fit(lengths, sequence_length)
    order = np.lexsort((at, row))
    signed = np.where(starts + lengths < stops, -lengths, lengths).astype(np.int32)
    rows = np.concatenate([[0], np.cumsum(np.bincount(row))]).astype(np.int64)
    for name, array in zip(FILES, (starts[order], signed[order], rows)):
        save(folder / name, array)


class BestFit:
    """The layout that best-fit has found.

    Raises:
        CastorError: the index is missing, damaged, or of another source.
    """

    def __init__(self, source: TokenSource, sequence_length: int, folder: pathlib.Path) -> None:
        self._starts, self._lengths, self._rows = (load(folder / name) for name in FILES)
        n = len(self._starts), len(self._lengths), int(self._rows[-1:].sum())
        tokens = longest = 0
        for begin in range(0, len(self._lengths), CHUNK):
            lengths = np.abs(self._lengths[begin : begin + CHUNK])
            tokens += int(lengths.sum(dtype=np.int64))
            longest = max(longest, int(lengths.max()))
        if (
            not len(self._rows)
            or len({*n}) > 1
            or tokens != source.tokens
            or longest > sequence_length
        ):
            raise damaged(
                folder,
                f"{n} pieces of {tokens} tokens, at most {longest}; the source has "
                f"{source.tokens} for rows of {sequence_length}",
            )

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
        start, signed = self._starts[piece], self._lengths[piece].astype(np.int64)
        length = np.abs(signed)
        before = np.cumsum(length) - length
        at = before - before[skipped][row]
        return Pieces(row, at, start, length, signed > 0)
