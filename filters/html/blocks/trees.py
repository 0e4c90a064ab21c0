"""Gradient-boosted trees as flat arrays, and their sum for every block.

A leaf is its own child and nothing is above its threshold, so that all walks of a tree take the
same number of steps, as many as its deepest leaf needs, and none of them branches.
"""

from __future__ import annotations

import dataclasses
import math

import numba as nb
import numpy as np

from castor.filters.kernels._compile import kernel

TILE = 256  # rows that go through all trees before the next: they stay in the second-level cache


@dataclasses.dataclass(frozen=True)
class Trees:
    """Trees one after another; the score of a row is `base` plus its leaf's value in each.

    Attributes:
        feature: int16 [n_nodes]; 0 for a leaf.
        threshold: float32 [n_nodes]; a value up to it goes to the first child.
        child: int16 [n_nodes], the first child, counted from the tree's root; the second
            stands behind it. For a leaf: itself.
        value: float32 [n_nodes], of leaves.
        root: int32 [n_trees + 1], the first node of each tree, then the number of nodes.
        depth: int32 [n_trees], steps to the deepest leaf.
        base: the score before any tree.
    """

    feature: np.ndarray
    threshold: np.ndarray
    child: np.ndarray
    value: np.ndarray
    root: np.ndarray
    depth: np.ndarray
    base: float


@kernel(
    nb.void(
        nb.types.Array(nb.float32, 2, "C"),
        nb.types.Array(nb.int32, 1, "C", readonly=True),
        nb.types.Array(nb.int16, 1, "C", readonly=True),
        nb.types.Array(nb.float32, 1, "C", readonly=True),
        nb.types.Array(nb.int16, 1, "C", readonly=True),
        nb.types.Array(nb.float32, 1, "C", readonly=True),
        nb.types.Array(nb.int32, 1, "C", readonly=True),
        nb.types.Array(nb.int32, 1, "C", readonly=True),
        nb.float32,
        nb.types.Array(nb.float32, 1, "C"),
    )
)
def _evaluate(rows, which, feature, threshold, child, value, root, depth, base, out):
    for i in range(len(which)):
        out[i] = base
    for t in range(len(depth)):
        first = np.int64(root[t])
        steps = depth[t]
        whole = len(which) - len(which) % 4
        for i in range(0, whole, 4):  # four walks at once: one step does not wait for another's
            x0, x1 = rows[which[i]], rows[which[i + 1]]
            x2, x3 = rows[which[i + 2]], rows[which[i + 3]]
            n0 = n1 = n2 = n3 = first
            for _ in range(steps):
                n0 = first + child[n0] + np.int64(x0[np.uint16(feature[n0])] > threshold[n0])
                n1 = first + child[n1] + np.int64(x1[np.uint16(feature[n1])] > threshold[n1])
                n2 = first + child[n2] + np.int64(x2[np.uint16(feature[n2])] > threshold[n2])
                n3 = first + child[n3] + np.int64(x3[np.uint16(feature[n3])] > threshold[n3])
            out[i] += value[n0]
            out[i + 1] += value[n1]
            out[i + 2] += value[n2]
            out[i + 3] += value[n3]
        for i in range(whole, len(which)):
            x0 = rows[which[i]]
            n0 = first
            for _ in range(steps):
                n0 = first + child[n0] + np.int64(x0[np.uint16(feature[n0])] > threshold[n0])
            out[i] += value[n0]
    for i in range(len(which)):
        out[i] = np.float32(1) / (np.float32(1) + math.exp(-out[i]))


def evaluate(trees: Trees, rows: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Probabilities, float32 [len(which)], of the rows float32 [n, n_features] that are wanted."""
    out = np.empty(len(which), np.float32)
    for first in range(0, len(which), TILE):
        tile = slice(first, first + TILE)
        _evaluate(
            rows, which[tile], trees.feature, trees.threshold, trees.child, trees.value,
            trees.root, trees.depth, np.float32(trees.base), out[tile],
        )  # fmt: skip
    return out
