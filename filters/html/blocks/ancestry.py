"""What a block's ancestors say: how near each kind of tag and of class word is, and what they hold.

For every element one byte per kind: how many levels up the nearest ancestor (or the element
itself, 0) of that kind is, FAR if there is none. For every element also sums over all of its text.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from castor.filters.html.blocks.measure import BYTES, COMMAS, SENTENCES, WORDS
from castor.filters.html.tokens import classwords, tags
from castor.filters.html.tokens.compile import part, trailing_zeros
from castor.filters.html.tokens.state import (
    B_ELEMENT,
    B_LINKED,
    E_MASK,
    E_MASK_HIGH,
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
N_EIGHTS = -(-N_KINDS // 8)  # words of eight bytes that the levels of an element take
_ONES = np.uint64(0x0101010101010101)
_FAR_BIT = np.uint64(FAR.bit_length() - 1)  # FAR is a power of two: one level more sets bit 0 too

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


@part
def _set_to_0(near, e, first, bits):
    """Sets near[e, first + k] to 0 for every bit k."""
    bits = np.uint64(bits)
    while bits != np.uint64(0):
        near[e, first + np.int64(trailing_zeros(bits))] = 0
        bits &= bits - np.uint64(1)


@kernel(
    nb.void(
        nb.types.Array(nb.int32, 2, "C"),
        nb.types.Array(nb.uint32, 1, "C"),
        nb.types.Array(nb.float32, 1, "C"),
        nb.types.Array(nb.uint64, 2, "C"),
        nb.types.Array(nb.uint8, 2, "C"),
        nb.types.Array(nb.float32, 2, "C"),
    )
)
def _ancestry(elements, words, weights, eights, near, sums):
    """`eights` are the bytes of `near`, eight at a time."""
    for e in range(len(elements)):
        parent = elements[e, E_PARENT]
        for k in range(N_EIGHTS):
            if parent >= 0:
                level = eights[parent, k] + _ONES  # no byte is over FAR, so none overflows
                eights[e, k] = level - (level >> _FAR_BIT & level & _ONES)
            else:
                eights[e, k] = _ONES * np.uint64(FAR)
        _set_to_0(near, e, 0, KIND_OF_TAG[elements[e, E_TAG]])
        _set_to_0(near, e, N_TAG_KINDS, np.uint32(elements[e, E_MASK]))
        _set_to_0(near, e, N_TAG_KINDS + 32, np.uint32(elements[e, E_MASK_HIGH]))
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
        near: uint8 [n_elements, 8 * N_EIGHTS], levels; those from N_KINDS on mean nothing.
        sums: float32 [n_elements, N_SUMS].
    """
    eights = np.empty((len(elements), N_EIGHTS), np.uint64)
    near = eights.view(np.uint8)
    sums = np.empty((len(elements), N_SUMS), np.float32)
    _ancestry(elements, words, weights, eights, near, sums)
    _sum_up(elements, blocks, measures, sums)
    return near, sums
