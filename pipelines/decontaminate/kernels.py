"""Compiled loops of decontamination: hashes of n-grams, and the scan for known ones."""

from __future__ import annotations

import numba
import numpy as np

_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd; word hashes are already spread over 64 bits
_M1, _M2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_S33 = np.uint64(33)
_S6, _S63 = np.uint64(6), np.uint64(63)
_ONE = np.uint64(1)
_BLOCK = 1024  # words; the block's hashes stay in the first level of the cache


@numba.njit(cache=True, nogil=True)
def _spread(h):
    """The finaliser of MurmurHash3 (Appleby)."""
    h = (h ^ (h >> _S33)) * _M1
    h = (h ^ (h >> _S33)) * _M2
    return h ^ (h >> _S33)


@numba.njit(cache=True, nogil=True)
def _power(n):
    p = _ONE
    for _ in range(n):
        p *= _BASE
    return p


@numba.njit(cache=True, nogil=True)
def part_grams(words, offsets, lengths, out_hash, out_part, out_position):
    """All grams of every part, each part with its own gram length (0: none).

    A gram's hash is a polynomial in its words' hashes, plus its length, spread. Returns the
    number of grams; the arrays need one place per word.
    """
    n = 0
    for part in range(len(offsets) - 1):
        length = lengths[part]
        start, end = offsets[part], offsets[part + 1]
        if length == 0 or end - start < length:
            continue
        power = _power(length)
        h = np.uint64(0)
        for i in range(start, end):
            h = h * _BASE + words[i]
            if i - start >= length:
                h -= words[i - length] * power
            if i - start >= length - 1:
                out_hash[n] = _spread(h + np.uint64(length))
                out_part[n] = part
                out_position[n] = i - start - length + 1
                n += 1
    return n


@numba.njit(cache=True, nogil=True)
def scan_words(
    words,
    offsets,
    lengths,
    grams,
    starts,
    bitmaps,
    bitmap_starts,
    out_row,
    out_gram,
    out_position,
):
    """Notes every occurrence of an indexed gram; returns their number.

    If that is more than there is room for, the rest is counted but not noted. By blocks of
    words and in two steps: the first tests bits without a branch, so that the misses of
    the cache overlap; the second looks up the few that are left.
    """
    n = 0
    start_shift = np.uint64(64 - int(np.log2(len(starts) - 1)))
    prefix = np.empty(len(words) + 1, np.uint64)
    maybe, where = np.empty(_BLOCK, np.uint64), np.empty(_BLOCK, np.int64)
    for row in range(len(offsets) - 1):
        first, end = offsets[row], offsets[row + 1]
        prefix[first] = np.uint64(0)
        for block in range(first, end, _BLOCK):
            stop = min(block + _BLOCK, end)
            for i in range(block, stop):
                prefix[i + 1] = prefix[i] * _BASE + words[i]
            for k in range(len(lengths)):
                length, power = lengths[k], _power(lengths[k])
                base = bitmap_starts[k]
                shift = np.uint64(64 - int(np.log2(64 * (bitmap_starts[k + 1] - base))))
                m = 0
                for i in range(max(block, first + length - 1), stop):
                    rest = prefix[i + 1 - length] * power
                    g = _spread(prefix[i + 1] - rest + np.uint64(length))
                    bit = g >> shift
                    maybe[m], where[m] = g, i + 1 - length - first
                    m += (bitmaps[base + np.int64(bit >> _S6)] >> (bit & _S63)) & _ONE
                for c in range(m):
                    bucket = np.int64(maybe[c] >> start_shift)
                    for at in range(starts[bucket], starts[bucket + 1]):
                        if grams[at] == maybe[c]:
                            if n < len(out_row):
                                out_row[n], out_gram[n], out_position[n] = row, at, where[c]
                            n += 1
                            break
        prefix[end] = np.uint64(0)
    return n
