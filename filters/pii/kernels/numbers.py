"""Compiled: what begins with a digit, by its groups and by what stands around them."""

from __future__ import annotations

import numba as nb
import numpy as np

from castor.filters.kernels._compile import at
from castor.filters.pii.kernels.digits import (
    groups_at,
    is_american_social,
    is_card,
    is_french_social,
    is_public_ipv4,
    national_of,
    shape,
)
from castor.filters.pii.kernels.shapes import (
    CARD,
    DIGIT,
    DOT,
    HYPHEN,
    INTERNATIONAL,
    IPV4,
    LABELLED,
    LOWER,
    NATIONAL,
    NONE,
    PLACE,
    SOCIAL,
    SPACE,
    UPPER,
    WORD,
    byte_at,
    is_a,
    lower,
)
from castor.filters.pii.kernels.words import FNV_BASIS, FNV_PRIME, contains

MAX_DIGITS = 15  # of a telephone number with its country code: ITU-T E.164, section 6.2.1
PRECISE = 5  # decimals of a degree: 1.1 m of latitude; four are 11 m, two a town
MAX_LABEL = 12
PLACE_CONTEXT = 48


@nb.njit(nogil=True, _nrt=False)
def number_at(data, i, first, stop, classes, labels, starts, ends, signs):
    """What begins with the digit at byte i, the first of its word: (code, start, end)."""
    before = byte_at(data, i - 1, first, stop)
    if before == 43:
        return international_at(data, i, i - 1, first, stop, classes, starts, ends, signs)
    if at(data, i) == 48 and byte_at(data, i + 1, first, stop) == 48:
        return international_at(data, i + 2, i, first, stop, classes, starts, ends, signs)
    start = i - 1 if before == 40 else i
    if is_labelled(data, start, first, stop, classes, labels):
        n = groups_at(data, i, first, stop, True, classes, starts, ends, signs)
        total, fitting = n_digits_of(starts, ends, n)
        if fitting > 0 and total >= 7:
            return LABELLED, start, ends[fitting - 1]
    if before == 40:
        n = groups_at(data, i, first, stop, True, classes, starts, ends, signs)
        if n > 1 and is_bracketed(data, first, stop, classes, starts, ends, n):
            return NATIONAL, start, ends[n - 1]
    return plain_at(data, i, first, stop, classes, starts, ends, signs)


@nb.njit(nogil=True, _nrt=False)
def international_at(data, i, start, first, stop, classes, starts, ends, signs):
    """A number with its country code at byte i, the + or 00 before it at byte start."""
    prior = byte_at(data, start - 1, first, stop)
    if prior == 58 and start - 2 >= first and is_a(data, start - 2, stop, classes, DIGIT):
        return NONE, i, i  # the seconds of a time
    if (is_a(data, start - 1, stop, classes, WORD) and start > first) or prior in (43, 45, 46):
        return NONE, i, i
    if not is_a(data, i, stop, classes, DIGIT) or at(data, i) == 48:
        return NONE, i, i
    n = groups_at(data, i, first, stop, True, classes, starts, ends, signs)
    total, fitting = n_digits_of(starts, ends, n)
    bare = at(data, start) == 48 and n == 1  # 00 and digits in one: any number with zeros
    if fitting == 0 or total < 8 or bare or (fitting == 2 and signs[1] == DOT):
        return NONE, i, i
    end = ends[fitting - 1]
    if fitting == n and goes_on(data, end, first, stop, classes, False):
        return NONE, i, i
    return INTERNATIONAL, start, end


@nb.njit(nogil=True, _nrt=False)
def n_digits_of(starts, ends, n):
    """How many digits n groups have, and how many of them hold at most 15."""
    total, fitting = 0, 0
    for g in range(n):
        total += ends[g] - starts[g]
        if total <= MAX_DIGITS:
            fitting = g + 1
    return total, fitting


@nb.njit(nogil=True, _nrt=False)
def goes_on(data, end, first, stop, classes, is_host):
    """Whether a number that ends here is part of more: of a word, a decimal, a date, a range.

    A host may be followed by a port, a path or a comma.
    """
    after = byte_at(data, end, first, stop)
    if is_a(data, end, stop, classes, WORD) or after in (37, 64):
        return True
    if after == HYPHEN:
        return is_a(data, end + 1, stop, classes, WORD)
    if after == DOT or (after in (44, 47) and not is_host):
        return is_a(data, end + 1, stop, classes, DIGIT)
    return False


@nb.njit(nogil=True, _nrt=False)
def is_labelled(data, i, first, stop, classes, labels):
    """Whether the word before byte i says that a telephone number follows: `Tel.: `."""
    j = i
    while j > first and i - j < 6:
        if at(data, j - 1) in (9, 10, 32, 46, 58, 35, 41, 61):
            j -= 1
        elif at(data, j - 1) == 0xA0 and byte_at(data, j - 2, first, stop) == 0xC2:  # no-break
            j -= 2
        else:
            break
    if j == i or not is_a(data, j - 1, stop, classes, UPPER | LOWER):
        return False
    k = j
    while k > first and j - k < MAX_LABEL and is_a(data, k - 1, stop, classes, UPPER | LOWER):
        k -= 1
    h = FNV_BASIS
    for m in range(k, j):
        h = (h ^ np.uint64(lower(np.int64(at(data, m))))) * FNV_PRIME
    return contains(labels, h)


@nb.njit(nogil=True, _nrt=False)
def is_bracketed(data, first, stop, classes, starts, ends, n):
    """Whether the groups are `(415) 555-0118`, or a code with its 0 in brackets and a number."""
    begin = starts[0] - 1
    if byte_at(data, ends[0], first, stop) != 41 or goes_on(
        data, ends[n - 1], first, stop, classes, False
    ):
        return False
    if begin > first and is_a(data, begin - 1, stop, classes, WORD):
        return False
    total, fitting = n_digits_of(starts, ends, n)
    if n == 3 and ends[0] - starts[0] == 3 and total == 10 and ends[1] - starts[1] == 3:
        return at(data, starts[0]) > 49 and at(data, starts[1]) > 49
    return at(data, starts[0]) == 48 and n <= 5 and 9 <= total <= 12 and fitting == n


@nb.njit(nogil=True, _nrt=False)
def plain_at(data, i, first, stop, classes, starts, ends, signs):
    """What the groups of digits at byte i are, neither + nor brackets before them."""
    n = groups_at(data, i, first, stop, False, classes, starts, ends, signs)
    after = byte_at(data, ends[0], first, stop)
    if n == 1 and ends[0] - i < 14 and after != 0xC2 and (at(data, i) != 48 or after > 47):
        return NONE, i, i  # most numbers: no °, and nothing that groups what begins with 0
    before, prior = byte_at(data, i - 1, first, stop), byte_at(data, i - 2, first, stop)
    is_part = (
        before in (46, 45)
        or (before == 47 and prior != 47)
        or (before == 44 and is_a(data, i - 2, stop, classes, DIGIT) and i - 2 >= first)
    )
    if is_place(data, i, first, stop, classes, starts, ends, signs, n):
        signed = before == 45 and not (is_a(data, i - 2, stop, classes, WORD) and i - 2 >= first)
        return PLACE, i - 1 if signed else i, ends[min(n, 2) - 1]
    if is_part:
        return NONE, i, i
    code, end = shaped(data, first, stop, classes, starts, ends, signs, n)
    timed = before == 58 and is_a(data, i - 2, stop, classes, DIGIT)  # 16:00:04 2006 -0700
    if code == NONE and at(data, i) == 48 and at(data, i + 1) != 48 and not timed:
        code, end = dialled_at(data, i, first, stop, classes, starts, ends, signs)
    if code == NATIONAL and before == SPACE and is_a(data, i - 2, stop, classes, DIGIT):
        return NONE, i, i  # in a list of numbers
    return code, i, end


@nb.njit(nogil=True, _nrt=False)
def dialled_at(data, i, first, stop, classes, starts, ends, signs):
    """A number that begins with one 0, grouped by signs of any kind: (code, end)."""
    n = groups_at(data, i, first, stop, True, classes, starts, ends, signs)
    total, _ = n_digits_of(starts, ends, n)
    end = ends[n - 1]
    if n < 2 or not 9 <= total <= 12 or ends[0] - i < 2:
        return NONE, end
    return (NONE if goes_on(data, end, first, stop, classes, False) else NATIONAL), end


@nb.njit(nogil=True, _nrt=False)
def shaped(data, first, stop, classes, starts, ends, signs, n):
    """What groups of digits that stand alone are: (code, end)."""
    alike = 1
    while alike < n and signs[alike] == signs[1]:
        alike += 1
    for m in (alike, min(alike, 4), min(alike, 3)):  # 4111 1111 1111 1111 12/27
        end = ends[m - 1]
        lengths, sign = shape(starts, ends, signs, m)
        if is_card(data, starts, ends, m, lengths, sign):
            return (NONE if goes_on(data, end, first, stop, classes, False) else CARD), end
    end = ends[alike - 1]
    lengths, sign = shape(starts, ends, signs, alike)
    if alike == 4 and sign == DOT:
        if is_public_ipv4(data, starts, ends):
            return (NONE if goes_on(data, end, first, stop, classes, True) else IPV4), end
        return NONE, end
    if goes_on(data, end, first, stop, classes, False):
        return NONE, end
    if (alike == 1 and end - starts[0] == 15) or (lengths == 1222332 and sign == SPACE):
        return (SOCIAL if is_french_social(data, starts[0], end) else NONE), end
    if lengths == 324 and sign == HYPHEN:
        return (SOCIAL if is_american_social(data, starts, ends) else NONE), end
    if alike > 1 and national_of(data, starts, ends, alike, lengths, sign):
        return NATIONAL, end
    return NONE, end


@nb.njit(nogil=True, _nrt=False)
def is_place(data, i, first, stop, classes, starts, ends, signs, n):
    """Whether a number may be a latitude: degrees with °, or five decimals after a word for it.

    The word, or an @ or `=` of a map's URL, is among the 48 bytes before: floating-point
    numbers alone are far more often no places.
    """
    if ends[0] - i > 3:
        return False
    end = ends[0]
    if n > 1 and signs[1] == DOT and ends[1] - starts[1] >= PRECISE:
        end = ends[1]
        after = byte_at(data, end, first, stop)
        after = byte_at(data, end + 1, first, stop) if after == SPACE else after
        if after in (78, 83):  # N, S
            return True
        sign = 1 if byte_at(data, i - 1, first, stop) in (43, 45) else 0
        if byte_at(data, i - 1 - sign, first, stop) == 64:  # @, in URLs of maps
            return True
        for k in range(max(first, i - PLACE_CONTEXT), i):
            if is_place_word(data, k, i):
                return True
    return byte_at(data, end, first, stop) == 0xC2 and byte_at(data, end + 1, first, stop) == 0xB0


@nb.njit(nogil=True, _nrt=False)
def is_place_word(data, k, stop):
    """Whether lat, gps, geo, oor(d), osi(tion), oca(tion), N: or ll= stands at byte k."""
    if k + 3 > stop:
        return False
    three = np.int64(0)
    for m in range(k, k + 3):
        three = three << 8 | np.int64(lower(np.int64(at(data, m))))
    return three in (0x6C6174, 0x677073, 0x67656F, 0x6F6F72, 0x6F7369, 0x6F6361, 0x6C6C3D)
