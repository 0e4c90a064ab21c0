"""Texts as classifiers read them best: one case, signs as words, digits alike."""

from __future__ import annotations

import numba as nb
import numpy as np

from castor.filters.kernels._compile import I32, I64, U8, U16, at, kernel
from castor.filters.kernels.unicode import (
    DIGIT,
    LETTER,
    MARK,
    NUMBER,
    SPACE,
    UNSPACED,
    UPPER,
    char_at,
)

GROWTH = 3  # a sign of one byte becomes three with its spaces; nothing grows by more


@nb.njit(nogil=True, _nrt=False)
def _is_dropped(c):
    """Soft hyphen, zero-width and direction marks, byte order mark."""
    return (
        c == 0xAD
        or 0x200B <= c <= 0x200F
        or 0x202A <= c <= 0x202E
        or 0x2060 <= c <= 0x206F
        or c == 0xFEFF
    )


@nb.njit(nogil=True, _nrt=False)
def _put(c, out, n):
    """Writes a code point as UTF-8 at out[n:]; the new n."""
    if c < 0x80:
        out[n] = c
        return n + 1
    if c < 0x800:
        out[n] = 0xC0 | c >> 6
    else:
        if c < 0x10000:
            out[n] = 0xE0 | c >> 12
        else:
            out[n] = 0xF0 | c >> 18
            n += 1
            out[n] = 0x80 | c >> 12 & 0x3F
        n += 1
        out[n] = 0x80 | c >> 6 & 0x3F
    out[n + 1] = 0x80 | c & 0x3F
    return n + 2


@kernel(
    nb.int64(
        U8, I64, U16, U16, U16, U16, I32, nb.types.Array(nb.uint8, 1, "C"),
        nb.types.Array(nb.int64, 1, "C"), nb.boolean,
    )
)  # fmt: skip
def fold(data, rows, pages, flags, ascii, fold_pages, folds, out, offsets, keep_lines):
    """Folds every text of a column into `out`, one space between words; returns its length.

    Args:
        keep_lines: whether LF stands between two words instead, if one stood there.
        out: uint8, GROWTH times the bytes of the column and one for each row.
        offsets: int64 [rows + 1], to be filled.
    """
    n = 0
    offsets[0] = 0
    for row in range(len(rows) - 1):
        i, stop, first = rows[row], rows[row + 1], n
        parted, space = True, 32  # whether the next letter begins a word, and what is before it
        while i < stop:
            byte = at(data, i)
            f = np.int64(ascii[byte])
            if f & LETTER and not parted:  # most text: folded by the bit of UPPER
                out[n] = byte | (f & UPPER)
                n += 1
                i += 1
                continue
            c, size, f = char_at(data, i, stop, pages, flags)
            i += size
            if f & SPACE or c < 32:
                parted = True
                if keep_lines and c == 10:
                    space = 10
            elif f & (LETTER | NUMBER) or (f & MARK and not parted):
                if (parted or f & UNSPACED) and n > first:
                    out[n] = space
                    n += 1
                parted, space = f & UNSPACED != 0, 32
                if f & DIGIT:
                    c = 48
                else:
                    c += np.int64(folds[np.int64(fold_pages[c >> 8]) << 8 | (c & 255)])
                n = _put(c, out, n)
            elif f & MARK and n > first:  # of a letter that is a word by itself
                n = _put(c, out, n)
            elif not _is_dropped(c):
                if n > first:
                    out[n] = space
                    n += 1
                n = _put(c, out, n)
                parted, space = True, 32
        offsets[row + 1] = n
    return n
