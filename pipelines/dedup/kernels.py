"""Compiled loops of near-duplicate detection: shingle sets and greedy matching."""

from __future__ import annotations

import numba
import numba.extending
import numpy as np
from numba import carray  # type: ignore[attr-defined]

_SEED = np.uint64(0x243F6A8885A308D3)  # first 64 fractional bits of pi
_PRIME = np.uint64(0xFF51AFD7ED558CCD)  # multiplier of MurmurHash3's finaliser (Appleby)
_SHIFT = np.uint64(32)
# Rounding slack of the early exit; the decision itself divides two exact integers.
_SLACK = 1e-6


@numba.njit(cache=True, nogil=True)
def shingle_hashes(hashes, offsets, ngram, out, out_offsets):
    """Sorted unique 64-bit hashes of each document's word n-grams.

    A document with fewer words than `ngram` has one gram: all its words. `out` needs
    len(hashes) places; out_offsets[d]:out_offsets[d + 1] is document d's slice of it.
    Returns the number of hashes written.
    """
    n = 0
    for d in range(len(offsets) - 1):
        out_offsets[d] = n
        start, end = offsets[d], offsets[d + 1]
        first = n
        if end > start:
            for i in range(start, max(start + 1, end - ngram + 1)):
                h = _SEED
                for j in range(i, min(i + ngram, end)):
                    h = (h ^ hashes[j]) * _PRIME
                    h ^= h >> _SHIFT
                out[n] = h
                n += 1
        out[first:n].sort()
        unique = first
        for i in range(first, n):
            if i == first or out[i] != out[unique - 1]:
                out[unique] = out[i]
                unique += 1
        n = unique
    out_offsets[len(offsets) - 1] = n
    return n


@numba.njit(cache=True, nogil=True)
def jaccard(a, b, at_least):
    """Jaccard similarity of two sorted sets, or 0.0 where it is surely under `at_least`.

    Gives up as soon as what is left cannot reach `at_least`: at once if the sizes differ
    too much, as J <= min / max.
    """
    n_a, n_b = len(a), len(b)
    if n_a == 0 or n_b == 0:
        return 0.0
    need = at_least / (1.0 + at_least) * (n_a + n_b) - _SLACK
    i = j = common = 0
    while i < n_a and j < n_b:
        if common + min(n_a - i, n_b - j) < need:
            return 0.0
        x, y = a[i], b[j]
        common += x == y
        i += x <= y
        j += y <= x
    return common / (n_a + n_b - common)


@numba.extending.intrinsic
def _pointer(typing_context, address):
    """A uint64 address as a pointer to uint64.

    The sets lie in one mapped file per shard. A typed list of these would do, but making
    one costs every process seconds of compilation that no cache keeps.
    """
    signature = numba.types.CPointer(numba.types.uint64)(numba.types.uint64)

    def generate(context, builder, signature, args):
        return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

    return signature, generate


@numba.njit(cache=True, nogil=True)
def greedy(
    row_offsets,
    row_groups,
    group_offsets,
    address,
    length,
    threshold,
    match,
    similarity,
):
    """Goes through rows by falling priority; each is matched to a kept row or kept itself.

    Only kept rows that share a group are compared, so a group of n alike rows costs n
    comparisons. The best match has the highest similarity; of equals the highest priority.
    """
    n = len(row_offsets) - 1
    kept = np.empty(len(row_groups), np.int64)
    n_kept = np.zeros(len(group_offsets) - 1, np.int64)
    seen = np.full(n, -1, np.int64)
    for row in range(n):
        best, best_row = 0.0, -1
        mine = carray(_pointer(address[row]), length[row])  # type: ignore[call-arg]
        for g in range(row_offsets[row], row_offsets[row + 1]):
            base = group_offsets[row_groups[g]]
            for k in range(base, base + n_kept[row_groups[g]]):
                other = kept[k]
                if seen[other] == row:
                    continue
                seen[other] = row
                theirs = carray(_pointer(address[other]), length[other])  # type: ignore[call-arg]
                alike = jaccard(mine, theirs, max(best, threshold))
                if alike < threshold:
                    continue
                if alike > best or (alike == best and other < best_row):
                    best, best_row = alike, other
        match[row], similarity[row] = best_row, best
        if best_row < 0:
            for g in range(row_offsets[row], row_offsets[row + 1]):
                group = row_groups[g]
                kept[group_offsets[group] + n_kept[group]] = row
                n_kept[group] += 1
