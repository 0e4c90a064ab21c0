"""Text with every run of white space made one space, and none at its ends."""

from __future__ import annotations

import numba as nb
import numpy as np
import pyarrow as pa

from castor.filters.kernels._compile import I64, U8, U16, kernel
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
    _collapse(source, rows, table.pages, table.flags, table.ascii, data, offsets, is_ascii)
    return data, offsets, is_ascii


@kernel(nb.void(U8, I64, U16, U16, U16, nb.uint8[::1], nb.int64[::1], nb.boolean[::1]))
def _collapse(data, rows, pages, flags, ascii, out, offsets, is_ascii):
    size = 0
    for row in range(len(rows) - 1):
        i, stop = rows[row], rows[row + 1]
        begin, gap, only_ascii = size, False, True
        while i < stop:
            f = np.int64(ascii[data[i]])
            n = 1
            if f == 0 and data[i] >= 128:
                _, n, f = char_at(data, i, stop, pages, flags)
                only_ascii = False
            if f & SPACE:
                gap = True
                i += n
                continue
            if gap and size > begin:
                out[size] = 32
                size += 1
            gap = False
            for k in range(i, i + n):
                out[size] = data[k]
                size += 1
            i += n
        offsets[row + 1], is_ascii[row] = size, only_ascii
