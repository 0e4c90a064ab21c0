"""Readers' comments: which blocks they are."""

from __future__ import annotations

import numpy as np

from castor.filters.html.judge import Read
from castor.filters.html.tokens import classwords
from castor.filters.html.tokens.state import B_ELEMENT, E_MASK, E_MASK_HIGH, E_PARENT

_COMMENT = classwords.GROUP["comment"]
_NOT_SAID = [
    classwords.GROUP[name]
    for name in ("meta", "date", "author", "form", "login", "tools", "rating", "person", "share")
]
MIN_WORDS = 3
_LEVELS = 3  # levels up to which a word says that a block is about a comment, not of it


def _bits(groups: list[int]) -> int:
    return sum(1 << g for g in groups)


_SAID, _ABOUT = _bits([_COMMENT]), _bits(_NOT_SAID)


def comments_of(page: Read, p: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Blocks of readers' comments: bool [n_blocks].

    Those inside an element whose class words say comment, that are not chosen as main text, have
    MIN_WORDS words, and are no names, dates, buttons and forms by their own class words.
    """
    tokens = page.tokens
    masks = tokens.elements[:, E_MASK].astype(np.int64) & 0xFFFFFFFF
    masks |= tokens.elements[:, E_MASK_HIGH].astype(np.int64) << 32
    parents = tokens.elements[:, E_PARENT].tolist()
    listed = masks.tolist()
    n_words = np.diff(page.offsets)
    found = np.zeros(len(p), bool)
    for b in np.flatnonzero(~chosen & (n_words >= MIN_WORDS)).tolist():
        e, level, said, about = int(tokens.blocks[b, B_ELEMENT]), 0, False, False
        while e >= 0:
            said = said or bool(listed[e] & _SAID)
            about = about or (level < _LEVELS and bool(listed[e] & _ABOUT))
            e, level = parents[e], level + 1
        found[b] = said and not about
    return found
