"""Applies a supervised fastText model to the text column of a batch, without fasttext.

The probability of a label depends on a text only through the sum of the rows of its words and
n-grams. A dot product with the output matrix can be taken before that sum as well as after it:
so, where labels are fewer than dimensions, every row is multiplied with the output matrix once,
when the model is loaded, and a text costs one or two numbers per word instead of a hundred. The
rows of a word's character n-grams are summed when the model is loaded, too.

`Linear.reported` gives what `predict` of fasttext reports: p + 1e-5 where the model's probability
is p (it takes the logarithm of that sum; in a tree of labels at every node), and for losses `ova`
and `ns` sigmoids from a table of 512 steps. `Linear.probabilities` is without either.

A line ending inside a text is a space, as where newlines are replaced before fasttext is called.
`</s>` and words that begin with `__label__` are left out wherever they stand; for fasttext
`</s>` ends the text, so that whatever follows it is not seen.
"""

from __future__ import annotations

import functools
import os
import pathlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from castor.filters.classify import fasttext_file
from castor.filters.classify.dictionary import index, n_gram_rows
from castor.filters.classify.fasttext_file import END, Loss, Model
from castor.filters.errors import CastorError
from castor.filters.kernels.column import buffers

CHUNK = 1 << 16  # rows of a matrix that are multiplied at once
LINE = 64  # bytes of a cache line
EPSILON = 1e-5  # that fasttext adds before it takes a logarithm


class Linear:
    """A model that is ready to be applied. Safe to share between threads.

    Attributes:
        names: the labels without prefix, in the order of the columns of `probabilities`.
    """

    def __init__(self, model: Model) -> None:
        from castor.filters.classify.kernels.scores import MOST_NGRAM, MOST_WORDS

        given = model.arguments
        self.names = model.names
        maxn = given.maxn if given.bucket > 0 else 0
        longest = given.word_ngrams if given.bucket > 0 else 1
        if maxn > MOST_NGRAM or longest > MOST_WORDS or (maxn > 0 and given.minn < 1):
            raise CastorError(
                "the n-grams of this fastText model are out of bounds",
                got=f"minn {given.minn}, maxn {maxn}, wordNgrams {longest}",
                fix=f"use minn from 1, maxn up to {MOST_NGRAM}, wordNgrams up to {MOST_WORDS}",
            )
        self._table = index(model.words)
        project, self._late = _projection(model)
        self._loss = given.loss
        self._paths = _paths(model.label_counts.tolist()) if given.loss == Loss.HS else []
        n_words = len(model.words)
        rows = _projected(model.input[:n_words], project)
        self._buckets = _projected(model.input[n_words:], project)
        self._moved = _moved(model)
        self._words, self._weights = _word_rows(model, rows, self._buckets, self._moved, maxn)
        end = model.words.index(END) if END in model.words else -1
        self._shape = np.array([longest, given.minn, maxn, given.bucket, end], np.int64)

    def probabilities(self, column: pa.Array) -> np.ndarray:
        """The probability of every label for every row: float64 [rows, labels].

        Args:
            column: string or large_string [rows]. A null row, and one of which the model knows
                nothing, not even the end of a text, is NaN.

        With losses `ova` and `ns` the labels are judged one by one and do not add up to 1.
        """
        return self._finished(column, exact=True)

    def reported(self, column: pa.Array) -> np.ndarray:
        """As `probabilities`, with the numbers that `predict` of fasttext reports."""
        return self._finished(column, exact=False)

    def _finished(self, column: pa.Array, *, exact: bool) -> np.ndarray:
        from castor.filters.classify.kernels.scores import (
            BLOCK,
            MOST_NGRAM,
            MOST_WORDS,
            row_sums,
        )

        data, offsets = buffers(column)
        rows = len(offsets) - 1
        sums = np.zeros((rows, self._words.shape[1]))
        counts = np.zeros(rows, np.int64)
        block = np.empty(BLOCK + MOST_NGRAM + MOST_WORDS, np.int64)
        history = np.zeros(MOST_WORDS, np.uint64)
        row_sums(
            data, offsets, *self._table, self._weights, self._moved, self._words, self._buckets,
            self._shape, block, history, sums, counts,
        )  # fmt: skip
        scores = sums / np.maximum(counts, 1)[:, None]
        if self._late is not None:
            scores = scores @ self._late
        if self._loss == Loss.HS:
            found = _leaves(_sigmoid(scores), self._paths, 0.0 if exact else EPSILON)
        elif self._loss == Loss.SOFTMAX:
            found = _softmax(scores) + (0.0 if exact else EPSILON)
        else:
            found = _sigmoid(scores) if exact else _table_sigmoid(scores) + EPSILON
        unknown = counts == 0
        if column.null_count:
            unknown |= column.is_null().to_numpy(zero_copy_only=False)
        found[unknown] = np.nan
        return found


def load(path: str | os.PathLike[str]) -> Linear:
    """The model of a .bin or .ftz file, loaded once per process while the file stays the same.

    Raises:
        ConfigError: there is no such file, or it holds word vectors.
        CastorError: the file is damaged.
    """
    name = os.path.abspath(path)
    try:
        stat = os.stat(name)
    except OSError:
        return Linear(fasttext_file.read(pathlib.Path(name)))  # which says what is wrong
    return _loaded(name, stat.st_size, stat.st_mtime_ns)


@functools.lru_cache(maxsize=8)
def _loaded(name: str, n_bytes: int, changed_ns: int) -> Linear:
    return Linear(fasttext_file.read(pathlib.Path(name)))


def _projection(model: Model) -> tuple[np.ndarray | None, np.ndarray | None]:
    """The matrix [dim, scores] that rows are multiplied with before they are summed, or after.

    One of the two is None. A softmax does not change if all scores move together, so the first
    label's score is taken from all others, and two labels need one number per row.
    """
    output = np.asarray(model.output, np.float64)
    n_labels, dim = output.shape
    if model.arguments.loss == Loss.HS:
        scored = output[: n_labels - 1]
    elif model.arguments.loss == Loss.SOFTMAX:
        scored = output[1:] - output[0]
    else:
        scored = output
    return (scored.T, None) if len(scored) <= dim else (None, scored.T)


def _softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities of all labels from the scores of all but the first, relative to it."""
    scores = np.concatenate([np.zeros((len(scores), 1)), scores], axis=1)
    grown = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))


def _sigmoid(scores: np.ndarray) -> np.ndarray:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(scores, -700, 700))))


def _table_sigmoid(scores: np.ndarray) -> np.ndarray:
    """Sigmoids as fastText looks them up: 512 steps from -8 to 8, and 0 and 1 beyond."""
    step = np.trunc(np.clip((scores.astype(np.float32) + 8) * 512 / 16, 0, 512))
    found = _sigmoid(step * 16 / 512 - 8)
    return np.where(scores < -8, 0.0, np.where(scores > 8, 1.0, found))


def _leaves(right: np.ndarray, paths: list[list[tuple[int, bool]]], epsilon: float) -> np.ndarray:
    """Probabilities of the leaves of a tree from those of going right at its nodes."""
    found = np.ones((len(right), len(paths)))
    for leaf, path in enumerate(paths):
        for node, is_right in path:
            found[:, leaf] *= (right[:, node] if is_right else 1.0 - right[:, node]) + epsilon
    return found


def _paths(counts: Sequence[int]) -> list[list[tuple[int, bool]]]:
    """For every leaf the inner nodes on its way, and whether it goes right there.

    The tree of fastText: labels stand in order of falling counts; the two smallest of the next
    leaf (from the last backwards) and the next inner node are joined, a leaf before a node of
    the same count only if it is smaller.
    """
    n = len(counts)
    total = list(counts) + [10**15] * (n - 1)
    parent, is_right = [-1] * (2 * n - 1), [False] * (2 * n - 1)
    leaf, node = n - 1, n
    for made in range(n, 2 * n - 1):
        pair = []
        for _ in range(2):
            if leaf >= 0 and total[leaf] < total[node]:
                pair.append(leaf)
                leaf -= 1
            else:
                pair.append(node)
                node += 1
        total[made] = total[pair[0]] + total[pair[1]]
        parent[pair[0]] = parent[pair[1]] = made
        is_right[pair[1]] = True
    found = []
    for start in range(n):
        path, at = [], start
        while parent[at] >= 0:
            path.append((parent[at] - n, is_right[at]))
            at = parent[at]
        found.append(path)
    return found


def aligned(n: int, width: int) -> np.ndarray:
    """An uninitialised float32 matrix [n, width] that begins at a cache line.

    Rows of 16 numbers then lie in one line each, not in two.
    """
    raw = np.empty(4 * n * width + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    return raw[start : start + 4 * n * width].view(np.float32).reshape(n, width)


def _projected(table: np.ndarray, project: np.ndarray | None) -> np.ndarray:
    """The rows of a table, multiplied with a matrix where there is one; aligned float32."""
    found = aligned(len(table), table.shape[1] if project is None else project.shape[1])
    for start in range(0, len(table), CHUNK):
        some = table[start : start + CHUNK]
        found[start : start + CHUNK] = (
            some if project is None else some.astype(np.float64) @ project
        )
    return found


def _moved(model: Model) -> np.ndarray:
    """Row of every bucket, or -1, of a pruned model; empty of any other. int32."""
    if model.pruned is None:
        return np.zeros(0, np.int32)
    found = np.full(max(model.arguments.bucket, 1), -1, np.int32)
    for bucket, row in model.pruned.items():
        if not 0 <= bucket < len(found):
            raise CastorError("the fastText model is damaged", got=f"a bucket {bucket}")
        found[bucket] = row
    return found


def _word_rows(
    model: Model, rows: np.ndarray, buckets: np.ndarray, moved: np.ndarray, maxn: int
) -> tuple[np.ndarray, np.ndarray]:
    """Per word the sum of its own row and those of its character n-grams, and how many."""
    n_words = len(model.words)
    first, grams = n_gram_rows(model.words, model.arguments.minn, maxn, model.arguments.bucket)
    weights = np.ones(n_words, np.int64)
    if not len(grams):
        return rows, weights
    owners = np.repeat(np.arange(n_words), np.diff(first))
    if len(moved):
        known = moved[grams] >= 0
        owners, grams = owners[known], moved[grams[known]].astype(np.int64)
    weights += np.bincount(owners, minlength=n_words)
    total = rows.astype(np.float64)
    for start in range(0, len(grams), CHUNK):
        some = slice(start, start + CHUNK)
        np.add.at(total, owners[some], buckets[grams[some]].astype(np.float64))
    return total.astype(np.float32), weights
