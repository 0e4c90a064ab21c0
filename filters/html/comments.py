"""Readers' comments, posts of a forum, what a shop says of a product: which blocks they are."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from castor.filters.html.blocks.measure import BYTES
from castor.filters.html.judge import Read
from castor.filters.html.tokens import classwords
from castor.filters.html.tokens.state import (
    B_ELEMENT,
    B_LINKED,
    E_MASK,
    E_MASK_HIGH,
    E_PARENT,
    E_WORDS,
    E_WORDS_END,
)

_NOT_SAID = ("meta", "date", "author", "form", "login", "tools", "rating", "person", "share")
_POST = ("comment", "forum", "article", "paragraph")
_BESIDE = ("nav", "header", "footer", "sidebar", "breadcrumb", "pager", "review")
_NEVER = ("related", "advert")
# Of a product, in ids, classes and itemprops.
_OF_PRODUCT = frozenset(
    map(
        classwords.word_hash,
        "description specification specifications specs techspecs productdescription "
        "beschreibung produktbeschreibung datenblatt descripcion fiche".split(),
    )
)
MIN_WORDS = 3
LINKED = 0.5  # of a block's bytes; more is a menu
_LEVELS = 3  # levels up to which a word says that a block is about a comment, not of it


def _bits(names: Iterable[str]) -> int:
    return sum(1 << classwords.GROUP[name] for name in names)


_ABOUT = _bits(_NOT_SAID)


def comments_of(page: Read, chosen: np.ndarray) -> np.ndarray:
    """Blocks of readers' comments: bool [n_blocks].

    Those inside an element whose class words say comment, that are not chosen as main text, have
    MIN_WORDS words, and are no names, dates, buttons and forms by their own class words.
    """
    return _said(page, ~chosen, _masks(page) & _bits(("comment",)) > 0, 0, 0)


def posts_of(page: Read) -> np.ndarray:
    """Blocks of what was posted on a page of a forum: bool [n_blocks]; names and dates are not."""
    return _said(page, _plain(page), _masks(page) & _bits(_POST) > 0)


def about_product(page: Read) -> np.ndarray:
    """Blocks of the description and the specification on a page of a shop: bool [n_blocks]."""
    tokens = page.tokens
    words = np.flatnonzero(np.isin(tokens.words, np.array(sorted(_OF_PRODUCT), np.uint32)))
    starts, ends = tokens.elements[:, E_WORDS], tokens.elements[:, E_WORDS_END]
    said = np.searchsorted(words, ends) > np.searchsorted(words, starts)
    return _said(page, _plain(page), said)


def outside(page: Read, chosen: np.ndarray, *, posts: bool) -> np.ndarray:
    """Which chosen blocks are certainly no text of a page of its kind: bool [n_blocks].

    What is related and advertised; on a page of a forum (`posts`) also names, dates and buttons.
    """
    masks, about = _masks(page), _ABOUT if posts else 0
    parents, listed = page.tokens.elements[:, E_PARENT].tolist(), masks.tolist()
    never = _bits(_NEVER)
    found = np.zeros(len(chosen), bool)
    for b in np.flatnonzero(chosen).tolist():
        e, level = int(page.tokens.blocks[b, B_ELEMENT]), 0
        while e >= 0 and not found[b]:
            found[b] = bool(listed[e] & never) or (level < _LEVELS and bool(listed[e] & about))
            e, level = parents[e], level + 1
    return found


def _masks(page: Read) -> np.ndarray:
    """The groups of every element's class words: int64 [n_elements]."""
    elements = page.tokens.elements
    masks = elements[:, E_MASK].astype(np.int64) & 0xFFFFFFFF
    return np.asarray(masks | elements[:, E_MASK_HIGH].astype(np.int64) << 32)


def _plain(page: Read) -> np.ndarray:
    return np.asarray(page.tokens.blocks[:, B_LINKED] <= LINKED * page.measures[:, BYTES])


def _said(
    page: Read,
    wanted: np.ndarray,
    speaks: np.ndarray,
    beside: int = _bits(_BESIDE),
    never: int = _bits(_NEVER),
) -> np.ndarray:
    """The wanted blocks inside an element that speaks: bool [n_blocks].

    Not those that are in an element beside which is nearer, or in one that never holds any.
    """
    tokens = page.tokens
    parents = tokens.elements[:, E_PARENT].tolist()
    listed, speakers = _masks(page).tolist(), speaks.tolist()
    n_words = np.diff(page.offsets)
    found = np.zeros(len(n_words), bool)
    for b in np.flatnonzero(wanted & (n_words >= MIN_WORDS)).tolist():
        e, level, said, out = int(tokens.blocks[b, B_ELEMENT]), 0, False, False
        while e >= 0 and not out:
            out = bool(listed[e] & never) or (not said and bool(listed[e] & beside))
            out = out or (level < _LEVELS and bool(listed[e] & _ABOUT))
            said = said or speakers[e]
            e, level = parents[e], level + 1
        found[b] = said and not out
    return found
