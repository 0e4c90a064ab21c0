"""The lines of a column of texts: where each is, of what kind, and the hash of its words."""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
import pyarrow as pa

from castor.filters.html.tokens.compile import part
from castor.filters.kernels._compile import I64, U8, at, kernel

# What a line is. BARE: nothing that could be a word; CODE: between two fences, or one.
BARE, PLAIN, HEADING, TABLE, CODE = range(5)
_BASIS, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)  # FNV-1a
_MIX = np.uint64(0x9E3779B97F4A7C15)
_NEWLINE, _SPACE, _HASH, _BAR, _TICK = 10, 32, 35, 124, 96


class Lines(NamedTuple):
    """The lines of all texts, in order; one array entry each.

    Attributes:
        row: int64, of the text.
        start, end: int64, bytes in the text, spaces at both ends left out.
        said: uint64, hash of the bytes between.
        kind: uint8, BARE, PLAIN, HEADING, TABLE or CODE.
        text: uint64 [rows], hash of all lines of each text that are not BARE, in order.
    """

    row: np.ndarray
    start: np.ndarray
    end: np.ndarray
    said: np.ndarray
    kind: np.ndarray
    text: np.ndarray


@part
def _is_fence(data, i):
    return at(data, i) == _TICK and at(data, i + 1) == _TICK and at(data, i + 2) == _TICK


@kernel(
    nb.int64(
        U8, I64,
        nb.types.Array(nb.int64, 2, "C"),
        nb.types.Array(nb.uint64, 1, "C"),
        nb.types.Array(nb.uint8, 1, "C"),
        nb.types.Array(nb.uint64, 1, "C"),
    )
)  # fmt: skip
def _scan(data, offsets, spans, said, kind, text):
    n = 0
    for row in range(len(offsets) - 1):
        first, last = offsets[row], offsets[row + 1]
        i = first
        is_code = False
        whole = _BASIS
        while i <= last:
            while i < last and at(data, i) <= _SPACE and at(data, i) != _NEWLINE:
                i += 1
            start = end = i
            h = kept = _BASIS
            has_word = False
            while i < last:
                c = at(data, i)
                if c == _NEWLINE:
                    break
                h = (h ^ np.uint64(c)) * _PRIME
                if c > _SPACE:
                    end, kept = i + 1, h
                    has_word |= c >= 128 or 97 <= (c | 32) <= 122
                i += 1
            what = PLAIN if has_word else BARE
            if end - start >= 3 and _is_fence(data, start):
                is_code = not is_code
                what = CODE
            if is_code:
                what = CODE
            elif what == PLAIN and at(data, start) == _HASH:
                what = HEADING
            elif what == PLAIN and at(data, start) == _BAR:
                what = TABLE
            spans[n, 0], spans[n, 1], spans[n, 2] = row, start - first, end - first
            said[n] = (kept ^ (kept >> np.uint64(29))) * _MIX | np.uint64(1)
            kind[n] = what
            if what != BARE:
                whole = (whole ^ said[n]) * _PRIME
                whole ^= whole >> np.uint64(31)
            n += 1
            i += 1
        text[row] = whole
    return n


def lines_of(column: pa.Array) -> Lines:
    """The lines of a column of texts, large_string; a null is an empty text."""
    column = column.cast(pa.large_binary())
    _, offsets, data = column.buffers()
    at_rows = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    values = np.frombuffer(data, np.uint8) if data else np.zeros(0, np.uint8)
    first, last = int(at_rows[0]), int(at_rows[-1])
    values = values[first:last]
    room = int(np.count_nonzero(values == _NEWLINE)) + len(column)
    spans, said = np.empty((room, 3), np.int64), np.empty(room, np.uint64)
    kind, text = np.empty(room, np.uint8), np.empty(len(column), np.uint64)
    n = _scan(values, at_rows - first, spans, said, kind, text)
    return Lines(spans[:n, 0], spans[:n, 1], spans[:n, 2], said[:n], kind[:n], text)
