"""What a block's ancestors say: how near each kind of tag and of class word is, and what they hold.

For every element one byte per kind: how many levels up the nearest ancestor (or the element
itself, 0) of that kind is, FAR if there is none. For every element also sums over all of its text.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from castor.filters.html.blocks.measure import BYTES, COMMAS, SENTENCES, WORDS
from castor.filters.html.tokens import classwords, tags
from castor.filters.html.tokens.compile import part
from castor.filters.html.tokens.state import (
    B_ELEMENT,
    B_LINKED,
    E_MASK,
    E_PARENT,
    E_TAG,
    E_WORDS,
    E_WORDS_END,
)
from castor.filters.kernels._compile import kernel

FAR = 32  # levels; further is as good as none
# Kinds of tags, one nearness each.
TAG_KINDS = (
    "article", "main", "section", "nav search", "header", "footer", "aside", "form fieldset",
    "table", "td th", "ul ol menu", "li", "dl dt dd", "blockquote q", "figure picture figcaption",
    "figcaption caption", "a", "button label summary legend", "h1", "h2 h3", "h4 h5 h6", "p",
    "pre code", "noscript", "em i b strong", "span font", "time address", "div", "details dialog",
)  # fmt: skip
N_KINDS = len(TAG_KINDS) + len(classwords.NAMES)
KIND_OF_TAG = np.zeros(len(tags.NAMES), np.int64)  # bits of TAG_KINDS
for _i, _names in enumerate(TAG_KINDS):
    for _name in _names.split():
        KIND_OF_TAG[tags.TAG[_name]] |= 1 << _i
N_TAG_KINDS = len(TAG_KINDS)

# Sums over an element's text; class scores: its own words, and with those of its ancestors.
(
    T_WORDS, T_BYTES, T_LINKED, T_SENTENCES, T_COMMAS, T_BLOCKS, T_WORTH, C_OWN, C_PATH, N_SUMS
) = range(10)  # fmt: skip
DECAY = 0.85  # of a class word's weight per level
CLASS_BITS = 14  # buckets of class words: 2 ** CLASS_BITS
_FOLD = np.uint32(0x9E3779B1)


@part
def bucket(h, bits):
    """The bucket of a 32-bit hash: its highest bits after one multiplication."""
    return np.int64(np.uint32(h * _FOLD) >> np.uint32(32 - bits))


@part
def tag_word(elements, e):
    """A class word made of the element's tag and its parent's."""
    parent = elements[e, E_PARENT]
    above = elements[parent, E_TAG] if parent >= 0 else 0
    return np.uint32(elements[e, E_TAG] * 512 + above + 1)


@kernel(
    nb.void(
        nb.types.Array(nb.int32, 2, "C"),
        nb.types.Array(nb.uint32, 1, "C"),
        nb.types.Array(nb.float32, 1, "C"),
        nb.types.Array(nb.uint8, 2, "C"),
        nb.types.Array(nb.float32, 2, "C"),
    )
)
def _ancestry(elements, words, weights, near, sums):
    for e in range(len(elements)):
        parent = elements[e, E_PARENT]
        if parent >= 0:
            for k in range(N_KINDS):
                near[e, k] = min(near[parent, k] + 1, FAR)
        else:
            near[e, :] = FAR
        kinds = KIND_OF_TAG[elements[e, E_TAG]]
        for k in range(N_TAG_KINDS):
            if kinds >> k & 1:
                near[e, k] = 0
        for half in range(2):
            mask = np.int64(elements[e, E_MASK + half]) & 0xFFFFFFFF
            k = N_TAG_KINDS + 32 * half
            while mask:
                if mask & 1:
                    near[e, k] = 0
                mask >>= 1
                k += 1
        own = weights[bucket(tag_word(elements, e), CLASS_BITS)]
        for w in range(elements[e, E_WORDS], elements[e, E_WORDS_END]):
            own += weights[bucket(words[w], CLASS_BITS)]
        sums[e, :] = 0
        sums[e, C_OWN] = own
        sums[e, C_PATH] = own + (DECAY * sums[parent, C_PATH] if parent >= 0 else 0)


@kernel(
    nb.void(
        nb.types.Array(nb.int32, 2, "C"),
        nb.types.Array(nb.int32, 2, "C"),
        nb.types.Array(nb.float32, 2, "C"),
        nb.types.Array(nb.float32, 2, "C"),
    )
)
def _sum_up(elements, blocks, measures, sums):
    for b in range(len(blocks)):
        row = sums[blocks[b, B_ELEMENT]]
        row[T_WORDS] += measures[b, WORDS]
        row[T_BYTES] += measures[b, BYTES]
        row[T_LINKED] += blocks[b, B_LINKED]
        row[T_SENTENCES] += measures[b, SENTENCES]
        row[T_COMMAS] += measures[b, COMMAS]
        row[T_BLOCKS] += 1
        plain = 1 - blocks[b, B_LINKED] / max(np.float32(1), measures[b, BYTES])
        if measures[b, WORDS] >= 8:
            row[T_WORTH] += plain * (1 + measures[b, COMMAS] + min(measures[b, WORDS] / 16, 3))
    for e in range(len(elements) - 1, 0, -1):
        parent = elements[e, E_PARENT]
        for k in range(T_WORTH):
            sums[parent, k] += sums[e, k]
        sums[parent, T_WORTH] += 0.6 * sums[e, T_WORTH]


def ancestry(
    elements: np.ndarray,
    blocks: np.ndarray,
    words: np.ndarray,
    measures: np.ndarray,
    weights: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Measures elements.

    Args:
        elements, blocks, words: as `state.Tokens` has them.
        measures: float32 [n_blocks, N_MEASURES].
        weights: float32 [2 ** CLASS_BITS], of class words.

    Returns:
        near: uint8 [n_elements, N_KINDS], levels.
        sums: float32 [n_elements, N_SUMS].
    """
    near = np.empty((len(elements), N_KINDS), np.uint8)
    sums = np.empty((len(elements), N_SUMS), np.float32)
    _ancestry(elements, words, weights, near, sums)
    _sum_up(elements, blocks, measures, sums)
    return near, sums
