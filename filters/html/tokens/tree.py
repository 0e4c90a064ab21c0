"""The stack of open elements: what a start tag ends, what an end tag ends, and the array of all."""

from __future__ import annotations

import numpy as np

from castor.filters.html.tokens import tags
from castor.filters.html.tokens.compile import part
from castor.filters.html.tokens.state import (
    E_DEPTH,
    E_END,
    E_FIRST,
    E_MASK,
    E_MASK_HIGH,
    E_NAME,
    E_PARENT,
    E_TAG,
    E_WORDS,
    E_WORDS_END,
    MAX_DEPTH,
    MAX_ELEMENTS,
    OPEN,
    R_BLOCKS,
    R_BOLD,
    R_CODE,
    R_DEPTH,
    R_ELEMENTS,
    R_FULL,
    R_LINK,
    R_LOW,
    R_MUTE,
    R_PRE,
    R_TEXT,
    R_WORDS,
    STACK,
    V_TEXT_END,
    element_at,
    event_at,
)
from castor.filters.html.tokens.tags import FLAGS
from castor.filters.html.tokens.text import close_code, end_block

_A, _P = tags.TAG["a"], tags.TAG["p"]
_PRE, _LISTING = tags.TAG["pre"], tags.TAG["listing"]
_CODE, _KBD, _TT, _SAMP = (tags.TAG[name] for name in ("code", "kbd", "tt", "samp"))
_BLOCK, _SCOPE = tags.BLOCK, tags.SCOPE
_TABLE_PARTS = tags.IS_CELL | tags.IS_ROW | tags.IS_ROWS | tags.IS_TABLE
_WALK = 128  # elements that an end tag looks through, at most; else many of them take ages


@part
def pop_to(m, text, depth):
    """Closes open elements until `depth` are left."""
    blocky = False
    for k in range(m[R_DEPTH], depth, -1):
        blocky = blocky or FLAGS[m[element_at(m, m[STACK + k]) + E_TAG]] & _BLOCK != 0
    if blocky:
        end_block(m, text)
    for k in range(m[R_DEPTH], depth, -1):
        element = m[STACK + k]
        tag = m[element_at(m, element) + E_TAG]
        m[OPEN + tag] -= 1
        m[element_at(m, element) + E_END] = m[R_BLOCKS]
        flags = FLAGS[tag]
        if flags & tags.BOLD:
            m[R_BOLD] -= 1
        if m[element_at(m, element) + E_NAME] < 0 or flags & tags.MUTE:
            m[R_MUTE] -= 1
        if tag == _A and m[R_LINK] >= 0:
            m[event_at(m, m[R_LINK]) + V_TEXT_END] = m[R_TEXT]
            m[R_LINK] = -1
        elif tag in (_PRE, _LISTING):
            m[R_PRE] -= 1
        elif tag in (_CODE, _KBD, _TT, _SAMP):
            close_code(m, text)
    m[R_DEPTH] = depth
    if depth < m[R_LOW]:
        m[R_LOW] = depth


@part
def _close_nearest(m, text, wanted, barrier, through):
    """Closes the innermost open element with a flag of `wanted`.

    Looks no further than an element with a flag of `barrier`, nor than a block element that has
    none of `through`.
    """
    depth = m[R_DEPTH]
    for k in range(depth, max(0, depth - _WALK), -1):
        flags = FLAGS[m[element_at(m, m[STACK + k]) + E_TAG]]
        if flags & wanted:
            pop_to(m, text, k - 1)
            return
        if flags & barrier or (flags & _BLOCK and not flags & through):
            return


@part
def imply_ends(m, text, tag):
    """Closes what a start tag ends without an end tag of its own."""
    flags = FLAGS[tag]
    if flags & tags.ENDS_P and m[OPEN + _P] > 0:
        _close_nearest(m, text, tags.IS_P, _SCOPE, 0)
    if flags & tags.IS_LI:
        _close_nearest(m, text, tags.IS_LI, _SCOPE, tags.LOOSE)
    elif flags & tags.IS_DT:
        _close_nearest(m, text, tags.IS_DT, _SCOPE, tags.LOOSE)
    elif flags & tags.IS_CELL:
        _close_cells(m, text, tags.IS_CELL)
    elif flags & tags.IS_ROW:
        _close_cells(m, text, tags.IS_CELL | tags.IS_ROW)
    elif flags & tags.IS_ROWS:
        _close_cells(m, text, tags.IS_CELL | tags.IS_ROW | tags.IS_ROWS)
    elif flags & tags.IS_A:
        if m[OPEN + _A] > 0:
            _close_nearest(m, text, tags.IS_A, _SCOPE, 0)
    elif flags & tags.IS_HEADING:
        top = m[element_at(m, m[STACK + m[R_DEPTH]]) + E_TAG]
        if FLAGS[top] & tags.IS_HEADING:
            pop_to(m, text, m[R_DEPTH] - 1)


@part
def _close_cells(m, text, wanted):
    """Closes the outermost open part of the innermost table that has a flag of `wanted`."""
    depth = m[R_DEPTH]
    found = -1
    for k in range(depth, max(0, depth - _WALK), -1):
        flags = FLAGS[m[element_at(m, m[STACK + k]) + E_TAG]]
        if flags & tags.IS_TABLE:
            break
        if flags & wanted:
            found = k
    if found > 0:
        pop_to(m, text, found - 1)


@part
def push(m, tag, name, first_word, mask, hidden):
    """Opens an element; beyond MAX_DEPTH its content belongs to the one that is open."""
    if m[R_DEPTH] >= MAX_DEPTH:
        return
    e = m[R_ELEMENTS]
    if e >= MAX_ELEMENTS:
        m[R_FULL] = 1
        return
    flags = FLAGS[tag]
    row = element_at(m, e)
    m[row + E_TAG] = tag
    m[row + E_PARENT] = m[STACK + m[R_DEPTH]]
    m[row + E_DEPTH] = m[R_DEPTH] + 1
    m[row + E_FIRST] = m[R_BLOCKS]
    m[row + E_END] = m[R_BLOCKS]
    m[row + E_WORDS] = first_word
    m[row + E_WORDS_END] = m[R_WORDS]
    m[row + E_NAME] = -1 if hidden else name
    m[row + E_MASK] = np.int32(mask & np.uint64(0xFFFFFFFF))
    m[row + E_MASK_HIGH] = np.int32(mask >> np.uint64(32))
    m[R_ELEMENTS] = e + 1
    m[R_DEPTH] += 1
    m[STACK + m[R_DEPTH]] = e
    m[OPEN + tag] += 1
    if flags & tags.BOLD:
        m[R_BOLD] += 1
    if hidden or flags & tags.MUTE:
        m[R_MUTE] += 1
    if tag in (_PRE, _LISTING):
        m[R_PRE] += 1
    elif tag in (_CODE, _KBD, _TT, _SAMP):
        m[R_CODE] += 1


@part
def end_tag(m, text, tag, name):
    """Closes the element that an end tag names, and what is open inside it."""
    flags = FLAGS[tag]
    if flags & _BLOCK:
        end_block(m, text)
    if m[OPEN + tag] <= 0 or flags & tags.VOID:
        return
    depth = m[R_DEPTH]
    for k in range(depth, max(0, depth - _WALK), -1):
        element = m[STACK + k]
        other = m[element_at(m, element) + E_TAG]
        if other == tag and (tag > tags.CUSTOM or m[element_at(m, element) + E_NAME] == name):
            pop_to(m, text, k - 1)
            return
        others = FLAGS[other]
        if not flags & _BLOCK and others & _BLOCK:
            return  # </b> does not end the <div> that the <b> holds
        if others & _SCOPE and not flags & _TABLE_PARTS:
            return
        if others & tags.IS_TABLE and not flags & tags.IS_TABLE:
            return
