"""Words as datatrove counts them: the rules of spaCy's blank English tokenizer, compiled.

datatrove 0.10.1 measures every text with the tokenizer of `spacy.blank("en")` (spaCy 3.8.18),
whatever its language. Text is cut at white space; each chunk on its own is then cut so:

1. From both ends signs are cut off, again and again, until nothing changes: brackets, quotation
   marks, commas and the like; a full stop after a lower-case letter, a digit or a sign, or
   after two capitals; `'s`; a unit or currency after a digit. What has a tokenization of its own
   (`Mr.`, `don't`, `:-)`: 1,343 strings) ends this at once.
2. What is left is one token if it is such a string (then as that says) or an address of the
   web; else it is cut at its inner signs: dots between lower and upper case, hyphens and
   `,:<>=/` between letters, pictograms, operators between digits.
3. Tokens that stand beside one another and together are a string with a tokenization of its own
   become that, longest first.

The classes of characters and the strings lie in filters/data/english.npz, which
tests/bench/peers/english_tables.py makes by asking spaCy. Known differences: spaCy looks
for step 3 across white space too, where a longer find that comes to nothing can hide a shorter
one (`x:) )`); we look inside of a chunk. tests/bench/bench_profiles.py compares all the kit's text.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

from castor.filters.kernels._compile import inner
from castor.filters.kernels.datatrove.address import is_address
from castor.filters.kernels.datatrove.affixes import infix, prefix, suffix
from castor.filters.kernels.datatrove.tables import (
    FIRST,
    INNER,
    LAST,
    LONGEST,
    LONGEST_ASCII,
    UNIT,
    find,
    hash_of,
    is_own,
    own,
)
from castor.filters.kernels.unicode import decode

MOST_MENDED = 12  # tokens that a string of step 3 has by steps 1 and 2 alone


@inner
def decode_chunk(data, i, stop, pages, flags, points, offs, classes):
    """The code points of the chunk at bytes i to stop; returns their number and all classes.

    points, classes [n] and offs [n + 1], the byte at which each begins, are filled.
    """
    n, union = 0, np.int64(0)
    while i < stop:
        c, size = np.int64(data[i]), 1
        if c < 128:
            f = np.int64(flags[c])
        else:
            c, size = decode(data, i, stop)
            f = np.int64(flags[np.int64(pages[c >> 8]) << 8 | (c & 255)])
        points[n], offs[n], classes[n] = c, i, f
        union |= f
        n += 1
        i += size
    offs[n] = i
    return n, union


class Scratch(NamedTuple):
    """Room for one chunk, as long as the longest row: its code points and its tokens."""

    points: np.ndarray  # int64 [n]
    offs: np.ndarray  # int64 [n + 1], the byte at which each code point begins
    classes: np.ndarray  # int64 [n]
    cuts: np.ndarray  # int64 [n + 1], the code points at which tokens begin
    tails: np.ndarray  # int64 [n + 1], the suffixes; later what mending cuts
    seen: np.ndarray  # int64 [n + 1], for mending


SCRATCH = nb.types.NamedUniTuple(nb.int64[::1], 6, Scratch)


def scratch(longest: int) -> Scratch:
    """Room for chunks of that many bytes; memory is taken only where it is written."""
    return Scratch(*(np.empty(longest + 1, np.int64) for _ in Scratch._fields))


@inner
def _place(bits, room, lo, hi, out, m):
    """Writes the code points of [lo, hi) at whose bytes a bit is set; returns the new number."""
    for k in range(lo, hi):
        if bits >> np.uint64(room.offs[k] - room.offs[lo]) & np.uint64(1):
            out[m] = k
            m += 1
    return m


@inner
def _core(data, room, lo, hi, union, table, m):
    """Cuts what is left between the affixes; returns the new number of cuts."""
    bits = own(data, room.offs[lo], room.offs[hi], table.keys, table.starts, table.filter)
    if bits:
        return _place(bits, room, lo, hi, room.cuts, m)
    room.cuts[m] = lo
    m += 1
    if not union & INNER or is_address(room.points, room.classes, lo, hi):
        return m
    k = lo
    while k < hi:
        n = infix(room.points, room.classes, k, lo, hi) if room.classes[k] & INNER else 0
        if n == 0 or k == lo:
            k += max(n, 1)
            continue
        if room.cuts[m - 1] != k:
            room.cuts[m] = k
            m += 1
        k += n
        if k < hi:
            room.cuts[m] = k
            m += 1
    return m


@inner
def split(data, room, n, union, table):
    """Cuts the chunk of n code points that `decode_chunk` put in the room into tokens.

    union: all their classes. Returns their number; the first code point of each is in `room.cuts`.
    """
    points, offs, classes = room.points, room.offs, room.classes
    keys, starts, small = table.keys, table.starts, table.filter
    lo, hi, last, m, t = 0, n, -1, 0, 0
    while lo < hi and hi - lo != last:
        if own(data, offs[lo], offs[hi], keys, starts, small):
            break
        last = hi - lo
        p = prefix(points, classes, lo, hi)
        if p:
            room.cuts[m] = lo
            m += 1
            if own(data, offs[lo + p], offs[hi], keys, starts, small):
                lo += p
                break
        s = suffix(data, points, offs, classes, lo + p, hi, union, keys, starts)
        if s:
            room.tails[t] = hi - s
            t += 1
            if own(data, offs[lo], offs[hi - s], keys, starts, small):
                m -= p != 0
                hi -= s
                break
        lo += p
        hi -= s
    if lo < hi:
        m = _core(data, room, lo, hi, union, table, m)
    for k in range(t - 1, -1, -1):
        room.cuts[m] = room.tails[k]
        m += 1
    return _mend(data, room, m, n, table) if m > 1 else m


@inner
def _mended(data, room, i, j, n, m, table):
    """The slot of the string that tokens i to j are together, if it is to be mended; or -1."""
    begin, end = room.cuts[i], room.cuts[j] if j < m else n
    start, stop = room.offs[begin], room.offs[end]
    h = hash_of(data, start, stop)
    if not is_own(h, table.filter):
        return -1
    slot = find(h, table.keys)
    if slot < 0 or table.mended[slot] == 0:
        return -1
    bits = np.uint64(0)
    for k in range(i, j):
        bits |= np.uint64(1) << np.uint64(room.offs[room.cuts[k]] - start)
    return slot if bits == table.mended[slot] else -1


@inner
def _mend(data, room, m, n, table):
    """Step 3: tokens that are together a string with its own tokenization; longest first.

    A find rules out every shorter one that begins or ends inside of it, accepted or not.
    """
    any_found = False
    longest = LONGEST_ASCII if room.offs[n] - room.offs[0] == n else LONGEST
    for size in range(min(m, MOST_MENDED), 1, -1):
        for i in range(m - size + 1):
            end = room.cuts[i + size] if i + size < m else n
            begin = room.cuts[i]
            if not (room.classes[begin] & FIRST and room.classes[end - 1] & LAST):
                continue
            if room.offs[end] - room.offs[begin] > longest:
                continue
            slot = _mended(data, room, i, i + size, n, m, table)
            if slot < 0:
                continue
            if not any_found:
                any_found = True
                for k in range(m):
                    room.seen[k] = 0  # 0: not found, 1: in a find, else the find's own: its slot
            if room.seen[i] == 0 and room.seen[i + size - 1] == 0:
                room.seen[i] = 2 + slot * 64 + size
                for k in range(i + 1, i + size):
                    room.seen[k] = 1
            else:
                for k in range(i, i + size):
                    room.seen[k] = max(room.seen[k], 1)
    if not any_found:
        return m
    i = new = 0
    while i < m:
        if room.seen[i] < 2:
            room.tails[new] = room.cuts[i]
            new, i = new + 1, i + 1
            continue
        size = (room.seen[i] - 2) & 63
        end = room.cuts[i + size] if i + size < m else n
        bits = table.starts[(room.seen[i] - 2) >> 6]
        new = _place(bits & ~UNIT, room, room.cuts[i], end, room.tails, new)
        i += size
    for k in range(new):
        room.cuts[k] = room.tails[k]
    return new
