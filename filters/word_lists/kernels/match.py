"""Which words of a text lie in an entry of a list, over the hashes of `normalised_words`."""

from __future__ import annotations

import numba as nb
import numpy as np

from castor.filters.kernels._compile import I64, U8, U64, at, kernel
from castor.filters.kernels.words import FNV_BASIS, FNV_PRIME

MARKS = nb.uint8[::1]


@nb.njit(nogil=True, _nrt=False)
def slot_of(keys, h):
    """The slot of a hash in a table with linear probing, 0 for empty; -1 where it is not."""
    mask = np.uint64(len(keys) - 1)
    slot = (h >> np.uint64(24)) & mask
    while at(keys, np.int64(slot)) != 0:
        if at(keys, np.int64(slot)) == h:
            return np.int64(slot)
        slot = (slot + np.uint64(1)) & mask
    return np.int64(-1)


@kernel(nb.void(U64, I64, I64, U64, I64, U64, MARKS))
def mark_covered(hashes, offsets, rows, heads, lengths, grams, marks):
    """Marks the words of rows that lie in an entry, whole words only.

    Args:
        hashes, offsets: of all rows, as `normalised_words` gives them.
        rows: int64 [n], the rows to look in.
        heads: a table of the first words of entries; lengths: the words of the longest of each.
        grams: a table of whole entries, folded as `fold_grams` does.
        marks: uint8 [n_words], set to 1 where a word is covered.
    """
    for r in range(len(rows)):
        stop = offsets[rows[r] + 1]
        for i in range(offsets[rows[r]], stop):
            slot = slot_of(heads, hashes[i])
            if slot < 0:
                continue
            h, end = FNV_BASIS, i
            for k in range(i, min(stop, i + lengths[slot])):
                h = (h ^ hashes[k]) * FNV_PRIME
                if slot_of(grams, h) >= 0:
                    end = k + 1
            for k in range(i, end):
                marks[k] = 1


@kernel(nb.void(U8, I64, I64, I64, I64, I64, U64, MARKS))
def mark_begun(data, bounds, starts, ends, offsets, rows, beginnings, marks):
    """Marks the words of rows that begin with an entry.

    Args:
        data, bounds: the bytes of the column and of its rows.
        starts, ends, offsets: the words, as `normalised_words` gives them.
        rows: int64 [n], the rows to look in.
        beginnings: a table of entries, FNV-1a of their bytes with ASCII in lower case.
        marks: uint8 [n_words], set to 1.
    """
    for r in range(len(rows)):
        row = rows[r]
        for w in range(offsets[row], offsets[row + 1]):
            h = FNV_BASIS
            stop = bounds[row] + ends[w]
            for i in range(bounds[row] + starts[w], stop):
                byte = np.int64(at(data, i))
                h = (h ^ np.uint64(byte | 32 if 65 <= byte <= 90 else byte)) * FNV_PRIME
                whole = i + 1 == stop or at(data, i + 1) & 0xC0 != 0x80
                if whole and slot_of(beginnings, h) >= 0:
                    marks[w] = 1
                    break
