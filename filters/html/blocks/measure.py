"""One pass over the text of blocks: counts of signs and words, and the hash of every word.

A word is a run of letters and digits; a character of an unspaced script (Han, kana) is a word of
its own and counts for half a word in `WORDS`. Signs outside ASCII that are punctuation are told by
their lead bytes, which is right for what pages use and cheap.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from castor.filters.html.tokens.compile import part
from castor.filters.html.tokens.state import B_END, B_START
from castor.filters.kernels._compile import at, kernel, put

(
    WORDS, BYTES, UPPER, DIGITS, CAPITALISED, COMMAS, SENTENCES, SYMBOLS, ENDS_SENTENCE, ENDS_COLON,
    BEGINS_UPPER, BEGINS_DIGIT, LONG_WORDS, QUOTES, LETTERS, CAPS_WORDS, N_MEASURES
) = range(17)  # fmt: skip
LONG = 7  # letters
_BASIS, _PRIME = np.uint32(2166136261), np.uint32(16777619)  # FNV-1a
# What a byte is: 0 other sign, 1 lower-case letter, 2 upper-case letter, 3 digit, 4 comma or
# semicolon, 5 full stop, question or exclamation mark, 6 symbol of menus, 7 quotation mark,
# 8 part of a character of several bytes, 9 white space, 10 colon.
_KIND = np.zeros(256, np.uint8)
_KIND[97:123], _KIND[65:91], _KIND[48:58] = 1, 2, 3
_KIND[[44, 59]] = 4
_KIND[[33, 46, 63]] = 5
_KIND[[35, 43, 47, 60, 61, 62, 64, 124, 126]] = 6
_KIND[[34]] = 7
_KIND[128:] = 8
_KIND[[9, 10, 13, 32]] = 9
_KIND[58] = 10


@part
def _length(lead):
    """Bytes of the UTF-8 sequence with that first byte."""
    if lead < 0xC0:
        return 1
    if lead < 0xE0:
        return 2
    return 3 if lead < 0xF0 else 4


@part
def _wide_kind(text, i, end):
    """What a character of several bytes is: as _KIND, and 11 for one of an unspaced script."""
    lead = at(text, i)
    second = at(text, i + 1) if i + 1 < end else 0
    third = at(text, i + 2) if i + 2 < end else 0
    if lead == 0xC2:
        if second == 0xAB or second == 0xBB:
            return 7
        return 1 if second in (0xAA, 0xB5, 0xBA) else 6
    if lead == 0xE2:
        if second == 0x80:
            if third in (0x9C, 0x9D, 0x9E, 0x98, 0x99, 0x9A, 0xB9, 0xBA):
                return 7
            return 5 if third == 0xA6 else 0
        return 6
    if lead == 0xE3:
        if second == 0x80:
            return 4 if third == 0x81 else (5 if third == 0x82 else 7)
        return 11
    if 0xE4 <= lead <= 0xE9:
        return 11
    if lead == 0xEF and second == 0xBC:
        if third == 0x8C or third == 0x9B:
            return 4
        return 5 if third in (0x81, 0x8E, 0x9F) else 6
    if lead == 0xC3 and 0x80 <= second <= 0x9E:
        return 2
    return 1


@part
def _measure_block(text, i, end, s, words, n_words):
    """Writes the counts of text[i:end] to s, and appends its words; returns their number."""
    h = _BASIS
    n_letters = n_upper = 0
    first_upper = False
    last = 0  # kind of the last sign that is neither space nor quotation mark
    begin = i
    halves = letters = upper = digits = capitalised = caps_words = long_words = 0
    commas = sentences = symbols = quotes = 0
    while i <= end:
        length = 1
        k = 9
        if i < end:
            k = np.int64(_KIND[at(text, i)])
            if k == 8:
                length = min(_length(at(text, i)), end - i)
                k = _wide_kind(text, i, end)
        if k == 1 or k == 2 or k == 3:
            if i == begin:
                s[BEGINS_UPPER] = 1 if k == 2 else 0
                s[BEGINS_DIGIT] = 1 if k == 3 else 0
            if n_letters == 0:
                first_upper = k == 2
            if k == 2:
                n_upper += 1
            elif k == 3:
                digits += 1
            n_letters += 1
            if length == 1:
                c = np.uint32(at(text, i))
                h = np.uint32((h ^ (c | np.uint32(32) if k == 2 else c)) * _PRIME)
            else:
                for j in range(length):
                    h = np.uint32((h ^ np.uint32(at(text, i + j))) * _PRIME)
        else:
            if n_letters:
                halves += 2
                letters += n_letters
                upper += n_upper
                if n_letters >= LONG:
                    long_words += 1
                if first_upper:
                    capitalised += 1
                    if n_upper == n_letters and n_letters > 1:
                        caps_words += 1
                put(words, n_words, h)
                n_words += 1
                h = _BASIS
                n_letters = n_upper = 0
            if k == 11:
                for j in range(length):
                    h = np.uint32((h ^ np.uint32(at(text, i + j))) * _PRIME)
                put(words, n_words, h)
                n_words += 1
                h = _BASIS
                halves += 1
                letters += 2
            elif k == 4:
                commas += 1
            elif k == 5:
                following = at(text, i + length) if i + length < end else 32
                if length > 1 or following == 32 or following == 10 or following == 34:
                    sentences += 1
            elif k == 6:
                symbols += 1
            elif k == 7:
                quotes += 1
        if k != 9 and k != 7:
            last = k
        i += length
    s[WORDS] = halves / 2
    s[LETTERS], s[UPPER], s[DIGITS], s[LONG_WORDS] = letters, upper, digits, long_words
    s[CAPITALISED], s[CAPS_WORDS] = capitalised, caps_words
    s[COMMAS], s[SENTENCES], s[SYMBOLS], s[QUOTES] = commas, sentences, symbols, quotes
    s[ENDS_SENTENCE] = 1 if last == 5 else 0
    s[ENDS_COLON] = 1 if last == 10 else 0
    s[BYTES] = end - begin
    return n_words


@kernel(
    nb.int64(
        nb.types.Array(nb.uint8, 1, "C"),
        nb.types.Array(nb.int32, 2, "C"),
        nb.types.Array(nb.float32, 2, "C"),
        nb.types.Array(nb.uint32, 1, "C"),
        nb.types.Array(nb.int32, 1, "C"),
    )
)
def _measure(text, blocks, measures, words, offsets):
    n_words = 0
    for b in range(len(blocks)):
        offsets[b] = n_words
        n_words = _measure_block(
            text, blocks[b, B_START], blocks[b, B_END], measures[b], words, n_words
        )
    offsets[len(blocks)] = n_words
    return n_words


def measure(text: np.ndarray, blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Measures blocks.

    Args:
        text: uint8, the text of all blocks.
        blocks: int32 [n_blocks, at least B_END + 1], spans in it.

    Returns:
        measures: float32 [n_blocks, N_MEASURES].
        words: uint32 [n_words], hashes of the words of all blocks.
        offsets: int32 [n_blocks + 1]; block b has the words offsets[b] to offsets[b + 1].
    """
    measures = np.zeros((len(blocks), N_MEASURES), np.float32)
    words = np.empty(len(text) + 1, np.uint32)
    offsets = np.empty(len(blocks) + 1, np.int32)
    n = _measure(text, blocks, measures, words, offsets)
    return measures, words[:n], offsets
