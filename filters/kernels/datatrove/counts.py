"""What datatrove 0.10.1 counts in a text, in one pass: Gopher, C4 and FineWeb as its code has them.

Words are spaCy's (split.py). Three kinds of lines, as in the filters:

- split at LF: FineWeb's, of which blank ones are left out, and Gopher's repeated ones, of which
  empty ones are left out but for those at the two ends of the text;
- split as `str.splitlines` does, also at CR, FF, U+2028 and others: Gopher's bullets and
  ellipses, blank ones included, and C4's;
- what C4 leaves of those, without citation marks, with a demand for an end mark (`C4_*`) and
  without (`OPEN_*`, as FineWeb's pipeline runs it): that is what FineWeb's own rules see there.

Paragraphs are what LF LF separates. Equal lines are equal strings, white space included.

Known differences, beside that of split.py: datatrove joins the words of 5- to
10-grams without a space between, so two different ones can be one to it (`1 11` and `11 1`); and
it lower-cases by Unicode, so a Kelvin sign is a letter of its phrases.
"""

from __future__ import annotations

import threading

import numba as nb
import numpy as np
import pyarrow as pa

from castor.filters.kernels._compile import I64, U8, kernel
from castor.filters.kernels.column import buffers
from castor.filters.kernels.datatrove.lines import read_row
from castor.filters.kernels.datatrove.repeats import (
    left_lines,
    repeated_grams,
    repeated_lines,
    repeated_paragraphs,
)
from castor.filters.kernels.datatrove.room import (
    FIELDS,
    LONGEST_GRAM,
    NGRAMS,
    READ,
    ROOM,
    SHORTEST,
    TOP,
    WIDTH,
    Room,
    room,
)
from castor.filters.kernels.datatrove.split import SCRATCH, Scratch, scratch
from castor.filters.kernels.datatrove.tables import TABLES, tables
from castor.filters.kernels.datatrove.words import LINE, LINE_FIELDS, MEMO, Line, Memo, memo

LEAST = 1 << 16  # bytes of a row that room is made for at once

__all__ = ["FIELDS", "LONGEST_GRAM", "NGRAMS", "SHORTEST", "TOP", "counts"]


def counts(column: pa.Array) -> np.ndarray:
    """Everything that is counted in each text of a string or large_string column.

    Returns:
        int64 [rows, len(FIELDS) + 8], columns as FIELDS; NGRAMS + n - 2 is for n = 2, 3, 4 the
        characters of the most frequent n-gram (spaces between its words included) times how
        often it stands there, even if that is once; for n = 5 to 10 the characters of n-grams
        that stood there before, without spaces, each cut out as it is met. A null row is an
        empty text.
    """
    data, rows = buffers(column)
    out = np.zeros((len(rows) - 1, WIDTH), np.int64)
    rooms = _rooms(int(np.diff(rows).max(initial=0)))
    n = int(np.searchsorted(rows[1:], len(data) - READ, side="right"))
    _counts(data, rows[: n + 1], tables(), *rooms, out[:n])
    rest = np.zeros(int(rows[-1] - rows[n]) + READ, np.uint8)  # rows with too little behind them
    rest[: len(rest) - READ] = data[rows[n] : rows[-1]]
    _counts(rest, rows[n:] - rows[n], tables(), *rooms, out[n:])
    return out


_KEPT = threading.local()


def _rooms(longest: int) -> tuple[Scratch, Memo, Room, Line, np.ndarray]:
    """This thread's memory from call to call, made anew for longer rows, or much shorter ones.

    What is left in it never changes an answer: chunks are compared by all their bytes, and the
    slots of tables that an earlier call used are below the base of the next.
    """
    longest = max(longest, LEAST)
    if not 0 <= getattr(_KEPT, "longest", -1) >> 6 <= longest <= getattr(_KEPT, "longest", -1):
        _KEPT.longest = longest
        line = Line(np.zeros(len(LINE_FIELDS), np.int64), np.zeros(3, np.uint64))
        _KEPT.rooms = scratch(_KEPT.longest), memo(_KEPT.longest), room(_KEPT.longest), line
        _KEPT.base = np.ones(1, np.uint64)
    return *_KEPT.rooms, _KEPT.base


@kernel(nb.void(U8, I64, TABLES, SCRATCH, MEMO, ROOM, LINE, nb.uint64[::1],
                nb.int64[:, ::1]))  # fmt: skip
def _counts(data, rows, table, scratch, memo, room, line, last_base, out):
    base = last_base[0]
    for k in range(len(out)):
        i, stop, row = rows[k], rows[k + 1], out[k]
        n, n_lines, n_kept = read_row(data, i, stop, table, scratch, memo, room, line, row)
        base += np.uint64(n + n_lines + n_kept + 2)
        repeated_lines(data, i, stop, room, n_lines, base, row)
        base += np.uint64(n_lines + 2)
        repeated_paragraphs(room, n_lines, base, row)
        base += np.uint64(n_lines + 2)
        left_lines(room, n_kept, base, row)
        base += np.uint64(n_kept + 2)
        base = repeated_grams(room.grams, n, base, row)
    last_base[0] = base
