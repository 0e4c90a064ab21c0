"""One line of text as datatrove's words: the hot loop of filters/kernels/datatrove.

Most chunks are ASCII letters, or those with a sign behind them; their tokens are found with a
few operations on 8 bytes at a time. All others go through `split`, whose answer for a
chunk of up to 16 bytes with up to three tokens is kept in a table for the length of a call.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

from castor.filters.kernels._compile import at, inner, kernel, put
from castor.filters.kernels.datatrove.bytes import (
    LONG_WORD,
    ODD_BREAK,
    SPACE_AFTER_END,
    chunk_end,
    inlined,
    low,
    may_be_phrase,
    phrase,
    signs_of,
    skip_space,
)
from castor.filters.kernels.datatrove.plain import plain
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
SLOTS = 1 << 15  # of 64 bytes; a power of two
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


def memo(longest: int) -> Memo:
    """An empty one, for rows of that many bytes."""
    marks = np.zeros(128, np.uint64)
    _marks(np.arange(128, dtype=np.uint8), marks)
    room = longest + 1
    slots, hashes = np.zeros((SLOTS, 8), np.uint64), np.empty(room, np.uint64)
    characters, flags = np.empty(room, np.int64), np.empty(room, np.int64)
    return Memo(slots, hashes, characters, flags, STOP_SLOTS.copy(), marks)


@kernel(nb.void(nb.types.Array(nb.uint8, 1, "C"), nb.uint64[::1]))
def _marks(bytes_, out):
    for k in range(128):
        out[k] = hash_of(bytes_, k, k + 1)


@inner
def _stop_bit(code, stops):
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
    m, n, marked = _split(data, i, e, table, room, memo)
    facts = hashes = ellipses = 0
    if marked:
        facts, hashes, ellipses = signs_of(data, i, e)
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
        if may_be_phrase(word):
            facts |= phrase(data, i, start, stop)
        n, size, is_word, sign, token, whole = plain(data, i, stop, word, table)
        chunks += 1
        if n:
            put(words, w, token)
            total += size
            w += 1
            put(ends, w, total)
            sentences += seen
            seen = False
            if n <= 4:
                bits |= _stop_bit(low(word, n), memo.stops)
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
