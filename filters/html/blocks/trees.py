"""Gradient-boosted trees as flat arrays, and their sum for every block.

Every tree is padded to the same depth from any leaf: a leaf is its own child, so that all walks of
a tree take the same number of steps and none of them branches.
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
        for i in range(len(which)):
            x = rows[which[i]]
            node = first
            for _ in range(steps):
                right = np.int64(x[np.uint16(feature[node])] > threshold[node])
                next_node = first + np.int64(child[node])
                node = next_node + (right if next_node != node else 0)
            out[i] += value[node]
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
