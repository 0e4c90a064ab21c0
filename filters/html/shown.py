"""What a page shows of itself where it states nothing: its headline, and who wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from castor.filters.html.tokens import classwords, tags
from castor.filters.html.tokens.state import (
    B_ELEMENT,
    B_END,
    B_START,
    E_END,
    E_FIRST,
    E_MASK,
    E_MASK_HIGH,
    E_PARENT,
    E_TAG,
    Tokens,
)

_IS_HEADING = np.zeros(len(tags.NAMES), bool)
_IS_HEADING[[tags.TAG[name] for name in ("h1", "h2", "h3")]] = True
_AUTHOR = np.int32(1 << classwords.GROUP["author"])
_ELSEWHERE = (
    "comment",
    "form",
    "login",
    "related",
    "footer",
    "copyright",
)  # whoever is named there
_OTHERS = np.array([sum(1 << classwords.GROUP[n] for n in _ELSEWHERE)], np.int64).view(
    np.int32
)  # low and high half, as elements have them
MOST_HEADINGS, MOST_AUTHORS = 16, 12  # elements looked at
MOST_WORDS, MOST_CHARACTERS = 5, 60  # of a name
TITLE_SHARE = 0.5  # of the title's words in the heading that stands for it
_SEPARATOR = re.compile(r"[|»«›‹·•:/–—]|\s-\s")  # between a headline and the name of a site
_WORDS = re.compile(r"\w+")
_BEFORE = re.compile(
    r"^(?:(?:written|posted|published|geschrieben|verfasst|ein beitrag)\s+)?"
    r"(?:by|von|vom|par|por|da|di|door|af|av|przez|author|autor|autorin|text|foto)\b\s*:?\s*",
    re.I,
)
_NO_NAME = re.compile(
    r"\d|@|https?:|\b(?:about|über|more|mehr|posts?|articles?|artikel|beiträge|author|autor|"
    r"autorin|authors|autoren|editors?|redaktion|staff|admin|comments?|kommentare?|follow|share|"
    r"view|all|alle|profile|by|von|name|nom|sagt|says|auteurs?)\b",
    re.I,
)


def headline(title: str | None, tokens: Tokens) -> str | None:
    """The title without the site's name, where a heading of the page has the rest of it.

    The longest heading that stands in the title as whole words, if it is most of it.
    """
    if not title or not _SEPARATOR.search(title):
        return title
    whole = _plain(title)
    elements = np.flatnonzero(_IS_HEADING[tokens.elements[:, E_TAG]])[:MOST_HEADINGS]
    best, most = title, (0, False)
    for text in _texts(tokens, elements.tolist()):
        words = _plain(text)
        n = words.count(" ") - 1
        found = n, whole.startswith(words)  # of two as long, what the title begins with
        if found > most and words in whole and n >= TITLE_SHARE * (whole.count(" ") - 1):
            best, most = " ".join(text.split()), found
            if words == whole:
                break
    return best


def author(tokens: Tokens) -> str | None:
    """The first name in an element whose class says author; words before a name do not count."""
    elements = np.flatnonzero(tokens.elements[:, E_MASK] & _AUTHOR)[:MOST_AUTHORS].tolist()
    for text in _texts(tokens, [e for e in elements if not _is_elsewhere(tokens, e)]):
        name = _BEFORE.sub("", " ".join(text.split())).strip(" ,;:|·-–—")
        n_words = len(_WORDS.findall(name))
        if 0 < n_words <= MOST_WORDS and len(name) <= MOST_CHARACTERS and not _NO_NAME.search(name):
            return name
    return None


def _is_elsewhere(tokens: Tokens, e: int) -> bool:
    """Whether an element is in one that names others: readers, a form, other pages."""
    while e >= 0:
        low, high = tokens.elements[e, E_MASK], tokens.elements[e, E_MASK_HIGH]
        if low & _OTHERS[0] or high & _OTHERS[1]:
            return True
        e = int(tokens.elements[e, E_PARENT])
    return False


def _texts(tokens: Tokens, elements: Sequence[int]) -> Iterator[str]:
    """The text of each element's cells, or of the one cell that lies in it whole."""
    for e in elements:
        first, end = int(tokens.elements[e, E_FIRST]), int(tokens.elements[e, E_END])
        if first == end and first < len(tokens.cells):  # inside a line: it ended before its cell
            inner = int(tokens.cells[first, B_ELEMENT])
            while inner > e:
                inner = int(tokens.elements[inner, E_PARENT])
            end += inner == e
        if first < end <= len(tokens.cells):
            start, stop = tokens.cells[first, B_START], tokens.cells[end - 1, B_END]
            yield tokens.text[start : min(stop, start + 1000)].tobytes().decode("utf-8", "replace")


def _plain(text: str) -> str:
    """Its words in lower case, a space around each."""
    return f" {' '.join(_WORDS.findall(text.casefold()))} "
