"""Links, pictures and what the head states, as rows that point into the page's bytes."""

from __future__ import annotations

from castor.filters.html.tokens import tags
from castor.filters.html.tokens.compile import part
from castor.filters.html.tokens.state import (
    BASE,
    IMAGE,
    LANG,
    LINK,
    LINK_REL,
    MAX_EVENTS,
    META,
    N_EVENT,
    R_BLOCKS,
    R_DEPTH,
    R_EVENTS,
    R_LINK,
    R_MUTE,
    R_TEXT,
    SPANS,
    STACK,
    TIME,
    V_BLOCK,
    V_ELEMENT,
    V_END,
    V_END_2,
    V_KIND,
    V_START,
    V_START_2,
    V_TEXT,
    V_TEXT_END,
    event_at,
)
from castor.filters.html.tokens.text import count_image, count_link, put_tex
from castor.filters.kernels._compile import at

_AT = tags.ATTRIBUTE
_HREF, _SRC, _ALT, _CLASS, _REL = _AT["href"], _AT["src"], _AT["alt"], _AT["class"], _AT["rel"]
_NAME, _PROPERTY, _CONTENT = _AT["name"], _AT["property"], _AT["content"]
_ITEMPROP, _EQUIV, _DATETIME = _AT["itemprop"], _AT["http-equiv"], _AT["datetime"]
_LANG, _XML_LANG, _TYPE = _AT["lang"], _AT["xml:lang"], _AT["type"]
_LAZY = tuple(
    _AT[name] for name in ("data-src", "data-original", "data-lazy-src", "data-srcset", "srcset")
)
_T_META, _T_LINK, _T_HTML = tags.TAG["meta"], tags.TAG["link"], tags.TAG["html"]


@part
def _event(m, kind, a, start, end):
    """Appends a row; returns its index, the last one again when there are too many."""
    v = min(m[R_EVENTS], MAX_EVENTS)
    row = event_at(m, v)
    for k in range(N_EVENT):
        m[row + k] = 0
    m[row + V_KIND] = kind
    m[row + V_TEXT] = a
    m[row + V_START], m[row + V_END] = start, end
    m[row + V_ELEMENT] = m[STACK + m[R_DEPTH]]
    m[row + V_BLOCK] = m[R_BLOCKS]
    m[R_EVENTS] = min(v + 1, MAX_EVENTS)
    return v


@part
def span_event(m, kind, start, end):
    """A row that is a span of the page: a title, a JSON-LD script."""
    _event(m, kind, 0, start, end)


@part
def head_element(m, tag, there):
    """A <meta>, <link>, <base> or <html>, if it says anything."""
    if tag == _T_META:
        if not there >> _CONTENT & 1:
            return
        for name in (_NAME, _PROPERTY, _ITEMPROP, _EQUIV):
            if there >> name & 1:
                v = _event(m, META, 0, m[SPANS + 2 * _CONTENT], m[SPANS + 2 * _CONTENT + 1])
                m[event_at(m, v) + V_START_2] = m[SPANS + 2 * name]
                m[event_at(m, v) + V_END_2] = m[SPANS + 2 * name + 1]
    elif tag == _T_LINK:
        if there >> _HREF & 1 and there >> _REL & 1:
            v = _event(m, LINK_REL, 0, m[SPANS + 2 * _HREF], m[SPANS + 2 * _HREF + 1])
            m[event_at(m, v) + V_START_2], m[event_at(m, v) + V_END_2] = (
                m[SPANS + 2 * _REL],
                m[SPANS + 2 * _REL + 1],
            )
    elif tag == _T_HTML:
        name = _LANG if there >> _LANG & 1 else _XML_LANG
        if there >> name & 1:
            _event(m, LANG, 0, m[SPANS + 2 * name], m[SPANS + 2 * name + 1])
    elif there >> _HREF & 1:
        _event(m, BASE, 0, m[SPANS + 2 * _HREF], m[SPANS + 2 * _HREF + 1])


@part
def image(src, m, text, there):
    """A picture; one that shows a formula is its TeX instead, where it is marked as such."""
    if m[R_MUTE]:
        return
    if there >> _CLASS & 1:
        a, b = m[SPANS + 2 * _CLASS], m[SPANS + 2 * _CLASS + 1]
        if b - a >= 8 and at(src, a) == 109 and at(src, a + 1) == 119 and at(src, a + 4) == 109:
            return  # mwe-math-…: the same formula stands before it as MathML
        latex = b - a >= 5 and at(src, a) == 108 and at(src, a + 2) == 116 and at(src, a + 4) == 120
        tex = b - a == 3 and at(src, a) == 116 and at(src, a + 1) == 101 and at(src, a + 2) == 120
        if (latex or tex) and there >> _ALT & 1:
            put_tex(src, m[SPANS + 2 * _ALT], m[SPANS + 2 * _ALT + 1], m, text, 0)
            return
    name = _SRC
    for lazy in _LAZY:
        if there >> lazy & 1 and (lazy != _LAZY[4] or not there >> _SRC & 1):
            name = lazy
            break
    if not there >> name & 1:
        return
    v = _event(m, IMAGE, m[R_TEXT], m[SPANS + 2 * name], m[SPANS + 2 * name + 1])
    if there >> _ALT & 1:
        m[event_at(m, v) + V_START_2], m[event_at(m, v) + V_END_2] = (
            m[SPANS + 2 * _ALT],
            m[SPANS + 2 * _ALT + 1],
        )
    count_image(m)


@part
def link(src, m, there):
    """An <a>: the link is open until the element ends."""
    if not there >> _HREF & 1 or m[R_MUTE]:
        return
    v = _event(m, LINK, m[R_TEXT], m[SPANS + 2 * _HREF], m[SPANS + 2 * _HREF + 1])
    row = event_at(m, v)
    m[row + V_TEXT_END] = m[R_TEXT]
    if there >> _REL & 1:
        m[row + V_START_2], m[row + V_END_2] = m[SPANS + 2 * _REL], m[SPANS + 2 * _REL + 1]
    m[R_LINK] = v
    count_link(m)


@part
def time_event(m, there):
    """A <time> with a machine-readable date."""
    if there >> _DATETIME & 1:
        _event(m, TIME, m[R_TEXT], m[SPANS + 2 * _DATETIME], m[SPANS + 2 * _DATETIME + 1])
