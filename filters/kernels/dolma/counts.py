"""What Dolma's Gopher tagger counts, for annotator text_dolma.

Words are cut at white space, signs stay on them. Lines are what LF separates, exactly as they
stand, blank and empty ones too. Of lines and of n-grams that occur more than once every copy
counts, and a character in overlapping n-grams counts once for each (allenai/dolma,
python/dolma/taggers/gopher.py, as of 2025).
"""

from __future__ import annotations

import numba as nb
import numpy as np
import pyarrow as pa

from castor.filters.kernels._compile import I64, U8, U16, U64, inner, kernel
from castor.filters.kernels.column import buffers
from castor.filters.kernels.ngrams import ROOM, copies, longer, most_frequent, pairs, room
from castor.filters.kernels.unicode import LETTER, SPACE, char_at, tables
from castor.filters.kernels.words import FNV_BASIS, FNV_PRIME, finish

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")  # Rae et al. 2021, A.1.1
STOP_CODES = np.array([int.from_bytes(w.encode(), "big") for w in STOP_WORDS], np.uint64)
FIELDS = (
    "CHARACTERS WORDS WORD_CHARACTERS SYMBOL_WORDS LETTER_WORDS STOP_WORDS LINES BULLET_LINES "
    "ELLIPSIS_LINES DUPLICATE_LINES DUPLICATE_LINE_CHARACTERS REPEATED_GRAMS"
).split()
(
    CHARACTERS, WORDS, WORD_CHARACTERS, SYMBOL_WORDS, LETTER_WORDS, STOPS, LINES, BULLET_LINES,
    ELLIPSIS_LINES, DUPLICATE_LINES, DUPLICATE_LINE_CHARACTERS, REPEATED_GRAMS,
) = range(len(FIELDS))  # fmt: skip
SHORTEST, TOP, LONGEST = 2, 4, 10
GRAMS = LONGEST - SHORTEST + 1
ALL_GRAMS = REPEATED_GRAMS + GRAMS  # the first of as many columns
WIDTH = ALL_GRAMS + GRAMS


def counts(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Everything that is counted in each text of a string or large_string column.

    Returns:
        counts: int64 [rows, WIDTH], columns as FIELDS; REPEATED_GRAMS + n - 2 is for n = 2 to 4
            the characters of the most frequent n-gram (the earliest of equals) times how often
            it occurs, for n = 5 to 10 those of all that occur more than once, every copy;
            ALL_GRAMS + n - 2 are the characters of all n-grams. A null row is an empty text.
        medians: float64 [rows], of the characters of a word; 0 without words.
    """
    data, rows = buffers(column)
    out = np.zeros((len(rows) - 1, WIDTH), np.int64)
    lengths = np.empty((int(rows[-1] - rows[0]) + len(rows)) // 2 + 1, np.int64)
    table = tables()
    longest = int(np.diff(rows).max(initial=0))
    _counts(data, rows, table.pages, table.flags, STOP_CODES, room(longest), lengths, out)
    ends = np.cumsum(out[:, WORDS])
    medians = [
        float(np.median(lengths[end - size : end])) if size else 0.0
        for end, size in zip(ends, out[:, WORDS], strict=True)
    ]
    return out, np.array(medians)


@inner
def _word(data, i, stop, pages, flags, stop_codes, row):
    """Reads the word at byte i: the byte after it, its hash and its characters."""
    h, code, size, begin = FNV_BASIS, np.uint64(0), 0, i
    letter = symbol = False
    while i < stop:
        c, n, f = char_at(data, i, stop, pages, flags)
        if f & SPACE:
            break
        letter |= f & LETTER != 0
        symbol |= c == 0x23 or c == 0x2026
        for k in range(i, i + n):
            h = (h ^ np.uint64(data[k])) * FNV_PRIME
            code = code << np.uint64(8) | np.uint64(data[k])
        size += 1
        i += n
    row[LETTER_WORDS] += letter
    row[SYMBOL_WORDS] += symbol
    if i - begin <= 4:
        for k in range(len(stop_codes)):
            row[STOPS] += stop_codes[k] == code
    return i, finish(h), size


@inner
def _read(data, i, stop, pages, flags, stop_codes, room, row):
    """Reads one text; returns its words and its lines."""
    w = n_lines = size = 0
    h, begin = FNV_BASIS, i
    while i <= stop:
        if i == stop or data[i] == 10:
            room.keys[n_lines], room.sizes[n_lines] = finish(h), size
            n_lines += 1
            if i > begin:
                row[BULLET_LINES] += data[begin] == 0x2A or data[begin] == 0x2D
                dots = i - begin >= 3 and data[i - 3] == 0xE2 and data[i - 2] == 0x80
                row[ELLIPSIS_LINES] += dots and data[i - 1] == 0xA6
            row[CHARACTERS] += size + (i < stop)
            i += 1
            h, size, begin = FNV_BASIS, 0, i
            continue
        c, n, f = char_at(data, i, stop, pages, flags)
        if f & SPACE:
            h = (h ^ np.uint64(c + 1)) * FNV_PRIME
            size += 1
            i += n
            continue
        i, word, length = _word(data, i, stop, pages, flags, stop_codes, row)
        h = (h ^ word) * FNV_PRIME
        size += length
        room.grams.words[w] = word
        room.grams.ends[w + 1] = room.grams.ends[w] + length
        w += 1
    return w, n_lines


@inner
def _repeated_grams(grams, n, base, row):
    """Fills the n-gram columns; returns the new base of the table."""
    words, ends, first, counts = grams.words, grams.ends, grams.first, grams.counts
    places = grams.places
    m = pairs(words, 0, n, grams.table, base, grams.seen, first, counts, places)
    for size in range(SHORTEST, LONGEST + 1):
        if size > SHORTEST and m:
            base += np.uint64(n)
            m = longer(words, 0, n, size, grams.table, base, first, counts, places, m)
        found = np.int64(0)
        if size <= TOP and n >= size:
            f = most_frequent(first, counts, places, m) if m else 0
            found = (ends[f + size] - ends[f]) * (counts[f] if m else 1)
        elif size > TOP:
            for k in range(m):
                found += ends[places[k] + size] - ends[places[k]]
        row[REPEATED_GRAMS + size - SHORTEST] = found
        for i in range(n - size + 1):
            row[ALL_GRAMS + size - SHORTEST] += ends[i + size] - ends[i]
    return base + np.uint64(n)


@kernel(nb.void(U8, I64, U16, U16, U64, ROOM, nb.int64[::1], nb.int64[:, ::1]))
def _counts(data, rows, pages, flags, stop_codes, room, lengths, out):
    base, total, grams = np.uint64(1), 0, room.grams
    for k in range(len(out)):
        row = out[k]
        n, n_lines = _read(data, rows[k], rows[k + 1], pages, flags, stop_codes, room, row)
        row[WORDS], row[WORD_CHARACTERS], row[LINES] = n, grams.ends[n], n_lines
        for i in range(n):
            lengths[total + i] = grams.ends[i + 1] - grams.ends[i]
        total += n
        base += np.uint64(n_lines + 2)
        _, row[DUPLICATE_LINES], row[DUPLICATE_LINE_CHARACTERS] = copies(room, n_lines, base)
        base += np.uint64(n_lines + 2)
        base = _repeated_grams(grams, n, base, row)
