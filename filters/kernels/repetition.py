"""How much of a text repeats: lines, paragraphs and word n-grams, exactly.

An n-gram can repeat only if both (n-1)-grams inside it do, so each length visits the places
that survived the one before. An n-gram is identified by the pair of its two (n-1)-grams, not
by a hash of its words: only the 64-bit hashes of words and lines could ever collide.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from castor.filters.kernels._compile import I32, I64, U8, U64, kernel
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
    size = 4 << longest.bit_length()  # two words per slot, at most half of the slots in use
    table = np.zeros(size, np.uint64)
    ids, places, counts = (np.empty(longest + 1, np.int64) for _ in range(3))
    keys = np.empty(longest + 1, np.uint64)
    _repetition(scan.word_hashes, scan.word_ends, scan.word_rows, scan.line_hashes,
                scan.line_characters, scan.line_begins, scan.line_rows, table, keys, ids, places,
                counts, out)  # fmt: skip
    return out


@nb.njit(nogil=True, _nrt=False)
def _bits(n):
    """Bits of a table with at least twice as many slots as n."""
    bits = 2
    while (1 << bits) < 2 * n:
        bits += 1
    return np.uint64(bits)


@nb.njit(nogil=True, _nrt=False)
def _first(table, bits, base, key, place):
    """The place where the key was first put since base; puts it at `place` if it is new.

    A slot is two numbers: the key, and base + place. Slots below base are free, so the table
    is never cleared; base grows.
    """
    mask = (np.uint64(1) << bits) - np.uint64(1)
    slot = (key * np.uint64(0x9E3779B97F4A7C15)) >> (np.uint64(64) - bits)
    while True:
        at = table[2 * slot + np.uint64(1)]
        if at < base:
            table[2 * slot], table[2 * slot + np.uint64(1)] = key, base + np.uint64(place)
            return place
        if table[2 * slot] == key:
            return np.int64(at - base)
        slot = (slot + np.uint64(1)) & mask


@nb.njit(nogil=True, _nrt=False)
def _label(keys, n, table, base, ids, counts):
    """ids[i] = first place of an equal key, counts[that place] = how many there are."""
    bits = _bits(n)
    for i in range(n):
        first = _first(table, bits, base, keys[i], i)
        ids[i] = first
        counts[first] = 1 if first == i else counts[first] + 1


@nb.njit(nogil=True, _nrt=False)
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


@nb.njit(nogil=True, _nrt=False)
def _next_level(ids, places, n_places, counts, table, base):
    """From places of repeated (n-1)-grams to those of repeated n-grams; returns their number.

    ids[i] is the first place of the gram that begins at word i, or -1 if it does not repeat.
    """
    bits, kept = _bits(n_places), 0
    for k in range(n_places):
        i = places[k]
        a, b = ids[i], ids[i + 1]
        ids[i] = -1
        if b < 0:
            continue
        first = _first(table, bits, base, np.uint64(a) << np.uint64(32) | np.uint64(b), i)
        ids[i] = first
        counts[first] = 1 if first == i else counts[first] + 1
        places[kept] = i
        kept += 1
    n_places, kept = kept, 0
    for k in range(n_places):
        i = places[k]
        if counts[ids[i]] > 1:
            places[kept] = i
            kept += 1
        else:
            ids[i] = -1
    return kept


@nb.njit(nogil=True, _nrt=False)
def _ngrams(ends, s, n_words, keys, table, base, ids, places, counts, out):
    """Fills the n-gram columns of one row; returns the new base of the table."""
    _label(keys, n_words, table, base, ids, counts)
    base += np.uint64(n_words)
    n_places = 0
    for i in range(n_words):
        if counts[ids[i]] > 1:
            places[n_places] = i
            n_places += 1
        else:
            ids[i] = -1
    ids[n_words] = -1
    for n in range(SHORTEST, LONGEST + 1):
        n_places = _next_level(ids, places, n_places, counts, table, base)
        base += np.uint64(n_words)
        if n_places == 0:
            break
        wanted = np.int64(-1)
        if n <= TOP:
            wanted = ids[places[0]]
            for k in range(n_places):
                if counts[ids[places[k]]] > counts[wanted]:
                    wanted = ids[places[k]]
        found = _covered(ids, places, n_places, wanted, n, ends, s)
        out[NGRAM_CHARACTERS + n - SHORTEST] = found
    return base


@nb.njit(nogil=True, _nrt=False)
def _lines(characters, begins, s, n_lines, keys, table, base, ids, counts, out):
    """Fills the line and paragraph columns of one row; returns the new base of the table."""
    _label(keys, n_lines, table, base, ids, counts)
    base += np.uint64(n_lines)
    for i in range(n_lines):
        if counts[ids[i]] > 1:
            out[DUPLICATE_LINES] += 1
            out[DUPLICATE_LINE_CHARACTERS] += characters[s + i]
    n_paragraphs = 0
    for i in range(n_lines):
        if begins[s + i]:
            n_paragraphs += 1
            keys[n_paragraphs - 1] = (FNV_BASIS ^ keys[i]) * FNV_PRIME
        else:
            keys[n_paragraphs - 1] = (keys[n_paragraphs - 1] ^ keys[i]) * FNV_PRIME
    _label(keys, n_paragraphs, table, base, ids, counts)
    base += np.uint64(n_paragraphs)
    paragraph = -1
    for i in range(n_lines):
        paragraph += begins[s + i]
        if counts[ids[paragraph]] > 1:
            out[DUPLICATE_PARAGRAPHS] += begins[s + i]
            out[DUPLICATE_PARAGRAPH_CHARACTERS] += characters[s + i]
    return base


@kernel(nb.void(U64, I64, I64, U64, I32, U8, I64, nb.uint64[::1], nb.uint64[::1], nb.int64[::1],
                nb.int64[::1], nb.int64[::1], nb.int64[:, ::1]))  # fmt: skip
def _repetition(hashes, ends, word_rows, line_hashes, characters, begins, line_rows, table, keys,
                ids, places, counts, out):  # fmt: skip
    base = np.uint64(1)
    for row in range(len(out)):
        s, n = line_rows[row], line_rows[row + 1] - line_rows[row]
        for i in range(n):
            keys[i] = line_hashes[s + i]
        base = _lines(characters, begins, s, n, keys, table, base, ids, counts, out[row])
        s, n = word_rows[row], word_rows[row + 1] - word_rows[row]
        for i in range(n):
            keys[i] = hashes[s + i]
        base = _ngrams(ends, s, n, keys, table, base, ids, places, counts, out[row])
