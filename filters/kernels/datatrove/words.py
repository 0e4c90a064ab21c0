"""One line of text as datatrove's words: the hot loop of filters/kernels/datatrove.

Most chunks are ASCII letters, or those with a sign behind them; their tokens are found with a
few operations on 8 bytes at a time. All others go through `split`, whose answer for a
chunk of up to 16 bytes with up to three tokens is kept in a table for the length of a call.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

from castor.filters.kernels._compile import at, inlined, inner, kernel, load64, put
from castor.filters.kernels.datatrove.bytes import (
    ENDS_SENTENCE,
    FIRST_BYTES,
    KINDS,
    LONG_WORD,
    MAY_BE_SPACE,
    ODD_BREAK,
    SECOND_BYTES,
    SPACE_AFTER_END,
    chunk_end,
    kind_of,
    may_be_phrase,
    phrase,
    signs_of,
    skip_space,
)
from castor.filters.kernels.datatrove.plain import plain, short_hash, short_word
from castor.filters.kernels.datatrove.room import LONGEST_WORD
from castor.filters.kernels.datatrove.split import decode_chunk, split
from castor.filters.kernels.datatrove.tables import (
    ENDS,
    LETTER,
    MARKED,
    SIGN,
    SYMBOL,
    hash_of,
    load,
    mix,
)

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")  # Rae et al. 2021, A.1.1
# what a token is, in its flags; bits 8 to 15 are those of the stop words
SLOTS = 1 << 14  # of 32 bytes, so that they stay in a core's own cache; a power of two
T_LETTER, T_WORD, T_ENDS, T_SIGN = 1, 2, 4, 8

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

    slots: np.ndarray  # uint64 [n, 4]: 16 bytes, their number, facts and cuts, and the tokens
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


def memo(longest: int) -> Memo:
    """An empty one, for rows of that many bytes."""
    marks = np.zeros(128, np.uint64)
    _marks(np.arange(128, dtype=np.uint8), marks)
    room = longest + 1
    hashes = np.empty(room, np.uint64)
    characters, flags = np.empty(room, np.int64), np.empty(room, np.int64)
    return Memo(_aligned_slots(), hashes, characters, flags, STOP_SLOTS.copy(), marks)


def _aligned_slots() -> np.ndarray:
    """Empty slots, none of them in two lines of the cache (64 bytes)."""
    whole = np.zeros(4 * SLOTS + 8, np.uint64)
    begin = -whole.ctypes.data // 8 % 8
    return whole[begin : begin + 4 * SLOTS].reshape(SLOTS, 4)


@kernel(nb.void(nb.types.Array(nb.uint8, 1, "C"), nb.uint64[::1]))
def _marks(bytes_, out):
    for k in range(128):
        out[k] = hash_of(bytes_, k, k + 1)


@inlined
def _stop_bit(code, stops):
    """The bit of the stop word that 8 bytes are, zeros behind it; 0 if they are none."""
    slot = (code * STOP_FACTOR) >> np.uint64(58)
    return np.int64(stops[slot, 1]) if stops[slot, 0] == code else np.int64(0)


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
def _split(data, i, stop, table, room, memo):
    """Tokens of the chunk [i, stop) into the memo's room.

    Returns their number, the characters, and whether there is anything to count in it.
    """
    n, union = decode_chunk(data, i, stop, table.pages, table.flags, room.points, room.offs,
                             room.classes)  # fmt: skip
    m = split(data, room, n, union, table)
    for k in range(m):
        first, last = room.cuts[k], room.cuts[k + 1] if k + 1 < m else n
        _token(data, room.offs[first], room.offs[last], first, last, room, memo, k)
    return m, n, union & MARKED != 0


@inlined
def chunk(data, i, stop, table, room, memo):
    """Tokens of the chunk at byte i, into the memo's room.

    Returns the byte after it, its tokens and characters, facts, `#`, ellipses and its hash.
    """
    e = chunk_end(data, i, stop, table)
    size = e - i
    first, second, h = np.uint64(0), np.uint64(0), np.uint64(0)
    slot = memo.slots[0]
    if size <= 16:
        first = load64(data, i) & at(FIRST_BYTES, size)
        second = load64(data, i + 8) & at(SECOND_BYTES, size)
        h = mix(first, second, size)
        slot = memo.slots[np.int64(h & np.uint64(len(memo.slots) - 1))]
        if slot[0] == first and slot[1] == second and np.int64(slot[2]) & 31 == size:
            packed, tokens = np.int64(slot[2]), np.int64(slot[3])
            m, begin = packed >> 5 & 3, i
            for k in range(m):
                n = packed >> (27 + 5 * k) & 31
                memo.hash[k] = short_hash(n, load64(data, begin), load64(data, begin + 8))
                memo.characters[k] = tokens & 31
                memo.flags[k] = tokens >> 5 & 0xFFFF
                tokens >>= 21
                begin += n
            n, facts = packed >> 7 & 31, packed >> 12 & 127
            return e, m, n, facts, packed >> 19 & 31, packed >> 24 & 7, h
    else:
        h = hash_of(data, i, e)
    m, n, marked = _split(data, i, e, table, room, memo)
    facts = hashes = ellipses = 0
    if marked:
        facts, hashes, ellipses = signs_of(data, i, e)
    facts |= LONG_WORD * (n > LONGEST_WORD)
    if size <= 16 and m <= 3:
        tokens, cuts, after = np.int64(0), np.int64(0), e
        for k in range(m - 1, -1, -1):
            begin = room.offs[room.cuts[k]]
            tokens = tokens << 21 | memo.flags[k] << 5 | memo.characters[k]
            cuts = cuts << 5 | (after - begin)
            after = begin
        slot[0], slot[1], slot[3] = first, second, np.uint64(tokens)
        slot[2] = np.uint64(size | m << 5 | n << 7 | facts << 12 | hashes << 19 | ellipses << 24
                            | cuts << 27)  # fmt: skip
    return e, m, n, facts, hashes, ellipses, h


@inlined
def _store(line, facts, begin, start, end, stop, sums):
    """Stores what a line has; `sums` are numbers, in the order of their names below."""
    (
        chunks, tokens, characters, lead, trail, extra, sentences, signs, others, other_size,
        letterless, bits,
    ) = sums  # fmt: skip
    fact = line.fact
    fact[FACTS], fact[START], fact[STOP] = facts, start, end if chunks else start
    fact[CHARACTERS], fact[LEAD], fact[TRAIL] = stop - begin - extra, lead, trail
    fact[CHUNKS], fact[TOKENS], fact[SENTENCES] = chunks, tokens, 1 + sentences
    fact[WORDS], fact[WORD_CHARACTERS] = tokens - signs - others, characters - signs - other_size
    fact[LETTER_WORDS], fact[STOP_WORD_BITS] = tokens - signs - letterless, bits


@inlined
def read_line(data, i, stop, w, words, ends, table, room, memo, line):
    """Reads a line from byte i to its LF or stop; appends its tokens from place w on.

    words [n] are hashes of tokens, ends [n + 1] the characters of all tokens before; READ bytes
    behind stop can be read. Returns the byte of the LF (or stop) and the new w.
    """
    fact = line.fact
    fact[:] = 0
    begin, h, total, trail = i, BASIS, ends[w], 0
    i, lead, odd = skip_space(data, i, stop, table)
    line.hash[1] = hash_of(data, begin, i) if lead else np.uint64(0)
    line.hash[2] = np.uint64(0)
    start = end = i
    extra = i - begin - lead  # bytes that are no characters
    first_token, before, facts = w, total, np.int64(ODD_BREAK * odd)
    chunks, sentences, bits = 0, 0, np.int64(0)
    signs = 0  # tokens of one sign, behind a plain chunk
    others, other_size, letterless = 0, np.int64(0), 0  # other tokens without a word, a letter
    seen = np.int64(0)  # 1 after a sign that ends a sentence
    while i < stop and at(data, i) != 10:
        first = load64(data, i)
        if may_be_phrase(first):
            facts |= phrase(data, i, start, stop)
        chunks += 1
        n, sign, token, whole = short_word(data, i, stop, first, table)
        size = n
        if n == 0:
            n, size, is_word, sign, token, whole = plain(data, i, stop, first, table)
            letterless += n > 0 and not is_word
            extra += n - size
        if n:
            put(words, w, token)
            put(words, w + 1, at(memo.marks, sign))
            put(ends, w + 1, total + size)
            has_sign = np.int64(sign != 0)
            total += size + has_sign
            put(ends, w + 2, total)
            w += 1 + has_sign
            sentences += seen
            seen = np.int64(at(KINDS, sign) & ENDS_SENTENCE != 0)
            bits |= _stop_bit(first & at(FIRST_BYTES, min(n, 8)), memo.stops)
            signs += has_sign
            i += n + has_sign
        else:
            e, m, n, more, hashes, ellipses, whole = chunk(data, i, stop, table, room, memo)
            facts |= more
            extra += e - i - n
            i = e
            fact[HASHES] += hashes
            fact[ELLIPSES] += ellipses
            for k in range(m):
                f, size = memo.flags[k], memo.characters[k]
                words[w] = memo.hash[k]
                total += size
                w += 1
                ends[w] = total
                others += f & T_WORD == 0
                other_size += size if f & T_WORD == 0 else 0
                letterless += f & T_LETTER == 0
                bits |= f >> 8
                if f & T_ENDS:
                    seen = np.int64(1)
                elif seen and not f & T_SIGN:
                    sentences += 1
                    seen = np.int64(0)
        h = (h ^ whole) * STEP
        h ^= h >> np.uint64(29)
        end = i
        if i + 1 < stop and at(data, i) == 32 and not kind_of(data, i + 1) & MAY_BE_SPACE:
            i += 1
            continue
        i, space, odd = skip_space(data, i, stop, table)
        extra += i - end - space
        if i >= stop or data[i] == 10:
            trail = space
            apart = space > 1 or (space == 1 and data[end] != 32)
            facts |= SPACE_AFTER_END * (seen != 0 and apart)
            line.hash[2] = hash_of(data, end, i) if space else np.uint64(0)
        elif space > 1 or data[end] != 32:
            sentences += seen  # such white space is a token of its own
            seen = np.int64(0)
            h = (h ^ hash_of(data, end, i)) * STEP
        facts |= ODD_BREAK * odd
    line.hash[0] = h
    _store(line, facts, begin, start, end, i,
           (chunks, w - first_token, total - before, lead, trail, extra, sentences, signs, others,
            other_size, letterless, bits))  # fmt: skip
    return i, w
