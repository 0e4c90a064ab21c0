"""Finding bytes and reading the attributes of a tag. All of it is compiled into the tokenizer."""

from __future__ import annotations

import numpy as np

from castor.filters.html.tokens import classwords, tags
from castor.filters.html.tokens.classwords import WORD_HASHES, WORD_MASKS
from castor.filters.html.tokens.compile import part, trailing_zeros
from castor.filters.html.tokens.state import MAX_WORDS, R_AT_WORDS, R_WORDS, SPANS
from castor.filters.html.tokens.tags import ATTRIBUTE_KEYS, ATTRIBUTE_VALUES, NAME_BYTE
from castor.filters.kernels._compile import at, load64

_ONES = np.uint64(0x0101010101010101)
_HIGHS = np.uint64(0x8080808080808080)
_MIX = np.uint64(tags.MIX)
_A_CLASS = tags.ATTRIBUTE["class"]
_A_TESTID = tags.ATTRIBUTE["data-testid"]
_BASIS, _PRIME = np.uint32(classwords.BASIS), np.uint32(classwords.PRIME)


@part
def find(src, i, n, c):
    """Index of the first byte c from i on, or n. src has 8 bytes more than n."""
    pattern = np.uint64(c) * _ONES
    while i < n:
        x = load64(src, i) ^ pattern
        x = (x - _ONES) & ~x & _HIGHS
        if x != np.uint64(0):  # its lowest bit is of the first such byte
            return min(n, i + np.int64(trailing_zeros(x) >> np.uint64(3)))
        i += 8
    return n


@part
def find_end_tag(src, i, n, key):
    """Index of the `<` of the end tag whose name has that key, or n."""
    while True:
        i = find(src, i, n, 60)
        if i + 2 >= n:
            return n
        if at(src, i + 1) == 47:
            _, found = name_key(src, i + 2, n)
            if found == key:
                return i
        i += 1


@part
def find_comment_end(src, i, n):
    """Index after the comment whose `<!--` ended at i; n if it never ends."""
    if i < n and at(src, i) == 62:  # <!-->
        return i + 1
    if i + 1 < n and at(src, i) == 45 and at(src, i + 1) == 62:
        return i + 2
    while True:
        i = find(src, i, n, 62)
        if i >= n:
            return n
        if at(src, i - 1) == 45 and at(src, i - 2) == 45:
            return i + 1
        if at(src, i - 1) == 33 and at(src, i - 2) == 45 and at(src, i - 3) == 45:
            return i + 1
        i += 1


@part
def name_key(src, i, n):
    """(byte after the name that begins at i, its key as `tags.name_key` makes it)."""
    key = np.uint64(0)
    start = i
    while i < n:
        c = np.uint64(NAME_BYTE[at(src, i)])
        if c == np.uint64(0):
            break
        key = key << np.uint64(8) | c if i - start < 8 else (key ^ c) * _MIX
        i += 1
    return i, key


@part
def look_up(key, keys, values, missing):
    """The value of a key in an open-addressing table."""
    slot = np.int64((key * _MIX) >> np.uint64(64 - tags.SLOT_BITS))
    while at(keys, slot) != np.uint64(0):
        if at(keys, slot) == key:
            return np.int64(at(values, slot))
        slot = (slot + 1) & ((1 << tags.SLOT_BITS) - 1)
    return np.int64(missing)


@part
def _is_space(c):
    return c == 32 or 9 <= c <= 13


@part
def skip_attributes(src, i, n):
    """Index after the `>` of a tag of which no attribute is wanted; n if it never ends."""
    while i < n:
        c = at(src, i)
        if c == 62:
            return i + 1
        i += 1
        if c == 61:  # a quotation mark counts only where a value begins
            while i < n and _is_space(at(src, i)):
                i += 1
            if i < n and (at(src, i) == 34 or at(src, i) == 39):
                i = find(src, i + 1, n, at(src, i)) + 1
    return n


@part
def attributes(src, i, n, m):
    """Reads attributes up to `>`: the first of each known name into the arena.

    Returns (index after the `>` or n, bit set of the attributes that are there).
    """
    there = np.int64(0)
    while i < n:
        c = at(src, i)
        if c == 62:
            return i + 1, there
        if _is_space(c) or c == 47:
            i += 1
            continue
        if c == 61:  # a stray = begins a name
            i += 1
        i, key = name_key(src, i, n)
        name = look_up(key, ATTRIBUTE_KEYS, ATTRIBUTE_VALUES, -1)
        j = i
        while j < n and _is_space(at(src, j)):
            j += 1
        start = end = i
        if j < n and at(src, j) == 61:
            j += 1
            while j < n and _is_space(at(src, j)):
                j += 1
            if j < n and (at(src, j) == 34 or at(src, j) == 39):
                start = j + 1
                end = find(src, start, n, at(src, j))
                i = end + 1
            else:
                start = j
                while j < n and at(src, j) != 62 and not _is_space(at(src, j)):
                    j += 1
                i = end = j
        if name >= 0 and not there >> name & 1:
            there |= np.int64(1) << name
            m[SPANS + 2 * name], m[SPANS + 2 * name + 1] = start, min(end, n)
    return n, there


@part
def _mask_of(h):
    slot = np.int64(h >> np.uint32(32 - classwords.SLOT_BITS))
    while WORD_HASHES[slot] != np.uint32(0):
        if WORD_HASHES[slot] == h:
            return WORD_MASKS[slot]
        slot = (slot + 1) & ((1 << classwords.SLOT_BITS) - 1)
    return np.uint64(0)


@part
def class_words(src, start, end, m, n_words, most):
    """Splits a value into words, at signs, digits and where camelCase rises.

    Writes the hash of each word, and of each with the one before it, from m[n_words] up to `most`.
    Returns (where the next word goes, groups of the words).
    """
    mask = np.uint64(0)
    last = np.uint32(0)
    i = start
    while i < end and n_words < most:
        c = at(src, i)
        if not (97 <= c | 32 <= 122 or c >= 128):
            i += 1
            continue
        h = _BASIS
        first = i
        while i < end and i - first < 24:
            c = at(src, i)
            upper = 65 <= c <= 90
            if not (upper or 97 <= c <= 122 or c >= 128):
                break
            if upper and i > first and at(src, i - 1) >= 97:
                break
            h = np.uint32((h ^ np.uint32(c | 32 if upper else c)) * _PRIME)
            i += 1
        mask |= _mask_of(h)
        m[n_words] = np.int32(h)
        n_words += 1
        if last != np.uint32(0) and n_words < most:
            pair = np.uint32((last ^ h) * _PRIME) ^ np.uint32(h >> np.uint32(7))
            m[n_words] = np.int32(pair)
            n_words += 1
            mask |= _mask_of(pair)
        last = h
    return n_words, mask


@part
def element_words(src, there, m):
    """Class words of class, id, role, itemprop and data-testid into the arena; their groups."""
    mask = np.uint64(0)
    first = m[R_AT_WORDS] + m[R_WORDS]
    at_word = first
    for name in range(_A_CLASS, _A_TESTID + 1):
        if there >> name & 1:
            start, end = m[SPANS + 2 * name], m[SPANS + 2 * name + 1]
            at_word, more = class_words(src, start, end, m, at_word, first + MAX_WORDS)
            mask |= more
    m[R_WORDS] += at_word - first
    return mask
