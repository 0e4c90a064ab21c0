"""Compiled shapes of letters: e-mail addresses, URLs, IPv6, prefixes of keys, assignments."""

from __future__ import annotations

import numba as nb
import numpy as np

from castor.filters.kernels._compile import at
from castor.filters.kernels.unicode import LETTER, MARK, NUMBER, UNSPACED, char_at
from castor.filters.pii.kernels.shapes import (
    DIGIT,
    HEX,
    LOCAL,
    LOWER,
    RUN,
    TOKEN,
    UPPER,
    URL,
    WORD,
    byte_at,
    is_a,
    lower,
    run_end,
)

# The longest parts that RFC 5321, section 4.5.3.1, allows; a name of more than 9 labels is none.
MAX_LOCAL, MAX_DOMAIN, MAX_LABELS = 64, 255, 9
MAX_URL = 1024
MAX_IDENTIFIER, MAX_SECRET = 40, 256
MIN_KEY = 16
MIN_SECRET = 8  # NIST SP 800-63B, section 5.1.1.1: no password is shorter
FNV_BASIS, FNV_PRIME = np.uint64(14695981039346656037), np.uint64(1099511628211)


@nb.njit(nogil=True, _nrt=False)
def letter_end(data, i, stop, pages, flags):
    """The end of the letter, mark or numeral at byte i of a spaced script; i if it is none."""
    _, n, f = char_at(data, i, stop, pages, flags)
    return i + n if f & (LETTER | MARK | NUMBER) and not f & UNSPACED else i


@nb.njit(nogil=True, _nrt=False)
def letter_start(data, i, first, stop, pages, flags):
    """The start of such a character that ends at byte i, outside ASCII; i if there is none."""
    k = i - 1
    while k > first and k > i - 4 and at(data, k) & 0xC0 == 0x80:
        k -= 1
    return k if letter_end(data, k, stop, pages, flags) == i else i


@nb.njit(nogil=True, _nrt=False)
def local_start(data, i, first, stop, classes, pages, flags):
    """Where the local part of an address starts whose @ is byte i; i if there is none."""
    last = byte_at(data, i - 1, first, stop)
    if last < 0x80 and not (is_a(data, i - 1, stop, classes, WORD) or last in (43, 45)):
        return i
    j = i
    while j > first:
        b = at(data, j - 1)
        if np.int64(at(classes, np.int64(b))) & LOCAL:
            j -= 1
        elif b >= 0x80:
            k = letter_start(data, j, first, stop, pages, flags)
            if k == j:
                break
            j = k
        else:
            break
        if i - j > MAX_LOCAL:
            return i
    while j < i and at(data, j) < 0x80 and not is_a(data, j, stop, classes, WORD):
        j += 1
    return j


@nb.njit(nogil=True, _nrt=False)
def label_end(data, i, stop, classes, pages, flags):
    """The end of the label of a domain at byte i, and whether it has letters only."""
    k, letters = i, True
    while k < stop and k - i < 190:
        b = at(data, k)
        c = np.int64(at(classes, np.int64(b)))
        if c & (UPPER | LOWER):
            k += 1
        elif c & DIGIT or b == 45:
            k, letters = k + 1, False
        elif b >= 0x80:
            e = letter_end(data, k, stop, pages, flags)
            if e == k:
                break
            k = e
        else:
            break
    while k > i and at(data, k - 1) == 45:
        k -= 1
    if i < stop and at(data, i) == 45:
        k = i
    if k - i > 4 and lower(at(data, i)) == 120 and lower(at(data, i + 1)) == 110:
        letters = letters or (at(data, i + 2) == 45 and at(data, i + 3) == 45)  # xn--
    return k, letters


@nb.njit(nogil=True, _nrt=False)
def domain_end(data, i, stop, classes, pages, flags):
    """The end of a domain at byte i, of two labels or more, the last of letters; i if none is."""
    end, k = i, i
    for n in range(MAX_LABELS):
        e, letters = label_end(data, k, stop, classes, pages, flags)
        if e == k or e - i > MAX_DOMAIN:
            break
        if n > 0 and letters and e - k >= 2:
            end = e
        elif n > 0 and end > i:
            return i  # letters, then a number: no domain
        if not (e < stop and at(data, e) == 46):
            break
        k = e + 1
    if end < stop and (at(data, end) == 64 or at(data, end) == 95):
        return i
    return end


@nb.njit(nogil=True, _nrt=False)
def ipv6_at(data, i, first, stop, classes):
    """Start and end of an address of 2000::/3 whose first colon is byte i; i, i if there is none.

    That is the block that IANA gives out; four hex digits, the first a 2 or a 3, come first.
    """
    start = i - 4
    if start < first or at(data, start) not in (50, 51):
        return i, i
    if start > first and (
        is_a(data, start - 1, stop, classes, WORD) or at(data, start - 1) in (58, 46)
    ):
        return i, i
    k, colons, double = start, 0, False
    while k < stop and k - start < 40:
        if at(data, k) == 58:
            double = double or at(data, k - 1) == 58
            colons += 1
        elif not is_a(data, k, stop, classes, HEX):
            break
        k += 1
    if at(data, k - 1) == 58 and at(data, k - 2) != 58:  # a colon of the sentence
        k, colons = k - 1, colons - 1
    is_part = is_a(data, k, stop, classes, WORD)
    return (start, k) if not is_part and (double or colons == 7) else (i, i)


@nb.njit(nogil=True, _nrt=False)
def contains(table, h):
    """Whether a hash is in a table of hashes with linear probing, 0 for empty, size 2^n."""
    mask = np.uint64(len(table) - 1)
    slot = (h >> np.uint64(20)) & mask
    while at(table, np.int64(slot)) != 0:
        if at(table, np.int64(slot)) == h:
            return True
        slot = (slot + np.uint64(1)) & mask
    return False


@nb.njit(nogil=True, _nrt=False)
def url_end(data, i, stop, classes, hosts):
    """The end of what follows `://` at byte i, and whether it may name a person.

    It may if there is an @ in it, a `~` after a slash, or one of the words of `hosts` between
    dots and slashes, which are names of services and of the folders that people have in them.
    """
    k, told, h = i, False, FNV_BASIS
    limit = min(stop, i + MAX_URL)
    while k < limit:
        b = np.int64(at(data, k))
        if not np.int64(at(classes, b)) & URL:
            break
        if b in (46, 47, 58, 63):  # . / : ?
            told = told or contains(hosts, h)
            h = FNV_BASIS
        else:
            told = told or b == 64 or (b == 126 and at(data, k - 1) == 47)
            h = (h ^ np.uint64(lower(b))) * FNV_PRIME
        k += 1
    while k > i and at(data, k - 1) in (33, 42, 44, 46, 58, 59, 63):  # ends a sentence
        k -= 1
    return k, told


@nb.njit(nogil=True, _nrt=False)
def scheme_start(data, i, first, stop, classes):
    """The start of the scheme of a URL whose colon is byte i; i if there is none."""
    j = i
    while j > first and i - j < 12:
        if not is_a(data, j - 1, stop, classes, UPPER | LOWER) and at(data, j - 1) != 43:
            break
        j -= 1
    return j


@nb.njit(nogil=True, _nrt=False)
def prefixed_at(data, i, stop, classes, keys, texts, offsets):
    """The end of the run at byte i that begins as known keys and tokens do; i if none does.

    keys: uint32 [2^n], the first four bytes of prefixes by linear probing, 0 for empty; slot k
    is the prefix `texts[offsets[k]:offsets[k + 1]]`.
    """
    if i + 12 > stop:
        return i
    head = np.uint32(at(data, i)) | np.uint32(at(data, i + 1)) << np.uint32(8)
    head |= np.uint32(at(data, i + 2)) << np.uint32(16) | np.uint32(at(data, i + 3)) << np.uint32(
        24
    )
    mask = np.uint32(len(keys) - 1)
    slot = ((head * np.uint32(0x9E3779B1)) >> np.uint32(16)) & mask
    while at(keys, np.int64(slot)) != 0:
        if at(keys, np.int64(slot)) == head:
            k, j = i, at(offsets, np.int64(slot))
            last = at(offsets, np.int64(slot) + 1)
            while j < last and k < stop and at(texts, j) == at(data, k):
                j, k = j + 1, k + 1
            if j == last and at(data, k - 1) == 32:  # BEGIN, Bearer: what follows decides
                return k
            if j == last:
                end = run_end(data, k, min(stop, i + MAX_SECRET), classes, RUN)
                return end if end - i >= MIN_KEY else i
        slot = (slot + np.uint32(1)) & mask
    return i


@nb.njit(nogil=True, _nrt=False)
def assigned_at(data, i, first, stop, classes):
    """Start and end of what is assigned to a name of a secret by the = or : at byte i.

    The name ends in password, passwd, pwd, passphrase, secret, token or key, whatever the case;
    the value has no spaces, at least 8 signs and a digit among them. i, i if there is none.
    """
    j = i
    while j > first and i - j < 3 and at(data, j - 1) in (32, 34, 39, 93):
        j -= 1
    if not ends_as_secret(data, j, first):
        return i, i
    k = i + 1
    while k < stop and k - i < 8 and at(data, k) in (32, 61, 62, 34, 39, 96):
        k += 1
    end = run_end(data, k, min(stop, k + MAX_SECRET), classes, TOKEN)
    digits = False
    for m in range(k, end):
        digits = digits or is_a(data, m, stop, classes, DIGIT)
    return (k, end) if digits and end - k >= MIN_SECRET else (i, i)


@nb.njit(nogil=True, _nrt=False)
def ends_as_secret(data, j, first):
    """Whether the bytes before j end in a name of a secret."""
    if j - first < 3:
        return False
    last = lower(at(data, j - 1))
    if last not in (100, 101, 110, 116, 121):
        return False
    word = np.uint64(0)
    for k in range(max(first, j - 8), j):
        word = word << np.uint64(8) | np.uint64(lower(at(data, k)))
    tail3 = word & np.uint64(0xFFFFFF)
    if last == 121:
        return tail3 == 0x6B6579  # key
    if last == 110:
        return word & np.uint64(0xFFFFFFFFFF) == 0x746F6B656E  # token
    if last == 116:
        return word & np.uint64(0xFFFFFFFFFFFF) == 0x736563726574  # secret
    if last == 101:
        return word & np.uint64(0xFFFFFFFFFFFF) == 0x706872617365  # phrase
    return (
        word == 0x70617373776F7264  # password
        or word & np.uint64(0xFFFFFFFFFFFF) == 0x706173737764  # passwd
        or tail3 == 0x707764  # pwd
    )
