"""Tests of 8 bytes at a time, white space, and the phrases and signs that the filters look for."""

from __future__ import annotations

import numpy as np

from castor.filters.kernels._compile import (
    LANES,
    at,
    inlined,
    inner,
    solid_from,
)
from castor.filters.kernels.datatrove.tables import BREAK, SPACE
from castor.filters.kernels.unicode import decode

# what a line or chunk has, in its facts
LONG_WORD, JAVASCRIPT, POLICY, LOREM, BRACE, BRACKET, ODD_BREAK, SPACE_AFTER_END = (
    1 << k for k in range(8)
)


HIGH = np.uint64(0x8080808080808080)
ONES = np.uint64(0x0101010101010101)
SPACES = np.uint64(0x2020202020202020)
JAYS = np.uint64(0x6A6A6A6A6A6A6A6A)

# what a byte is
IS_SPACE, STANDS_BEHIND, ENDS_SENTENCE, MAY_BE_SPACE = (1 << k for k in range(4))
KINDS = np.zeros(256, np.uint8)
KINDS[[*range(9, 14), *range(28, 33)]] = IS_SPACE | MAY_BE_SPACE
KINDS[[0xC2, 0xE1, 0xE2, 0xE3]] = MAY_BE_SPACE  # the first bytes of all other white space
KINDS[[ord(c) for c in ",:;"]] = STANDS_BEHIND
KINDS[[ord(c) for c in ".!?"]] = STANDS_BEHIND | ENDS_SENTENCE

_BYTES = np.array([(1 << 8 * n) - 1 for n in range(9)], np.uint64)
FIRST_BYTES = _BYTES[np.clip(np.arange(2 * LANES), 0, 8)]  # of the first 8, those of n bytes
SECOND_BYTES = _BYTES[np.clip(np.arange(2 * LANES) - 8, 0, 8)]  # of the next 8


@inlined
def kind_of(data, i):
    """What the byte is: IS_SPACE and so on."""
    return np.int64(at(KINDS, np.int64(at(data, i))))


@inner
def is_space(c):
    """Whether an ASCII byte is white space."""
    return c == 32 or 9 <= c <= 13 or 28 <= c <= 31


@inner
def has_jay(word):
    """Whether one of 8 bytes is a j."""
    other = (word | SPACES) ^ JAYS
    return (other - ONES) & ~other & HIGH != 0


@inlined
def skip_space(data, i, stop, table):
    """Reads white space up to a LF, a sign or stop.

    Returns the byte after it, its characters, and whether it breaks a line for
    `str.splitlines` (a CR before LF does not).
    """
    characters, odd = 0, False
    while i < stop:
        c = np.int64(data[i])
        if c == 10 or (33 <= c < 128):
            break
        c, n = decode(data, i, stop)
        f = np.int64(table.flags[np.int64(table.pages[c >> 8]) << 8 | (c & 255)])
        if not f & SPACE:
            break
        if f & BREAK and not (c == 13 and i + 1 < stop and data[i + 1] == 10):
            odd = True
        characters += 1
        i += n
    return i, characters, odd


@inlined
def chunk_end(data, i, stop, table):
    """The byte after the chunk that begins at byte i."""
    while i < stop:
        n = solid_from(data, i)
        i += n
        if n == LANES:
            continue
        if i >= stop:
            break
        c = at(data, i)
        size = 1
        if c > 32:
            point, size = decode(data, i, stop)
            if table.flags[np.int64(table.pages[point >> 8]) << 8 | (point & 255)] & SPACE:
                return i
        elif is_space(c):
            return i
        i += size
    return stop


@inner
def _equals(data, i, begin, stop, text, size):
    """Whether text, lower-case ASCII as a number, stands at byte i in either case."""
    if i < begin or i + size > stop:
        return False
    for k in range(size):
        c = np.uint64(data[i + k])
        c = c | np.uint64(32) if 65 <= c <= 90 else c
        if c != text >> np.uint64(8 * k) & np.uint64(255):
            return False
    return True


def code_of(text: str) -> np.uint64:
    """Up to 8 ASCII characters as `load` reads them."""
    return np.uint64(int.from_bytes(text.encode(), "little"))


JAVA, SCRIPT, POLI, CY, COOK, IES, IPSU, M, USE = map(
    code_of, ("java", "script", "poli", "cy", "cook", "ies", "ipsu", "m", "use")
)
PRIVACY, COOKIE, LOREM_, USE_, USES_, OF_, TERMS_, = map(
    code_of, ("privacy ", "cookie ", "lorem ", "use ", "uses ", "of ", "terms ")
)  # fmt: skip


@inner
def phrase(data, i, begin, stop):
    """Whether the chunk at byte i ends a phrase of C4's: POLICY, LOREM or 0."""
    if _equals(data, i, begin, stop, POLI, 4):
        if _equals(data, i + 4, begin, stop, CY, 2) and (
            _equals(data, i - 8, begin, stop, PRIVACY, 8)
            or _equals(data, i - 7, begin, stop, COOKIE, 7)
        ):
            return POLICY
    elif _equals(data, i, begin, stop, COOK, 4):
        if _equals(data, i + 4, begin, stop, IES, 3) and (
            _equals(data, i - 5, begin, stop, USES_, 5)
            or _equals(data, i - 4, begin, stop, USE_, 4)
            or (_equals(data, i - 3, begin, stop, OF_, 3)
                and _equals(data, i - 7, begin, stop, USE_, 4))
        ):  # fmt: skip
            return POLICY
    elif _equals(data, i, begin, stop, IPSU, 4):
        if _equals(data, i + 4, begin, stop, M, 1) and _equals(data, i - 6, begin, stop, LOREM_, 6):
            return LOREM
    elif (
        _equals(data, i, begin, stop, USE, 3)
        and _equals(data, i - 3, begin, stop, OF_, 3)
        and _equals(data, i - 9, begin, stop, TERMS_, 6)
    ):
        return POLICY
    return 0


@inner
def may_be_phrase(word):
    """Whether 8 bytes begin with what `_phrase` looks for."""
    four = (word | SPACES) & np.uint64(0xFFFFFFFF)
    return four in (POLI, COOK, IPSU) or four & np.uint64(0xFFFFFF) == USE


@inner
def signs_of(data, i, e):
    """Facts of a chunk, and how many `#` and ellipses it has."""
    facts = hashes = ellipses = dots = 0
    for k in range(i, e):
        c = data[k]
        if c == 0x2E:
            dots += 1
            if dots == 3:
                ellipses, dots = ellipses + 1, 0
            continue
        dots = 0
        hashes += c == 0x23
        facts |= BRACE * (c == 0x7B) | BRACKET * (c == 0x5B)
        if (c == 0xA6) and k - i >= 2 and data[k - 1] == 0x80 and data[k - 2] == 0xE2:
            ellipses += 1
        if (c | 32) == 0x6A and _equals(data, k, i, e, JAVA, 4):
            facts |= JAVASCRIPT * _equals(data, k + 4, i, e, SCRIPT, 6)
    return facts, hashes, ellipses


@inner
def has_javascript(data, i, e):
    """Whether the bytes hold `javascript`."""
    found = False
    for k in range(i, e - 9):
        if data[k] | 32 == 0x6A and _equals(data, k, i, e, JAVA, 4):
            found |= _equals(data, k + 4, i, e, SCRIPT, 6)
    return found
