"""The unigram model of a tokenizer: what a language model must beat to have learnt any order."""

from __future__ import annotations

from typing import Protocol

import numpy as np

CHUNK = 1 << 24  # ids per look: 64 MB


class Ids(Protocol):
    """Flat ids of many documents, as `castor.mixtures.tokens.TokenSource` gives them."""

    tokens: int

    def ids(self, start: int, stop: int) -> np.ndarray:
        """The ids from start to stop, over all documents."""


def count(source: Ids, size: int) -> np.ndarray:
    """How often each id occurs: int64 [size]."""
    counts = np.zeros(size, np.int64)
    for start in range(0, source.tokens, CHUNK):
        ids = source.ids(start, min(start + CHUNK, source.tokens))
        counts += np.bincount(ids, minlength=size)
    return counts


def bits(counts: np.ndarray, scored: np.ndarray) -> np.ndarray:
    """Bits of every id under the unigram model of some counts, with one added to each.

    The model is of scored ids only: ids that no loss is taken of get no part of the probability,
    which makes the baseline lower, so harder to beat, than one that spends some on them.

    Args:
        counts: int64 [size].
        scored: bool [size], ids that stand for bytes.

    Returns:
        float64 [size]; 0 for ids that are not scored.
    """
    counts = np.where(scored, counts, 0)
    # add-one over the whole id space, as if every id could come: Laplace's rule of succession
    share = (counts + 1) / (counts.sum() + len(counts))
    return np.where(scored, -np.log2(share), 0.0)


def total(seen: np.ndarray, counts: np.ndarray, scored: np.ndarray) -> float | None:
    """Bits of some tokens under the unigram model of some counts; None where nothing is counted.

    Args:
        seen: int64 [size], how often each id is to be paid for.
        counts: int64 [size], of the training documents.
        scored: bool [size].
    """
    if not counts[scored].any():
        return None
    return float(seen @ bits(counts, scored))
