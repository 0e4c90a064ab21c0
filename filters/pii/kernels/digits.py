"""Compiled shapes of digits: groups and their gaps, cards, IBANs, social security, IPv4."""

from __future__ import annotations

import numba as nb
import numpy as np

from castor.filters.kernels._compile import at
from castor.filters.pii.kernels.shapes import (
    DIGIT,
    DOT,
    HYPHEN,
    IBAN,
    MAX_GROUPS,
    MIXED,
    NONE,
    SOCIAL,
    SPACE,
    UPPER,
    WORD,
    byte_at,
    is_a,
    run_end,
)


@nb.njit(nogil=True, _nrt=False)
def gap_at(data, i, first, stop):
    """What separates two groups of digits at byte i: (sign, next byte), sign 0 if nothing does.

    One space, hyphen or dot; a no-break space counts as a space, a no-break or other hyphen of
    U+2010 to U+2013 as a hyphen.
    """
    b = byte_at(data, i, first, stop)
    if b in (SPACE, HYPHEN, DOT):
        return b, i + 1
    if b == 0xC2 and byte_at(data, i + 1, first, stop) == 0xA0:
        return np.int64(SPACE), i + 2
    if b == 0xE2 and byte_at(data, i + 1, first, stop) == 0x80:
        c = byte_at(data, i + 2, first, stop)
        if 0x90 <= c <= 0x93:
            return np.int64(HYPHEN), i + 3
        if c == 0xAF:
            return np.int64(SPACE), i + 3
    return np.int64(0), i


@nb.njit(nogil=True, _nrt=False)
def loose_gap_at(data, i, first, stop):
    """The same with brackets and slashes, as in `+43 – (0)1`: up to four signs."""
    sign, j = np.int64(0), i
    for _ in range(4):
        c, k = gap_at(data, j, first, stop)
        if c == DOT and byte_at(data, k, first, stop) == SPACE:  # the end of a sentence
            break
        if c == 0 and byte_at(data, j, first, stop) in (40, 41, 47):
            c, k = np.int64(MIXED), j + 1
        if c == 0:
            break
        sign, j = c if sign == 0 else np.int64(MIXED), k
    return sign, j


@nb.njit(nogil=True, _nrt=False)
def groups_at(data, i, first, stop, loose, classes, starts, ends, signs):
    """Reads groups of digits from byte i on into the arrays; returns how many, at most 8.

    signs[g] is what stands before group g; that of the first is 0.
    """
    n, sign = 0, np.int64(0)
    while n < MAX_GROUPS:
        end = run_end(data, i, stop, classes, DIGIT)
        if end == i:
            break
        starts[n], ends[n], signs[n] = i, end, sign
        n += 1
        if loose:
            sign, i = loose_gap_at(data, end, first, stop)
        else:
            sign, i = gap_at(data, end, first, stop)
        if sign == 0 or not is_a(data, i, stop, classes, DIGIT):
            break
    return n


@nb.njit(nogil=True, _nrt=False)
def shape(starts, ends, signs, n):
    """The lengths of the groups as one decimal number (4-4-4-4 is 4444), and their one sign.

    The sign is 0 where signs differ or there is one group; a group over 9 makes the shape 0.
    """
    lengths, sign = np.int64(0), signs[1] if n > 1 else np.int64(0)
    for g in range(n):
        if ends[g] - starts[g] > 9:
            return np.int64(0), np.int64(0)
        lengths = lengths * 10 + ends[g] - starts[g]
        if g > 0 and signs[g] != sign:
            sign = np.int64(0)
    return lengths, sign


@nb.njit(nogil=True, _nrt=False)
def is_luhn(data, i, end):
    """Whether the digits in bytes i to end have the check digit of ISO/IEC 7812-1, annex B."""
    total, double = 0, False
    for k in range(end - 1, i - 1, -1):
        d = np.int64(at(data, k)) - 48
        if not 0 <= d <= 9:
            continue
        if double:
            d = d * 2 - 9 if d > 4 else d * 2
        total += d
        double = not double
    return total % 10 == 0


@nb.njit(nogil=True, _nrt=False)
def is_issued(data, i, end, n_digits):
    """Whether a card number of so many digits begins as one of the networks' does.

    Visa 4 (16, 19), Mastercard 51-55 and 2221-2720 (16), American Express 34 and 37 (15),
    Diners 300-305, 36, 38, 39 (14), Discover 6011, 644-649, 65 (16), JCB 3528-3589 (16),
    UnionPay 62 (16, 19).
    """
    head, seen = np.int64(0), 0
    for k in range(i, end):
        d = np.int64(at(data, k)) - 48
        if 0 <= d <= 9:
            head = head * 10 + d
            seen += 1
            if seen == 4:
                break
    two, three = head // 100, head // 10
    if n_digits == 16:
        return (
            head // 1000 == 4
            or 51 <= two <= 55
            or 2221 <= head <= 2720
            or head == 6011
            or 644 <= three <= 659
            or 3528 <= head <= 3589
            or two == 62
        )
    if n_digits == 15:
        return two in (34, 37)
    if n_digits == 14:
        return 300 <= three <= 305 or two in (36, 38, 39)
    return n_digits == 19 and (head // 1000 == 4 or two == 62)


@nb.njit(nogil=True, _nrt=False)
def is_card(data, starts, ends, n, lengths, sign):
    """Whether the groups are a card number: written as on a card, or 15 or 16 digits in one."""
    end = ends[n - 1]
    if n == 1:
        n_digits = end - starts[0]
        if n_digits not in (15, 16):
            return False
    else:
        if sign not in (SPACE, HYPHEN):
            return False
        if lengths == 4444:
            n_digits = 16
        elif lengths == 465:
            n_digits = 15
        elif lengths == 464:
            n_digits = 14
        elif lengths == 44443:
            n_digits = 19
        else:
            return False
    return is_issued(data, starts[0], end, n_digits) and is_luhn(data, starts[0], end)


@nb.njit(nogil=True, _nrt=False)
def number_of(data, i, end):
    """The digits in bytes i to end as a number, other bytes left out; at most 18 digits."""
    value = np.int64(0)
    for k in range(i, end):
        d = np.int64(at(data, k)) - 48
        if 0 <= d <= 9:
            value = value * 10 + d
    return value


@nb.njit(nogil=True, _nrt=False)
def is_american_social(data, starts, ends):
    """Whether 3-2-4 digits can be a social security or taxpayer number of the United States.

    Area 000 and 666, group 00 and serial 0000 were never given (SSA, POMS RM 10201.035); areas
    from 900 on are taxpayer numbers of the IRS, as personal as the others.
    """
    area = number_of(data, starts[0], ends[0])
    group = number_of(data, starts[1], ends[1])
    return area not in (0, 666) and group != 0 and number_of(data, starts[2], ends[2]) != 0


@nb.njit(nogil=True, _nrt=False)
def is_french_social(data, i, end):
    """Whether 15 digits are a French NIR: sex 1 or 2, a month, and the key 97 - n mod 97."""
    value = number_of(data, i, end)
    number, key = value // 100, value % 100
    month = number // 100_000_000 % 100
    return (
        number // 1_000_000_000_000 in (1, 2)
        and (1 <= month <= 12 or 20 <= month <= 42)
        and key == 97 - number % 97
    )


@nb.njit(nogil=True, _nrt=False)
def is_public_ipv4(data, starts, ends):
    """Whether four groups of digits are the address of a machine on the public internet.

    Blocks of the IANA special-purpose registry (RFC 6890) are not; those for documentation
    (RFC 5737) stand for public ones and count as such.
    """
    octets = np.int64(0)
    for g in range(4):
        length = ends[g] - starts[g]
        value = number_of(data, starts[g], ends[g])
        if length > 3 or value > 255 or (length > 1 and at(data, starts[g]) == 48):
            return False
        octets = octets << 8 | value
    a, ab, abc = octets >> 24, octets >> 16, octets >> 8
    if abc in (0xC00002, 0xC63364, 0xCB0071):  # 192.0.2.0, 198.51.100.0, 203.0.113.0
        return True
    return not (
        a in (0, 10, 127)
        or a >= 224
        or ab == 0xA9FE  # 169.254
        or ab == 0xC0A8  # 192.168
        or ab >> 4 == 0xAC1  # 172.16 to 172.31
        or ab >> 6 == 0x191  # 100.64 to 100.127
        or ab >> 1 == 0x6309  # 198.18 and 198.19
        or abc == 0xC00000  # 192.0.0
    )


@nb.njit(nogil=True, _nrt=False)
def national_of(data, starts, ends, n, lengths, sign):
    """Whether groups with one sign may be a number of North America, or a mobile of China."""
    head = np.int64(at(data, starts[0])) - 48
    if sign == 0:
        return False
    if lengths == 334:  # North America: neither area nor exchange begins with 0 or 1
        return head > 1 and at(data, starts[1]) > 49
    if lengths == 1334:
        return head == 1 and at(data, starts[1]) > 49 and at(data, starts[2]) > 49
    return lengths == 344 and head == 1 and sign != DOT  # a mobile of China


@nb.njit(nogil=True, _nrt=False)
def iban_at(data, i, first, stop, classes, lengths):
    """The end of an IBAN that begins at byte i, or -1: length by country, ISO 7064 mod 97-10.

    Written in one, or in groups of four with single spaces, no-break ones too. lengths is indexed
    by the two letters of the country, 26 * first + second.
    """
    country = (np.int64(at(data, i)) - 65) * 26 + np.int64(at(data, i + 1)) - 65
    length = np.int64(at(lengths, country))
    if length == 0 or not is_a(data, i + 3, stop, classes, DIGIT):
        return -1
    spaced = gap_at(data, i + 4, first, stop)[0] == SPACE
    k, n, remainder = i, 0, np.int64(0)
    while n < length:
        if spaced and n > 0 and n % 4 == 0:
            sign, k = gap_at(data, k, first, stop)
            if sign != SPACE:
                return -1
        if not is_a(data, k, stop, classes, DIGIT | UPPER):
            return -1
        if n >= 4:
            remainder = _append(remainder, np.int64(at(data, k)))
        k += 1
        n += 1
    for j in range(i, i + 4):
        remainder = _append(remainder, np.int64(at(data, j)))
    return k if remainder == 1 and not is_a(data, k, stop, classes, WORD) else -1


@nb.njit(nogil=True, _nrt=False)
def _append(remainder, byte):
    """The remainder mod 97 after one more sign: a digit, or a letter as 10 to 35."""
    if byte < 65:
        return (remainder * 10 + byte - 48) % 97
    return (remainder * 100 + byte - 55) % 97


@nb.njit(nogil=True, _nrt=False)
def british_social_at(data, i, first, stop, classes):
    """The end of a British national insurance number that begins at byte i, or -1.

    Two letters, six digits, a letter A to D, `AB 12 34 56 C` or in one; no D, F, I, Q, U, V
    among the letters, no O second, no BG, GB, NK, KN, TN, NT, ZZ (HMRC, NIM39110). Q is left in
    where the number is the form's own example, QQ.
    """
    a, b = np.int64(at(data, i)), np.int64(at(data, i + 1))
    for letter in (a, b):
        if letter in (68, 70, 73, 85, 86) or (letter == 81 and a != b):
            return -1
    if b == 79 or a << 8 | b in (0x4247, 0x4742, 0x4E4B, 0x4B4E, 0x544E, 0x4E54, 0x5A5A):
        return -1
    spaced = byte_at(data, i + 2, first, stop) == SPACE
    k = i + 2
    for _ in range(3):
        k += 1 if spaced and byte_at(data, k, first, stop) == SPACE else 0
        if not is_a(data, k, stop, classes, DIGIT) or not is_a(data, k + 1, stop, classes, DIGIT):
            return -1
        k += 2
    k += 1 if spaced and byte_at(data, k, first, stop) == SPACE else 0
    if not 65 <= byte_at(data, k, first, stop) <= 68 or is_a(data, k + 1, stop, classes, WORD):
        return -1
    return k + 1


@nb.njit(nogil=True, _nrt=False)
def lettered_at(data, i, first, stop, classes, lengths):
    """What begins at byte i, a word that begins with two capitals: (code, end)."""
    if is_a(data, i + 2, stop, classes, DIGIT):
        end = iban_at(data, i, first, stop, classes, lengths)
        if end >= 0:
            return IBAN, end
    elif byte_at(data, i + 2, first, stop) != SPACE:
        return NONE, i
    end = british_social_at(data, i, first, stop, classes)
    return (SOCIAL, end) if end >= 0 else (NONE, i)
