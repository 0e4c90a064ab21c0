"""Runs of four words as one number, sets of them, and which blocks say what others have said."""

from __future__ import annotations

import numba as nb
import numpy as np

from castor.filters.html.tokens.compile import part
from castor.filters.kernels._compile import kernel

N = 4
_MIX = np.uint64(0x9E3779B97F4A7C15)


@part
def gram(words, i):
    """The number of the four words from i on; never 0."""
    h = np.uint64(0)
    for j in range(i, i + N):
        h = (h ^ np.uint64(words[j])) * _MIX
        h ^= h >> np.uint64(29)
    return h | np.uint64(1)


@part
def _slot(table, g):
    """Where g is in an open-addressing table, or the empty slot where it would be."""
    last = len(table) - 1
    slot = np.int64(g >> np.uint64(20)) & last
    while table[slot] != np.uint64(0) and table[slot] != g:
        slot = (slot + 1) & last
    return slot


@part
def gram_share(words, start, end, table):
    """The share of the 4-grams from start to end that the table has; -1 where there are none."""
    if end - start < N or len(table) <= 1:
        return np.float32(-1)
    n = 0
    for i in range(start, end - N + 1):
        g = gram(words, i)
        if table[_slot(table, g)] == g:
            n += 1
    return np.float32(n) / np.float32(end - start - N + 1)


@part
def is_among(values, value):
    """1 if a sorted array has the value, else 0."""
    low, high = 0, len(values)
    while low < high:
        middle = (low + high) >> 1
        if values[middle] < value:
            low = middle + 1
        else:
            high = middle
    return 1 if low < len(values) and values[low] == value else 0


@kernel(nb.void(nb.types.Array(nb.uint32, 1, "C"), nb.types.Array(nb.uint64, 1, "C")))
def _fill(words, table):
    for i in range(len(words) - N + 1):
        g = gram(words, i)
        table[_slot(table, g)] = g


def table(words: np.ndarray) -> np.ndarray:
    """The set of the 4-grams of words: uint64, a power of two of slots, at most half full."""
    n_slots = 1
    if len(words) >= N:
        n_slots = 1 << max(4, (2 * len(words)).bit_length())
    found = np.zeros(n_slots, np.uint64)
    _fill(words, found)
    return found


@kernel(
    nb.void(
        nb.types.Array(nb.uint32, 1, "C"),
        nb.types.Array(nb.int32, 1, "C"),
        nb.types.Array(nb.uint8, 1, "C"),
        nb.types.Array(nb.uint64, 1, "C"),
        nb.float64,
    )
)
def drop_repeated(words, offsets, chosen, table, most):
    """Sets chosen to 0 for blocks whose 4-grams were chosen before, more than `most` of them.

    The table is empty, and large enough for all words. Blocks of fewer than four words stay.
    """
    for b in range(len(chosen)):
        if not chosen[b]:
            continue
        start, end = offsets[b], offsets[b + 1]
        if end - start >= N and gram_share(words, start, end, table) > most:
            chosen[b] = 0
            continue
        for i in range(start, end - N + 1):
            g = gram(words, i)
            table[_slot(table, g)] = g
