"""Whether characters are an address of the web, as spaCy's tokenizer has it."""

from __future__ import annotations

import numpy as np

from castor.filters.kernels._compile import inner
from castor.filters.kernels.datatrove.tables import DIGIT, LOWER, WORD


@inner
def _is_ascii_digit(c):
    return 48 <= c <= 57


@inner
def _octet(points, classes, lo, hi, which):
    """Whether the characters are number `which` (0 to 3) of an address in four numbers."""
    n = hi - lo
    if n < 1 or n > 3:
        return False
    for k in range(lo, hi):
        if not classes[k] & DIGIT:
            return False
    a = points[lo] - 48  # of other scripts' digits: no ASCII digit, and only \d may be one
    b = points[lo + 1] - 48 if n > 1 else np.int64(-1)
    if which == 1 or which == 2:
        return (
            n < 3 or a == 1 or (a == 2 and (0 <= b <= 4 or (b == 5 and 48 <= points[lo + 2] <= 53)))
        )
    if n < 3:
        return 1 <= a <= 9
    if a == 1:
        return True
    if which == 0:
        return a == 2 and (0 <= b <= 1 or (b == 2 and 48 <= points[lo + 2] <= 51))
    return a == 2 and (0 <= b <= 4 or (b == 5 and 48 <= points[lo + 2] <= 52))


@inner
def _number(points, lo, hi):
    """The value of up to three ASCII digits; -1 for anything else."""
    value = np.int64(0)
    for k in range(lo, hi):
        if not _is_ascii_digit(points[k]):
            return np.int64(-1)
        value = value * 10 + points[k] - 48
    return value if hi > lo else np.int64(-1)


@inner
def _is_numeric_host(points, classes, lo, hi):
    """Whether the host is an address in four numbers that is not of a private network."""
    begin, which = lo, 0
    first = second = np.int64(-1)
    for k in range(lo, hi + 1):
        if k < hi and points[k] != 0x2E:
            continue
        if which > 3 or not _octet(points, classes, begin, k, which):
            return False
        if which == 0:
            first = _number(points, begin, k)
        elif which == 1:
            second = _number(points, begin, k)
        which += 1
        begin = k + 1
    private = first == 10 or first == 127 or (first == 169 and second == 254)
    private = private or (first == 192 and second == 168) or (first == 172 and 16 <= second <= 31)
    return which == 4 and not private


@inner
def _in_label(c):
    return 48 <= c <= 57 or 65 <= c <= 90 or 97 <= c <= 122 or 0xA1 <= c <= 0xFFFF


@inner
def _is_named_host(points, classes, lo, hi):
    """Whether the host is labels and a top-level domain of 2 to 63 letters, joined by dots."""
    begin, labels = lo, 0
    for k in range(lo, hi):
        c = points[k]
        if c == 0x2E:
            if k == begin or k - begin > 64 or not _in_label(points[begin]):
                return False
            if not _in_label(points[k - 1]):
                return False
            labels += 1
            begin = k + 1
    if labels == 0 or not 2 <= hi - begin <= 63:
        return False
    for k in range(begin, hi):
        if not classes[k] & LOWER:
            return False
    for k in range(lo, begin):
        c = points[k]
        if c != 0x2E and not _in_label(c) and c != 0x5F and c != 0x2D:
            return False
    return True


@inner
def _is_host(points, classes, lo, hi):
    """Whether a host stands at lo, and after it a port, a path or nothing."""
    k = lo
    while k < hi and points[k] != 0x3A and points[k] != 0x2F and points[k] != 0x3F:
        if points[k] == 0x23 or points[k] == 0x40:
            break
        k += 1
    end = k
    if k < hi and points[k] == 0x3A:
        k += 1
        port = k
        while k < hi and classes[k] & DIGIT:
            k += 1
        if not 2 <= k - port <= 5:
            return False
    if k < hi and points[k] != 0x2F and points[k] != 0x3F and points[k] != 0x23:
        return False
    return _is_named_host(points, classes, lo, end) or _is_numeric_host(points, classes, lo, end)


@inner
def is_address(points, classes, lo, hi):
    """Whether the characters are an address of the web: scheme://user@host:port/path."""
    dot = False
    for k in range(lo, hi):
        dot |= points[k] == 0x2E
    if not dot:
        return False
    start = lo
    for k in range(lo, hi - 2):
        if points[k] == 0x3A and points[k + 1] == 0x2F and points[k + 2] == 0x2F and k - lo >= 2:
            start = k + 3
            break
        c = points[k]
        if not classes[k] & WORD and c != 0x2B and c != 0x2D and c != 0x2E:
            break
    if _is_host(points, classes, lo, hi) or (start > lo and _is_host(points, classes, start, hi)):
        return True
    found = False
    for k in range(lo + 1, hi):
        found = found or (points[k] == 0x40 and _is_host(points, classes, k + 1, hi))
    return found
