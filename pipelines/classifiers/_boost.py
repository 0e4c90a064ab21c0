"""Gradient-boosted trees by scikit-learn, as the flat arrays that extraction evaluates."""

from __future__ import annotations

from typing import Any

import numpy as np

from castor.filters.html.blocks.trees import Trees


def fit(
    rows: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    *,
    n_trees: int,
    seed: int,
    options: dict[str, Any],
) -> Trees:
    """Learns P(label is 1): rows float32 [n, n_features], labels 0 or 1, weights [n]."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        max_iter=n_trees,
        max_leaf_nodes=16,
        early_stopping=False,
        random_state=seed,
        **options,
    )
    model.fit(rows, labels, sample_weight=weights)
    trees = [predictors[0].nodes for predictors in model._predictors]
    return flatten(trees, float(model._baseline_prediction.ravel()[0]))


def flatten(trees: list[np.ndarray], base: float) -> Trees:
    """scikit-learn's node arrays, renumbered so that the two children of a node are neighbours."""
    features, thresholds, children, values, roots, depths = [], [], [], [], [0], []
    for nodes in trees:
        order = [0]  # old numbers in the new order
        place = {0: 0}
        first_child = {}
        for old in order:
            if not nodes[old]["is_leaf"]:
                first_child[old] = len(order)
                for side in ("left", "right"):
                    child = int(nodes[old][side])
                    place[child] = len(order)
                    order.append(child)
        for old in order:
            leaf = bool(nodes[old]["is_leaf"])
            features.append(0 if leaf else int(nodes[old]["feature_idx"]))
            thresholds.append(np.inf if leaf else _down(nodes[old]["num_threshold"]))
            children.append(place[old] if leaf else first_child[old])
            values.append(float(nodes[old]["value"]) if leaf else 0.0)
        roots.append(len(features))
        depths.append(int(nodes["depth"].max()))
    return Trees(
        np.array(features, np.int16),
        np.array(thresholds, np.float32),
        np.array(children, np.int16),
        np.array(values, np.float32),
        np.array(roots, np.int32),
        np.array(depths, np.int32),
        base,
    )


def _down(threshold: float) -> np.float32:
    """The largest float32 that is not above: float32 values then fall on the same side."""
    found = np.float32(threshold)
    return found if found <= threshold else np.nextafter(found, np.float32(-np.inf))
