"""Learns an extraction model from labelled pages, and cross-validates it by domain.

Whatever a later step learns from must be as unsure as it will be on new pages. So the trees of the
first stage see linear scores, and those of the second see probabilities, that were made by models
which had not seen the page's domain.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from castor.filters.html import judge
from castor.filters.html.blocks.ancestry import CLASS_BITS
from castor.filters.html.blocks.features import N_FEATURES, TEXT_BITS
from castor.filters.html.blocks.measure import WORDS
from castor.filters.html.blocks.trees import Trees, evaluate
from castor.pipelines.classifiers import _boost, _linear
from castor.pipelines.classifiers._gold import MAIN, UNKNOWN

LONG_BLOCK = 80  # words; a longer block counts no more
PAGE_POWER = 0.6  # a page with more to learn from counts more, but less than in proportion
DECAY = 2e-3  # of the linear weights
# Menus are most of a page and all alike: of blocks with fewer words that are no main text, trees
# see this share, each counting the more.
FEW_WORDS, SEEN = 8, 0.25
FIRST_RATE, SECOND_RATE = 0.12, 0.08


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How much is learned: trees of both stages, folds."""

    first: int = 60
    second: int = 140
    folds: int = 5


class Corpus:
    """Pages with labels, as rows of blocks, in folds of whole domains.

    Args:
        pages: what `judge.read` made of each page.
        labels: int8 [n_blocks] of each page: MAIN, OTHER or UNKNOWN.
        domains: of each page.
    """

    def __init__(
        self,
        pages: Sequence[judge.Read],
        labels: Sequence[np.ndarray],
        domains: Sequence[str],
        *,
        sizes: Sizes,
        seed: int,
    ) -> None:
        self.pages, self.sizes, self.seed = pages, sizes, seed
        self.offsets = np.cumsum([0, *(len(found) for found in labels)])
        self.labels = (np.concatenate(labels) == MAIN).astype(np.int8)
        self.weights = _weights(pages, labels)
        names = sorted(set(domains))
        order = np.random.default_rng(seed).permutation(len(names))
        fold = {names[d]: i % sizes.folds for i, d in enumerate(order.tolist())}
        self.fold = np.array([fold[d] for d in domains])
        few = np.concatenate([page.measures[:, WORDS] for page in pages]) < FEW_WORDS
        drawn = np.random.default_rng(seed).random(len(few))
        thinned = few & (self.labels == 0)
        self.tree_weights = np.where(
            thinned, np.where(drawn < SEEN, self.weights / SEEN, 0), self.weights
        )
        self._linear: dict[frozenset[int], tuple[np.ndarray, np.ndarray]] = {}
        self._class_rows = _join(_class_rows(page) for page in pages)
        self._text_rows = _join(_text_rows(page) for page in pages)

    def within(self, folds: Iterable[int]) -> list[int]:
        """Numbers of the pages of some folds."""
        return np.flatnonzero(np.isin(self.fold, list(folds))).tolist()

    def rows(self, pages: Sequence[int]) -> np.ndarray:
        """Numbers of the rows of some pages."""
        spans = [np.arange(self.offsets[k], self.offsets[k + 1]) for k in pages]
        return np.concatenate(spans) if spans else np.zeros(0, np.int64)

    def linear(self, folds: Iterable[int]) -> tuple[np.ndarray, np.ndarray]:
        """The weights of class words and of words of text, learned from some folds, once."""
        which = frozenset(folds)
        if which not in self._linear:
            rows = self.rows(self.within(which))
            rows = rows[self.weights[rows] > 0]
            class_weights, text_weights = (
                _linear.fit(matrix, 1 << bits, rows, self.labels, self.weights,
                            decay=DECAY, seed=self.seed)
                for matrix, bits in ((self._class_rows, CLASS_BITS), (self._text_rows, TEXT_BITS))
            )  # fmt: skip
            self._linear[which] = class_weights, text_weights
        return self._linear[which]

    def boost(self, rows: np.ndarray, numbers: np.ndarray, options: _boost.Options) -> Trees:
        """Trees learned from rows of features and the numbers of those rows."""
        used = self.tree_weights[numbers] > 0
        numbers = numbers[used]
        return _boost.fit(
            rows[used], self.labels[numbers], self.tree_weights[numbers], options, seed=self.seed
        )


@dataclasses.dataclass(frozen=True)
class Stage:
    """The linear weights and the trees of the first stage."""

    class_weights: np.ndarray
    text_weights: np.ndarray
    trees: Trees

    def apply(self, page: judge.Read) -> tuple[np.ndarray, np.ndarray]:
        """A page's rows of features, those of context filled, and its probabilities."""
        n = len(page.tokens.blocks)
        rows = judge.describe(page, self.class_weights, self.text_weights)
        p = evaluate(self.trees, rows, np.arange(n, dtype=np.int32))
        judge.add_context(page, p, rows)
        return rows, p


def first_stage(corpus: Corpus, folds: Sequence[int]) -> Stage:
    """Learns the first stage from some folds, each described by linear scores of the others."""
    rows, numbers = [], []
    for fold in folds:
        weights = corpus.linear(f for f in folds if f != fold)
        for k in corpus.within([fold]):
            rows.append(judge.describe(corpus.pages[k], *weights)[:, :N_FEATURES].copy())
            numbers.append(np.arange(corpus.offsets[k], corpus.offsets[k + 1]))
    options = _boost.Options(corpus.sizes.first, FIRST_RATE)
    trees = corpus.boost(np.concatenate(rows), np.concatenate(numbers), options)
    return Stage(*corpus.linear(folds), trees)


def second_stage(corpus: Corpus, stages: dict[int, Stage]) -> Trees:
    """Learns the second stage from the folds named, each seen through a stage that had not."""
    rows, numbers = [], []
    for fold, stage in stages.items():
        for k in corpus.within([fold]):
            described, p = stage.apply(corpus.pages[k])
            which = judge.in_doubt(p)
            rows.append(described[which])
            numbers.append(corpus.offsets[k] + which)
    options = _boost.Options(corpus.sizes.second, SECOND_RATE)
    return corpus.boost(np.concatenate(rows), np.concatenate(numbers), options)


def stages_without(corpus: Corpus) -> dict[int, Stage]:
    """A first stage for every fold, learned from the others."""
    folds = range(corpus.sizes.folds)
    return {f: first_stage(corpus, [g for g in folds if g != f]) for f in folds}


def learn(corpus: Corpus, without: dict[int, Stage]) -> judge.Model:
    """The model of all pages; `without` is what `stages_without` gives."""
    stage = first_stage(corpus, list(range(corpus.sizes.folds)))
    return judge.Model(
        stage.class_weights, stage.text_weights, stage.trees, second_stage(corpus, without)
    )


def cross_validate(corpus: Corpus, without: dict[int, Stage]) -> list[np.ndarray]:
    """Probabilities of every page's blocks, by a model that has not seen the page's domain."""
    folds = range(corpus.sizes.folds)
    pairs = {
        frozenset((i, j)): first_stage(corpus, [f for f in folds if f not in (i, j)])
        for i in folds
        for j in folds
        if i < j
    }
    found: dict[int, np.ndarray] = {}
    for fold, stage in without.items():
        others = (f for f in folds if f != fold)
        second = second_stage(corpus, {j: pairs[frozenset((fold, j))] for j in others})
        model = judge.Model(stage.class_weights, stage.text_weights, stage.trees, second)
        for k in corpus.within([fold]):
            found[k] = judge.judge(corpus.pages[k], model)
    return [found[k] for k in range(len(corpus.pages))]


def _weights(pages: Sequence[judge.Read], labels: Sequence[np.ndarray]) -> np.ndarray:
    """How much each block counts: by the root of its words, within its page; 0 if not known."""
    found = []
    for page, known in zip(pages, labels, strict=True):
        weight = np.sqrt(1 + np.minimum(page.measures[:, WORDS], LONG_BLOCK))
        weight = np.where(known == UNKNOWN, 0, weight)
        found.append(weight / max(weight.sum(), 1e-9) ** PAGE_POWER)
    weights = np.concatenate(found)
    return weights / weights[weights > 0].mean()


Rows = tuple[np.ndarray, np.ndarray, np.ndarray]


def _class_rows(page: judge.Read) -> Rows:
    tokens = page.tokens
    n = 1 << 16
    while True:  # a page's paths hold more words than could be said before
        indices, values = np.empty(n, np.int32), np.empty(n, np.float32)
        offsets = np.zeros(len(tokens.blocks) + 1, np.int32)
        n_rows = _linear.class_rows(
            tokens.elements, tokens.blocks, tokens.words, indices, values, offsets
        )
        if n_rows >= 0:
            return indices[:n_rows].copy(), values[:n_rows].copy(), offsets
        n *= 4


def _text_rows(page: judge.Read) -> Rows:
    n = 2 * len(page.words) + len(page.offsets)
    indices, values = np.empty(n, np.int32), np.empty(n, np.float32)
    offsets = np.zeros(len(page.offsets), np.int32)
    n_rows = _linear.text_rows(page.words, page.offsets, indices, values, offsets)
    return indices[:n_rows].copy(), values[:n_rows].copy(), offsets


def _join(parts: Iterable[Rows]) -> Rows:
    indices, values, offsets = zip(*parts, strict=True)
    before = np.cumsum([0, *(len(i) for i in indices)])
    joined = [o[:-1].astype(np.int64) + n for o, n in zip(offsets, before)]
    return np.concatenate(indices), np.concatenate(values), np.concatenate([*joined, before[-1:]])
