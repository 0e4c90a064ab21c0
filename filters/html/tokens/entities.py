"""Character references: `&amp;`, `&eacute` without its semicolon, `&#8217;`, `&#x2019;`.

By https://html.spec.whatwg.org/multipage/parsing.html#character-reference-state; the names are
Python's `html.entities.html5`.
"""

from __future__ import annotations

import html.entities

import numpy as np

from castor.filters.html.tokens.compile import part
from castor.filters.kernels._compile import at

SLOT_BITS = 13
LONGEST = 32  # bytes of the longest name, CounterClockwiseContourIntegral; and one
LONGEST_BARE = 6  # of those that need no semicolon, such as frac12
BASIS, PRIME = np.uint64(14695981039346656037), np.uint64(1099511628211)  # FNV-1a
_BARE = np.uint64(1 << 63)  # in a value: valid without a semicolon
# The numeric references 128 to 159 mean what windows-1252 has there.
C1 = np.array(
    [ord(bytes([c]).decode("cp1252", "ignore") or chr(c)) for c in range(128, 160)], np.uint32
)


def _key(name: str) -> int:
    h = int(BASIS)
    for byte in name.encode():
        h = (h ^ byte) * int(PRIME) & (1 << 64) - 1
    return h or 1


def _slots() -> tuple[np.ndarray, np.ndarray]:
    """Open addressing by hash of the name: keys and values, both uint64 [2 ** SLOT_BITS].

    A value is up to 6 bytes of UTF-8, the first lowest, their number in bits 48 to 55.
    """
    names = html.entities.html5
    keys, values = np.zeros(1 << SLOT_BITS, np.uint64), np.zeros(1 << SLOT_BITS, np.uint64)
    for name in sorted(names):
        if not name.endswith(";"):
            continue
        text = names[name].encode()
        value = int.from_bytes(text, "little") | len(text) << 48
        if name[:-1] in names:
            value |= int(_BARE)
        key = _key(name[:-1])
        slot = key >> 64 - SLOT_BITS
        while keys[slot]:
            slot = (slot + 1) % len(keys)
        keys[slot], values[slot] = key, value
    return keys, values


KEYS, VALUES = _slots()


@part
def utf8(code):
    """A code point as a value: its UTF-8, the first byte lowest, their number from bit 48 on."""
    c = np.uint64(code)
    low, one = np.uint64(63), np.uint64(128)
    if code < 128:
        return c | np.uint64(1 << 48)
    if code < 0x800:
        return (
            np.uint64(192)
            | c >> np.uint64(6)
            | (one | (c & low)) << np.uint64(8)
            | np.uint64(2 << 48)
        )
    second = (one | (c >> np.uint64(6) & low)) << np.uint64(8)
    if code < 0x10000:
        last = (one | (c & low)) << np.uint64(16)
        return np.uint64(224) | c >> np.uint64(12) | second | last | np.uint64(3 << 48)
    second = (one | (c >> np.uint64(12) & low)) << np.uint64(8)
    third = (one | (c >> np.uint64(6) & low)) << np.uint64(16)
    last = (one | (c & low)) << np.uint64(24)
    return np.uint64(240) | c >> np.uint64(18) | second | third | last | np.uint64(4 << 48)


@part
def _numeric(src, i, n):
    """The reference whose digits begin at i, after `&#`: (byte after it, value); 0 if none."""
    base = 10
    if i < n and at(src, i) | 32 == 120:
        base = 16
        i += 1
    start = i
    code = np.int64(0)
    while i < n:
        c = np.int64(at(src, i))
        digit = np.int64(99)
        if 48 <= c <= 57:
            digit = c - 48
        elif 97 <= c | 32 <= 102:
            digit = (c | 32) - 87
        if digit >= base:
            break
        code = code * base + digit
        if code > 0x110000:
            code = np.int64(0x110000)
        i += 1
    if i == start:
        return i, np.uint64(0)
    if i < n and at(src, i) == 59:
        i += 1
    if 128 <= code < 160:
        code = np.int64(C1[code - 128])
    if code == 0 or code >= 0x110000 or 0xD800 <= code < 0xE000:
        code = np.int64(0xFFFD)
    return i, utf8(code)


@part
def reference(src, i, n):
    """The character reference that begins at src[i], an ampersand.

    Returns (byte after it, its UTF-8 as in `utf8`); the value is 0 where it is none.
    """
    i += 1
    if i < n and at(src, i) == 35:
        return _numeric(src, i + 1, n)
    h = BASIS
    end = min(n, i + LONGEST)
    start = best = i
    found = np.uint64(0)
    while i < end:
        c = np.uint64(at(src, i))
        lower = c | np.uint64(32)
        if not (np.uint64(97) <= lower <= np.uint64(122) or np.uint64(48) <= c <= np.uint64(57)):
            break
        h = (h ^ c) * PRIME
        i += 1
        closed = i < n and at(src, i) == 59
        if not closed and i - start > LONGEST_BARE:
            continue
        slot = np.int64(h >> np.uint64(64 - SLOT_BITS))
        while KEYS[slot] != np.uint64(0) and KEYS[slot] != h:
            slot = (slot + 1) & ((1 << SLOT_BITS) - 1)
        if KEYS[slot] == h and (closed or VALUES[slot] & _BARE):
            found = VALUES[slot] & ~_BARE
            best = i + 1 if closed else i
    return best, found
