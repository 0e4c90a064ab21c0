"""The entries of a list of domains or addresses, hashed line by line without Python's strings."""

from __future__ import annotations

import numba as nb
import numpy as np

from castor.filters.kernels._compile import I64, U8, at, kernel
from castor.filters.kernels.words import FNV_BASIS, FNV_PRIME, finish

NOTHING, DOMAIN, ADDRESS, UNUSUAL = 0, 1, 2, 3
PLAIN, LETTER = 1, 2  # classes of bytes
SINKS = (b"0.0.0.0 ", b"127.0.0.1 ")  # where a hosts file sends what it blocks


def _classes() -> np.ndarray:
    table = np.zeros(256, np.uint8)
    for byte in range(128):
        c = chr(byte)
        table[byte] = PLAIN * (c.isalnum() or c in "._-/~%?=&+:,;()'!$") | LETTER * c.isupper()
    table.setflags(write=False)
    return table


CLASSES = _classes()


@nb.njit(nogil=True, _nrt=False)
def starts_with(data, i, stop, word):
    """Whether an ASCII word in lower case stands at byte i, in any case."""
    if i + len(word) > stop:
        return False
    for k in range(len(word)):
        byte = np.int64(at(data, i + k))
        if (byte | 32 if 65 <= byte <= 90 else byte) != np.int64(at(word, k)):
            return False
    return True


@nb.njit(nogil=True, _nrt=False)
def entry_at(data, i, stop, classes, words):
    """The kind and the hash of the entry in bytes i to stop, which have no spaces around them."""
    a, b, https, http, www = words
    sink = np.int64(0)
    if starts_with(data, i, stop, a):
        sink = len(a)
    elif starts_with(data, i, stop, b):
        sink = len(b)
    i += sink
    if i == stop or at(data, i) == 33:  # ! is a comment
        return (UNUSUAL if sink else NOTHING), np.uint64(0)
    if starts_with(data, i, stop, a[:-1]) or starts_with(data, i, stop, b[:-1]):
        return UNUSUAL, np.uint64(0)
    for k in range(i, stop):
        if not at(classes, np.int64(at(data, k))) & PLAIN:
            return UNUSUAL, np.uint64(0)
    if starts_with(data, i, stop, https):
        i += len(https)
    elif starts_with(data, i, stop, http):
        i += len(http)
    if starts_with(data, i, stop, www):
        i += len(www)
    while stop > i and at(data, stop - 1) == 47:
        stop -= 1
    kind, dotted, h = DOMAIN, False, FNV_BASIS
    for k in range(i, stop):
        byte = np.int64(at(data, k))
        if byte == 47:
            kind = ADDRESS
        dotted = dotted or (byte == 46 and kind == DOMAIN)
        h = (h ^ np.uint64(byte | 32 if at(classes, byte) & LETTER else byte)) * FNV_PRIME
    return (kind if dotted else NOTHING), finish(h)


@kernel(
    nb.int64(
        U8, U8, nb.types.UniTuple(U8, 5), nb.int64[::1], nb.int64[::1], nb.uint8[::1],
        nb.uint64[::1],
    )
)  # fmt: skip
def read_lines(data, classes, words, starts, ends, kinds, keys):
    """Span, kind and hash of every line with something in it; returns how many there are.

    `UNUSUAL` lines are left to `castor.filters.block_lists.entries.entry`. The arrays need a
    place per line feed and one more.
    """
    n, i, size = 0, 0, len(data)
    while i < size:
        end = i
        while end < size and at(data, end) != 10:
            end += 1
        start, stop = i, end
        i = end + 1
        while start < stop and at(data, start) in (32, 9, 13):
            start += 1
        while stop > start and at(data, stop - 1) in (32, 9, 13):
            stop -= 1
        if start < stop:
            kind, key = entry_at(data, start, stop, classes, words)
            if kind != NOTHING:
                starts[n], ends[n], kinds[n], keys[n] = start, stop, kind, key
                n += 1
    return n


@kernel(nb.void(U8, I64, nb.uint64[::1]))
def hash_rows(data, rows, keys):
    """The hash of every row of a text column, as `read_lines` has it for an entry."""
    for row in range(len(rows) - 1):
        h = FNV_BASIS
        for k in range(rows[row], rows[row + 1]):
            h = (h ^ np.uint64(at(data, k))) * FNV_PRIME
        keys[row] = finish(h)
