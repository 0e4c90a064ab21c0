"""Words of a text column as 64-bit hashes: the shared entry of dedup and decontamination.

Two kinds of words, both over the UTF-8 buffers of an Arrow column in one pass:

- `word_hashes`: words as they stand on the page, for repetition. Text is cut at white space
  (what `str.split` splits at) and, in scripts without spaces between words (Han, kana, Thai,
  Lao, Khmer, Myanmar; `unicode.is_unspaced`), before every letter: each such letter with what
  follows it up to the next letter or numeral is one word. A sign before the first letter of a
  chunk belongs to that letter's word.
- `normalised_words`: what two copies of a passage share when case, punctuation and spacing
  differ. A word is a run of letters, marks and numerals, folded by simple case folding;
  everything else separates, except an apostrophe between two letters and a comma between two
  digits, which are dropped (`don't` is `dont`, `1,000` is `1000`). Letters of unspaced scripts
  are words of their own here too. No Unicode normalisation: sources give NFC.

A hash is FNV-1a over bytes (`word_hashes`) or over folded code points (`normalised_words`),
ended by the finaliser of MurmurHash3, so all 64 bits are usable. Both are stable: they may be
stored and compared between runs and machines.
"""

from __future__ import annotations

import numba as nb
import numpy as np
import pyarrow as pa

from castor.filters.kernels._compile import I32, I64, U8, U16, at, kernel
from castor.filters.kernels.column import buffers
from castor.filters.kernels.unicode import (
    DIGIT,
    LETTER,
    MARK,
    NUMBER,
    UNSPACED,
    UPPER,
    char_at,
    tables,
)

FNV_BASIS = np.uint64(14695981039346656037)
FNV_PRIME = np.uint64(1099511628211)


@nb.njit(nogil=True, _nrt=False)
def finish(h: int) -> int:
    """The finaliser of MurmurHash3 (fmix64): a bijection that spreads every bit."""
    h = np.uint64(h)
    h = (h ^ (h >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    h = (h ^ (h >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return h ^ (h >> np.uint64(33))


def normalised_words(
    column: pa.Array,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The normalised words of a text column (see the module), in order.

    Args:
        column: string or large_string [rows]; slices and nulls are fine, a null has no words.

    Returns:
        hashes: uint64 [n_words].
        start, end: int64 [n_words], half-open span of the word in the UTF-8 of its own row;
            `row_text.encode()[start:end]`, punctuation around it left out.
        offsets: int64 [rows + 1]; row r has the words `offsets[r]` to `offsets[r + 1]`.
    """
    data, rows = buffers(column)
    most = (int(rows[-1] - rows[0]) + 1) // 2 + len(rows)
    hashes = np.empty(most, np.uint64)
    start, end = np.empty(most, np.int64), np.empty(most, np.int64)
    offsets = np.zeros(len(rows), np.int64)
    table = tables()
    n = _normalised(data, rows, *table, hashes, start, end, offsets)
    return hashes[:n].copy(), start[:n].copy(), end[:n].copy(), offsets


def fold_grams(hashes: np.ndarray, n: int) -> np.ndarray:
    """One hash per run of n words: uint64 [len(hashes) - n + 1], for len(hashes) >= n >= 1."""
    size = len(hashes) - n + 1
    folded = np.full(size, FNV_BASIS, np.uint64)
    for k in range(n):
        folded = (folded ^ hashes[k : k + size]) * FNV_PRIME
    return folded


def word_hashes(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The words of a text column as they stand on the page (see the module), in order.

    Args:
        column: string or large_string [rows]; slices and nulls are fine, a null has no words.

    Returns:
        hashes: uint64 [n_words].
        offsets: int64 [rows + 1]; row r has the words `offsets[r]` to `offsets[r + 1]`.
    """
    from castor.filters.kernels.scan import scan

    scanned = scan(column)
    return scanned.word_hashes.copy(), scanned.word_rows


@nb.njit(nogil=True, _nrt=False)
def _joins(c, data, i, stop, before, pages, flags):
    """Whether an apostrophe or comma c, which ends at byte i, joins its neighbours."""
    wanted = DIGIT if c == 0x2C else LETTER
    if (c != 0x27 and c != 0x2019 and c != 0x2C) or not before & wanted or i >= stop:
        return False
    _, _, f = char_at(data, i, stop, pages, flags)
    return f & wanted != 0 and f & UNSPACED == 0


@kernel(
    nb.int64(
        U8,
        I64,
        U16,
        U16,
        U16,
        U16,
        I32,
        nb.uint64[::1],
        nb.int64[::1],
        nb.int64[::1],
        nb.int64[::1],
    )
)
def _normalised(data, rows, pages, flags, ascii, fold_pages, folds, hashes, start, end, offsets):
    n_words = 0
    for row in range(len(rows) - 1):
        first, stop = rows[row], rows[row + 1]
        i = first
        while i < stop:
            c, n, f = char_at(data, i, stop, pages, flags)
            if not f & (LETTER | NUMBER):  # a mark alone begins no word
                i += n
                continue
            h, word, letter, alone = FNV_BASIS, i, f, f & UNSPACED
            while True:
                folded = c + np.int64(folds[np.int64(fold_pages[c >> 8]) << 8 | (c & 255)])
                h = (h ^ np.uint64(folded)) * FNV_PRIME
                i += n
                letter = letter if f & MARK else f
                while not alone and i < stop:  # most text: folded by the bit of UPPER
                    byte = at(data, i)
                    f = np.int64(ascii[byte])
                    if not f & (LETTER | NUMBER):
                        break
                    h = (h ^ np.uint64(byte | (f & UPPER))) * FNV_PRIME
                    i += 1
                    letter = f
                if i >= stop:
                    break
                c, n, f = char_at(data, i, stop, pages, flags)
                if f & MARK:
                    continue
                if alone or f & UNSPACED:
                    break
                if not f & (LETTER | NUMBER):
                    if not _joins(c, data, i + n, stop, letter, pages, flags):
                        break
                    i += n
                    c, n, f = char_at(data, i, stop, pages, flags)
            hashes[n_words] = finish(h)
            start[n_words], end[n_words] = word - first, i - first
            n_words += 1
        offsets[row + 1] = n_words
    return n_words
