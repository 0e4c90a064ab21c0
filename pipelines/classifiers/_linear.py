"""Two linear scores for blocks, learned by logistic regression on hashed words.

One over the class words of the ancestors, each weighted by how near it is; one over the first
words of the block. Adagrad in a fixed order: the same rows give the same weights.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from castor.filters.html.blocks.ancestry import CLASS_BITS, DECAY, bucket, tag_word
from castor.filters.html.blocks.features import FIRST_WORDS, TEXT_BITS, WHOLE_WORDS
from castor.filters.html.tokens.state import B_ELEMENT, E_PARENT, E_WORDS, E_WORDS_END

EPOCHS = 2
RATE = 0.2
_PRIME = np.uint32(16777619)


@nb.njit(cache=True, nogil=True)
def class_rows(elements, blocks, words, indices, values, offsets):
    """Rows of the class score: bucket and weight of every class word on each block's path."""
    n = 0
    for b in range(len(blocks)):
        offsets[b] = n
        e = np.int64(blocks[b, B_ELEMENT])
        scale = np.float32(1)
        while e >= 0:
            if n + 64 > len(indices):
                return -1
            indices[n] = bucket(tag_word(elements, e), CLASS_BITS)
            values[n] = scale
            n += 1
            for w in range(elements[e, E_WORDS], elements[e, E_WORDS_END]):
                indices[n] = bucket(words[w], CLASS_BITS)
                values[n] = scale
                n += 1
            scale *= np.float32(DECAY)
            e = np.int64(elements[e, E_PARENT])
    offsets[len(blocks)] = n
    return n


@nb.njit(cache=True, nogil=True)
def text_rows(words, block_offsets, indices, values, offsets):
    """Rows of the text score: as `features.text_score` sums them."""
    n = 0
    for b in range(len(block_offsets) - 1):
        offsets[b] = n
        start, end = block_offsets[b], block_offsets[b + 1]
        last = min(end, start + FIRST_WORDS)
        scale = np.float32(1 / np.sqrt(max(1, last - start)))
        whole = np.uint32(7)
        for i in range(start, last):
            indices[n] = bucket(words[i], TEXT_BITS)
            n += 1
            if i > start:
                indices[n] = bucket(words[i - 1] * _PRIME ^ words[i], TEXT_BITS)
                n += 1
            whole = np.uint32((whole ^ words[i]) * _PRIME)
        if end - start <= WHOLE_WORDS:
            indices[n] = bucket(whole, TEXT_BITS)
            n += 1
        for k in range(offsets[b], n):
            values[k] = scale
    offsets[len(block_offsets) - 1] = n
    return n


@nb.njit(cache=True, nogil=True)
def _descend(indices, values, offsets, rows, labels, weights, decay, w, squares):
    for r in rows:
        total = np.float32(0)
        for k in range(offsets[r], offsets[r + 1]):
            total += w[indices[k]] * values[k]
        error = weights[r] * (np.float32(labels[r]) - np.float32(1) / (1 + np.exp(-total)))
        for k in range(offsets[r], offsets[r + 1]):
            i = indices[k]
            g = error * values[k] - decay * w[i]
            squares[i] += g * g
            w[i] += np.float32(RATE) * g / np.sqrt(squares[i])


def fit(
    matrix: tuple[np.ndarray, np.ndarray, np.ndarray],
    n_buckets: int,
    rows: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    *,
    decay: float,
    seed: int,
) -> np.ndarray:
    """Weights of buckets: float32 [n_buckets].

    Args:
        matrix: (indices, values, offsets) of all rows.
        rows: which rows to learn from.
        labels, weights: of all rows; 0 or 1, and how much each counts (about 1).
        decay: how fast weights without evidence fall to 0.
    """
    w = np.zeros(n_buckets, np.float32)
    squares = np.full(n_buckets, 0.01, np.float32)
    random = np.random.default_rng(seed)
    for _ in range(EPOCHS):
        order = random.permutation(rows)
        _descend(*matrix, order, labels, weights.astype(np.float32), np.float32(decay), w, squares)
    return w
