"""Text with every run of white space made one space, and none at its ends."""

from __future__ import annotations

import numba as nb
import numpy as np
import pyarrow as pa

from castor.filters.kernels._compile import I64, U8, U16, kernel, load64, store64
from castor.filters.kernels.column import buffers
from castor.filters.kernels.unicode import SPACE, char_at, tables


def collapse(column: pa.Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Collapses the white space (what `str.split` splits at) of a text column.

    Returns:
        data: uint8 [n_bytes], the collapsed texts one after another.
        offsets: int64 [rows + 1] into data; a null row is empty.
        is_ascii: bool [rows].
    """
    source, rows = buffers(column)
    data = np.empty(int(rows[-1] - rows[0]), np.uint8)
    offsets, is_ascii = np.zeros(len(rows), np.int64), np.empty(len(rows) - 1, np.bool_)
    table = tables()
    _collapse(source, rows, table.pages, table.flags, data, offsets, is_ascii)
    return data, offsets, is_ascii


HIGH = np.uint64(0x8080808080808080)  # the top bit of each of 8 bytes
LOW = np.uint64(0x7F7F7F7F7F7F7F7F)
SPACES = np.uint64(0x2020202020202020)


@nb.njit(nogil=True, _nrt=False)
def _is_plain(word, after_space):
    """Whether 8 bytes are ASCII with single spaces as their only white space."""
    if word & HIGH or ((word | HIGH) - SPACES) & HIGH != HIGH:  # a byte over 127, or under 32
        return False
    space = ~((word ^ SPACES) + LOW) & HIGH  # the top bit of each byte that is a space
    before = space << np.uint64(8) | (np.uint64(0x80) if after_space else np.uint64(0))
    return space & before == 0


@kernel(nb.void(U8, I64, U16, U16, nb.uint8[::1], nb.int64[::1], nb.boolean[::1]))
def _collapse(data, rows, pages, flags, out, offsets, is_ascii):
    size = 0
    for row in range(len(rows) - 1):
        i, stop = rows[row], rows[row + 1]
        begin, only_ascii = size, True
        space = True  # the last that was written is one; as if one stood before the text
        while i < stop:
            if i + 8 <= stop:
                word = load64(data, i)
                if _is_plain(word, space):
                    store64(out, size, word)
                    i += 8
                    size += 8
                    space = word >> np.uint64(56) == 32
                    continue
            limit = min(stop, i + 8)
            while i < limit:
                n, f = 1, np.int64(flags[data[i]])
                if data[i] >= 128:
                    _, n, f = char_at(data, i, stop, pages, flags)
                    only_ascii = False
                if not f & SPACE:
                    for k in range(i, i + n):
                        out[size] = data[k]
                        size += 1
                elif not space:
                    out[size] = 32
                    size += 1
                space = f & SPACE != 0
                i += n
        size -= size > begin and space
        offsets[row + 1], is_ascii[row] = size, only_ascii
