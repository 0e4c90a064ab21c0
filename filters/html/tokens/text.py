"""Writing text into blocks: white space, character references, breaks, inline code.

A block is opened by the first text that is not white space and closed by whatever begins or ends
a block element. Its element is the innermost one around all of its text: `R_LOW` holds the least
depth of the stack since the last text, and the next text lowers the block's element to it.
"""

from __future__ import annotations

import numpy as np

from castor.filters.html.tokens.compile import part
from castor.filters.html.tokens.entities import reference
from castor.filters.html.tokens.scan import find
from castor.filters.html.tokens.state import (
    AFTER_BREAKS,
    AMPERSAND,
    B_BOLD,
    B_ELEMENT,
    B_END,
    B_FLAGS,
    B_IMAGES,
    B_LINES,
    B_LINKED,
    B_LINKS,
    B_SOURCE,
    B_START,
    DROP,
    IN_PRE,
    KIND,
    LESS,
    MAX_BLOCKS,
    N_BLOCK,
    PLAIN,
    R_BLOCKS,
    R_BOLD,
    R_BREAKS,
    R_CODE,
    R_DEPTH,
    R_FLAGS,
    R_FULL,
    R_LCA,
    R_LINK,
    R_LOW,
    R_MUTE,
    R_OPEN,
    R_PENDING,
    R_PRE,
    R_TEXT,
    R_TICK,
    SPACE,
    STACK,
    WIDE,
    block_at,
)
from castor.filters.kernels._compile import at, put

_TICK = 96
_TAB = 9
_NOTHING = np.uint64(0)


@part
def end_block(m, text):
    """Closes the block that is open, if any; one without text is forgotten."""
    m[R_PENDING] = m[R_BREAKS] = 0
    if not m[R_OPEN]:
        return
    if m[R_TICK]:
        text[m[R_TEXT]] = _TICK
        m[R_TEXT] += 1
        m[R_TICK] = 0
    m[R_OPEN] = 0
    b = m[R_BLOCKS]
    m[block_at(m, b) + B_END] = m[R_TEXT]
    text[m[R_TEXT]] = _TAB  # between two blocks, where the cells of a row become one
    m[R_TEXT] += 1
    m[R_BLOCKS] = b + 1


@part
def _begin_block(m, i):
    b = m[R_BLOCKS]
    if b >= MAX_BLOCKS:
        m[R_FULL] = 1
        b = m[R_BLOCKS] = MAX_BLOCKS - 1
    row = block_at(m, b)
    for k in range(N_BLOCK):
        m[row + k] = 0
    m[row + B_START] = m[R_TEXT]
    m[row + B_ELEMENT] = m[STACK + m[R_DEPTH]]
    m[row + B_SOURCE] = i
    m[row + B_FLAGS] = m[R_FLAGS] | (IN_PRE if m[R_PRE] else 0)
    m[R_FLAGS] = 0
    m[R_OPEN] = 1
    m[R_LCA] = m[R_LOW] = m[R_DEPTH]


@part
def before_text(m, text, i):
    """Makes ready for text that is not white space: a block, what is pending, a code mark."""
    if not m[R_OPEN]:
        _begin_block(m, i)
        m[R_PENDING] = 0
    elif m[R_LOW] < m[R_LCA]:
        m[R_LCA] = m[R_LOW]
        m[block_at(m, m[R_BLOCKS]) + B_ELEMENT] = m[STACK + m[R_LOW]]
    m[R_LOW] = m[R_DEPTH]
    m[R_BREAKS] = 0
    t = m[R_TEXT]
    if m[R_PENDING]:
        text[t] = 10 if m[R_PENDING] == 2 else 32
        t += 1
        m[R_PENDING] = 0
    if m[R_CODE] and not m[R_TICK] and not m[R_PRE]:
        text[t] = _TICK
        t += 1
        m[R_TICK] = 1
    m[R_TEXT] = t


@part
def close_code(m, text):
    """The end of an inline code element."""
    m[R_CODE] -= 1
    if m[R_TICK] and m[R_CODE] == 0:
        text[m[R_TEXT]] = _TICK
        m[R_TEXT] += 1
        m[R_TICK] = 0


@part
def line_break(m, text):
    """A <br>: the second in a row ends the block."""
    if m[R_MUTE]:
        return
    if m[R_PRE]:
        if m[R_OPEN]:
            text[m[R_TEXT]] = 10
            m[R_TEXT] += 1
        return
    m[R_BREAKS] += 1
    if m[R_BREAKS] >= 2:
        end_block(m, text)
        m[R_FLAGS] |= AFTER_BREAKS
        m[R_BREAKS] = 2
    elif m[R_OPEN]:
        m[R_PENDING] = 2
        m[block_at(m, m[R_BLOCKS]) + B_LINES] += 1


@part
def wide(src, i, n):
    """What the sequence at i, which begins with C2, E2, E3 or EF, is in text.

    Returns (length, kind): white space, to be dropped, or plain.
    """
    c = at(src, i)
    second = at(src, i + 1) if i + 1 < n else 0
    if c == 0xC2:
        if second == 0xA0:
            return 2, SPACE
        if second == 0xAD or 0x80 <= second <= 0x9F:
            return 2, DROP
        return 1, PLAIN
    third = at(src, i + 2) if i + 2 < n else 0
    if c == 0xE2 and second == 0x80:
        if 0x80 <= third <= 0x8A or third == 0xA8 or third == 0xA9 or third == 0xAF:
            return 3, SPACE
        if third == 0x8B:
            return 3, DROP
    elif c == 0xE2 and second == 0x81 and third == 0xA0:
        return 3, DROP
    elif c == 0xE3 and second == 0x80 and third == 0x80:
        return 3, SPACE
    elif c == 0xEF and second == 0xBB and third == 0xBF:
        return 3, DROP
    return 1, PLAIN


@part
def count_text(m, start):
    """Adds the text written since `start` to the open block's counts."""
    b = m[R_BLOCKS]
    n = m[R_TEXT] - start
    if m[R_LINK] >= 0:
        m[block_at(m, b) + B_LINKED] += n
    if m[R_BOLD]:
        m[block_at(m, b) + B_BOLD] += n


@part
def put_value(m, text, value):
    """Writes the bytes of a character reference."""
    t = m[R_TEXT]
    for k in range(np.int64(value >> np.uint64(48))):
        text[t + k] = np.uint8(value >> np.uint64(8 * k))
    m[R_TEXT] = t + np.int64(value >> np.uint64(48))


@part
def _value_kind(value):
    """Whether a character reference is white space, nothing, or text."""
    if value == np.uint64(1 << 48 | 32) or value == np.uint64(2 << 48 | 0xA0C2):
        return SPACE
    if value >> np.uint64(48) == np.uint64(1) and value & np.uint64(255) < np.uint64(33):
        return SPACE if value & np.uint64(255) in (9, 10, 12, 13) else DROP
    if value == np.uint64(2 << 48 | 0xADC2) or value == np.uint64(3 << 48 | 0x8B80E2):
        return DROP
    low = value & np.uint64(0xFFFFFF)
    if value >> np.uint64(48) == np.uint64(3) and low & np.uint64(0xFFFF) == np.uint64(0x80E2):
        third = low >> np.uint64(16)
        if np.uint64(0x80) <= third <= np.uint64(0x8A):
            return SPACE
    return PLAIN


@part
def _copy(src, i, n, m, text):
    """Copies ordinary bytes to the text, spaces between them collapsed.

    Stops at the first byte that needs more thought; returns its index.
    """
    t = m[R_TEXT]
    while i < n:
        c = at(src, i)
        k = KIND[c]
        if k == PLAIN:
            put(text, t, c)
            t += 1
            i += 1
        elif k == SPACE and i + 1 < n and KIND[at(src, i + 1)] == PLAIN:
            put(text, t, np.uint8(32))
            t += 1
            i += 1
        else:
            break
    m[R_TEXT] = t
    return i


@part
def put_text(src, i, n, m, text):
    """Writes the text from i to the next `<`; returns its index."""
    if m[R_MUTE]:
        return find(src, i, n, 60)
    if m[R_PRE]:
        return _put_verbatim(src, i, n, m, text)
    while i < n:
        c = at(src, i)
        k = np.int64(KIND[c])
        length = 1
        if k == WIDE:
            length, k = wide(src, i, n)
        if k == LESS:
            return i
        if k == SPACE:
            if m[R_OPEN] and m[R_PENDING] == 0:
                m[R_PENDING] = 1
            i += length
            continue
        if k == DROP:
            i += length
            continue
        value = _NOTHING
        if k == AMPERSAND:
            after, value = reference(src, i, n)
            if value != _NOTHING:
                i = after
                k = _value_kind(value)
                if k == SPACE and m[R_OPEN] and m[R_PENDING] == 0:
                    m[R_PENDING] = 1
                if k != PLAIN:
                    continue
        if not m[R_OPEN] or m[R_PENDING] or m[R_LOW] != m[R_DEPTH] or m[R_CODE] or m[R_BREAKS]:
            before_text(m, text, i)
        start = m[R_TEXT]
        if value != _NOTHING:
            put_value(m, text, value)
        else:
            text[start] = c
            m[R_TEXT] = start + 1
            i += 1
        i = _copy(src, i, n, m, text)
        count_text(m, start)
    return i


@part
def _put_verbatim(src, i, n, m, text):
    """Text inside <pre>: white space stays as it is."""
    while i < n and at(src, i) != 60:
        c = at(src, i)
        k = KIND[c]
        if k == DROP or c == 13:
            i += 1
            continue
        if not m[R_OPEN]:
            if k == SPACE:  # the line break after <pre>; indentation of the first line stays
                if c == 10:
                    m[R_PENDING] = 0
                else:
                    m[R_PENDING] += 1
                i += 1
                continue
            n_blank = m[R_PENDING]
            m[R_PENDING] = 0
            before_text(m, text, i)
            for _ in range(min(n_blank, 80)):
                text[m[R_TEXT]] = 32
                m[R_TEXT] += 1
        elif m[R_LOW] != m[R_DEPTH]:
            before_text(m, text, i)
        value = _NOTHING
        if k == AMPERSAND:
            after, value = reference(src, i, n)
        start = m[R_TEXT]
        if value != _NOTHING:
            put_value(m, text, value)
            i = after
        else:
            text[start] = c
            m[R_TEXT] = start + 1
            i += 1
        count_text(m, start)
    return i


@part
def put_tex(src, start, end, m, text, display):
    """Writes TeX between dollar signs, white space at its ends and its wrapper left out."""
    while start < end and at(src, start) <= 32:
        start += 1
    while end > start and at(src, end - 1) <= 32:
        end -= 1
    style = 14  # {\displaystyle X}
    wrapped = end - start > style and at(src, start) == 123 and at(src, end - 1) == 125
    if wrapped and at(src, start + 1) == 92 and at(src, start + 8) == 115:
        start += style
        end -= 1
    if start >= end:
        return
    before_text(m, text, start)
    for _ in range(1 + display):
        text[m[R_TEXT]] = 36
        m[R_TEXT] += 1
    i = start
    while i < end:
        c = at(src, i)
        value = _NOTHING
        if c == 38:
            after, value = reference(src, i, end)
        if value != _NOTHING:
            put_value(m, text, value)
            i = after
            continue
        text[m[R_TEXT]] = 32 if c < 32 else c
        m[R_TEXT] += 1
        i += 1
    for _ in range(1 + display):
        text[m[R_TEXT]] = 36
        m[R_TEXT] += 1


@part
def count_image(m):
    """Notes a picture in the open block."""
    if m[R_OPEN]:
        m[block_at(m, m[R_BLOCKS]) + B_IMAGES] += 1


@part
def count_link(m):
    """Notes a link in the open block."""
    if m[R_OPEN]:
        m[block_at(m, m[R_BLOCKS]) + B_LINKS] += 1
