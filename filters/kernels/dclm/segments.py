"""Words by the default rules of UAX #29, those that begin with a letter or numeral.

DCLM takes `uniseg`'s segments (rules WB5 to WB13b) whose first character is alphanumeric. Here
letters are general category L (so Hangul syllables join), without the scripts of
`unicode.UNSPACED`, each letter of which is a word, Katakana aside, which joins; digits are Nd;
marks, ZWJ, ZWNJ and soft hyphens belong to what is before them. Not as there: numerals that are no
digits are words of one character, Roman ones too.
"""

from __future__ import annotations

import numpy as np

from castor.filters.kernels._compile import inner
from castor.filters.kernels.unicode import DIGIT, LETTER, MARK, NUMBER, UNSPACED, char_at
from castor.filters.kernels.words import FNV_BASIS, FNV_PRIME, finish

OTHER, ALPHA, DIGITS, KATAKANA, JOINER, EXTEND, ALONE = range(7)
MID_LETTER = ":·\u0387\u055f\u05f4\u2027\ufe13\ufe55\uff1a"
MID_NUMBER = ",;\u037e\u0589\u060c\u060d\u066c\u07f8\u2044\ufe10\ufe14\ufe50\ufe54\uff0c\uff1b"
MID_BOTH = ".'\u2018\u2019\u2024\ufe52\uff07\uff0e"
MIDS = np.array(
    [ord(c) << 2 | (c in MID_LETTER + MID_BOTH) << 1 | (c in MID_NUMBER + MID_BOTH)
     for c in sorted(MID_LETTER + MID_NUMBER + MID_BOTH)], np.int64,
)  # fmt: skip


@inner
def _class(c, f):
    """What the rules take a character for."""
    if c == 0x5F or c == 0x203F or c == 0x2040 or c == 0x2054 or c == 0xFF3F:
        return JOINER
    if c == 0x202F or 0xFE33 <= c <= 0xFE34 or 0xFE4D <= c <= 0xFE4F:
        return JOINER
    if f & MARK or c == 0x200D or c == 0x200C or c == 0xAD:
        return EXTEND
    if f & DIGIT or c == 0x66B:
        return DIGITS
    if f & UNSPACED:
        katakana = 0x30A0 <= c <= 0x30FF or 0x31F0 <= c <= 0x31FF or 0xFF66 <= c <= 0xFF9F
        return KATAKANA if katakana else ALONE
    if f & LETTER:
        return ALPHA
    return ALONE if f & NUMBER else OTHER


@inner
def _joins(c, before, data, i, stop, pages, flags, mids):
    """Whether sign c, before byte i, holds letters or digits together."""
    if before != ALPHA and before != DIGITS:
        return False
    bit = 2 if before == ALPHA else 1
    found = False
    for k in range(len(mids)):
        found |= mids[k] >> 2 == c and mids[k] & bit != 0
    while found and i < stop:
        c, n, f = char_at(data, i, stop, pages, flags)
        kind = _class(c, f)
        if kind != EXTEND:
            return kind == before
        i += n
    return False


@inner
def next_word(data, i, stop, pages, flags, mids):
    """The segment that begins at byte i.

    Returns the byte after it, its hash and its characters, 0 if it is no word.
    """
    h, size = FNV_BASIS, 0
    c, n, f = char_at(data, i, stop, pages, flags)
    last = _class(c, f)
    is_word = f & (LETTER | NUMBER) != 0
    while True:
        for k in range(i, i + n):
            h = (h ^ np.uint64(data[k])) * FNV_PRIME
        size += 1
        i += n
        if i >= stop:
            break
        c, n, f = char_at(data, i, stop, pages, flags)
        kind = _class(c, f)
        if kind == EXTEND and last != OTHER:
            continue
        known = last in (ALPHA, DIGITS, KATAKANA, JOINER)
        letters = last in (ALPHA, DIGITS) and kind in (ALPHA, DIGITS)
        joins = letters or (last == KATAKANA and kind == KATAKANA) or (known and kind == JOINER)
        joins = joins or (last == JOINER and kind in (ALPHA, DIGITS, KATAKANA))
        if not joins:
            if kind != OTHER or not _joins(c, last, data, i + n, stop, pages, flags, mids):
                break
            continue  # `last` stays: it is what must follow
        last = kind
    return i, finish(h), size if is_word else 0
