"""Chunks that need no rules: letters or digits, alone or with a sign behind them."""

from __future__ import annotations

import numpy as np

from castor.filters.kernels._compile import at, inner
from castor.filters.kernels.datatrove.bytes import (
    has_javascript,
    has_jay,
    inlined,
    is_space,
    letters_of,
    low,
)
from castor.filters.kernels.datatrove.room import LONGEST_WORD
from castor.filters.kernels.datatrove.tables import STOPPABLE, hash_of, is_own, load, mix


@inner
def _letters_beyond(data, i, n, stop):
    """Goes on after n ASCII letters with letters of two bytes and ASCII ones.

    Of two bytes are U+00C0 to U+017F, multiplication and division signs aside, and U+0400 to
    U+047F: no rule of `split` knows them as signs. Returns the bytes and the characters.
    """
    k, characters = i + n, n
    while k < stop:
        c = at(data, k)
        if 65 <= c <= 90 or 97 <= c <= 122:
            k += 1
        elif (0xC3 <= c <= 0xC5 or 0xD0 <= c <= 0xD1) and k + 1 < stop:
            d = at(data, k + 1)
            if (d & 0xC0) != 0x80 or (c == 0xC3 and (d == 0x97 or d == 0xB7)):
                break
            k += 2
        else:
            break
        characters += 1
    return k - i, characters


@inner
def _digits(data, i, stop):
    """How many ASCII digits stand at byte i."""
    k = i
    while k < stop and 48 <= at(data, k) <= 57:
        k += 1
    return k - i


@inner
def _cuts_stop(data, i, e, table):
    """Whether a full stop behind the letters or digits [i, e) is a token of its own."""
    last = at(data, e - 1)
    if last < 128:
        if last >= 97 or last <= 57:  # a lower-case letter, a digit
            return True
        return e - i > 1 and at(data, e - 2) < 97  # two capitals
    c = (np.int64(at(data, e - 2)) & 0x1F) << 6 | (np.int64(last) & 0x3F)
    return table.flags[np.int64(table.pages[c >> 8]) << 8 | (c & 255)] & STOPPABLE != 0


@inlined
def _hash(data, i, n, word, second):
    """`hash_of` of n bytes of which the first 16 are known."""
    if n < 8:
        return mix(low(word, n), np.uint64(0), n)
    if n < 16:
        return mix(word, low(second, n - 8), n)
    return hash_of(data, i, i + n)


@inlined
def plain(data, i, stop, word, table):
    """A chunk of letters or of digits, alone or with a sign behind them.

    word: the 8 bytes at byte i. Returns the bytes (0: it is another chunk) and the characters
    of the letters or digits, whether they are letters, the sign or 0, and the hashes of them
    and of the chunk.
    """
    no = np.int64(0), np.int64(0), False, np.int64(0), np.uint64(0), np.uint64(0)
    n, second = letters_of(word), np.uint64(0)
    if n == 8:
        second = load(data, i + 8, 8)
        n += letters_of(second)
    if i + n > stop:
        return no
    characters, letters = n, True
    sign = np.int64(at(data, i + n)) if i + n < stop else np.int64(32)
    if sign > 32:
        if sign >= 0xC3 or n == 16:
            n, characters = _letters_beyond(data, i, n, stop)
        elif n == 0 and 48 <= sign <= 57:
            n = _digits(data, i, stop)
            characters, letters = n, False
        sign = np.int64(at(data, i + n)) if i + n < stop else np.int64(32)
        second = load(data, i + 8, 8) if n > 6 else second
    if n == 0 or n > LONGEST_WORD:  # C4 asks for words that long
        return no
    if (has_jay(word) or n > 8) and has_javascript(data, i, i + n):
        return no
    whole = np.uint64(0)
    if sign > 32:
        after = at(data, i + n + 1) if i + n + 1 < stop else np.uint8(32)
        wanted = sign == 0x2C or sign == 0x2E or sign == 0x3A or sign == 0x3B
        wanted = wanted or sign == 0x21 or sign == 0x3F
        if not wanted or after > 32 or not is_space(after):
            return no
        whole = _hash(data, i, n + 1, word, second)
        if sign == 0x2E and (is_own(whole, table.filter) or not _cuts_stop(data, i, i + n, table)):
            return no
    elif not is_space(sign):
        return no
    h = _hash(data, i, n, word, second)
    if is_own(h, table.filter):
        return no
    if sign <= 32:
        return n, characters, letters, np.int64(0), h, h
    return n, characters, letters, sign, h, whole
