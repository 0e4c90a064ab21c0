"""What repeats in a text: lines, paragraphs, n-grams, and lines of what C4 leaves."""

from __future__ import annotations

import numpy as np

from castor.filters.kernels._compile import at, inlined, inner, put
from castor.filters.kernels.datatrove.room import (
    DUPLICATE_LINE_CHARACTERS,
    DUPLICATE_LINES,
    DUPLICATE_PARAGRAPH_CHARACTERS,
    DUPLICATE_PARAGRAPHS,
    DUPLICATE_TEXT_CHARACTERS,
    LINES,
    LONGEST_GRAM,
    NGRAMS,
    OPEN_CHARACTERS,
    OPEN_DUPLICATE_CHARACTERS,
    OPEN_ENDED_LINES,
    OPEN_NEWLINES,
    OPEN_SHORT_LINES,
    OPEN_TEXT_LINES,
    OPEN_TOKENS,
    PARAGRAPHS,
    SHORT_LINE,
    SHORTEST,
    TOP,
)
from castor.filters.kernels.datatrove.tables import (
    K0,
    K1,
)
from castor.filters.kernels.datatrove.words import (
    BASIS,
    STEP,
)
from castor.filters.kernels.ngrams import (
    bits_of,
    first_place,
    longer,
    most_frequent,
    pairs,
)


@inner
def _whole(parts, lead, trail):
    """The hash of a line with or without the white space at its ends."""
    h = parts[0]
    h ^= parts[1] * K1 if lead else np.uint64(0)
    return h ^ (parts[2] * K0 if trail else np.uint64(0))


@inner
def repeated_lines(data, i, stop, room, n, base, row):
    """Lines that were there before, as strings; `base` as in `ngrams.first_place`."""
    bits = bits_of(n)
    for k in range(n):
        size = room.line_size[k, 0]
        if size == 0:
            continue
        row[LINES] += 1
        key = _whole(room.line_hash[k], True, True)
        if first_place(room.grams.table, bits, base, key, k) != k:
            row[DUPLICATE_LINES] += 1
            row[DUPLICATE_LINE_CHARACTERS] += size
            row[DUPLICATE_TEXT_CHARACTERS] += size if room.line_size[k, 2] >= 0 else 0
    both = 0
    if stop > i:
        both = (data[i] == 10) + (data[stop - 1] == 10)
    row[LINES] += both
    row[DUPLICATE_LINES] += both == 2


@inner
def _ends_of(sizes, n):
    """The first and the last of n lines that are not blank; (n, -1) if all are."""
    a, b = 0, n - 1
    while a < n and sizes[a, 2] < 0:
        a += 1
    while b >= a and sizes[b, 2] < 0:
        b -= 1
    return (a, b) if a < n else (n, -1)


@inner
def repeated_paragraphs(room, n, base, row):
    """Paragraphs of the text without white space at its ends that were there before."""
    bits = bits_of(n)
    a, b = _ends_of(room.line_size, n)
    row[PARAGRAPHS] = 1 if b < 0 else 0
    h, size, open_ = BASIS, np.int64(0), False
    for k in range(a, b + 2):
        if k <= b and room.line_size[k, 0] > 0:
            h = (h ^ _whole(room.line_hash[k], k > a, k < b)) * STEP
            h ^= h >> np.uint64(31)
            size += room.line_size[k, 0] + open_
            size -= room.line_size[k, 1] if k == a else 0
            size -= room.line_size[k, 2] if k == b else 0
            open_ = True
        elif open_:
            row[PARAGRAPHS] += 1
            if first_place(room.grams.table, bits, base, h, k) != k:
                row[DUPLICATE_PARAGRAPHS] += 1
                row[DUPLICATE_PARAGRAPH_CHARACTERS] += size
            h, size, open_ = BASIS, np.int64(0), False


@inner
def left_lines(room, n, base, row):
    """FineWeb's counts in what C4 leaves: a text without white space at its ends."""
    bits = bits_of(n)
    a, b = _ends_of(room.kept_size, n)
    for k in range(a, b + 1):
        kept = room.kept_size[k]
        size = kept[0] - (kept[1] if k == a else 0) - (kept[2] if k == b else 0)
        row[OPEN_CHARACTERS] += size
        row[OPEN_NEWLINES] += k > a
        if kept[2] < 0:
            continue
        row[OPEN_TOKENS] += kept[3]
        row[OPEN_TEXT_LINES] += 1
        row[OPEN_ENDED_LINES] += kept[4] != 0 and (kept[2] == 0 or k == b)
        row[OPEN_SHORT_LINES] += size <= SHORT_LINE
        if (
            first_place(room.grams.table, bits, base, _whole(room.kept_hash[k], k > a, k < b), k)
            != k
        ):
            row[OPEN_DUPLICATE_CHARACTERS] += size


@inlined
def _greedy(grams, m, size):
    """Characters in size-grams that were met before, each cut out as it is met."""
    first, counts, ends = grams.first, grams.counts, grams.ends
    total, until = np.int64(0), np.int64(0)
    for k in range(m):
        i = at(grams.places, k)
        if i < until:
            continue
        f = at(first, i)
        if at(counts, f) == -size:
            total += at(ends, i + size) - at(ends, i)
            until = i + size
        else:
            put(counts, f, np.int64(-size))
    return total


@inner
def repeated_grams(grams, n, base, row):
    """Fills the n-gram columns; returns the new base of the table."""
    words, ends, first, counts = grams.words, grams.ends, grams.first, grams.counts
    places = grams.places
    m = pairs(words, 0, n, grams.table, base, grams.seen, first, counts, places)
    for size in range(SHORTEST, LONGEST_GRAM + 1):
        if size > SHORTEST and m:
            base += np.uint64(n)
            m = longer(words, 0, n, size, grams.table, base, first, counts, places, m)
        found = np.int64(0)
        if size <= TOP:
            f = most_frequent(first, counts, places, m) if m else 0
            if n >= size:
                found = ends[f + size] - ends[f] + size - 1
                found *= counts[f] if m else 1
        elif m:
            found = _greedy(grams, m, size)
        row[NGRAMS + size - SHORTEST] = found
    return base + np.uint64(n)
