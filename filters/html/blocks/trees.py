"""Gradient-boosted trees as flat arrays, and their sum for every block.

Trees are not walked. Every inner node is a test `value > threshold` that rules out the leaves of
its first child; the leaf that a row comes to is the first that no test of the tree rules out. So
the tests stand by feature, thresholds rising, and each is made for GROUP rows at once, as one mask
of leaves for each tree and row: no step waits for the one before, and of a feature only the tests
below the largest value are looked at (QuickScorer: Lucchese et al. 2015).
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from typing import Any, NamedTuple

import numba as nb
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from castor.filters.errors import CastorError
from castor.filters.html.tokens.compile import part, trailing_zeros
from castor.filters.kernels._compile import at, kernel, put

GROUP = 16  # rows whose tests are made side by side
MAX_LEAVES = 32  # of a tree: one bit each
_ALL = np.uint32(0xFFFFFFFF)


class Tests(NamedTuple):
    """The inner nodes of all trees by the feature that they look at.

    Attributes:
        feature: int32 [n_used], the features that are looked at, rising.
        first: int32 [n_used + 1], the first test of each, then the number of tests.
        threshold: float32 [n_tests], rising for each feature.
        tree: int32 [n_tests].
        keep: uint32 [n_tests], the leaves that a value over the threshold does not rule out.
        leaf: float32 [n_trees * MAX_LEAVES], the values of each tree's leaves from left to right.
    """

    feature: np.ndarray
    first: np.ndarray
    threshold: np.ndarray
    tree: np.ndarray
    keep: np.ndarray
    leaf: np.ndarray


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

    @functools.cached_property
    def tests(self) -> Tests:
        """The trees as they are evaluated.

        Raises:
            CastorError: a tree has more than MAX_LEAVES leaves.
        """
        found: list[tuple[int, float, int, int]] = []
        values = np.zeros((len(self.depth), MAX_LEAVES), np.float32)
        for tree, (first, end) in enumerate(itertools.pairwise(self.root.tolist())):
            child = self.child[first:end].tolist()
            below = _leaves_below(child)
            order = below[0]
            if len(order) > MAX_LEAVES:
                raise CastorError("a tree has too many leaves", got=len(order), fix="train smaller")
            values[tree, : len(order)] = self.value[first:end][order]
            for node in range(end - first):
                if child[node] != node:
                    gone = sum(1 << order.index(leaf) for leaf in below[child[node]])
                    threshold = float(self.threshold[first + node])
                    found.append((int(self.feature[first + node]), threshold, tree, gone))
        features, thresholds, trees, gone = zip(*sorted(found), strict=True) if found else [()] * 4
        used, starts = np.unique(np.array(features, np.int32), return_index=True)
        return Tests(
            feature=used,
            first=np.append(starts, len(found)).astype(np.int32),
            threshold=np.array(thresholds, np.float32),
            tree=np.array(trees, np.int32),
            keep=~np.array(gone, np.uint32),
            leaf=values.ravel(),
        )


def _leaves_below(child: list[int]) -> list[list[int]]:
    """The leaves below every node of a tree, from left to right; children follow their parents."""
    below: list[list[int]] = [[] for _ in child]
    for node in reversed(range(len(child))):
        first = child[node]
        below[node] = [node] if first == node else below[first] + below[first + 1]
    return below


def _group(context: Any, builder: Any, kind: Any, array: Any, place: Any) -> Any:
    """A pointer to the GROUP numbers of an array from `place` on, as one vector."""
    data = context.make_array(kind)(context, builder, array).data
    vector = ir.VectorType(context.get_value_type(kind.dtype), GROUP)
    return builder.bitcast(builder.gep(data, [place]), vector.as_pointer())


def _spread(builder: Any, value: Any) -> Any:
    """A number as a vector of GROUP of it."""
    vector = ir.VectorType(value.type, GROUP)
    none = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(none, value, ir.IntType(32)(0))
    places = ir.Constant(ir.VectorType(ir.IntType(32), GROUP), [0] * GROUP)
    return builder.shuffle_vector(first, none, places)


@intrinsic
def _keep_where_above(
    typingctx: Any, left: Any, t: Any, mask: Any, x: Any, i: Any, limit: Any
) -> Any:
    """left[t + r] &= mask for each r of a group where x[i + r] > limit, in one go; unchecked."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds = signature.args
        values = builder.load(_group(context, builder, kinds[3], args[3], args[4]), align=4)
        above = builder.fcmp_ordered(">", values, _spread(builder, args[5]))
        place = _group(context, builder, kinds[0], args[0], args[1])
        before = builder.load(place, align=4)
        after = builder.and_(before, _spread(builder, args[2]))
        builder.store(builder.select(above, after, before), place, align=4)
        return context.get_dummy_value()

    return types.void(left, types.int64, types.uint32, x, types.int64, types.float32), codegen


@intrinsic
def _is_any_above(typingctx: Any, x: Any, i: Any, limit: Any) -> Any:
    """Whether any x[i + r] of a group is above the limit; unchecked."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        values = builder.load(
            _group(context, builder, signature.args[0], args[0], args[1]), align=4
        )
        above = builder.fcmp_ordered(">", values, _spread(builder, args[2]))
        bits = builder.bitcast(above, ir.IntType(GROUP))
        return builder.icmp_unsigned("!=", bits, ir.IntType(GROUP)(0))

    return types.boolean(x, types.int64, types.float32), codegen


@part
def _gather(rows, width, which, i, feature, x):
    """x[u * GROUP + r]: feature u of the row which[i + r]; the last row again after the end."""
    for r in range(GROUP):
        row = np.int64(at(which, min(i + r, len(which) - 1))) * width
        for u in range(len(feature)):
            put(x, u * GROUP + r, at(rows, row + at(feature, u)))


@part
def _rule_out(x, n_used, first, threshold, tree, keep, left):
    """Sets left[t * GROUP + r], the leaves of tree t that row r of a group may come to."""
    for u in range(n_used):
        for k in range(at(first, u), at(first, u + 1)):
            limit = at(threshold, k)
            if not _is_any_above(x, u * GROUP, limit):
                break
            place = np.int64(at(tree, k)) * GROUP
            _keep_where_above(left, place, at(keep, k), x, u * GROUP, limit)


@kernel(
    nb.void(
        nb.types.Array(nb.float32, 1, "C"),
        nb.int64,
        nb.types.Array(nb.int32, 1, "C", readonly=True),
        nb.types.Array(nb.int32, 1, "C", readonly=True),
        nb.types.Array(nb.int32, 1, "C", readonly=True),
        nb.types.Array(nb.float32, 1, "C", readonly=True),
        nb.types.Array(nb.int32, 1, "C", readonly=True),
        nb.types.Array(nb.uint32, 1, "C", readonly=True),
        nb.types.Array(nb.float32, 1, "C", readonly=True),
        nb.float32,
        nb.types.Array(nb.float32, 1, "C"),
        nb.types.Array(nb.uint32, 1, "C"),
        nb.types.Array(nb.float32, 1, "C"),
    )
)
def _evaluate(rows, width, which, feature, first, threshold, tree, keep, leaf, base, x, left, out):
    n_trees = len(leaf) // MAX_LEAVES
    for i in range(0, len(which), GROUP):
        left[:] = _ALL
        _gather(rows, width, which, i, feature, x)
        _rule_out(x, len(feature), first, threshold, tree, keep, left)
        for r in range(GROUP):
            put(x, r, base)
        for t in range(n_trees):
            for r in range(GROUP):
                number = np.int64(trailing_zeros(np.uint64(at(left, t * GROUP + r))))
                put(x, r, at(x, r) + at(leaf, t * MAX_LEAVES + number))
        for r in range(min(GROUP, len(which) - i)):
            out[i + r] = x[r]
    for i in range(len(which)):
        out[i] = np.float32(1) / (np.float32(1) + math.exp(-out[i]))


def evaluate(trees: Trees, rows: np.ndarray, which: np.ndarray) -> np.ndarray:
    """Probabilities, float32 [len(which)], of the rows float32 [n, n_features] that are wanted."""
    out = np.empty(len(which), np.float32)
    tests = trees.tests
    left = np.empty(len(trees.depth) * GROUP, np.uint32)
    x = np.empty(max(1, len(tests.feature)) * GROUP, np.float32)
    base = np.float32(trees.base)
    _evaluate(rows.reshape(-1), rows.shape[1], which, *tests, base, x, left, out)
    return out
