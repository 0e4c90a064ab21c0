"""Trains fastText's supervised objective: deterministic, compiled, in fastText's own format.

What `fasttext supervised` does, with these differences: one pass after the other in an order
drawn anew for each, not as the file has it; weights begin with what a counter-based generator
has at their place, so every row is initialised and nothing depends on threads; sigmoids are
exact instead of read from a table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from castor.filters.classify import dictionary, linear
from castor.filters.classify.fasttext_file import END, LABEL, Arguments, Loss, Model
from castor.filters.errors import CastorError, ConfigError
from castor.filters.kernels.column import buffers

MOST_FEATURES = 1 << 18  # words and n-grams of one text that train
NEGATIVES = 1 << 16  # labels in the table that negatives are drawn from
LOSSES = {"softmax": Loss.SOFTMAX, "ova": Loss.OVA, "ns": Loss.NS}


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to train; names and meaning are fastText's, defaults too except for the buckets.

    Attributes:
        dim: length of the vectors.
        lr: learning rate at the beginning; it falls to 0 linearly.
        epochs: passes over the data.
        word_ngrams: longest run of words that has a vector.
        minn, maxn: shortest and longest run of characters inside a word that has a vector;
            0: none.
        buckets: how many vectors all n-grams share, by hash.
        min_count: rarer words have no vector of their own.
        loss: `softmax`, `ova` (one sigmoid per label) or `ns` (negative sampling).
        negatives: of `ns`, drawn for every example.
        seed: another one gives other weights to begin with and another order.
    """

    dim: int = 100
    lr: float = 0.1
    epochs: int = 5
    word_ngrams: int = 1
    minn: int = 0
    maxn: int = 0
    buckets: int = 2_000_000
    min_count: int = 1
    loss: str = "softmax"
    negatives: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        from castor.filters.classify.kernels.scores import MOST_NGRAM, MOST_WORDS

        bounds = {
            "dim": (1, 1 << 12), "epochs": (1, 10_000), "word_ngrams": (1, MOST_WORDS),
            "minn": (0, MOST_NGRAM), "maxn": (0, MOST_NGRAM), "buckets": (1, (1 << 31) - 1),
            "min_count": (1, 1 << 31), "negatives": (1, 1000),
        }  # fmt: skip
        for name, (least, most) in bounds.items():
            if not least <= getattr(self, name) <= most:
                raise ConfigError(f"{name} must be from {least} to {most}", got=getattr(self, name))
        if not 0 < self.lr <= 100:
            raise ConfigError("lr must be above 0 and at most 100", got=self.lr)
        if self.loss not in LOSSES:
            raise ConfigError("no such loss", got=self.loss, fix=f"one of {', '.join(LOSSES)}")
        if self.maxn and not 1 <= self.minn <= self.maxn:
            raise ConfigError("minn must be from 1 to maxn", got=f"{self.minn} and {self.maxn}")

    @property
    def n_buckets(self) -> int:
        """Buckets that the model needs: none without n-grams."""
        return self.buckets if self.word_ngrams > 1 or self.maxn else 0


def train(
    column: pa.Array, labels: Sequence[Sequence[int]], names: Sequence[str], settings: Settings
) -> Model:
    """Trains a model on texts and their labels.

    Args:
        column: string or large_string [rows]. A line ending is a space.
        labels: per row the numbers of its labels; a row without labels trains nothing.
        names: the labels by number. In the model they stand most frequent first, as fastText
            has them.

    Raises:
        ConfigError: a label's name is empty or holds white space, or two are the same.
        CastorError: there is no labelled text, or no word occurs often enough; or the weights
            grew without bounds.
    """
    order, counts = _label_order(labels, names)
    place = np.argsort(order)
    label_first = np.zeros(len(labels) + 1, np.int64)
    np.cumsum([len(row) for row in labels], out=label_first[1:])
    flat = np.array([place[label] for row in labels for label in row], np.int64)
    found = dictionary.count(column, settings.min_count)
    if not found.words or not len(flat):
        raise CastorError(
            "there is nothing to train on",
            got=f"{len(labels)} texts, {len(flat)} labels, {len(found.words)} words that occur "
            f"{settings.min_count} times",
        )
    rows, outputs = _trained(column, found, flat, label_first, counts[order], settings)
    if not (np.isfinite(rows).all() and np.isfinite(outputs).all()):
        raise CastorError("the training diverged", fix="lower lr")
    arguments = Arguments(
        dim=settings.dim,
        word_ngrams=settings.word_ngrams,
        minn=settings.minn,
        maxn=settings.maxn,
        bucket=settings.n_buckets,
        loss=LOSSES[settings.loss],
        epoch=settings.epochs,
        min_count=settings.min_count,
        neg=settings.negatives,
    )
    return Model(
        arguments, found.words, found.counts, [LABEL + names[k].encode() for k in order],
        counts[order], rows, outputs, found.n_tokens + len(flat),
    )  # fmt: skip


def _label_order(
    labels: Sequence[Sequence[int]], names: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Labels, the most frequent first, and how often each occurs."""
    for name in names:
        if not name or any(c.isspace() for c in name) or "\0" in name:
            raise ConfigError("a label must be a word", got=repr(name))
    if len(set(names)) != len(names):
        raise ConfigError("two labels have the same name", got=", ".join(sorted(names)))
    counts = np.bincount(
        np.array([label for row in labels for label in row], np.int64), minlength=len(names)
    )
    return np.lexsort((np.arange(len(names)), -counts)), counts


def _trained(
    column: pa.Array,
    found: dictionary.Counts,
    labels: np.ndarray,
    label_first: np.ndarray,
    label_counts: np.ndarray,
    settings: Settings,
) -> tuple[np.ndarray, np.ndarray]:
    from castor.filters.classify.kernels import scores as limits
    from castor.filters.classify.kernels import train as kernels

    dim, n_labels = settings.dim, len(label_counts)
    n_rows = len(found.words) + settings.n_buckets
    rows = linear.aligned(n_rows, dim)
    kernels.uniform(np.uint64(2 * settings.seed), rows.reshape(-1))
    rows /= np.float32(dim)
    outputs = np.zeros((n_labels, dim), np.float32)
    data, offsets = buffers(column)
    table = dictionary.index(found.words)
    first, grams = dictionary.n_gram_rows(
        found.words, settings.minn, settings.maxn, settings.n_buckets
    )
    end = found.words.index(END) if END in found.words else -1
    shape = np.array(
        [settings.word_ngrams, settings.minn, settings.maxn, settings.n_buckets, end,
         LOSSES[settings.loss], settings.negatives], np.int64,
    )  # fmt: skip
    negatives = _negatives(label_counts) if settings.loss == "ns" else np.zeros(0, np.int64)
    block = np.empty(MOST_FEATURES, np.int64)
    history = np.zeros(limits.MOST_WORDS, np.uint64)
    hidden, gradient, scores = (np.zeros(n, np.float32) for n in (dim, dim, n_labels))
    n_tokens = int((found.row_words + 1).sum())
    draws = np.empty(len(offsets) - 1, np.uint64)
    for step in range(settings.epochs):
        kernels.draws(np.uint64((2 * settings.seed + 1) << 20 | step), draws)
        order = np.argsort(draws, kind="stable")
        kernels.epoch(
            data, offsets, *table, first, grams, shape, order, found.row_words, labels,
            label_first, negatives, np.uint64(2 * settings.seed + 1), step, settings.lr,
            float(step * n_tokens), float(settings.epochs * n_tokens), rows, outputs, block,
            history, hidden, gradient, scores,
        )  # fmt: skip
    return rows, outputs


def _negatives(label_counts: np.ndarray) -> np.ndarray:
    """Labels as often as they are drawn as negatives: by the square root of their frequency."""
    shares = np.sqrt(label_counts) / np.sqrt(label_counts).sum()
    return np.repeat(np.arange(len(shares)), np.ceil(shares * NEGATIVES).astype(np.int64))
