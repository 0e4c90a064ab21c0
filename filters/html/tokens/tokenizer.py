"""A page's bytes to blocks of text, elements, links, pictures and metadata, in one pass.

No tree is built. The pass keeps a stack of open elements, as the tree construction of the HTML
standard would leave it but for its rarer repairs (the adoption agency and foster parenting), and
writes flat arrays. Time is linear in the bytes and memory is bounded, whatever the bytes are.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from castor.filters.html.tokens import tags
from castor.filters.html.tokens.cells import merge_cells
from castor.filters.html.tokens.compile import part
from castor.filters.html.tokens.events import head_element, image, link, span_event, time_event
from castor.filters.html.tokens.scan import (
    attributes,
    element_words,
    find,
    find_comment_end,
    find_end_tag,
    look_up,
    name_key,
    skip_attributes,
)
from castor.filters.html.tokens.state import (
    AFTER_RULE,
    E_END,
    E_PARENT,
    JSON_LD,
    N_BLOCK,
    N_ELEMENT,
    N_EVENT,
    R_AT_BLOCKS,
    R_AT_ELEMENTS,
    R_AT_EVENTS,
    R_AT_WORDS,
    R_BLOCKS,
    R_ELEMENTS,
    R_EVENTS,
    R_FLAGS,
    R_FULL,
    R_LINK,
    R_MUTE,
    R_NO_MATH,
    R_NO_SVG,
    R_TEXT,
    R_WORDS,
    SPANS,
    TITLE,
    Tokens,
    element_at,
    make_arena,
    rows,
)
from castor.filters.html.tokens.tags import FLAGS, TAG_KEYS, TAG_VALUES
from castor.filters.html.tokens.text import before_text, end_block, line_break, put_tex, put_text
from castor.filters.html.tokens.tree import end_tag, imply_ends, pop_to, push
from castor.filters.kernels._compile import U8, at, kernel

ARENA = nb.types.Array(nb.int32, 1, "C")
TEXT = nb.types.Array(nb.uint8, 1, "C")
TAIL = 16  # zero bytes after the page: words of 8 bytes are read past its end
_A, _BR, _HR, _IMG = (tags.TAG[name] for name in ("a", "br", "hr", "img"))
_SCRIPT, _STYLE, _SVG, _MATH = (tags.TAG[name] for name in ("script", "style", "svg", "math"))
_TITLE, _TIME, _SPAN = tags.TAG["title"], tags.TAG["time"], tags.TAG["span"]
_HTML, _HEAD, _BODY = (tags.TAG[name] for name in ("html", "head", "body"))
_META, _LINK, _BASE = (tags.TAG[name] for name in ("meta", "link", "base"))
_SOURCE, _AMP_IMG = tags.TAG["source"], np.uint64(tags.name_key("amp-img"))
_AT_TYPE, _AT_TEX = tags.ATTRIBUTE["type"], tags.ATTRIBUTE["alttext"]
_AT_DISPLAY, _AT_CLASS = tags.ATTRIBUTE["display"], tags.ATTRIBUTE["class"]
_K_SVG, _K_MATH = np.uint64(tags.name_key("svg")), np.uint64(tags.name_key("math"))
_K_ANNOTATION = np.uint64(tags.name_key("annotation"))
_WORDS_WANTED = (1 << tags.ATTRIBUTE["data-testid"] + 1) - 1


@part
def _raw(src, i, n, m, text, tag, key, there):
    """An element whose content is no markup; i is after its start tag. Returns where to go on."""
    if tag == _SVG and m[R_NO_SVG]:
        return i
    end = find_end_tag(src, i, n, key)
    if tag == _SVG and end >= n:
        m[R_NO_SVG] = 1  # looked for once; it is an empty element then
        return i
    if tag == _TITLE:
        span_event(m, TITLE, i, end)
    elif tag == _SCRIPT and there >> _AT_TYPE & 1:
        a, b = m[SPANS + 2 * _AT_TYPE], m[SPANS + 2 * _AT_TYPE + 1]
        if b - a >= 8 and at(src, a) | 32 == 109 and at(src, a + 5) | 32 == 116:  # math/tex
            display = b - a > 16 and at(src, b - 1) | 32 == 121  # ; mode=display
            if not m[R_MUTE]:
                put_tex(src, i, end, m, text, 1 if display else 0)
        elif b - a == 19 and at(src, b - 1) | 32 == 110 and at(src, b - 5) == 43:  # ld+json
            span_event(m, JSON_LD, i, end)
    elif FLAGS[tag] & tags.BLOCK:
        end_block(m, text)
    return min(n, skip_attributes(src, end + 2, n))


@part
def _formula(src, i, n, m, text, there):
    """A <math> as TeX, from its annotation or alttext; i is after its start tag.

    Returns the index after `</math>`, or i where it has no TeX: its signs are text then.
    """
    if i <= m[R_NO_MATH]:
        return i
    end = find_end_tag(src, i, n, _K_MATH)
    m[R_NO_MATH] = end  # none before that, unless one is found now
    if end >= n:
        return i
    display = 0
    if there >> _AT_DISPLAY & 1:
        a, b = m[SPANS + 2 * _AT_DISPLAY], m[SPANS + 2 * _AT_DISPLAY + 1]
        display = 1 if b - a == 5 and at(src, a) | 32 == 98 else 0
    after = min(n, skip_attributes(src, end + 2, n))
    # The last annotation whose encoding ends in tex, as in application/x-tex.
    last = find_end_tag(src, i, end, _K_ANNOTATION)
    if last < end:
        begin = last
        while begin > i and at(src, begin - 1) != 62:
            begin -= 1
        j = begin - 1
        while j > i and at(src, j) != 60:
            j -= 1
        for k in range(j, begin - 2):
            if at(src, k) | 32 == 116 and at(src, k + 1) | 32 == 101 and at(src, k + 2) | 32 == 120:
                if not m[R_MUTE]:
                    put_tex(src, begin, last, m, text, display)
                return after
    if there >> _AT_TEX & 1 and m[SPANS + 2 * _AT_TEX + 1] > m[SPANS + 2 * _AT_TEX]:
        if not m[R_MUTE]:
            put_tex(src, m[SPANS + 2 * _AT_TEX], m[SPANS + 2 * _AT_TEX + 1], m, text, display)
        return after
    return i


@part
def _is_shown_twice(src, there, m):
    """Whether an element is the visible copy of a formula that stands beside it as TeX."""
    if not there >> _AT_CLASS & 1:
        return False
    a, b = m[SPANS + 2 * _AT_CLASS], m[SPANS + 2 * _AT_CLASS + 1]
    if b - a < 7:
        return False
    if at(src, a) == 107 and b - a == 10:  # katex-html
        return at(src, a + 4) == 120 and at(src, a + 5) == 45 and at(src, a + 6) == 104
    # MathJax, MathJax_Preview, MathJax_Display
    return (
        at(src, a) == 77
        and at(src, a + 4) == 74
        and at(src, a + 6) == 120
        and (b - a == 7 or at(src, a + 7) == 95)
    )


@part
def _void(src, m, text, tag, there):
    """A void element."""
    if tag == _BR:
        line_break(m, text)
    elif tag == _IMG:
        image(src, m, text, there)
    elif tag == _HR:
        end_block(m, text)
        m[R_FLAGS] |= AFTER_RULE
    elif tag in (_META, _LINK, _BASE):
        head_element(m, tag, there)


@part
def _start(src, start, n, m, text):
    """The start tag whose `<` is at start. Returns the index where text goes on."""
    i, key = name_key(src, start + 1, n)
    tag = look_up(key, TAG_KEYS, TAG_VALUES, tags.UNKNOWN)
    if tag == tags.UNKNOWN and _has_hyphen(src, start + 1, i):
        tag = tags.CUSTOM
    if i < n and at(src, i) == 62:
        there = np.int64(0)
        i += 1
    else:
        i, there = attributes(src, i, n, m)
        if at(src, i - 1) != 62:
            return n  # the page ends inside the tag
    flags = FLAGS[tag]
    if tag == _MATH:
        after = _formula(src, i, n, m, text, there)
        if after > i:
            return after
    if flags & tags.RAW:
        return _raw(src, i, n, m, text, tag, key, there)
    if tag in (_HTML, _HEAD, _BODY):
        end_block(m, text)
        if tag == _HTML:
            head_element(m, tag, there)
        return i
    imply_ends(m, text, tag)
    if flags & tags.BLOCK:
        end_block(m, text)
    if flags & tags.VOID:
        _void(src, m, text, tag, there)
        return i
    first_word = m[R_WORDS]
    mask = np.uint64(0)
    hidden = False
    if there & _WORDS_WANTED:
        mask = element_words(src, there, m)
        hidden = _is_shown_twice(src, there, m)
    push(m, tag, np.int64(key & np.uint64(0x7FFFFFFF)), first_word, mask, hidden)
    if tag == _A:
        link(src, m, there)
    elif tag == _TIME:
        time_event(m, there)
    elif tag == tags.CUSTOM and key == _AMP_IMG:
        image(src, m, text, there)
    return i


@part
def _has_hyphen(src, i, end):
    return find(src, i, end, 45) < end


@part
def _end(src, i, n, m, text):
    """The end tag whose name begins at i. Returns the index where text goes on."""
    after, key = name_key(src, i, n)
    tag = look_up(key, TAG_KEYS, TAG_VALUES, tags.UNKNOWN)
    if tag == tags.UNKNOWN and _has_hyphen(src, i, after):
        tag = tags.CUSTOM
    if tag == _BR:
        line_break(m, text)
    elif tag != _HTML and tag != _BODY and tag != _HEAD:
        end_tag(m, text, tag, np.int64(key & np.uint64(0x7FFFFFFF)))
    if after < n and at(src, after) == 62:
        return after + 1
    return min(n, skip_attributes(src, after, n))


@part
def _begin_page(m):
    """Element 0 is the page itself."""
    root = m[R_AT_ELEMENTS]
    for k in range(N_ELEMENT):
        m[root + k] = 0
    m[root + E_PARENT] = -1
    m[R_ELEMENTS] = 1
    m[R_LINK] = -1


@kernel(nb.void(U8, nb.int64, ARENA, TEXT))
def _tokenize(src, n, m, text):
    _begin_page(m)
    i = np.int64(0)
    while i < n and not m[R_FULL]:
        if at(src, i) != 60:
            i = put_text(src, i, n, m, text)
            continue
        c = at(src, i + 1)
        if 97 <= c | 32 <= 122:
            i = _start(src, i, n, m, text)
        elif c == 47:
            second = at(src, i + 2)
            if 97 <= second | 32 <= 122:
                i = _end(src, i + 2, n, m, text)
            else:
                i = find(src, i + 2, n, 62) + 1  # a bogus comment
        elif c == 33 and at(src, i + 2) == 45 and at(src, i + 3) == 45:
            i = find_comment_end(src, i + 4, n)
        elif c == 33 or c == 63:
            i = find(src, i + 1, n, 62) + 1
        else:
            if not m[R_MUTE]:  # a < that begins no tag is text
                before_text(m, text, i)
                text[m[R_TEXT]] = 60
                m[R_TEXT] += 1
            i += 1
    pop_to(m, text, 0)
    end_block(m, text)
    m[element_at(m, 0) + E_END] = m[R_BLOCKS]


def tokenize(data: bytes) -> Tokens:
    """Tokenizes a page.

    Args:
        data: UTF-8; bytes that are not pass through as they are.
    """
    source = np.frombuffer(data + bytes(TAIL), np.uint8)
    # bytes.count takes five times as long where there are many
    arena = make_arena(len(data), int(np.count_nonzero(source == ord("<"))))
    text = np.empty(len(data) + len(data) // 4 + 64, np.uint8)
    _tokenize(source, len(data), arena, text)
    at_words = int(arena[R_AT_WORDS])
    elements = rows(arena, R_AT_ELEMENTS, R_ELEMENTS, N_ELEMENT)
    cells = rows(arena, R_AT_BLOCKS, R_BLOCKS, N_BLOCK)
    blocks, origin = merge_cells(elements, cells)
    return Tokens(
        source=source,
        n_bytes=len(data),
        text=text[: arena[R_TEXT]],
        elements=elements,
        blocks=blocks,
        cells=cells,
        origin=origin,
        events=rows(arena, R_AT_EVENTS, R_EVENTS, N_EVENT),
        words=arena[at_words : at_words + arena[R_WORDS]].view(np.uint32),
        full=bool(arena[R_FULL]),
    )
