"""How much of a text repeats: lines, paragraphs and word n-grams, exactly.

N-grams are found as ngrams.py tells. What is equal has equal hashes of 64 bits.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from castor.filters.kernels._compile import I32, I64, U8, U64, inner, kernel
from castor.filters.kernels.ngrams import GRAMS, grams, label, longer, most_frequent, pairs
from castor.filters.kernels.scan import Scan
from castor.filters.kernels.words import FNV_BASIS, FNV_PRIME

FIELDS = (
    "DUPLICATE_LINES DUPLICATE_LINE_CHARACTERS DUPLICATE_PARAGRAPHS "
    "DUPLICATE_PARAGRAPH_CHARACTERS NGRAM_CHARACTERS"
).split()
(
    DUPLICATE_LINES, DUPLICATE_LINE_CHARACTERS, DUPLICATE_PARAGRAPHS,
    DUPLICATE_PARAGRAPH_CHARACTERS, NGRAM_CHARACTERS,
) = range(len(FIELDS))  # fmt: skip
SHORTEST, LONGEST = 2, 10  # n: the most frequent of 2 to 4, all repeated ones of 5 to 10
TOP = 4


def repetition(scan: Scan) -> np.ndarray:
    """What repeats in every row: int64 [rows, 13].

    Columns 0 to 3 as FIELDS: lines that occur more than once (every occurrence) and their
    characters; the same for paragraphs. Column NGRAM_CHARACTERS + n - 2 is for n = 2, 3, 4 the
    characters in words inside an occurrence of the most frequent n-gram (the earliest of
    equals; 0 if none occurs twice), for n = 5 to 10 inside any n-gram that occurs more than
    once; a word inside several occurrences is counted once.
    """
    rows = len(scan.word_rows) - 1
    out = np.zeros((rows, NGRAM_CHARACTERS + LONGEST - SHORTEST + 1), np.int64)
    longest = max(int(np.diff(r).max(initial=1)) for r in (scan.word_rows, scan.line_rows))
    _repetition(scan.word_hashes, scan.word_ends, scan.word_rows, scan.line_hashes,
                scan.line_characters, scan.line_begins, scan.line_rows, grams(longest),
                out)  # fmt: skip
    return out


@inner
def _covered(ids, places, n_places, wanted, n, ends, s):
    """Characters in words under the n-grams at the places (only of id `wanted`, -1: all)."""
    total, until = np.int64(0), np.int64(0)
    for k in range(n_places):
        i = places[k]
        if wanted >= 0 and ids[i] != wanted:
            continue
        total += ends[s + i + n] - ends[s + max(i, until)]
        until = i + n
    return total


@inner
def _ngrams(words, ends, s, n, grams, base, out):
    """Fills the n-gram columns of one row; returns the new base of the table."""
    first, counts, places = grams.first, grams.counts, grams.places
    m = pairs(words, s, n, grams.table, base, grams.seen, first, counts, places)
    for size in range(SHORTEST, LONGEST + 1):
        if size > SHORTEST and m:
            base += np.uint64(n)
            m = longer(words, s, n, size, grams.table, base, first, counts, places, m)
        if m == 0:
            break
        wanted = most_frequent(first, counts, places, m) if size <= TOP else np.int64(-1)
        found = _covered(first, places, m, wanted, size, ends, s)
        out[NGRAM_CHARACTERS + size - SHORTEST] = found
    return base + np.uint64(n)


@inner
def _lines(keys, characters, begins, grams, base, out):
    """Fills the line and paragraph columns of one row; returns the new base of the table."""
    n, first, counts = len(keys), grams.first, grams.counts
    label(keys, n, grams.table, base, first, counts)
    base += np.uint64(n)
    for i in range(n):
        if counts[first[i]] > 1:
            out[DUPLICATE_LINES] += 1
            out[DUPLICATE_LINE_CHARACTERS] += characters[i]
    paragraphs, n_paragraphs = grams.words, 0
    for i in range(n):
        if begins[i]:
            n_paragraphs += 1
            paragraphs[n_paragraphs - 1] = FNV_BASIS
        h = paragraphs[n_paragraphs - 1] ^ keys[i]
        paragraphs[n_paragraphs - 1] = h * FNV_PRIME
    label(paragraphs, n_paragraphs, grams.table, base, first, counts)
    base += np.uint64(n_paragraphs)
    paragraph = -1
    for i in range(n):
        paragraph += begins[i]
        if counts[first[paragraph]] > 1:
            out[DUPLICATE_PARAGRAPHS] += begins[i]
            out[DUPLICATE_PARAGRAPH_CHARACTERS] += characters[i]
    return base


@kernel(nb.void(U64, I64, I64, U64, I32, U8, I64, GRAMS, nb.int64[:, ::1]))
def _repetition(hashes, ends, word_rows, line_hashes, characters, begins, line_rows, grams, out):
    base = np.uint64(1)
    for row in range(len(out)):
        s, e = line_rows[row], line_rows[row + 1]
        base = _lines(line_hashes[s:e], characters[s:e], begins[s:e], grams, base, out[row])
        s, n = word_rows[row], word_rows[row + 1] - word_rows[row]
        base = _ngrams(hashes, ends, s, n, grams, base, out[row])
