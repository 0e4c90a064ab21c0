"""Chunks that need no rules: letters or digits, alone or with a sign behind them."""

from __future__ import annotations

import numpy as np

from castor.filters.kernels._compile import LANES, at, inlined, inner, letters_from, load64
from castor.filters.kernels.datatrove.bytes import (
    FIRST_BYTES,
    IS_SPACE,
    SECOND_BYTES,
    STANDS_BEHIND,
    has_javascript,
    has_jay,
    kind_of,
)
from castor.filters.kernels.datatrove.room import LONGEST_WORD
from castor.filters.kernels.datatrove.tables import STOPPABLE, hash_of, is_own, mix


@inlined
def short_hash(n, first, second):
    """`hash_of` of n <= 16 bytes, the beginning of 16."""
    return mix(first & at(FIRST_BYTES, n), second & at(SECOND_BYTES, n), n)


@inlined
def short_word(data, i, stop, first, table):
    """A chunk of up to 15 ASCII letters, alone or with a sign behind it, before white space.

    first: the 8 bytes at byte i. Returns the number of letters (0: it is another chunk), the
    sign or 0, and the hashes of the letters and of the chunk. It has no branches but one: what
    a word is like is hard to foresee.
    """
    n = letters_from(data, i)
    second = load64(data, i + 8)
    sign = np.int64(at(data, i + n))
    signs = np.int64(kind_of(data, i + n) & STANDS_BEHIND != 0)
    word, chunk = short_hash(n, first, second), short_hash(n + signs, first, second)
    before, last = at(data, i + max(n - 2, 0)), at(data, i + max(n - 1, 0))
    stays = (last < 97) & ((n == 1) | (before >= 97))  # a full stop behind it
    rules = is_own(word, table.filter) != 0
    rules |= (sign == 0x2E) & ((is_own(chunk, table.filter) != 0) | stays)
    rules |= (n > 9) & has_jay(first)  # javascript
    rules |= (n == 0) | (n == LANES) | (i + n + signs >= stop)
    if rules | (kind_of(data, i + n + signs) & IS_SPACE == 0):
        return np.int64(0), np.int64(0), word, chunk
    return n, sign * signs, word, chunk


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
def plain(data, i, stop, first, table):
    """A chunk of letters or of digits, alone or with a sign behind them, as `short_word`.

    Returns the bytes (0: it is another chunk) and the characters of the letters or digits,
    whether they are letters, the sign or 0, and the hashes of them and of the chunk.
    """
    no = np.int64(0), np.int64(0), False, np.int64(0), np.uint64(0), np.uint64(0)
    n = letters_from(data, i)
    if i + n > stop:
        return no
    characters, letters = n, True
    sign = np.int64(at(data, i + n)) if i + n < stop else np.int64(32)
    if sign >= 0xC3 or n == LANES:
        n, characters = _letters_beyond(data, i, n, stop)
    elif n == 0 and 48 <= sign <= 57:
        n = _digits(data, i, stop)
        characters, letters = n, False
    if n == 0 or n > LONGEST_WORD:  # C4 asks for words that long
        return no
    if (has_jay(first) or n > 8) and has_javascript(data, i, i + n):
        return no
    h = hash_of(data, i, i + n)
    if is_own(h, table.filter):
        return no
    if i + n == stop or kind_of(data, i + n) & IS_SPACE:
        return n, characters, letters, np.int64(0), h, h
    sign = np.int64(at(data, i + n))
    if not kind_of(data, i + n) & STANDS_BEHIND:
        return no
    if i + n + 1 < stop and not kind_of(data, i + n + 1) & IS_SPACE:
        return no
    whole = hash_of(data, i, i + n + 1)
    if sign == 0x2E and (is_own(whole, table.filter) or not _cuts_stop(data, i, i + n, table)):
        return no
    return n, characters, letters, sign, h, whole
