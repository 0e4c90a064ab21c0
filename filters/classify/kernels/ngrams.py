"""Units of an n-gram model, their hashes, and the log probability of texts.

Texts are folded, with their lines (fold.py). A word that the model knows is a unit; one that it
does not know is spelled: each of its characters is a unit, the first as a beginning. So every
text has a probability. A line begins with the unit <s>, which is not predicted, and ends with </s>.

An n-gram is known by a hash: h(u) of one unit is the unit, h(u1 ... un) = h(u2 ... un) * FOLD + u1,
so that it grows to the left, as contexts do; `place_of` mixes the order in.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from castor.filters.classify.kernels.words import FNV64, PRIME64, find
from castor.filters.kernels._compile import I64, U8, U32, U64, at, kernel
from castor.filters.kernels.words import finish

FOLD = np.uint64(0xD6E8FEB86659FD93)
ORDER = np.uint64(0x9E3779B97F4A7C15)
LETTER, FIRST = np.uint64(1) << np.uint64(40), np.uint64(1) << np.uint64(41)
LONGEST = 8  # order of a model at most
OUT_U64 = nb.types.Array(nb.uint64, 1, "C")
OUT_F64 = nb.types.Array(nb.float64, 1, "C")
OUT_I64 = nb.types.Array(nb.int64, 1, "C")
GRID = nb.types.Array(nb.float64, 2, "C")
CODES = nb.types.Array(nb.float32, 2, "C", readonly=True)


def _mixed(h: int) -> np.uint64:
    """What `finish` makes of a number, without compiling it."""
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        h = (h ^ h >> 33) * factor & 0xFFFFFFFFFFFFFFFF
    return np.uint64(h ^ h >> 33)


BEGIN, END, UNKNOWN = (_mixed(k) for k in (1, 2, 3))  # units that are no words: <s>, </s>, <unk>


@nb.njit(nogil=True, _nrt=False)
def place_of(h, order):
    """Where an n-gram of a hash stands in the table: 64 bits."""
    return finish(h + np.uint64(order) * ORDER)


@nb.njit(nogil=True, _nrt=False)
def _character(data, i, stop, first):
    """The unit of the character at byte i, and where the next begins. The text is UTF-8."""
    c = np.uint64(data[i])
    i += 1
    while i < stop and (data[i] & 0xC0) == 0x80:
        c = c << np.uint64(8) | np.uint64(data[i])
        i += 1
    return finish(c | (FIRST if first else LETTER)), i


@nb.njit(nogil=True, _nrt=False)
def _word(data, i, stop):
    """Where the word at byte i ends, and its unit; words end at a space or LF."""
    h = FNV64
    while i < stop:
        c = at(data, i)
        if c == 32 or c == 10:
            break
        h = (h ^ np.uint64(c)) * PRIME64
        i += 1
    return i, h


@kernel(nb.int64(U8, I64, U64, I64, OUT_U64, OUT_I64))
def units(data, offsets, keys, ids, out, within):
    """The units of folded texts, with <s> and </s>, into `out`; returns how many.

    Args:
        keys, ids: the table of the words that are not spelled (dictionary.index).
        out: uint64; twice the bytes of the texts and two for each text are enough.
        within: int64, as long: units of the line up to and with this one, <s> being the first.
    """
    n = 0
    for row in range(len(offsets) - 1):
        i, stop = offsets[row], offsets[row + 1]
        if i == stop:
            continue
        line = n
        out[n], within[n] = BEGIN, 1
        n += 1
        while i < stop:
            end, h = _word(data, i, stop)
            if find(h, keys, ids) >= 0:
                out[n], within[n] = finish(h), n - line + 1
                n += 1
            else:
                first = True
                while i < end:
                    out[n], i = _character(data, i, end, first)
                    within[n] = n - line + 1
                    first = False
                    n += 1
            if end >= stop or data[end] == 10:
                out[n], within[n] = END, n - line + 1
                n += 1
                if end < stop:
                    line = n
                    out[n], within[n] = BEGIN, 1
                    n += 1
            i = end + 1
    return n


@nb.njit(nogil=True, _nrt=False)
def _tag(place):
    """16 bits that tell n-grams in neighbouring slots apart; never 0."""
    return max(np.uint32(place >> np.uint64(48)), np.uint32(1))


@nb.njit(nogil=True, _nrt=False)
def _slot(table, h, order):
    """The entry of an n-gram, or 0."""
    place = place_of(h, order)
    mask = np.int64(len(table) - 1)
    slot = np.int64(place) & mask
    tag = _tag(place)
    while True:
        entry = at(table, slot)
        if entry == 0 or np.uint32(entry >> np.uint32(16)) == tag:
            return entry
        slot = (slot + 1) & mask


@nb.njit(nogil=True, _nrt=False)
def _advance(unit, table, probabilities, backoffs, order, past, weights, state):
    """The log probability of a unit after those in `past`; keeps the state of the next.

    Args:
        past: uint64 [LONGEST], the units before, the nearest first.
        weights: float64 [2, LONGEST + 1], in row 0 at n the backoff weight of the n nearest of
            them; row 1 is scratch.
        state: int64 [2]: units in `past`; how many of the nearest of them the table holds.
    """
    h, longest, found = unit, 0, 0.0
    for n in range(1, min(order, state[0] + 1) + 1):
        if n > 1:
            h = h * FOLD + past[n - 2]
        entry = _slot(table, h, n)
        if entry == 0:  # nor are there longer ones: the table holds the end of all it holds
            break
        longest = n
        found = np.float64(probabilities[n - 1, np.int64(entry & np.uint32(255))])
        code = np.int64((entry >> np.uint32(8)) & np.uint32(255))
        weights[1, n] = np.float64(backoffs[n - 1, code])
    for n in range(longest, state[1] + 1):
        found += weights[0, n]
    for n in range(1, longest + 1):
        weights[0, n] = weights[1, n]
    for k in range(order - 2, 0, -1):
        past[k] = past[k - 1]
    past[0] = unit
    state[0] = min(state[0] + 1, order - 1)
    state[1] = min(longest, order - 1)
    return found


@kernel(
    nb.void(
        U8, I64, U32, CODES, CODES, OUT_U64, GRID, OUT_I64, OUT_F64, OUT_I64, OUT_I64, OUT_I64
    )
)  # fmt: skip
def score(
    data, offsets, table, probabilities, backoffs, past, weights, state, logs, words, lines,
    spelled,
):  # fmt: skip
    """The log probability of folded texts, natural, line by line.

    Args:
        table: uint32 [2**b]: tag 16 bits, code of the backoff 8, of the probability 8; 0 empty.
        probabilities, backoffs: float32 [order, 256], what the codes stand for.
        past, weights, state: scratch of [LONGEST], [2, LONGEST + 1] and [2].
        logs: float64 [rows], to be filled; words, lines, spelled: int64 [rows], with the number
            of words, of lines, and of words that were spelled.
    """
    order = probabilities.shape[0]
    for row in range(len(offsets) - 1):
        i, stop = offsets[row], offsets[row + 1]
        logs[row], words[row], lines[row], spelled[row] = 0.0, 0, 0, 0
        begins = True
        while i < stop:
            if begins:
                state[0], state[1] = 0, 0
                _advance(BEGIN, table, probabilities, backoffs, order, past, weights, state)
                begins = False
            end, h = _word(data, i, stop)
            words[row] += 1
            unit = finish(h)
            if _slot(table, unit, 1) != 0:
                logs[row] += _advance(
                    unit, table, probabilities, backoffs, order, past, weights, state
                )
            else:
                spelled[row] += 1
                first = True
                while i < end:
                    unit, i = _character(data, i, end, first)
                    if _slot(table, unit, 1) == 0:
                        unit = UNKNOWN
                    logs[row] += _advance(
                        unit, table, probabilities, backoffs, order, past, weights, state
                    )
                    first = False
            if end >= stop or data[end] == 10:
                lines[row] += 1
                logs[row] += _advance(
                    END, table, probabilities, backoffs, order, past, weights, state
                )
                begins = True
            i = end + 1


@kernel(nb.int64(U64, nb.int64, U32, nb.types.Array(nb.uint32, 1, "C")))
def fill(hashes, order, entries, table):
    """Puts n-grams of one order into a table of entries without tags; returns how many collide.

    Of two n-grams with one tag in one run of slots the first stays: its values answer for both.
    """
    mask = np.int64(len(table) - 1)
    twice = 0
    for k in range(len(hashes)):
        place = place_of(hashes[k], order)
        slot = np.int64(place) & mask
        tag = _tag(place)
        while table[slot] != 0 and np.uint32(table[slot] >> np.uint32(16)) != tag:
            slot = (slot + 1) & mask
        if table[slot] != 0:
            twice += 1
        else:
            table[slot] = tag << np.uint32(16) | entries[k]
    return twice
