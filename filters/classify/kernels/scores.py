"""Sums of the rows of a model that a text's words and n-grams point at: inference.

Texts are cut into words and hashes first, which go into a small block of row numbers; then the
block's rows are added. So the processor has many rows on their way from memory at once.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from castor.filters.classify.kernels.words import (
    FNV64,
    PRIME64,
    SLOTS_I64,
    WORDS,
    find,
    is_label,
    n_grams,
    next_word,
)
from castor.filters.kernels._compile import I32, I64, U8, U64, kernel

BLOCK = 4096  # row numbers that are collected before their rows are added
MOST_NGRAM = 64  # longest character n-gram; one position gives at most so many
MOST_WORDS = 16  # longest word n-gram
ROWS = nb.types.Array(nb.float32, 2, "C", readonly=True)
SUMS = nb.types.Array(nb.float64, 2, "C")


def _hash_of(word: bytes) -> np.uint64:
    h = int(FNV64)
    for c in word:
        h = (h ^ c) * int(PRIME64) & 0xFFFFFFFFFFFFFFFF
    return np.uint64(h)


def _signed_of(word: bytes) -> np.int32:
    h = 2166136261
    for c in word:
        h = (h ^ c) * 16777619 & 0xFFFFFFFF
    return np.uint32(h).astype(np.int32)


END64, END32 = _hash_of(b"</s>"), _signed_of(b"</s>")


@nb.njit(nogil=True, _nrt=False)
def _add(block, n, moved, rows, sums, row):
    """Adds the rows of n buckets, four columns at a time; returns how many the model has."""
    if len(moved):
        known = 0
        for k in range(n):
            r = np.int64(moved[block[k]])
            if r >= 0:
                block[known] = r
                known += 1
        n = known
    d, width = 0, rows.shape[1]
    while d + 4 <= width:
        a, b, c, e = sums[row, d], sums[row, d + 1], sums[row, d + 2], sums[row, d + 3]
        for k in range(n):
            one = rows[np.uint64(block[k])]
            a += one[np.uint64(d)]
            b += one[np.uint64(d + 1)]
            c += one[np.uint64(d + 2)]
            e += one[np.uint64(d + 3)]
        sums[row, d], sums[row, d + 1], sums[row, d + 2], sums[row, d + 3] = a, b, c, e
        d += 4
    while d < width:
        a = sums[row, d]
        for k in range(n):
            a += rows[np.uint64(block[k]), np.uint64(d)]
        sums[row, d] = a
        d += 1
    return n


@nb.njit(nogil=True, _nrt=False)
def _fold(h, filled, longest, bucket, history, block, n):
    """Buckets of the word n-grams that end with the word of hash h, into block[n:]; the new n."""
    for k in range(filled):
        history[k] = history[k] * WORDS + np.uint64(np.int64(h))
        block[n] = np.int64(history[k] % np.uint64(bucket))
        n += 1
    if filled == longest - 1:
        for k in range(filled - 1):
            history[k] = history[k + 1]
        filled -= 1
    history[filled] = np.uint64(np.int64(h))
    return n


@kernel(
    nb.void(
        U8, I64, U64, I64, I64, I32, ROWS, ROWS, I64, SLOTS_I64,
        nb.types.Array(nb.uint64, 1, "C"), SUMS, SLOTS_I64,
    )
)  # fmt: skip
def row_sums(
    data, offsets, keys, ids, weights, moved, words, buckets, shape, block, history, sums, counts
):
    """Per text, the sum of the rows of its words and n-grams, and how many rows those are.

    Args:
        data, offsets: of the text column.
        keys, ids: the dictionary's table.
        weights: int64 [n_words], rows that are summed up in a word's row.
        moved: int32 [bucket], row of a bucket or -1; empty where every bucket has its own.
        words, buckets: float32 [n_words, width] and [n_rows, width].
        shape: int64 [5]: word n-grams, minn, maxn, number of buckets, number of the word </s>
            or -1.
        block: int64 [BLOCK + 2 * MOST_NGRAM], scratch; history: uint64 [MOST_WORDS].
        sums: float64 [rows, width], zeros, to be filled.
        counts: int64 [rows], to be filled.
    """
    longest, minn, maxn, bucket, end_word = shape[0], shape[1], shape[2], shape[3], shape[4]
    width = words.shape[1]
    for row in range(len(offsets) - 1):
        i, stop = offsets[row], offsets[row + 1]
        n, total, filled = 0, 0, 0
        while True:
            start, end, h32, h64 = next_word(data, i, stop)
            i = end
            is_end = start == end
            h = END32 if is_end else np.int32(h32)
            number = end_word if is_end else find(h64, keys, ids)
            if not is_end and (h64 == END64 or is_label(data, start, end)):
                continue
            if number >= 0:
                total += weights[number]
                for d in range(width):
                    sums[row, d] += words[number, d]
            elif maxn > 0 and not is_end:
                length = end - start + 2
                for j in range(length):
                    n = n_grams(data, start, length, j, minn, maxn, bucket, block, n)
                    if n >= BLOCK:
                        total += _add(block, n, moved, buckets, sums, row)
                        n = 0
            if longest > 1:
                n = _fold(h, filled, longest, bucket, history, block, n)
                filled = min(filled + 1, longest - 1)
                if n >= BLOCK:
                    total += _add(block, n, moved, buckets, sums, row)
                    n = 0
            if is_end:
                break
        total += _add(block, n, moved, buckets, sums, row)
        counts[row] = total
