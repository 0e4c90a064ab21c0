"""What DCLM's Gopher filters count, for annotator text_dclm.

Lines are what LF separates, paragraphs what LF LF does, without white space at their ends, empty
ones left out; of those that occur more than once every copy counts. Words are cut at white
space, except in n-grams (segments.py) and where the length of a page is asked: there those cut at
ASCII white space that begin with a letter or numeral. A character in several repeated n-grams
counts once; of equally frequent n-grams the longest is taken, and one that occurs once counts
nothing (mlfoundations/dclm, baselines/mappers/filters/content_filters.py and core_utils.py).
"""

from __future__ import annotations

import numba as nb
import numpy as np
import pyarrow as pa

from castor.filters.kernels._compile import I64, U8, U16, U64, inner, kernel
from castor.filters.kernels.column import buffers
from castor.filters.kernels.dclm.segments import MIDS, next_word
from castor.filters.kernels.ngrams import ROOM, copies, longer, pairs, room
from castor.filters.kernels.unicode import LETTER, NUMBER, SPACE, char_at, tables
from castor.filters.kernels.words import FNV_BASIS, FNV_PRIME, finish

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")  # Rae et al. 2021, A.1.1
STOP_CODES = np.array([int.from_bytes(w.encode(), "big") for w in STOP_WORDS], np.uint64)
FIELDS = (
    "CHARACTERS WORDS WORD_CHARACTERS PAGE_WORDS LETTER_WORDS STOP_WORDS SYMBOLS LINES "
    "LINE_CHARACTERS BULLET_LINES ELLIPSIS_LINES DUPLICATE_LINES DUPLICATE_LINE_CHARACTERS "
    "PARAGRAPHS PARAGRAPH_CHARACTERS DUPLICATE_PARAGRAPHS DUPLICATE_PARAGRAPH_CHARACTERS "
    "SEGMENT_CHARACTERS REPEATED_GRAMS"
).split()
(
    CHARACTERS, WORDS, WORD_CHARACTERS, PAGE_WORDS, LETTER_WORDS, STOPS, SYMBOLS, LINES,
    LINE_CHARACTERS, BULLET_LINES, ELLIPSIS_LINES, DUPLICATE_LINES, DUPLICATE_LINE_CHARACTERS,
    PARAGRAPHS, PARAGRAPH_CHARACTERS, DUPLICATE_PARAGRAPHS, DUPLICATE_PARAGRAPH_CHARACTERS,
    SEGMENT_CHARACTERS, REPEATED_GRAMS,
) = range(len(FIELDS))  # fmt: skip
SHORTEST, TOP, LONGEST = 2, 4, 10
WIDTH = len(FIELDS) + LONGEST - SHORTEST


def counts(column: pa.Array) -> np.ndarray:
    """Everything that is counted in each text of a string or large_string column.

    Returns:
        int64 [rows, WIDTH], columns as FIELDS; REPEATED_GRAMS + n - 2 is for n = 2 to 4 the
        characters of the most frequent n-gram times how often it occurs, for n = 5 to 10 those
        in words of any that occurs more than once. A null row is an empty text.
    """
    data, rows = buffers(column)
    out = np.zeros((len(rows) - 1, WIDTH), np.int64)
    table = tables()
    longest = int(np.diff(rows).max(initial=0))
    _counts(data, rows, table.pages, table.flags, STOP_CODES, MIDS, room(longest), out)
    return out


@inner
def _words(data, i, stop, pages, flags, stop_codes, row):
    """Counts the words that are cut at white space, and characters."""
    size, begins, letter, code = 0, False, False, np.uint64(0)
    ascii_begin = True  # the next character begins a word for ASCII's white space
    n_bytes = 0
    while True:
        c, n, f = (np.int64(32), 1, np.int64(SPACE))
        if i < stop:
            c, n, f = char_at(data, i, stop, pages, flags)
            row[CHARACTERS] += 1
        separates = c == 32 or 9 <= c <= 13 or c == 0
        if not separates and ascii_begin:
            row[PAGE_WORDS] += f & (LETTER | NUMBER) != 0
        ascii_begin = separates
        if f & SPACE:
            if begins:
                row[WORDS] += 1
                row[WORD_CHARACTERS] += size
                row[LETTER_WORDS] += letter
                if n_bytes <= 4:
                    for k in range(len(stop_codes)):
                        row[STOPS] += stop_codes[k] == code
            size, begins, letter, code, n_bytes = 0, False, False, np.uint64(0), 0
        else:
            begins = True
            size += 1
            letter |= f & LETTER != 0
            lower = c | 32 if 65 <= c <= 90 else c
            code = code << np.uint64(8) | np.uint64(lower & 255) | np.uint64((c > 127) << 7)
            n_bytes += n
        if i >= stop:
            return
        i += n


@inner
def _symbols(data, i, stop, row):
    """Counts `#`, `...`, `. . .` and the ellipsis sign."""
    dots = spaced = 0
    after = -1  # the byte after a `. . ` or `. `
    for k in range(i, stop):
        c = data[k]
        row[SYMBOLS] += c == 0x23
        dots = dots + 1 if c == 0x2E else 0
        if dots == 3:
            row[SYMBOLS] += 1
            dots = 0
        if c == 0xA6 and k - i >= 2 and data[k - 1] == 0x80 and data[k - 2] == 0xE2:
            row[SYMBOLS] += 1
        if c == 0x2E:
            spaced = spaced + 1 if k == after else 1
            after = k + 2 if k + 1 < stop and data[k + 1] == 32 else -1
            if spaced == 3:
                row[SYMBOLS] += 1
                after = -1


@inner
def _stripped(data, i, stop, pages, flags):
    """The span of a text without white space at its ends, its characters and their hash."""
    begin = end = i
    h = kept = FNV_BASIS
    size = characters = 0
    while i < stop:
        _, n, f = char_at(data, i, stop, pages, flags)
        blank = f & SPACE != 0
        if size == 0 and blank:
            i += n
            begin = end = i
            continue
        for k in range(i, i + n):
            h = (h ^ np.uint64(data[k])) * FNV_PRIME
        size += 1
        i += n
        if not blank:
            end, kept, characters = i, h, size
    return begin, end, characters, finish(kept)


@inner
def _line_signs(data, begin, end, row):
    """Counts what a line's two ends say."""
    first = data[begin]
    bullet = first == 0x2A or first == 0x2D
    if end - begin >= 3 and first == 0xE2:
        bullet = bullet or (data[begin + 1] == 0x80 and data[begin + 2] == 0xA2)
        bullet = bullet or (data[begin + 1] == 0x97 and data[begin + 2] == 0x8F)
    row[BULLET_LINES] += bullet
    dots = end - begin >= 3 and data[end - 1] == 46 and data[end - 2] == 46 and data[end - 3] == 46
    sign = end - begin >= 3 and data[end - 3] == 0xE2 and data[end - 2] == 0x80
    spaced = end - begin >= 5 and data[end - 1] == 46 and data[end - 2] == 32
    spaced = spaced and data[end - 3] == 46 and data[end - 4] == 32 and data[end - 5] == 46
    row[ELLIPSIS_LINES] += dots or spaced or (sign and data[end - 1] == 0xA6)


@inner
def _parts(data, i, stop, pages, flags, width, room, row):
    """Puts the hash and size of every line (width 1) or paragraph (2) into the room."""
    n, begin, k = 0, i, i
    while k <= stop:
        cut = k == stop or (data[k] == 10 and (width == 1 or (k + 1 < stop and data[k + 1] == 10)))
        if not cut:
            k += 1
            continue
        a, b, size, h = _stripped(data, begin, k, pages, flags)
        if size:
            room.keys[n], room.sizes[n] = h, size
            n += 1
            if width == 1:
                _line_signs(data, a, b, row)
        k += width if k < stop else 1
        begin = k
    return n


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
        found = until = most = np.int64(0)
        for k in range(m):
            i = places[k]
            length = ends[i + size] - ends[i]
            if size > TOP:
                found += ends[i + size] - ends[max(i, until)]
                until = i + size
            elif counts[first[i]] > most or (counts[first[i]] == most and length * most > found):
                most = counts[first[i]]
                found = length * most
        row[REPEATED_GRAMS + size - SHORTEST] = found
    return base + np.uint64(n)


@kernel(nb.void(U8, I64, U16, U16, U64, I64, ROOM, nb.int64[:, ::1]))
def _counts(data, rows, pages, flags, stop_codes, mids, room, out):
    base, grams = np.uint64(1), room.grams
    for r in range(len(out)):
        row, i, stop = out[r], rows[r], rows[r + 1]
        if stop > i:
            _words(data, i, stop, pages, flags, stop_codes, row)
            _symbols(data, i, stop, row)
        for width in range(1, 3):
            n = _parts(data, i, stop, pages, flags, width, room, row)
            total, number, characters = copies(room, n, base)
            base += np.uint64(n + 2)
            if width == 1:
                row[LINES], row[LINE_CHARACTERS] = n, total
                row[DUPLICATE_LINES], row[DUPLICATE_LINE_CHARACTERS] = number, characters
            else:
                row[PARAGRAPHS], row[PARAGRAPH_CHARACTERS] = n, total
                row[DUPLICATE_PARAGRAPHS] = number
                row[DUPLICATE_PARAGRAPH_CHARACTERS] = characters
        w = 0
        while i < stop:
            i, h, size = next_word(data, i, stop, pages, flags, mids)
            if size:
                grams.words[w], grams.ends[w + 1] = h, grams.ends[w] + size
                w += 1
        row[SEGMENT_CHARACTERS] = grams.ends[w]
        base = _repeated_grams(grams, w, base, row)
