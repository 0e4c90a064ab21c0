"""The compiled passes of the language identifier: texts to answers, and texts to features.

A text is read in chunks of 64 to 256 bytes, a long one in windows spread over it.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

from castor.filters.kernels._compile import I64, U8, at, kernel, put
from castor.filters.language.kernels.decide import decide
from castor.filters.language.kernels.fold import LONGEST, OVERSHOOT, fold
from castor.filters.language.kernels.inlined import inlined
from castor.filters.language.kernels.layout import (
    BYTES_PER_WINDOW,
    DIRECT,
    FEWEST,
    MOST,
    WHOLE,
    Weights,
    found,
    scratch,
)
from castor.filters.language.kernels.score import next_word, read_chunk, spread, tail_of, word_hash


@inlined
def _window(data, first, stop, k, windows):
    """Where window k of a long text begins: not in the middle of a word, nor of a character."""
    i = first + (stop - first - LONGEST) * k // (windows - 1)
    if k > 0:
        bound = min(i + OVERSHOOT, stop)
        while i < bound and at(data, i) > 0x20:
            i += 1
        if i == bound:
            i -= OVERSHOOT
            while i < stop and at(data, i) & 0xC0 == 0x80:
                i += 1
    return i


@inlined
def _text(w, s, data, first, stop, row, out):
    """Reads one text, whole or in windows, and decides."""
    for lane in range(DIRECT):
        put(s.totals, lane, at(w.priors, lane))
    s.evidence[:] = 0
    s.counts[:] = 0
    s.seen[:] = 0
    size, windows = stop - first, 1
    if size > WHOLE:
        windows = max(FEWEST, min(MOST, size // BYTES_PER_WINDOW))
    parts = 0
    for k in range(windows):
        i, end = first, stop
        if windows > 1:
            i = _window(data, first, stop, k, windows)
            end = min(stop, i + LONGEST)
        s.tail[0] = 0
        while i < end:
            i, parts = read_chunk(w, s, data, i, end, parts)
    decide(w, s, parts, row, out)


def _type(example: NamedTuple, *, readonly: bool) -> nb.types.Type:
    """The Numba type of a tuple of arrays like the example."""
    arrays = [
        nb.types.Array(nb.from_dtype(a.dtype), a.ndim, "C", readonly=readonly) for a in example
    ]
    return nb.types.NamedTuple(arrays, type(example))


_WEIGHTS = Weights(
    *(np.zeros(1, kind) for kind in "u2 u2 u4 u4 u2 u4 u1 i4 i8 i1 i8 i8 f8 f8 f8 f8".split())
)


@kernel(
    nb.void(
        U8,
        I64,
        _type(_WEIGHTS, readonly=True),
        _type(scratch(), readonly=False),
        _type(found(1), readonly=False),
    )
)
def identify(data, rows, weights, room, out):
    """Identifies every text of a column; see Weights, Scratch and Found."""
    for row in range(len(rows) - 1):
        _text(weights, room, data, rows[row], rows[row + 1], row, out)


@kernel(
    nb.int64(
        U8,
        I64,
        nb.types.Array(nb.int64, 1, "C", readonly=True),
        _type(_WEIGHTS, readonly=True),
        _type(scratch(), readonly=False),
        nb.uint64[::1],
        nb.uint8[::1],
        nb.int64[::1],
    )
)
def features(data, rows, wanted, weights, room, hashes, is_word, offsets):
    """The features of whole texts in a wanted script, for training; returns their number.

    Args:
        wanted: int64 [rows]; scored script whose features are wanted, or -1 for none.
        weights: only the tables of `fold` are read.
        hashes, is_word: uint64 and uint8, room for two per byte.
        offsets: int64 [rows + 1]; row r has the features `offsets[r]` to `offsets[r + 1]`.
    """
    w, s, total = weights, room, 0
    for row in range(len(rows) - 1):
        i, stop, tail = rows[row], rows[row + 1], np.uint64(0)
        while i < stop and wanted[row] >= 0:
            i, n = fold(
                data, i, stop, w.classes, w.pages, w.entries, w.pairs, w.composed,
                s.codes, s.scripts, s.counts,
            )  # fmt: skip
            key, word, script = tail, np.uint64(0), np.int64(0)
            begin = 3 if key == 0 else 1
            tail = tail_of(s, n) if n >= 3 else np.uint64(0)
            for p in range(1, n):
                c = at(s.codes, p)
                script = np.int64(at(s.scripts, p)) if c != 0 else script
                key = key << np.uint64(16) | np.uint64(c)
                if script == wanted[row]:
                    if c == 0:
                        hashes[total], is_word[total] = word_hash(word), 1
                        total += 1
                    if p >= begin:
                        hashes[total], is_word[total] = spread(key), 0
                        total += 1
                word = next_word(word, c) if c != 0 else np.uint64(0)
        offsets[row + 1] = total
    return total
