"""What fastText reads of a line: words, their hashes, character n-grams, and the dictionary.

Words are cut at ASCII white space and NUL. The hash of a word is FNV-1a of 32 bits over its
bytes *as signed characters*, as fastText has it; beside it runs FNV-1a of 64 bits, by which the
dictionary tells words apart (fastText compares the bytes; two of a million words share 64 bits
with a chance of 3e-8).
"""

from __future__ import annotations

import numba as nb
import numpy as np

from castor.filters.kernels._compile import I64, U8, at, kernel
from castor.filters.kernels.words import finish

FNV32, PRIME32 = np.uint32(2166136261), np.uint32(16777619)
FNV64, PRIME64 = np.uint64(14695981039346656037), np.uint64(1099511628211)
WORDS = np.uint64(116049371)  # folds the hashes of consecutive words
OPEN, CLOSE = np.uint8(60), np.uint8(62)  # < and > around a word whose n-grams are taken

SLOTS_I64 = nb.types.Array(nb.int64, 1, "C")
SLOTS_U64 = nb.types.Array(nb.uint64, 1, "C")


@nb.njit(nogil=True, _nrt=False)
def is_space(c):
    """Whether a byte ends a word: space, tab, LF, VT, FF, CR, NUL."""
    return c == 32 or (9 <= c <= 13) or c == 0


@nb.njit(nogil=True, _nrt=False)
def next_word(data, i, stop):
    """The next word at or after byte i: where it begins and ends, and its two hashes.

    At the end of the text both places are `stop`.
    """
    while i < stop and is_space(at(data, i)):
        i += 1
    start = i
    h32, h64 = FNV32, FNV64
    while i < stop:
        c = at(data, i)
        if is_space(c):
            break
        h32 = (h32 ^ np.uint32(np.int8(c))) * PRIME32
        h64 = (h64 ^ np.uint64(c)) * PRIME64
        i += 1
    return start, i, h32, h64


@nb.njit(nogil=True, _nrt=False)
def is_label(data, start, end):
    """Whether a word begins with __label__, which fastText takes for a label."""
    if end - start < 9 or data[start] != 95 or data[start + 1] != 95:
        return False
    return (
        data[start + 2] == 108
        and data[start + 3] == 97
        and data[start + 4] == 98
        and data[start + 5] == 101
        and data[start + 6] == 108
        and data[start + 7] == 95
        and data[start + 8] == 95
    )


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
def find(h64, keys, ids):
    """The number of a word by its hash, or -1."""
    mask = np.int64(len(keys) - 1)
    slot = np.int64(finish(h64)) & mask
    while True:
        number = at(ids, slot)
        if number < 0 or at(keys, slot) == h64:
            return number
        slot = (slot + 1) & mask


@nb.njit(nogil=True, _nrt=False)
def next_known(data, i, stop, keys, ids, end_word):
    """The next word of a text, or its end, which is the word </s>, as the dictionary has it.

    Words </s> and those of labels that stand in the text are passed over.

    Returns:
        Where it begins and ends (both are `stop` at the end), its hash as fastText folds it into
        word n-grams, and its number or -1; `end_word` is that of </s>.
    """
    while True:
        start, end, h32, h64 = next_word(data, i, stop)
        if start == end:
            return start, end, END32, end_word
        i = end
        if h64 != END64 and not is_label(data, start, end):
            return start, end, np.int32(h32), find(h64, keys, ids)


@nb.njit(nogil=True, _nrt=False)
def byte_of(data, start, length, j):
    """Byte j of <word>, which is `length` bytes with its brackets."""
    if j == 0:
        return OPEN
    if j == length - 1:
        return CLOSE
    return at(data, start + j - 1)


@nb.njit(nogil=True, _nrt=False)
def n_grams(data, start, length, i, minn, maxn, bucket, out, n):
    """Buckets of the n-grams of <word> that begin at its byte i, into out[n:]; the new n."""
    if (byte_of(data, start, length, i) & 0xC0) == 0x80:
        return n
    h = FNV32
    j, size = i, 1
    while j < length and size <= maxn:
        h = (h ^ np.uint32(np.int8(byte_of(data, start, length, j)))) * PRIME32
        j += 1
        while j < length and (byte_of(data, start, length, j) & 0xC0) == 0x80:
            h = (h ^ np.uint32(np.int8(byte_of(data, start, length, j)))) * PRIME32
            j += 1
        if size >= minn and not (size == 1 and (i == 0 or j == length)):
            out[n] = np.int64(np.uint32(h)) % bucket  # Numba computes in 64 bits
            n += 1
        size += 1
    return n


@kernel(nb.int64(U8, I64, SLOTS_U64, SLOTS_I64, SLOTS_I64, SLOTS_I64, SLOTS_I64, SLOTS_I64))
def count_words(data, offsets, keys, ids, counts, starts, ends, row_words):
    """Counts every word of a text column, in the order of first occurrence.

    Args:
        keys, ids: an open-addressed table, ids all -1; a power of two, more than twice the words.
        counts, starts, ends: int64 [as many as words at most], to be filled.
        row_words: int64 [rows], the words of each row, to be filled.

    Returns:
        How many different words there are, or -1 if the table is too small.
    """
    mask = np.int64(len(keys) - 1)
    n = 0
    for row in range(len(offsets) - 1):
        i, stop = offsets[row], offsets[row + 1]
        row_words[row] = 0
        while True:
            start, end, _, h64 = next_word(data, i, stop)
            if start == end:
                break
            i = end
            if is_label(data, start, end):
                continue
            row_words[row] += 1
            slot = np.int64(finish(h64)) & mask
            while ids[slot] >= 0 and keys[slot] != h64:
                slot = (slot + 1) & mask
            if ids[slot] < 0:
                if n >= len(counts):
                    return -1
                ids[slot], keys[slot] = n, h64
                counts[n], starts[n], ends[n] = 0, start, end
                n += 1
            counts[ids[slot]] += 1
    return n


@kernel(nb.int64(U8, I64, SLOTS_U64, SLOTS_I64, nb.int64))
def index_words(data, offsets, keys, ids, base):
    """Puts words, one per row, into an open-addressed table; row r gets the number base + r.

    Returns the number of rows that were there already (and keep their first number).
    """
    mask = np.int64(len(keys) - 1)
    twice = 0
    for row in range(len(offsets) - 1):
        h64 = FNV64
        for i in range(offsets[row], offsets[row + 1]):
            h64 = (h64 ^ np.uint64(data[i])) * PRIME64
        slot = np.int64(finish(h64)) & mask
        while ids[slot] >= 0 and keys[slot] != h64:
            slot = (slot + 1) & mask
        if ids[slot] >= 0:
            twice += 1
        else:
            ids[slot], keys[slot] = base + row, h64
    return twice


@kernel(nb.int64(U8, I64, nb.int64, nb.int64, nb.int64, SLOTS_I64, SLOTS_I64))
def word_n_grams(data, offsets, minn, maxn, bucket, first, out):
    """Buckets of the character n-grams of words, one word per row; an empty row has none.

    Args:
        first: int64 [rows + 1], to be filled: row r has out[first[r]:first[r + 1]].
        out: int64, to be filled; one for every byte, with brackets, and every length is enough.

    Returns:
        How many there are.
    """
    n = 0
    for row in range(len(offsets) - 1):
        first[row] = n
        start, length = offsets[row], offsets[row + 1] - offsets[row] + 2
        for i in range(length if length > 2 else 0):
            n = n_grams(data, start, length, i, minn, maxn, bucket, out, n)
    first[len(offsets) - 1] = n
    return n
