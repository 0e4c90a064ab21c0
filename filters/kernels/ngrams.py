"""Repeated word n-grams, found by visiting survivors only.

An n-gram can repeat only if both (n-1)-grams inside it do, so each length visits the places that
survived the one before. 2-grams are counted first by a byte of their hash, and only what that
byte has seen twice goes into an exact table. From there on a place whose next word is the next
word at its first occurrence needs no table at all. Grams are told apart by 64 bits of hash.

What is kept and what goes is written alike and only counted otherwise: a branch on whether
something repeats would be guessed wrong every third time.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

from castor.filters.kernels._compile import at, inlined, inner, put

ODD = np.uint64(0x9E3779B97F4A7C15)
ODD2 = np.uint64(0xC2B2AE3D27D4EB4F)


class Grams(NamedTuple):
    """Room for the words of one row, and for what repeats in them."""

    words: np.ndarray  # uint64 [n], hash of each word
    ends: np.ndarray  # int64 [n + 1], characters in all words before
    table: np.ndarray  # uint64 [4 * 2^k]
    seen: np.ndarray  # uint8 [4 * 2^k]
    first: np.ndarray  # int64 [n + 1]
    counts: np.ndarray  # int64 [n + 1]
    places: np.ndarray  # int64 [n + 1]


_u64, _i64 = nb.uint64[::1], nb.int64[::1]
GRAMS = nb.types.NamedTuple((_u64, _i64, _u64, nb.uint8[::1], _i64, _i64, _i64), Grams)


def grams(n: int) -> Grams:
    """Room for rows of up to n words or lines; memory is taken only where it is written."""
    slots = 4 << max(2, n.bit_length())  # 2^(bits_of(n) + 1) at least
    return Grams(
        np.empty(n, np.uint64), np.zeros(n + 1, np.int64), np.zeros(slots, np.uint64),
        np.empty(slots, np.uint8), *(np.empty(n + 1, np.int64) for _ in range(3)),
    )  # fmt: skip


class Room(NamedTuple):
    """Room for one row: its words, and its lines or paragraphs."""

    grams: Grams
    keys: np.ndarray  # uint64 [n], hash of each line, or paragraph
    sizes: np.ndarray  # int64 [n], its characters


ROOM = nb.types.NamedTuple((GRAMS, _u64, _i64), Room)


def room(longest: int) -> Room:
    """Room for rows of that many bytes."""
    n = longest + 2
    return Room(grams(n), np.empty(n, np.uint64), np.empty(n, np.int64))


@inner
def bits_of(n):
    """Bits of a table with at least twice as many slots as n."""
    bits = 3
    while (1 << bits) < 2 * n:
        bits += 1
    return np.uint64(bits)


@inlined
def first_place(table, bits, base, key, place):
    """The place where the key was first put since base; puts it at `place` if it is new.

    A slot of the table is two numbers: the key, and base + place. Slots below base are free,
    so the table is never cleared; base grows.
    """
    mask = (np.uint64(1) << bits) - np.uint64(1)
    slot = (key * ODD) >> (np.uint64(64) - bits)
    found = at(table, np.int64(2 * slot + np.uint64(1)))
    while found >= base and at(table, np.int64(2 * slot)) != key:
        slot = (slot + np.uint64(1)) & mask
        found = at(table, np.int64(2 * slot + np.uint64(1)))
    found = found if found >= base else base + np.uint64(place)
    put(table, np.int64(2 * slot), key)
    put(table, np.int64(2 * slot + np.uint64(1)), found)
    return np.int64(found - base)


@inlined
def _count(counts, found, i):
    """Counts what was first found at that place; i is the place itself."""
    put(counts, found, np.int64(1) if found == i else at(counts, found) + 1)


@inner
def label(keys, n, table, base, first, counts):
    """first[i] = the first place of an equal key, counts[that place] = how many there are."""
    bits = bits_of(n)
    for i in range(n):
        found = first_place(table, bits, base, at(keys, i), i)
        put(first, i, found)
        _count(counts, found, i)


@inner
def copies(room, n, base):
    """Of n lines or paragraphs: their characters, those that occur twice, and their characters."""
    first, counts = room.grams.first, room.grams.counts
    label(room.keys, n, room.grams.table, base, first, counts)
    number = characters = total = np.int64(0)
    for i in range(n):
        total += room.sizes[i]
        if counts[first[i]] > 1:
            number += 1
            characters += room.sizes[i]
    return total, number, characters


@inlined
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
    for i in range(n - 1):
        slot = np.int64(_pair(at(words, s + i), at(words, s + i + 1)) * ODD >> shift)
        put(first, i, np.int64(-1))
        put(places, m, np.int64(i))
        m += at(seen, slot) == 3
    first[n - 1] = first[n] = -1
    bits -= np.uint64(1)
    for k in range(m):
        i = at(places, k)
        key = _pair(at(words, s + i), at(words, s + i + 1))
        found = first_place(table, bits, base, key, i)
        put(first, i, found)
        _count(counts, found, i)
    return _survivors(first, counts, places, m)


@inlined
def _survivors(first, counts, places, m):
    """Keeps the places of grams that occur more than once; returns their number."""
    kept = 0
    for k in range(m):
        i = at(places, k)
        found = at(first, i)
        alive = at(counts, found) > 1
        put(places, kept, i)
        put(first, i, found if alive else np.int64(-1))
        kept += alive
    return kept


@inner
def longer(words, s, n, size, table, base, first, counts, places, m):
    """From places of repeated (size - 1)-grams to those of repeated size-grams."""
    kept = 0
    for k in range(m):
        i = at(places, k)
        alive = at(first, i + 1) >= 0
        put(places, kept, i)
        put(first, i, at(first, i) if alive else np.int64(-1))
        kept += alive
    bits = bits_of(kept)
    for k in range(kept):
        i = at(places, k)
        found = at(first, i)
        following = at(words, s + i + size - 1)
        if at(first, found) != found or following != at(words, s + found + size - 1):
            found = first_place(table, bits, base, _pair(np.uint64(found), following), i)
        put(first, i, found)
        _count(counts, found, i)
    return _survivors(first, counts, places, kept)


@inner
def most_frequent(first, counts, places, m):
    """The first place of the most frequent gram, the earliest of equals; m > 0."""
    best = first[places[0]]
    for k in range(m):
        f = first[places[k]]
        if counts[f] > counts[best]:
            best = f
    return best
