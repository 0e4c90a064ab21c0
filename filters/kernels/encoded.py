r"""Runs of encoded data in source code: escapes, hexadecimal bytes, base64.

After StarCoder2 (Lozhkov et al. 2024, arXiv:2402.19173, section 2.1), whose three expressions
are, in the order tried at each place here (ENCODED, over bytes):

- unicode: `(?:\\u[0-9a-fA-F]{4}){8,}`, as published;
- hexadecimal: at least 8 bytes of two digits, each by itself or after `0x` or `\x`, with any
  commas and white space between. The published expression stops at a comma followed by a
  space, so it misses most C arrays;
- base64: `[a-zA-Z0-9+/\n=]{64,}`, as published.
"""

from __future__ import annotations

import numba as nb
import numpy as np
import pyarrow as pa

from castor.filters.kernels._compile import I64, U8, kernel
from castor.filters.kernels.column import buffers

MIN_UNITS = 8
MIN_BASE64 = 64
HEXADECIMAL, BASE64, WORD, GAP = 1, 2, 4, 8


def _classes() -> np.ndarray:
    classes = np.zeros(256, np.uint8)
    for c in range(128):
        char = chr(c)
        classes[c] += HEXADECIMAL * (char in "0123456789abcdefABCDEF")
        classes[c] += BASE64 * (char.isalnum() or char in "+/\n=")
        classes[c] += WORD * (char.isalnum() or char == "_")
        classes[c] += GAP * (char in ", \t\n\r\f\v")
    return classes


CLASSES = _classes()


def encoded_runs(column: pa.Array) -> np.ndarray:
    """Bytes of encoded data in every row: int64 [rows, 2], in the longest run and in all."""
    data, rows = buffers(column)
    out = np.zeros((len(rows) - 1, 2), np.int64)
    _encoded(data, rows, CLASSES, out)
    return out


@nb.njit(nogil=True, _nrt=False)
def _unicode(data, i, stop, classes):
    """The byte after a run of unicode escapes at i; i if there are fewer than 8."""
    end = i
    while end + 6 <= stop and data[end] == 92 and data[end + 1] == 117:
        digits = classes[data[end + 2]] & classes[data[end + 3]] & classes[data[end + 4]]
        if not digits & classes[data[end + 5]] & HEXADECIMAL:
            break
        end += 6
    return end if end - i >= 6 * MIN_UNITS else i


@nb.njit(nogil=True, _nrt=False)
def _hexadecimal(data, i, start, stop, classes):
    """The byte after a run of hexadecimal bytes at i; i if there are fewer than 8."""
    end, units = i, 0
    while end < stop:
        k = end
        escaped = k + 1 < stop and data[k] == 92 and data[k + 1] == 120
        if not escaped and k > start and classes[data[k - 1]] & WORD:
            break
        if escaped or (k + 1 < stop and data[k] == 48 and data[k + 1] == 120):
            k += 2
        if k + 1 >= stop or not classes[data[k]] & classes[data[k + 1]] & HEXADECIMAL:
            break
        k += 2
        if k < stop and classes[data[k]] & WORD:
            break
        while k < stop and classes[data[k]] & GAP:
            k += 1
        units += 1
        end = k
    return end if units >= MIN_UNITS else i


@kernel(nb.void(U8, I64, U8, nb.int64[:, ::1]))
def _encoded(data, rows, classes, out):
    for row in range(len(rows) - 1):
        start, stop = rows[row], rows[row + 1]
        i = start
        run = start  # the run of base64 signs around i ends here, or i is past it
        while i < stop:
            c = data[i]
            end = i
            if c == 92 or classes[c] & HEXADECIMAL:
                end = _unicode(data, i, stop, classes)
                if end == i:
                    end = _hexadecimal(data, i, start, stop, classes)
            if end == i:
                if run <= i:
                    run = i
                    while run < stop and classes[data[run]] & BASE64:
                        run += 1
                end = run if run - i >= MIN_BASE64 else i
            out[row, 0] = max(out[row, 0], end - i)
            out[row, 1] += end - i
            i = max(end, i + 1)
