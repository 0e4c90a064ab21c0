"""Signs at the ends of a chunk and inside of it, by spaCy's rules for English."""

from __future__ import annotations

import numpy as np

from castor.filters.kernels._compile import inner
from castor.filters.kernels.datatrove.tables import (
    AFTER_DOT,
    ALPHA,
    BEFORE_DOT,
    DIGIT,
    INFIX,
    PREFIX,
    STOPPABLE,
    SUFFIX,
    UNIT,
    UPPER,
    find,
    hash_of,
)


@inner
def _is_ascii_digit(c):
    return 48 <= c <= 57


@inner
def prefix(points, classes, lo, hi):
    """How many characters the sign at the beginning has; 0 if there is none."""
    c = points[lo]
    if c == 0x2B:
        return np.int64(lo + 1 == hi or not _is_ascii_digit(points[lo + 1]))
    if classes[lo] & PREFIX:
        return np.int64(1)
    if c == 0x2E:
        k = lo
        while k < hi and points[k] == 0x2E:
            k += 1
        return np.int64(k - lo if k - lo >= 2 else 0)
    if hi - lo >= 3 and points[lo + 2] == 0x24 and points[lo + 1] == 0x53 and c == 0x55:
        return np.int64(3)  # US$
    if hi - lo >= 2 and points[lo + 1] == 0x24 and (c == 0x43 or c == 0x41):
        return np.int64(2)  # C$, A$
    return np.int64(0)


@inner
def _stop_suffix(points, classes, lo, hi):
    """The full stops that are cut off at the end; 0 if none are."""
    k = hi
    while k > lo and points[k - 1] == 0x2E:
        k -= 1
    if hi - k >= 2:
        return hi - k
    if k == lo:
        return np.int64(0)
    if classes[k - 1] & STOPPABLE:
        return np.int64(1)
    two = k - 2 >= lo
    if two and classes[k - 1] & UPPER and classes[k - 2] & UPPER:
        return np.int64(1)
    c = points[k - 1] | 32
    degree = two and points[k - 2] == 0xB0 and points[k - 1] < 128
    return np.int64(degree and (c == 0x66 or c == 0x63 or c == 0x6B))


@inner
def suffix(data, points, offs, classes, lo, hi, union, keys, starts):
    """How many characters the sign at the end has; 0 if there is none. The longest wins."""
    if lo >= hi:
        return np.int64(0)
    c = points[hi - 1]
    if c == 0x2E:
        return _stop_suffix(points, classes, lo, hi)
    found = np.int64(classes[hi - 1] & SUFFIX != 0)
    before = points[hi - 2] if hi - 2 >= lo else np.int64(0)
    if (c == 0x73 or c == 0x53) and (before == 0x27 or before == 0x2019):
        found = np.int64(2)
    if c == 0x2026 and before == 0x2026:
        found = np.int64(2)
    if not union & DIGIT:
        return found
    k = hi - 1
    while k >= lo and hi - k <= 6 and not _is_ascii_digit(points[k]):
        k -= 1
    if k >= lo and k < hi - 1 and hi - k - 1 > found and _is_ascii_digit(points[k]):
        slot = find(hash_of(data, offs[k + 1], offs[hi]), keys)
        if slot >= 0 and starts[slot] & UNIT:
            found = hi - k - 1
    return found


@inner
def _is_hyphen(c):
    return c == 0x2D or c == 0x2013 or c == 0x2014 or c == 0x7E


@inner
def infix(points, classes, k, lo, hi):
    """How many characters of the core [lo, hi) the sign inside at k has; 0 if there is none."""
    c, f = points[k], classes[k]
    if c == 0x2E:
        run = k
        while run < hi and points[run] == 0x2E:
            run += 1
        if run - k >= 2:
            return run - k
    if f & INFIX:
        return np.int64(1)
    if k == lo or k + 1 >= hi:
        return np.int64(0)
    before, after = classes[k - 1], classes[k + 1]
    digit = _is_ascii_digit(points[k - 1])
    if c == 0x2E:
        return np.int64(before & BEFORE_DOT != 0 and after & AFTER_DOT != 0)
    operator = digit and (c == 0x2B or c == 0x2D or c == 0x2A or c == 0x5E)
    if operator and (_is_ascii_digit(points[k + 1]) or points[k + 1] == 0x2D):
        return np.int64(1)
    if c == 0x2C:
        return np.int64(before & ALPHA != 0 and after & ALPHA != 0)
    if not (digit or before & ALPHA):
        return np.int64(0)
    if _is_hyphen(c):
        if after & ALPHA:
            return np.int64(1)
        n = 1  # two or three of `-`, two of the long dash
        while k + n < hi and points[k + n] == c and n < 3:
            n += 1
        most = 3 if c == 0x2D else 2 if c == 0x2014 else 1
        for m in range(2, min(n, most) + 1):
            if k + m < hi and classes[k + m] & ALPHA:
                return np.int64(m)
        return np.int64(0)
    sign = c == 0x3A or c == 0x3C or c == 0x3E or c == 0x3D or c == 0x2F
    return np.int64(sign and after & ALPHA != 0)
