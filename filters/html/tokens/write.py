"""Chosen blocks as the bytes of Markdown, in one pass over them; what it looks like: `markdown`.

Every block has a place: what its ancestors make of it. Its lines stand behind the marks of the
quotations and list items around it, and what stands between two blocks follows from both places.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from castor.filters.html.tokens import tags
from castor.filters.html.tokens.compile import part
from castor.filters.html.tokens.state import (
    B_ELEMENT,
    B_END,
    B_FLAGS,
    B_START,
    E_END,
    E_FIRST,
    E_PARENT,
    E_TAG,
    IN_PRE,
)
from castor.filters.html.tokens.tags import FLAGS
from castor.filters.kernels._compile import at, kernel, put

MAX_NESTING = 8  # lists and quotations in one another; more is layout
MAX_LINES = 1 << 20  # of a page that are indented; so many are no text to read
# Of a row. Blocks of a wider one have the cells between their first and their last, not all.
MAX_COLUMNS = 256
_OL, _LI, _QUOTE = tags.TAG["ol"], tags.TAG["li"], tags.TAG["blockquote"]
_PRE, _LISTING = tags.TAG["pre"], tags.TAG["listing"]
_ROW, _TABLE = tags.TAG["tr"], tags.TAG["table"]
_TD, _TH = tags.TAG["td"], tags.TAG["th"]
_H1 = tags.TAG["h1"]
assert [tags.TAG[f"h{level}"] - _H1 for level in range(1, 7)] == list(range(6))

# A place: level of the heading (0 for none), the nearest such elements (-1 for none), how many
# quotations and how many list items, and these, the innermost first.
P_HEADING, P_PRE, P_ROW, P_TABLE, P_QUOTES, P_ITEMS, P_ITEM = range(7)
N_PLACE = P_ITEM + MAX_NESTING + 1
# State of the writing: bytes that were written (or would be), lines, the row whose cells are
# known, how many cells it has.
W_BYTES, W_LINES, W_ROW, W_CELLS, N_STATE = range(5)


@part
def _find_place(elements, e, place):
    place[:] = -1
    place[P_HEADING] = place[P_QUOTES] = place[P_ITEMS] = 0
    while e > 0:
        tag = elements[e, E_TAG]
        if FLAGS[tag] & tags.IS_HEADING:
            if place[P_HEADING] == 0:
                place[P_HEADING] = tag - _H1 + 1
        elif tag in (_PRE, _LISTING):
            if place[P_PRE] < 0:
                place[P_PRE] = e
        elif tag == _ROW:
            if place[P_ROW] < 0:
                place[P_ROW] = e
        elif tag == _TABLE:
            if place[P_TABLE] < 0:
                place[P_TABLE] = e
        elif tag == _LI:
            if place[P_ITEMS] <= MAX_NESTING:
                place[P_ITEM + place[P_ITEMS]] = e
                place[P_ITEMS] += 1
        elif tag == _QUOTE:
            place[P_QUOTES] += 1
        e = elements[e, E_PARENT]


@part
def _byte(out, state, c):
    """Writes a byte, if there is room; it counts in any case."""
    n = state[W_BYTES]
    if n < len(out):
        put(out, n, np.uint8(c))
    state[W_BYTES] = n + 1


@part
def _repeat(out, state, c, n):
    for _ in range(n):
        _byte(out, state, c)


@part
def _number(out, state, number):
    """A number in decimals; returns how many."""
    n_digits = 1
    power = np.int64(1)
    while power * 10 <= number:
        power *= 10
        n_digits += 1
    while power:
        _byte(out, state, 48 + number // power % 10)
        power //= 10
    return n_digits


@part
def _item_marks(elements, place, numbers, widths, out, state):
    """The marks of the list items of a place, each once; after that a gap as wide."""
    for k in range(place[P_ITEMS] - 1, -1, -1):
        item = place[P_ITEM + k]
        if widths[item]:
            _repeat(out, state, 32, widths[item])
            continue
        parent = elements[item, E_PARENT]
        if parent >= 0 and elements[parent, E_TAG] == _OL:
            widths[item] = _number(out, state, numbers[item]) + 2
            _byte(out, state, 46)
        else:
            widths[item] = 2
            _byte(out, state, 45)
        _byte(out, state, 32)


@part
def _begin_line(elements, place, numbers, widths, out, state):
    """What a line of a block begins with: quotations, list items."""
    for _ in range(min(place[P_QUOTES], MAX_NESTING)):
        _byte(out, state, 62)
        _byte(out, state, 32)
    _item_marks(elements, place, numbers, widths, out, state)


@part
def _end_line(elements, place, numbers, widths, out, state):
    """A line break inside a block, and what the next line begins with."""
    _byte(out, state, 10)
    state[W_LINES] += 1
    if state[W_LINES] <= MAX_LINES:
        _begin_line(elements, place, numbers, widths, out, state)


@part
def _is_space(text, i, end):
    """Bytes of the white space that ends at `end`, as Unicode has it; 0 where there is none."""
    c = at(text, end - 1)
    if c == 32 or 9 <= c <= 13 or 28 <= c <= 31:
        return 1
    if c < 0x80 or end - i < 2:
        return 0
    b = at(text, end - 2)
    if b == 0xC2:
        return 2 if c == 0x85 or c == 0xA0 else 0
    if end - i < 3:
        return 0
    a = at(text, end - 3)
    if a == 0xE2 and b == 0x80:
        return 3 if c <= 0x8A or c == 0xA8 or c == 0xA9 or c == 0xAF else 0
    if a == 0xE1 and b == 0x9A:
        return 3 if c == 0x80 else 0
    if a == 0xE2 and b == 0x81:
        return 3 if c == 0x9F else 0
    return 3 if a == 0xE3 and b == 0x80 and c == 0x80 else 0


@part
def _copy(text, i, end, elements, place, numbers, widths, out, state, one_line):
    """A block's text, each of its lines behind its marks; or all in one line."""
    n = state[W_BYTES]
    for k in range(i, end):
        c = at(text, k)
        if c == 10:
            if not one_line:
                state[W_BYTES] = n
                _end_line(elements, place, numbers, widths, out, state)
                n = state[W_BYTES]
                continue
            c = np.uint8(32)
        if n < len(out):
            put(out, n, c)
        n += 1
    state[W_BYTES] = n


@part
def _find_cells(elements, row, found, state):
    """The cells of a row, in order; a row's are looked for once while its blocks follow."""
    if state[W_ROW] == row:
        return
    state[W_ROW], state[W_CELLS] = row, 0
    e = row + 1
    while e < len(elements) and elements[e, E_PARENT] >= row:
        tag = elements[e, E_TAG]
        if elements[e, E_PARENT] == row and tag in (_TD, _TH):
            found[state[W_CELLS]] = e
            state[W_CELLS] += 1
        e += 1


@part
def _first_cell(elements, found, n, column, least):
    """The first of the cells of which a column is not under `least`; n where all are."""
    low, high = 0, n
    while low < high:
        middle = (low + high) >> 1
        if elements[found[middle], column] < least:
            low = middle + 1
        else:
            high = middle
    return low


@part
def _row(text, elements, cells, first, last, found, out, state):
    """A row: the cells from first to last with their text, the others empty."""
    _byte(out, state, 124)
    _byte(out, state, 32)
    k_first, k_last = 0, state[W_CELLS]
    if k_last > MAX_COLUMNS:
        k_first = _first_cell(elements, found, k_last, E_END, first + 1)
        k_last = _first_cell(elements, found, k_last, E_FIRST, last)
    for k in range(k_first, k_last):
        e = found[k]
        begin, end = max(first, elements[e, E_FIRST]), min(last, elements[e, E_END])
        if k > k_first:
            _byte(out, state, 32)
            _byte(out, state, 124)
            _byte(out, state, 32)
        for cell in range(begin, end):
            if cell > begin:
                _byte(out, state, 32)
            for i in range(cells[cell, B_START], cells[cell, B_END]):
                c = at(text, i)
                if c == 124:
                    _byte(out, state, 92)
                _byte(out, state, 32 if c == 10 else c)
    _byte(out, state, 32)
    _byte(out, state, 124)


@part
def _rule(data, i, end, out, state):
    """The line under a table's first row: as many columns as that has bars between spaces."""
    _byte(out, state, 124)
    while i + 2 < end:
        if at(data, i) == 32 and at(data, i + 1) == 124 and at(data, i + 2) == 32:
            _mark_column(out, state)
            i += 3
        else:
            i += 1
    _mark_column(out, state)


@part
def _begins_row(text, i, end):
    return end - i > 1 and at(text, i) == 124 and at(text, i + 1) == 32


@part
def _mark_column(out, state):
    _byte(out, state, 32)
    _repeat(out, state, 45, 3)
    _byte(out, state, 32)
    _byte(out, state, 124)


@part
def _gap(place, last, out, state):
    """What stands between two blocks: a line break inside lists, tables and code, else a blank."""
    if last[P_PRE] >= 0 and place[P_PRE] != last[P_PRE]:
        _byte(out, state, 10)
        _repeat(out, state, 96, 3)
    _byte(out, state, 10)
    if place[P_PRE] >= 0 and place[P_PRE] == last[P_PRE]:
        return
    same_table = place[P_TABLE] >= 0 and place[P_TABLE] == last[P_TABLE]
    both_items = place[P_ITEMS] and last[P_ITEMS] and place[P_QUOTES] == last[P_QUOTES]
    if not (both_items or (same_table and place[P_ROW] != last[P_ROW])):
        _byte(out, state, 10)


@part
def _number_items(elements, counts, numbers):
    """The place, from 1, of every list item in its list."""
    counts[:] = 0
    for e in range(1, len(elements)):
        if elements[e, E_TAG] == _LI:
            parent = elements[e, E_PARENT]
            counts[parent] += 1
            numbers[e] = counts[parent]


@part
def _block(
    b, text, elements, blocks, cells, origin, place, last, numbers, widths, found, out, state
):
    """Writes a block and what stands before it; false, and nothing, where it is empty."""
    i, end = blocks[b, B_START], blocks[b, B_END]
    is_pre = blocks[b, B_FLAGS] & IN_PRE
    while is_pre and end > i and _is_space(text, i, end):
        end -= _is_space(text, i, end)
    if i == end:
        return False
    is_first = last[P_HEADING] < 0
    if not is_first:
        _gap(place, last, out, state)
    _begin_line(elements, place, numbers, widths, out, state)
    if place[P_PRE] >= 0 and (is_first or last[P_PRE] != place[P_PRE]):
        _repeat(out, state, 96, 3)
        _end_line(elements, place, numbers, widths, out, state)
    begins_table = place[P_TABLE] >= 0 and (is_first or last[P_TABLE] != place[P_TABLE])
    if origin[b + 1] - origin[b] > 1 and not is_pre:
        _find_cells(elements, place[P_ROW], found, state)
        begin = state[W_BYTES]
        _row(text, elements, cells, origin[b], origin[b + 1], found, out, state)
        if begins_table:
            row_end = min(state[W_BYTES], len(out))
            _end_line(elements, place, numbers, widths, out, state)
            _rule(out, begin, row_end, out, state)
        return True
    is_heading = place[P_HEADING] > 0 and not is_pre
    if is_heading:
        _repeat(out, state, 35, place[P_HEADING])
        _byte(out, state, 32)
    _copy(text, i, end, elements, place, numbers, widths, out, state, is_heading)
    if begins_table and not is_heading and _begins_row(text, i, end):
        _end_line(elements, place, numbers, widths, out, state)
        _rule(text, i, end, out, state)
    return True


_I32_1, _I32_2 = nb.types.Array(nb.int32, 1, "C"), nb.types.Array(nb.int32, 2, "C")
_U8_1 = nb.types.Array(nb.uint8, 1, "C")


@kernel(
    nb.int64(
        _U8_1, _I32_2, _I32_2, _I32_2, _I32_1, _U8_1, _I32_2, _I32_2,
        nb.types.Array(nb.int64, 1, "C"), _U8_1,
    )
)  # fmt: skip
def write(text, elements, blocks, cells, origin, chosen, places, scratch, state, out):
    """Writes the chosen blocks to out, as far as there is room; returns how many bytes they take.

    Args:
        text, elements, blocks, cells, origin: as `Tokens` has them.
        chosen: uint8 [n_blocks], 1 for a block that is written.
        places, scratch, state: room, int32 [2, N_PLACE] and [3, n_elements], int64 [N_STATE].
        out: uint8.
    """
    numbers, widths, found = scratch[0], scratch[1], scratch[2]
    _number_items(elements, found, numbers)
    widths[:] = 0
    state[:] = 0
    state[W_ROW] = -1
    place, last = places[0], places[1]
    last[P_HEADING] = -1  # none yet
    last[P_PRE] = -1
    for b in range(len(blocks)):
        if not chosen[b]:
            continue
        _find_place(elements, np.int64(blocks[b, B_ELEMENT]), place)
        if _block(
            b, text, elements, blocks, cells, origin, place, last, numbers, widths, found, out,
            state,
        ):  # fmt: skip
            for k in range(N_PLACE):
                last[k] = place[k]
    if last[P_PRE] >= 0:
        _byte(out, state, 10)
        _repeat(out, state, 96, 3)
    return state[W_BYTES]
