"""One line of text as datatrove's words: the hot loop of filters/kernels/datatrove.

Most chunks are ASCII letters, or those with a sign behind them; their tokens are found with a
few operations on 8 bytes at a time. All others go through `split`, whose answer for a
chunk of up to 16 bytes with up to three tokens is kept in a table for the length of a call.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

from castor.filters.kernels._compile import at, inner, kernel, put, trailing_zeros
from castor.filters.kernels.datatrove.split import decode_chunk, split
from castor.filters.kernels.datatrove.tables import (
    BREAK,
    ENDS,
    LETTER,
    SIGN,
    SPACE,
    STOPPABLE,
    SYMBOL,
    hash_of,
    is_own,
    load,
    mix,
)
from castor.filters.kernels.unicode import decode

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")  # Rae et al. 2021, A.1.1
LONGEST_WORD = 1000  # characters, C4
# what a token is, in its flags; bits 8 to 15 are those of the stop words
T_LETTER, T_WORD, T_ENDS, T_SIGN = 1, 2, 4, 8
# what a line or chunk has, in its facts
LONG_WORD, JAVASCRIPT, POLICY, LOREM, BRACE, BRACKET, ODD_BREAK, SPACE_AFTER_END = (
    1 << k for k in range(8)
)

HIGH = np.uint64(0x8080808080808080)
LOW = np.uint64(0x7F7F7F7F7F7F7F7F)
ONES = np.uint64(0x0101010101010101)
SPACES = np.uint64(0x2020202020202020)
FROM_A = np.uint64(0x1F1F1F1F1F1F1F1F)  # added to a byte of 7 bits: its top bit says >= "a"
OVER_Z = np.uint64(0x0505050505050505)  # its top bit says > "z"
JAYS = np.uint64(0x6A6A6A6A6A6A6A6A)
BASIS = np.uint64(0xCBF29CE484222325)
STEP = np.uint64(0x9FB21C651E98DF25)


class Line(NamedTuple):
    """What `read_line` finds in one line; arrays, so that a compiled function may fill them."""

    fact: np.ndarray  # int64 [len(LINE_FIELDS)]
    hash: np.ndarray  # uint64 [3]: of the text without white space at its ends, of that before
    # it, of that after it (0 where there is none)


LINE_FIELDS = (
    "FACTS START STOP CHARACTERS LEAD TRAIL CHUNKS TOKENS SENTENCES WORDS WORD_CHARACTERS "
    "LETTER_WORDS STOP_WORD_BITS HASHES ELLIPSES"
).split()
(
    FACTS, START, STOP, CHARACTERS, LEAD, TRAIL, CHUNKS, TOKENS, SENTENCES, WORDS,
    WORD_CHARACTERS, LETTER_WORDS, STOP_WORD_BITS, HASHES, ELLIPSES,
) = range(len(LINE_FIELDS))  # fmt: skip
LINE = nb.types.NamedTuple((nb.int64[::1], nb.uint64[::1]), Line)


class Memo(NamedTuple):
    """Answers for chunks, and room for the tokens of one that is not there."""

    slots: np.ndarray  # uint64 [n, 8]: 16 bytes, their number and facts, tokens, their hashes
    hash: np.ndarray  # uint64 [longest], of each token of the last chunk
    characters: np.ndarray  # int64 [longest]
    flags: np.ndarray  # int64 [longest], T_*
    stops: np.ndarray  # uint64 [64, 2], stop words by a hash: the word, its bit
    marks: np.ndarray  # uint64 [128], the hash of a token that is one ASCII sign


MEMO = nb.types.NamedTuple(
    (nb.uint64[:, ::1], nb.uint64[::1], nb.int64[::1], nb.int64[::1], nb.uint64[:, ::1],
     nb.uint64[::1]), Memo
)  # fmt: skip


def _stop_slots() -> tuple[int, np.ndarray]:
    """A factor by which the stop words fall into different slots of 64, and the slots."""
    codes = [int.from_bytes(w.encode(), "little") for w in STOP_WORDS]
    factor = 0x9E3779B97F4A7C15
    while len({(c * factor & (1 << 64) - 1) >> 58 for c in codes}) < len(codes):
        factor += 2
    slots = np.zeros((64, 2), np.uint64)
    for k, code in enumerate(codes):
        slots[(code * factor & (1 << 64) - 1) >> 58] = code, 1 << k
    return factor, slots


STOP_FACTOR, STOP_SLOTS = _stop_slots()
STOP_FACTOR = np.uint64(STOP_FACTOR)


def memo(n_bytes: int, longest: int) -> Memo:
    """An empty one, for a column of that size whose longest row has `longest` bytes."""
    bits = min(15, max(8, (n_bytes // 64).bit_length()))
    marks = np.zeros(128, np.uint64)
    _marks(np.arange(128, dtype=np.uint8), marks)
    room = longest + 1
    slots, hashes = np.zeros((1 << bits, 8), np.uint64), np.empty(room, np.uint64)
    characters, flags = np.empty(room, np.int64), np.empty(room, np.int64)
    return Memo(slots, hashes, characters, flags, STOP_SLOTS.copy(), marks)


@kernel(nb.void(nb.types.Array(nb.uint8, 1, "C"), nb.uint64[::1]))
def _marks(bytes_, out):
    for k in range(128):
        out[k] = hash_of(bytes_, k, k + 1)


@inner
def _is_space(c):
    """Whether an ASCII byte is white space."""
    return c == 32 or 9 <= c <= 13 or 28 <= c <= 31


@inner
def _letters(word):
    """How many of 8 bytes are ASCII letters, from the first on."""
    lower = (word | SPACES) & LOW
    letter = (lower + FROM_A) & ~(lower + OVER_Z) & ~word & HIGH
    return np.int64(trailing_zeros(letter ^ HIGH) >> np.uint64(3))


@inner
def _has_jay(word):
    other = (word | SPACES) ^ JAYS
    return (other - ONES) & ~other & HIGH != 0


@inner
def _low(word, n):
    """The lowest n < 8 bytes."""
    return word & ((np.uint64(1) << np.uint64(8 * n)) - np.uint64(1))


@inner
def _stop_bit(code, stops):
    slot = (code * STOP_FACTOR) >> np.uint64(58)
    return np.int64(stops[slot, 1]) if stops[slot, 0] == code else np.int64(0)


@inner
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


@inner
def _chunk_end(data, i, stop, table):
    """The byte after the chunk that begins at byte i."""
    while i < stop:
        c = data[i]
        if c < 128:
            if c <= 32 and _is_space(c):
                break
            i += 1
        elif c == 0xC2 or 0xE1 <= c <= 0xE3:  # the first bytes of all other white space
            point, n = decode(data, i, stop)
            if table.flags[np.int64(table.pages[point >> 8]) << 8 | (point & 255)] & SPACE:
                break
            i += n
        else:
            i += 1
    return i


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
def _phrase(data, i, begin, stop):
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
def _may_be_phrase(word):
    """Whether 8 bytes begin with what `_phrase` looks for."""
    four = (word | SPACES) & np.uint64(0xFFFFFFFF)
    return four in (POLI, COOK, IPSU) or four & np.uint64(0xFFFFFF) == USE


@inner
def _token(data, start, stop, first, last, room, memo, k):
    """Puts token k of a chunk, code points first to last, into the memo's room."""
    memo.hash[k] = hash_of(data, start, stop)
    memo.characters[k] = last - first
    letter, symbols, signs = 0, True, True
    for j in range(first, last):
        f = room.classes[j]
        letter |= f & LETTER != 0
        symbols = symbols and f & SYMBOL != 0
        signs = signs and f & SIGN != 0
    flags = T_LETTER * letter + T_WORD * (not symbols) + T_SIGN * signs
    if last - first == 1 and room.classes[first] & ENDS:
        flags |= T_ENDS
    if stop - start <= 4:
        flags |= _stop_bit(load(data, start, stop - start), memo.stops) << 8
    memo.flags[k] = flags


@inner
def _signs(data, i, e):
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
def _split(data, i, stop, table, room, memo):
    """Tokens of the chunk at byte i into the memo's room: their number, and the characters."""
    n, union = decode_chunk(data, i, stop, table.pages, table.flags, room.points, room.offs,
                             room.classes)  # fmt: skip
    m = split(data, room, n, union, table)
    for k in range(m):
        first, last = room.cuts[k], room.cuts[k + 1] if k + 1 < m else n
        _token(data, room.offs[first], room.offs[last], first, last, room, memo, k)
    return m, n


@inner
def chunk(data, i, stop, table, room, memo):
    """Tokens of the chunk at byte i, into the memo's room.

    Returns the byte after it, its tokens and characters, facts, `#`, ellipses and its hash.
    """
    e = _chunk_end(data, i, stop, table)
    size = e - i
    first, second, h = np.uint64(0), np.uint64(0), np.uint64(0)
    slot = memo.slots[0]
    if size <= 16:
        first = load(data, i, size)
        second = load(data, i + 8, size - 8) if size > 8 else np.uint64(0)
        h = mix(first, second, size)
        slot = memo.slots[np.int64(h & np.uint64(len(memo.slots) - 1))]
        if slot[0] == first and slot[1] == second and np.int64(slot[2]) & 31 == size:
            packed, tokens = np.int64(slot[2]), np.int64(slot[3])
            m = packed >> 5 & 3
            for k in range(m):
                memo.hash[k] = slot[4 + k]
                memo.characters[k] = tokens & 31
                memo.flags[k] = tokens >> 5 & 0xFFFF
                tokens >>= 21
            n, facts = packed >> 7 & 31, packed >> 12 & 127
            return e, m, n, facts, packed >> 19 & 31, packed >> 24 & 7, h
    else:
        h = hash_of(data, i, e)
    m, n = _split(data, i, e, table, room, memo)
    facts, hashes, ellipses = _signs(data, i, e)
    facts |= LONG_WORD * (n > LONGEST_WORD)
    if size <= 16 and m <= 3:
        tokens = np.int64(0)
        for k in range(m - 1, -1, -1):
            tokens = tokens << 21 | memo.flags[k] << 5 | memo.characters[k]
            slot[4 + k] = memo.hash[k]
        slot[0], slot[1], slot[3] = first, second, np.uint64(tokens)
        slot[2] = np.uint64(size | m << 5 | n << 7 | facts << 12 | hashes << 19 | ellipses << 24)
    return e, m, n, facts, hashes, ellipses, h


@inner
def _javascript(data, i, e):
    """Whether the bytes hold `javascript`."""
    found = False
    for k in range(i, e - 9):
        found |= _equals(data, k, i, e, JAVA, 4) and _equals(data, k + 4, i, e, SCRIPT, 6)
    return found


@inner
def _letters_beyond(data, i, n, stop):
    """Goes on after n ASCII letters with letters of two bytes and ASCII ones, up to 15 bytes.

    Of two bytes are U+00C0 to U+017F, multiplication and division signs aside, and U+0400 to
    U+047F: no rule of `split` knows them as signs. Returns the bytes and the characters.
    """
    k, characters = i + n, n
    while k < stop and k - i < 15:
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
    """How many ASCII digits stand at byte i, up to 15."""
    k = i
    while k < stop and k - i < 15 and 48 <= at(data, k) <= 57:
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


@inner
def _plain(data, i, stop, word, table):
    """A chunk of up to 14 bytes of letters or of digits, alone or with a sign behind them.

    Returns the bytes (0: it is another chunk) and the characters of the letters or digits,
    whether they are letters, the sign or 0, and the hashes of them and of the chunk.
    """
    no = np.int64(0), np.int64(0), False, np.int64(0), np.uint64(0), np.uint64(0)
    n = _letters(word)
    second = np.uint64(0)
    if n == 8:
        second = load(data, i + 8, 8)
        n += _letters(second)
    if i + n > stop:
        return no
    characters, letters = n, True
    sign = np.int64(at(data, i + n)) if i + n < stop else np.int64(32)
    if sign > 32 and n < 15:
        if sign >= 0xC3:
            n, characters = _letters_beyond(data, i, n, stop)
        elif n == 0 and 48 <= sign <= 57:
            n = _digits(data, i, stop)
            characters, letters = n, False
        sign = np.int64(at(data, i + n)) if i + n < stop else np.int64(32)
        second = load(data, i + 8, 8) if n > 6 else second
    if n == 0 or n > 14:
        return no
    if (_has_jay(word) or (n > 8 and _has_jay(second))) and _javascript(data, i, i + n):
        return no
    whole = np.uint64(0)
    if sign > 32:
        after = at(data, i + n + 1) if i + n + 1 < stop else np.uint8(32)
        wanted = sign == 0x2C or sign == 0x2E or sign == 0x3A or sign == 0x3B
        wanted = wanted or sign == 0x21 or sign == 0x3F
        if not wanted or after > 32 or not _is_space(after):
            return no
        first = word if n >= 7 else _low(word, n + 1)
        whole = mix(first, _low(second, n - 7) if n > 7 else np.uint64(0), n + 1)
        if sign == 0x2E and (is_own(whole, table.filter) or not _cuts_stop(data, i, i + n, table)):
            return no
    elif not _is_space(sign):
        return no
    first = word if n >= 8 else _low(word, n)
    h = mix(first, _low(second, n - 8) if n > 8 else np.uint64(0), n)
    if is_own(h, table.filter):
        return no
    if sign <= 32:
        return n, characters, letters, np.int64(0), h, h
    return n, characters, letters, sign, h, whole


@inner
def read_line(data, i, stop, w, words, ends, table, room, memo, line):
    """Reads a line from byte i to its LF or stop; appends its tokens from place w on.

    words [n] are hashes of tokens, ends [n + 1] the characters of all tokens before. Returns
    the byte of the LF (or stop) and the new w.
    """
    fact = line.fact
    fact[:] = 0
    begin = i
    i, lead, odd = skip_space(data, i, stop, table)
    line.hash[1] = hash_of(data, begin, i) if lead else np.uint64(0)
    line.hash[2] = np.uint64(0)
    h, total, start, trail = BASIS, ends[w], i, 0
    first_token, chunks, sentences, facts = w, 0, 0, np.int64(ODD_BREAK * odd)
    characters, words_, letters, in_words, bits = lead, 0, 0, np.int64(0), np.int64(0)
    seen = False  # a sign that ends a sentence
    while i < stop and at(data, i) != 10:
        word = load(data, i, 8)
        if _may_be_phrase(word):
            facts |= _phrase(data, i, start, stop)
        n, size, is_word, sign, token, whole = _plain(data, i, stop, word, table)
        chunks += 1
        if n:
            put(words, w, token)
            total += size
            w += 1
            put(ends, w, total)
            sentences += seen
            seen = False
            if n <= 4:
                bits |= _stop_bit(_low(word, n), memo.stops)
            words_ += 1
            letters += is_word
            in_words += size
            characters += size
            i += n
            if sign:
                put(words, w, at(memo.marks, sign))
                total += 1
                w += 1
                put(ends, w, total)
                seen = sign == 0x2E or sign == 0x21 or sign == 0x3F
                characters += 1
                i += 1
        else:
            i, m, n, more, hashes, ellipses, whole = chunk(data, i, stop, table, room, memo)
            facts |= more
            characters += n
            fact[HASHES] += hashes
            fact[ELLIPSES] += ellipses
            for k in range(m):
                f = memo.flags[k]
                words[w] = memo.hash[k]
                total += memo.characters[k]
                w += 1
                ends[w] = total
                words_ += f >> 1 & 1
                in_words += memo.characters[k] if f & T_WORD else 0
                letters += f & T_LETTER
                bits |= f >> 8
                if f & T_ENDS:
                    seen = True
                elif seen and not f & T_SIGN:
                    sentences += 1
                    seen = False
        h = (h ^ whole) * STEP
        h ^= h >> np.uint64(29)
        end = i
        if i + 1 < stop and at(data, i) == 32 and 32 < at(data, i + 1) < 128:
            i += 1
            characters += 1
            continue
        i, space, odd = skip_space(data, i, stop, table)
        if i >= stop or data[i] == 10:
            trail = space
            token = space > 1 or (space == 1 and data[end] != 32)
            facts |= SPACE_AFTER_END * (seen and token)
            line.hash[2] = hash_of(data, end, i) if space else np.uint64(0)
        elif space > 1 or data[end] != 32:
            sentences += seen  # such white space is a token of its own
            seen = False
            h = (h ^ hash_of(data, end, i)) * STEP
        facts |= ODD_BREAK * odd
        characters += space
    fact[FACTS], fact[START], fact[STOP] = facts, start, end if chunks else start
    fact[CHARACTERS], fact[LEAD], fact[TRAIL] = characters, lead, trail
    fact[CHUNKS], fact[TOKENS], fact[SENTENCES] = chunks, w - first_token, 1 + sentences
    fact[WORDS], fact[WORD_CHARACTERS], fact[LETTER_WORDS] = words_, in_words, letters
    fact[STOP_WORD_BITS] = bits
    line.hash[0] = h
    return i, w
