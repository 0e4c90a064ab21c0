"""Classes of characters and strings with a tokenization of their own, and hashes of bytes."""

from __future__ import annotations

import functools
import importlib.resources
from typing import NamedTuple

import numba as nb
import numpy as np

from castor.filters.kernels._compile import I64, U8, U16, U32, U64, at, inner, kernel, load64

# the classes of a code point, in the order of english_tables.py
SPACE, BREAK, PREFIX, SUFFIX, INFIX, ALPHA, BEFORE_DOT, AFTER_DOT = (1 << k for k in range(8))
LOWER, UPPER, STOPPABLE, SYMBOL, LETTER, TERMINAL, ENDS, SIGN = (1 << k for k in range(8, 16))
WORD, DIGIT = 1 << 16, 1 << 17
INNER = 1 << 18  # what can be cut out inside of a chunk, or makes it an address; set by `tables`
INNER_SIGNS = ".,:<>=/+-*^–—~"
MARKED = 1 << 19  # what the counts of a chunk ask for, and the first letter of javascript
MARKED_SIGNS = ".#{[…jJ"
FIRST, LAST = 1 << 20, 1 << 21  # what begins, and ends, a string that step 3 looks for
LONGEST = 40  # bytes; no string with a tokenization of its own is longer
LONGEST_ASCII = 10  # the same of those that step 3 looks for, all ASCII
UNIT = np.uint64(1) << np.uint64(63)  # in `starts`: not such a string, but cut off after a digit

K0 = np.uint64(0x9E3779B97F4A7C15)
K1 = np.uint64(0xD6E8FEB86659FD93)
K2 = np.uint64(0xFF51AFD7ED558CCD)


class Tables(NamedTuple):
    """What the kernels take: classes of code points, and a table of strings by their hash."""

    pages: np.ndarray  # uint16 [4352]
    flags: np.ndarray  # uint32 [n_pages * 256]; page 0 is ASCII and Latin-1
    keys: np.ndarray  # uint64 [4096], the hash of a string; open addressing, 0 is free
    starts: np.ndarray  # uint64 [4096], a bit for every byte where a token begins; or UNIT
    mended: np.ndarray  # uint64 [4096], the same by steps 1 and 2 alone, 0 if it need not be met
    filter: np.ndarray  # uint8 [8192], a bit by 16 bits of the hash of every string


TABLES = nb.types.NamedTuple((U16, U32, U64, U64, U64, U8), Tables)


@functools.cache
def tables() -> Tables:
    """The tables that ship with Castor."""
    file = importlib.resources.files("castor.filters") / "data" / "english.npz"
    with file.open("rb") as stream, np.load(stream) as arrays:
        data = dict(arrays)
    size = 4096
    keys, starts, mended = (np.zeros(size, np.uint64) for _ in range(3))
    small = np.zeros(8192, np.uint8)
    hashes = np.empty(len(data["ends"]), np.uint64)
    _hashes(data["texts"], data["ends"], hashes)
    for number, h in enumerate(hashes.tolist()):
        own = number < int(data["n_own"][0])
        slot = h % size
        while keys[slot] not in (0, h):
            slot = (slot + 1) % size
        keys[slot] = h
        starts[slot] |= data["starts"][number] if own else UNIT
        mended[slot] |= data["mended"][number]
        if own:
            small[h >> 51] |= 1 << (h >> 48 & 7)
    flags = data["flags"] | ((data["flags"] & INFIX) != 0) * np.uint32(INNER)
    texts = np.split(data["texts"], data["ends"][:-1])
    strings = [t.tobytes().decode() for t, m in zip(texts, data["mended"], strict=True) if m]
    marks = ((INNER, INNER_SIGNS), (MARKED, MARKED_SIGNS), (FIRST, [t[0] for t in strings]),
             (LAST, [t[-1] for t in strings]))  # fmt: skip
    for bit, signs in marks:
        for sign in map(ord, signs):
            flags[int(data["pages"][sign >> 8]) << 8 | (sign & 255)] |= np.uint32(bit)
    found = Tables(data["pages"], flags, keys, starts, mended, small)
    for array in found:
        array.setflags(write=False)
    return found


@inner
def load(data, i, n):
    """Up to 8 bytes from byte i on, n of them wanted, as a little-endian number; 0 above n."""
    if i + 8 <= len(data):
        word = load64(data, i)
        return word if n >= 8 else word & ((np.uint64(1) << np.uint64(8 * n)) - np.uint64(1))
    word = np.uint64(0)
    for k in range(min(n, 8)):
        word |= np.uint64(data[i + k]) << np.uint64(8 * k)
    return word


@inner
def mix(first, second, n):
    """The hash of n <= 16 bytes, given as two numbers."""
    h = (first ^ np.uint64(n) * K2) * K0
    h = (h ^ (h >> np.uint64(29)) ^ second) * K1
    return h ^ (h >> np.uint64(32))


@inner
def hash_of(data, start, stop):
    """The hash of the bytes: never 0 in practice, the same wherever they stand."""
    n = stop - start
    if n <= 8:
        return mix(load(data, start, n), np.uint64(0), n)
    h = mix(load(data, start, 8), load(data, start + 8, n - 8), n)
    for i in range(start + 16, stop, 8):
        h = (h ^ load(data, i, stop - i)) * K1
        h ^= h >> np.uint64(32)
    return h


@kernel(nb.void(U8, I64, nb.uint64[::1]))
def _hashes(texts, ends, out):
    begin = 0
    for k in range(len(ends)):
        out[k] = hash_of(texts, begin, ends[k])
        begin = ends[k]


@inner
def is_own(h, small):
    """Whether a string of that hash may have a tokenization of its own (2 % may falsely)."""
    return at(small, np.int64(h >> np.uint64(51))) >> (np.int64(h >> np.uint64(48)) & 7) & 1


@inner
def find(h, keys):
    """The slot of a hash, or -1."""
    slot = np.int64(h & np.uint64(4095))
    while keys[slot] != 0:
        if keys[slot] == h:
            return slot
        slot = (slot + 1) & 4095
    return -1


@inner
def own(data, start, stop, keys, starts, small):
    """Where the tokens of a string with a tokenization of its own begin; 0 if it has none."""
    if start >= stop or stop - start > LONGEST:
        return np.uint64(0)
    h = hash_of(data, start, stop)
    if not is_own(h, small):
        return np.uint64(0)
    slot = find(h, keys)
    return np.uint64(0) if slot < 0 else starts[slot] & ~UNIT
