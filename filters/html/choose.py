"""Which blocks make up the text, given how probable each is."""

from __future__ import annotations

import numpy as np

from castor.filters.html.blocks.grams import drop_repeated
from castor.filters.html.judge import Read
from castor.filters.html.tokens.state import B_ELEMENT, E_PARENT, E_TAG
from castor.filters.html.tokens.tags import BLOCK, FLAGS

SURE = 0.5
FEW_WORDS = 25  # under that many words a page has no sure text: what is probable is taken then
REPEATED = 0.8  # of a block's 4-grams in blocks chosen before it: it is a copy
# A page of which copies are more than this share repeats itself; that is for filters to judge.
MOST_COPIES = 0.75
MOST_WORDS = 1 << 22  # a page with more is not searched for copies: their table takes memory


def choose(page: Read, p: np.ndarray) -> np.ndarray:
    """Which blocks are chosen: bool [n_blocks].

    Where those over one half have fewer than FEW_WORDS words, the prefix of blocks by falling
    probability with the best expected F1 over words. Copies of what was chosen before are left
    out, unless they are most of the page or stand among what is said once.
    """
    chosen = (p > SURE).astype(np.uint8)
    n_words = np.diff(page.offsets)
    if n_words[chosen > 0].sum() < FEW_WORDS and len(p):
        order = np.argsort(-p, kind="stable")
        hits = np.cumsum(p[order] * n_words[order])
        taken = np.cumsum(n_words[order])
        f1 = 2 * hits / (taken + max(1e-9, float((p * n_words).sum())))
        best = order[: int(np.argmax(f1)) + 1]
        chosen[best[p[best] > 0.05]] = 1
    most = int(n_words[chosen > 0].sum())
    if most > MOST_WORDS:
        return chosen.astype(bool)
    table = np.zeros(1 << max(4, (2 * most + 2).bit_length()), np.uint64)
    once = chosen.copy()
    drop_repeated(page.words, page.offsets, once, table, REPEATED)
    if n_words[once > 0].sum() < (1 - MOST_COPIES) * most:
        return chosen.astype(bool)
    copies = chosen > once
    if copies.any():
        once[copies] = _belongs(page, np.flatnonzero(chosen), copies)
    return once.astype(bool)


def _belongs(page: Read, chosen: np.ndarray, copies: np.ndarray) -> np.ndarray:
    """Which copies stay: bool [copies that are True].

    A text that says some things again (a plan by days, a refrain) has its copies among what it
    says once. A page that holds its text twice has the second one in an element of its own. So a
    copy stays where its parent's text is not mostly copies.

    Args:
        chosen: indices of the chosen blocks.
        copies: bool [n_blocks], those among them that were chosen before.
    """
    elements, n_words = page.tokens.elements, np.diff(page.offsets)
    parents: dict[int, int] = {}
    balance: dict[int, int] = {}
    for b in chosen.tolist():
        e = int(page.tokens.blocks[b, B_ELEMENT])
        while e > 0 and not FLAGS[elements[e, E_TAG]] & BLOCK:
            e = int(elements[e, E_PARENT])
        parent = parents[b] = max(0, int(elements[e, E_PARENT]))
        words = int(n_words[b])
        balance[parent] = balance.get(parent, 0) + (-words if copies[b] else words)
    return np.array([balance[parents[b]] >= 0 for b in np.flatnonzero(copies).tolist()], bool)
