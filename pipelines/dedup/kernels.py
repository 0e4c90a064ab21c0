"""Compiled loops of near-duplicate detection: shingle sets, candidates, greedy matching."""

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
def shingle_hashes(hashes, offsets, ngram, mask, out, out_offsets):
    """Sorted unique 64-bit hashes of each document's word n-grams that have no bit of `mask`.

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
                n += h & mask == 0
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
def common(a, b, need):
    """How many values two sorted sets share, or -1 where it is surely under `need`.

    Gives up as soon as what is left cannot reach `need`: at once if a set is too small.
    """
    n_a, n_b = len(a), len(b)
    need -= _SLACK
    i = j = shared = 0
    while i < n_a and j < n_b:
        if shared + min(n_a - i, n_b - j) < need:
            return -1
        x, y = a[i], b[j]
        shared += x == y
        i += x <= y
        j += y <= x
    return shared if shared >= need else -1


@numba.njit(cache=True, nogil=True)
def holders(row, postings, eligible, count, found):
    """Rows before `row` that share enough sampled grams with it to contain it perhaps.

    Args:
        row: a rank.
        postings: (row_offsets, row_lists, list_offsets, members, need): the lists that a row
            stands in, the ranks in a list, ascending, and in how many lists of `row` another
            must stand.
        eligible: bool[rows], what may be found.
        count: int64[rows], zeros; zeros again afterwards.
        found: int64[rows], filled with ranks.

    Returns:
        How many were found.
    """
    row_offsets, row_lists, list_offsets, members, need = postings
    n = 0
    for i in range(row_offsets[row], row_offsets[row + 1]):
        each = row_lists[i]
        for k in range(list_offsets[each], list_offsets[each + 1]):
            other = members[k]
            if other >= row:
                break
            if eligible[other]:
                if count[other] == 0:
                    found[n] = other
                    n += 1
                count[other] += 1
    enough = 0
    for i in range(n):
        other = found[i]
        if count[other] >= need[row]:
            found[enough] = other
            enough += 1
        count[other] = 0
    return enough


@numba.njit(cache=True, nogil=True)
def paired(postings, out):
    """Sets out[row] of every row that may contain another or be contained; bool[rows]."""
    n = len(out)
    count, found, eligible = np.zeros(n, np.int64), np.empty(n, np.int64), np.ones(n, np.bool_)
    for row in range(n):
        n_found = holders(row, postings, eligible, count, found)
        out[row] |= n_found > 0
        for i in range(n_found):
            out[found[i]] = True


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
def greedy(groups, postings, sets, jaccard, containment, match, similarity, contained):
    """Goes through rows by falling priority; each is matched to a kept row or kept itself.

    Only kept rows that share a group are compared, so a group of n alike rows costs n
    comparisons, and kept rows that `holders` finds. The best match has the highest Jaccard
    similarity if that reaches `jaccard`, else the highest containment; of equals the highest
    priority.

    Args:
        groups: (row_offsets, row_groups, group_offsets).
        postings: as of `holders`.
        sets: (address, length) of every row's sorted set.
        jaccard, containment: thresholds; a containment over 1 is reached by none.
        match, similarity, contained: filled, one value a row; `match` -1 for a kept row.
    """
    row_offsets, row_groups, group_offsets = groups
    address, length = sets
    n = len(row_offsets) - 1
    members = np.empty(len(row_groups), np.int64)
    n_kept = np.zeros(len(group_offsets) - 1, np.int64)
    kept, seen = np.zeros(n, np.bool_), np.full(n, -1, np.int64)
    count, found, others = np.zeros(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    for row in range(n):
        n_others = 0
        for g in range(row_offsets[row], row_offsets[row + 1]):
            base = group_offsets[row_groups[g]]
            for k in range(base, base + n_kept[row_groups[g]]):
                if seen[members[k]] != row:
                    seen[members[k]] = row
                    others[n_others] = members[k]
                    n_others += 1
        for i in range(holders(row, postings, kept, count, found)):
            if seen[found[i]] != row:
                seen[found[i]] = row
                others[n_others] = found[i]
                n_others += 1
        best, best_row, part, part_row = 0.0, -1, 0.0, -1
        mine = carray(_pointer(address[row]), length[row])  # type: ignore[call-arg]
        for other in others[:n_others]:
            theirs = carray(_pointer(address[other]), length[other])  # type: ignore[call-arg]
            alike = max(best, jaccard)
            need = alike / (1.0 + alike) * (len(mine) + len(theirs))
            if best_row < 0:
                need = min(need, max(part, containment) * len(mine))
            shared = common(mine, theirs, need)
            if shared <= 0:
                continue
            alike = shared / (len(mine) + len(theirs) - shared)
            inside = shared / len(mine)
            if alike >= jaccard:
                if alike > best or (alike == best and other < best_row):
                    best, best_row = alike, other
            elif inside >= containment and (inside > part or (inside == part and other < part_row)):
                part, part_row = inside, other
        contained[row] = best_row < 0 and part_row >= 0
        match[row] = part_row if contained[row] else best_row
        similarity[row] = part if contained[row] else best
        if match[row] < 0:
            kept[row] = True
            for g in range(row_offsets[row], row_offsets[row + 1]):
                group = row_groups[g]
                members[group_offsets[group] + n_kept[group]] = row
                n_kept[group] += 1
