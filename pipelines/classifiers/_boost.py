"""Gradient-boosted trees for two classes, as the flat arrays that extraction evaluates.

Histograms of gradients over at most 64 bins of each feature (Ke et al. 2017, LightGBM), trees
grown leaf by leaf where the gain is largest, each on a share of the features and of the rows. One
thread, one order of sums: the same rows give the same trees.
"""

from __future__ import annotations

import dataclasses

import numba as nb
import numpy as np

from castor.filters.html.blocks.trees import Trees

BINS = 64
_G, _H, _N = range(3)


@dataclasses.dataclass(frozen=True)
class Options:
    """How trees are grown.

    Attributes:
        n_trees: how many.
        rate: what a leaf's best value is multiplied with.
        leaves: of a tree, at most.
        features, rows: share of both that a tree sees.
        l2: added to the second derivatives of a leaf.
        least: rows of a leaf.
    """

    n_trees: int
    rate: float
    leaves: int = 16
    features: float = 0.3
    rows: float = 1.0
    l2: float = 1.0
    least: int = 20


def fit(
    rows: np.ndarray, labels: np.ndarray, weights: np.ndarray, options: Options, *, seed: int
) -> Trees:
    """Learns P(label is 1): rows float32 [n, n_features], labels 0 or 1, weights [n]."""
    random = np.random.default_rng(seed)
    thresholds = [_thresholds(rows[:, k]) for k in range(rows.shape[1])]
    binned = np.empty(rows.shape, np.uint8)
    for k, found in enumerate(thresholds):
        binned[:, k] = np.searchsorted(found, rows[:, k], side="left")
    share = float(np.average(labels, weights=weights))
    base = float(np.log(share / (1 - share)))
    score = np.full(len(rows), base)
    wanted = labels.astype(np.float64)
    n_taken = max(1, round(options.features * rows.shape[1]))
    grown = []
    for _ in range(options.n_trees):
        p = 1 / (1 + np.exp(-score))
        taken = np.sort(random.permutation(rows.shape[1])[:n_taken])
        part = np.ascontiguousarray(binned[:, taken])
        order = np.arange(len(rows), dtype=np.int32)
        if options.rows < 1:
            order = order[random.random(len(rows)) < options.rows]
        nodes = np.full((2 * options.leaves - 1, 4), -1, np.int32)
        values = np.zeros(2 * options.leaves - 1)
        n = _grow(
            part, weights * (p - wanted), weights * p * (1 - p), order, options.leaves,
            options.l2, options.least, nodes, values,
        )  # fmt: skip
        values *= -options.rate
        _add(part, nodes, values, score)
        grown.append(_numbered(nodes[:n], values[:n], taken, thresholds))
    return _joined(grown, base)


def _thresholds(column: np.ndarray) -> np.ndarray:
    """At most BINS - 1 values of a column, rising; equal shares of the rows between them."""
    values, counts = np.unique(column, return_counts=True)
    if len(values) <= BINS:
        return values[:-1]
    ends = np.cumsum(counts) / len(column)
    places = np.searchsorted(ends, np.arange(1, BINS) / BINS)
    return np.unique(values[np.minimum(places, len(values) - 2)])


@nb.njit(cache=True, nogil=True)
def _sum_up(part, g, h, order, start, end, out):
    out[:] = 0
    for k in range(start, end):
        r = order[k]
        for j in range(part.shape[1]):
            cell = out[j, part[r, j]]
            cell[_G] += g[r]
            cell[_H] += h[r]
            cell[_N] += 1


@nb.njit(cache=True, nogil=True)
def _best_split(table, l2, least, found):
    """The gain of a leaf's best split; found: its feature and bin. 0 if there is none."""
    g = h = n = 0.0
    for b in range(BINS):
        g += table[0, b, _G]
        h += table[0, b, _H]
        n += table[0, b, _N]
    most, whole = 1e-9, g * g / (h + l2)
    found[:] = -1
    for j in range(len(table)):
        left_g = left_h = left_n = 0.0
        for b in range(BINS - 1):
            if table[j, b, _N] == 0:
                continue
            left_g += table[j, b, _G]
            left_h += table[j, b, _H]
            left_n += table[j, b, _N]
            if left_n < least or n - left_n < least:
                continue
            right_g, right_h = g - left_g, h - left_h
            gain = left_g * left_g / (left_h + l2) + right_g * right_g / (right_h + l2) - whole
            if gain > most:
                most = gain
                found[0], found[1] = j, b
    return most if found[0] >= 0 else 0.0


@nb.njit(cache=True, nogil=True)
def _grow(part, g, h, order, leaves, l2, least, nodes, values):
    """Grows a tree: nodes [n, feature, bin, first child, second], values of leaves; returns n."""
    n_features = part.shape[1]
    tables = np.zeros((len(nodes), n_features, BINS, 3))
    spans = np.zeros((len(nodes), 2), np.int64)
    gains = np.zeros(len(nodes))
    splits = np.zeros((len(nodes), 2), np.int32)
    right = np.empty(len(order), np.int32)
    spans[0, 1] = len(order)
    _sum_up(part, g, h, order, 0, len(order), tables[0])
    gains[0] = _best_split(tables[0], l2, least, splits[0])
    n = 1
    for _ in range(leaves - 1):
        e = np.argmax(gains[:n])
        if gains[e] <= 0:
            break
        gains[e] = 0
        feature, most = splits[e, 0], splits[e, 1]
        start, end = spans[e]
        n_left = n_right = 0
        for k in range(start, end):
            r = order[k]
            if part[r, feature] <= most:
                order[start + n_left] = r
                n_left += 1
            else:
                right[n_right] = r
                n_right += 1
        order[start + n_left : end] = right[:n_right]
        nodes[e, 0], nodes[e, 1], nodes[e, 2], nodes[e, 3] = feature, most, n, n + 1
        spans[n, 0], spans[n, 1] = start, start + n_left
        spans[n + 1, 0], spans[n + 1, 1] = start + n_left, end
        small, large = (n, n + 1) if n_left <= n_right else (n + 1, n)
        _sum_up(part, g, h, order, spans[small, 0], spans[small, 1], tables[small])
        tables[large] = tables[e] - tables[small]
        for child in (n, n + 1):
            gains[child] = _best_split(tables[child], l2, least, splits[child])
        n += 2
    for e in range(n):
        if nodes[e, 2] < 0:
            total_g = total_h = 0.0
            for k in range(spans[e, 0], spans[e, 1]):
                total_g += g[order[k]]
                total_h += h[order[k]]
            values[e] = total_g / (total_h + l2)
    return n


@nb.njit(cache=True, nogil=True)
def _add(part, nodes, values, score):
    for r in range(len(part)):
        e = 0
        while nodes[e, 2] >= 0:
            e = nodes[e, 2] if part[r, nodes[e, 0]] <= nodes[e, 1] else nodes[e, 3]
        score[r] += values[e]


Grown = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, int]


def _numbered(
    nodes: np.ndarray, values: np.ndarray, taken: np.ndarray, thresholds: list[np.ndarray]
) -> Grown:
    """(feature, threshold, child, value, depth) of a tree as `Trees` has them.

    The two children of a node were made together, so they are neighbours.
    """
    is_leaf = nodes[:, 2] < 0
    own = np.arange(len(nodes))
    feature = np.where(is_leaf, 0, taken[nodes[:, 0]])
    threshold = [
        np.inf if leaf else thresholds[f][b] for leaf, f, b in zip(is_leaf, feature, nodes[:, 1])
    ]
    depth = np.zeros(len(nodes), np.int64)
    for e in own[~is_leaf]:
        depth[nodes[e, 2:]] = depth[e] + 1
    return (
        feature.astype(np.int16),
        np.array(threshold, np.float32),
        np.where(is_leaf, own, nodes[:, 2]).astype(np.int16),
        np.where(is_leaf, values, 0).astype(np.float32),
        int(depth.max()),
    )


def _joined(grown: list[Grown], base: float) -> Trees:
    features, thresholds, children, values, depths = zip(*grown, strict=True)
    roots = np.cumsum([0, *(len(f) for f in features)])
    return Trees(
        np.concatenate(features), np.concatenate(thresholds), np.concatenate(children),
        np.concatenate(values), roots.astype(np.int32), np.array(depths, np.int32), base,
    )  # fmt: skip
