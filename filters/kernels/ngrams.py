"""Repeated word n-grams, found by visiting survivors only.

An n-gram can repeat only if both (n-1)-grams inside it do, so each length visits the places that
survived the one before. 2-grams are counted first by a byte of their hash, and only what that
byte has seen twice goes into an exact table. From there on a place whose next word is the next
word at its first occurrence needs no table at all. Grams are told apart by 64 bits of hash.
"""

from __future__ import annotations

import numpy as np

from castor.filters.kernels._compile import at, inner, put

ODD = np.uint64(0x9E3779B97F4A7C15)
ODD2 = np.uint64(0xC2B2AE3D27D4EB4F)


@inner
def bits_of(n):
    """Bits of a table with at least twice as many slots as n."""
    bits = 3
    while (1 << bits) < 2 * n:
        bits += 1
    return np.uint64(bits)


@inner
def first_place(table, bits, base, key, place):
    """The place where the key was first put since base; puts it at `place` if it is new.

    A slot of the table is two numbers: the key, and base + place. Slots below base are free,
    so the table is never cleared; base grows.
    """
    mask = (np.uint64(1) << bits) - np.uint64(1)
    slot = (key * ODD) >> (np.uint64(64) - bits)
    while True:
        found = at(table, np.int64(2 * slot + 1))
        if found < base:
            table[2 * slot], table[2 * slot + np.uint64(1)] = key, base + np.uint64(place)
            return place
        if at(table, np.int64(2 * slot)) == key:
            return np.int64(found - base)
        slot = (slot + np.uint64(1)) & mask


@inner
def _pair(a, b):
    h = (a ^ (b * ODD2)) * ODD
    return h ^ (h >> np.uint64(32))


@inner
def pairs(words, s, n, table, base, seen, first, counts, places):
    """The places of the 2-grams that occur twice or more, among the n words from s on.

    Sets first[i] for every i < n: the first place of an equal 2-gram, -1 if it does not repeat;
    and counts[first[i]]. Places are relative to s. Returns their number.
    """
    if n < 2:
        first[: n + 1] = -1
        return 0
    bits = bits_of(n) + np.uint64(1)
    shift = np.uint64(64) - bits
    seen[: np.int64(1) << np.int64(bits)] = 0
    for i in range(n - 1):
        slot = np.int64(_pair(at(words, s + i), at(words, s + i + 1)) * ODD >> shift)
        put(seen, slot, np.uint8((at(seen, slot) << 1 | 1) & 3))
    m = 0
    bits -= np.uint64(1)
    for i in range(n - 1):
        key = _pair(at(words, s + i), at(words, s + i + 1))
        put(first, i, np.int64(-1))
        if at(seen, np.int64(key * ODD >> shift)) == 3:
            f = first_place(table, bits, base, key, i)
            counts[f] = 1 if f == i else counts[f] + 1
            first[i] = f
            places[m] = i
            m += 1
    first[n - 1] = first[n] = -1
    return survivors(first, counts, places, m)


@inner
def survivors(first, counts, places, m):
    """Keeps the places of grams that occur more than once; returns their number."""
    kept = 0
    for k in range(m):
        i = places[k]
        if counts[first[i]] > 1:
            places[kept] = i
            kept += 1
        else:
            first[i] = -1
    return kept


@inner
def longer(words, s, n, size, table, base, first, counts, places, m):
    """From places of repeated (size - 1)-grams to those of repeated size-grams."""
    bits, kept = bits_of(m), 0
    for k in range(m):
        i = places[k]
        f = first[i]
        if i + size > n or first[i + 1] < 0:
            first[i] = -1
            continue
        found = i
        if f != i:
            following = words[s + i + size - 1]
            if first[f] == f and following == words[s + f + size - 1]:
                found = f
            else:
                found = first_place(table, bits, base, _pair(np.uint64(f), following), i)
        first[i] = found
        counts[found] = 1 if found == i else counts[found] + 1
        places[kept] = i
        kept += 1
    return survivors(first, counts, places, kept)


@inner
def most_frequent(first, counts, places, m):
    """The first place of the most frequent gram, the earliest of equals; m > 0."""
    best = first[places[0]]
    for k in range(m):
        f = first[places[k]]
        if counts[f] > counts[best]:
            best = f
    return best
