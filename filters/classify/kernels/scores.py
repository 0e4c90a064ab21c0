"""Sums of the rows of a model that a text's words and n-grams point at: inference.

Texts are cut into words and hashes first, which go into a small block of row numbers; then the
block's rows are added. Each row is asked for as soon as its number is known, so that the processor
has many on their way from memory at once: 2 million buckets lie in no cache.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from castor.filters.classify.kernels.words import SLOTS_I64, WORDS, n_grams, next_known
from castor.filters.kernels._compile import I32, I64, U8, U64, kernel

BLOCK = 4096  # row numbers that are collected before their rows are added
MOST_NGRAM = 64  # longest character n-gram; one position gives at most so many
MOST_WORDS = 16  # longest word n-gram
ROWS = nb.types.Array(nb.float32, 2, "C", readonly=True)
SUMS = nb.types.Array(nb.float64, 2, "C")


@intrinsic
def prefetch(typingctx, rows, i):
    """Asks for the cache line that row i of a matrix begins in; nothing waits for it."""

    def codegen(context, builder, signature, args):
        array = context.make_array(signature.args[0])(context, builder, args[0])
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        step = builder.mul(args[1], builder.extract_value(array.strides, 0))
        place = builder.gep(builder.bitcast(array.data, byte), [step])
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        call = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        builder.call(call, [place, number(0), number(3), number(1)])  # to read, to keep, data
        return context.get_dummy_value()

    return types.void(rows, types.int64), codegen


@nb.njit(nogil=True, _nrt=False)
def ask(rows, block, first, n):
    """Asks for the rows of block[first:n]."""
    for k in range(first, n):
        prefetch(rows, block[k])


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
def fold(h, filled, longest, bucket, history, block, n):
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
            start, end, h, number = next_known(data, i, stop, keys, ids, end_word)
            i = end
            is_end = start == end
            if number >= 0:
                total += weights[number]
                for d in range(width):
                    sums[row, d] += words[number, d]
            elif maxn > 0 and not is_end:
                length = end - start + 2
                for j in range(length):
                    before = n
                    n = n_grams(data, start, length, j, minn, maxn, bucket, block, n)
                    if not len(moved):
                        ask(buckets, block, before, n)
                    if n >= BLOCK:
                        total += _add(block, n, moved, buckets, sums, row)
                        n = 0
            if longest > 1:
                before = n
                n = fold(h, filled, longest, bucket, history, block, n)
                if not len(moved):
                    ask(buckets, block, before, n)
                filled = min(filled + 1, longest - 1)
                if n >= BLOCK:
                    total += _add(block, n, moved, buckets, sums, row)
                    n = 0
            if is_end:
                break
        total += _add(block, n, moved, buckets, sums, row)
        counts[row] = total
