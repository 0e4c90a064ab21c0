"""Figures of classifiers, with 95 % intervals, rounded for the card."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from castor.filters.classify import metrics

DIGITS = 6


def of_probability(
    probability: np.ndarray,
    positive: np.ndarray,
    threshold: float,
    scores: np.ndarray | None = None,
) -> dict[str, Any]:
    """How good the probability of a positive is.

    Args:
        probability: float [rows], NaN counts as 0.
        threshold: from which on a row counts as positive.
        scores: what ranks the rows for the area under the curve; by default the probability.
    """
    probability = np.nan_to_num(probability)
    area = metrics.auc(np.nan_to_num(probability if scores is None else scores), positive)
    said = probability >= 0.5
    majority = np.full(len(positive), positive.mean() > 0.5)
    chosen = probability >= threshold
    return {
        "rows": len(positive),
        "positives": int(positive.sum()),
        "auc": _rounded(area),
        "accuracy": _rounded(metrics.proportion(int((said == positive).sum()), len(positive))),
        "majority accuracy": round(float((majority == positive).mean()), DIGITS),
        "p value against majority": metrics.mcnemar(said == positive, majority == positive),
        "calibration error": round(metrics.calibration_error(probability, positive), DIGITS),
        "threshold": threshold,
        "at threshold": {
            "precision": _rounded(
                metrics.proportion(int((chosen & positive).sum()), int(chosen.sum()))
            ),
            "recall": _rounded(
                metrics.proportion(int((chosen & positive).sum()), int(positive.sum()))
            ),
            "share": _rounded(metrics.proportion(int(chosen.sum()), len(chosen))),
        },
    }


def of_labels(said: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    """How often the likeliest label is the right one: in all, and for each label."""
    right = said == labels
    majority = np.bincount(labels, minlength=len(names)).argmax()
    per_label = {}
    for k, name in enumerate(names):
        both = int((right & (labels == k)).sum())
        found, there = int((said == k).sum()), int((labels == k).sum())
        f1 = 2 * both / (found + there) if found + there else 0.0
        per_label[name] = {"rows": there, "f1": round(f1, DIGITS)}
    present = [row["f1"] for row in per_label.values() if row["rows"]]
    return {
        "rows": len(labels),
        "accuracy": _rounded(metrics.proportion(int(right.sum()), len(labels))),
        "majority accuracy": round(float((labels == majority).mean()), DIGITS),
        "p value against majority": metrics.mcnemar(right, labels == majority),
        "macro f1": round(float(np.mean(present)), DIGITS),
        "by label": per_label,
    }


def of_several(probability: np.ndarray, truth: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    """How good the labels are of texts that may have several; a label is said from 0.5 on.

    Args:
        probability: float [rows, labels]. truth: bool [rows, labels].

    `micro f1` counts every label of every row alike; `majority micro f1` is that of always saying
    the labels that at least half of the rows have, or the most frequent one.
    """
    said = np.nan_to_num(probability) >= 0.5
    share = truth.mean(axis=0)
    majority = np.broadcast_to((share >= 0.5) | (share == share.max()), truth.shape)
    f1 = [_f1(said[:, k], truth[:, k]) for k in range(len(names))]
    per_label = {
        name: {
            "rows": int(truth[:, k].sum()),
            "auc": _rounded(metrics.auc(np.nan_to_num(probability[:, k]), truth[:, k])),
            "f1": round(f1[k].value, DIGITS),
        }
        for k, name in enumerate(names)
    }
    exact = (said == truth).all(axis=1)
    return {
        "rows": len(truth),
        "micro f1": _rounded(_f1(said, truth)),
        "majority micro f1": round(_f1(majority, truth).value, DIGITS),
        "macro f1": round(float(np.mean([f.value for f in f1])), DIGITS),
        "all labels right": _rounded(metrics.proportion(int(exact.sum()), len(exact))),
        "by label": per_label,
    }


def _f1(said: np.ndarray, truth: np.ndarray) -> metrics.Interval:
    """2 TP / (2 TP + FP + FN) over rows; bool [rows] or [rows, labels]. 0 where there is none."""
    rows = (len(said), -1)
    both = (said & truth).reshape(rows).sum(axis=1)
    either = said.reshape(rows).sum(axis=1) + truth.reshape(rows).sum(axis=1)
    return metrics.ratio(2.0 * both, either) if either.any() else metrics.Interval(0.0, 0.0, 1.0)


def _rounded(interval: metrics.Interval) -> dict[str, float | None]:
    """For the card; what rows cannot tell, as an area where all are of one label, is null."""
    return {k: None if np.isnan(v) else round(v, DIGITS) for k, v in interval._asdict().items()}
