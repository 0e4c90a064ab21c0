"""From a classifier's scores to probabilities that mean what they say, and to thresholds."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from castor.filters.errors import CastorError

ENOUGH = 1000  # rows of each class from which isotonic regression is worth its freedom
DIGITS = 12  # of stored numbers: logarithms differ in the last bits from processor to processor
TILT = 1e-6  # by which an isotonic calibration rises from end to end where data say nothing
MOST_ODDS = 30.0  # log odds beyond which a probability is 0 or 1 for us


@dataclasses.dataclass(frozen=True)
class Calibration:
    """A monotone map from raw log odds to a probability: straight lines between knots, or Platt's.

    Attributes:
        method: `isotonic` (knots) or `platt` (p = 1 / (1 + exp(-(slope x + offset)))).
    """

    method: str
    slope: float = 1.0
    offset: float = 0.0
    knots_x: tuple[float, ...] = ()
    knots_y: tuple[float, ...] = ()

    def apply(self, odds: np.ndarray) -> np.ndarray:
        """Probabilities of raw log odds, both float64 [rows]; NaN stays NaN."""
        if self.method == "platt":
            z = np.clip(self.slope * odds + self.offset, -MOST_ODDS, MOST_ODDS)
            return np.asarray(1.0 / (1.0 + np.exp(-z)))
        found = np.interp(odds, self.knots_x, self.knots_y)
        return np.where(np.isnan(odds), np.nan, found)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return dataclasses.asdict(self)


def from_json(data: Mapping[str, Any]) -> Calibration:
    """A calibration from what `to_json` gave.

    Raises:
        CastorError: it is something else.
    """
    try:
        given = {**data, "knots_x": tuple(data["knots_x"]), "knots_y": tuple(data["knots_y"])}
        found = Calibration(**given)
        same = len(found.knots_x) == len(found.knots_y)
        if found.method not in ("platt", "isotonic") or not same:
            raise ValueError(found.method)
        if found.method == "isotonic" and not found.knots_x:
            raise ValueError("no knots")
    except (TypeError, KeyError, ValueError) as error:
        raise CastorError("the calibration of the classifier is damaged", got=error) from error
    return found


def log_odds(probabilities: np.ndarray) -> np.ndarray:
    """log(p / (1 - p)), within +-MOST_ODDS."""
    with np.errstate(divide="ignore"):
        odds = np.log(probabilities) - np.log1p(-probabilities)
    return np.clip(odds, -MOST_ODDS, MOST_ODDS)


def fit(odds: np.ndarray, positive: np.ndarray, method: str = "auto") -> Calibration:
    """A calibration of held-out raw log odds.

    Args:
        odds: float [rows]. positive: bool [rows], both values occur.
        method: `platt`, `isotonic`, or `auto`: isotonic from ENOUGH rows of each class (below
            that it overfits: Niculescu-Mizil and Caruana 2005, doi:10.1145/1102351.1102430).
    """
    if method == "auto":
        smaller = min(int(positive.sum()), int((~positive).sum()))
        method = "isotonic" if smaller >= ENOUGH else "platt"
    return _isotonic(odds, positive) if method == "isotonic" else _platt(odds, positive)


def _platt(odds: np.ndarray, positive: np.ndarray) -> Calibration:
    """Platt's logistic with his smoothed targets, by Newton's method.

    Platt 1999; the targets (n + 1) / (n + 2) and 1 / (n + 2) keep it finite where the classes
    are apart; steps are halved until the loss falls, as Lin, Lin and Weng 2007 do
    (doi:10.1007/s10994-007-5018-6).
    """
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    target = np.where(positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    x = np.stack([odds, np.ones(len(odds))])
    weights = np.array([0.0, math.log((n_positive + 1) / (n_negative + 1))])

    def loss(w: np.ndarray) -> float:
        z = w @ x
        return float((np.logaddexp(0, z) - target * z).sum())

    for _ in range(100):
        p = 1.0 / (1.0 + np.exp(-np.clip(weights @ x, -700, 700)))
        slope = x @ (p - target)
        curve = (x * (p * (1 - p))) @ x.T + 1e-12 * np.eye(2)
        step = np.linalg.solve(curve, slope)
        size, before = 1.0, loss(weights)
        while size > 1e-10 and loss(weights - size * step) > before:
            size /= 2
        weights = weights - size * step
        if np.abs(slope).max() < 1e-7:
            break
    return Calibration("platt", round(float(weights[0]), DIGITS), round(float(weights[1]), DIGITS))


def _isotonic(odds: np.ndarray, positive: np.ndarray) -> Calibration:
    """Pool adjacent violators, then lines between the means of neighbouring pools.

    Every pool's share is (positives + 1/2) / (rows + 1), so that none is 0 or 1. The line goes on
    to MOST_ODDS at both ends and rises by TILT in all, so that equal probabilities are those of
    equal odds only: a share of the rows could not be kept where a pool of many is one value.
    """
    order = np.argsort(odds, kind="stable")
    x, y = odds[order], positive[order].astype(float)
    pools: list[list[float]] = []  # sum of y, rows, sum of x
    _, first, sizes = np.unique(x, return_index=True, return_counts=True)
    for start, size in zip(first.tolist(), sizes.tolist(), strict=True):
        some = slice(start, start + size)
        pools.append([float(y[some].sum()), float(size), float(x[some].sum())])
        while len(pools) > 1 and pools[-2][0] * pools[-1][1] >= pools[-1][0] * pools[-2][1]:
            last = pools.pop()
            pools[-1] = [a + b for a, b in zip(pools[-1], last, strict=True)]
    shares = np.maximum.accumulate([(p[0] + 0.5) / (p[1] + 1) for p in pools])
    middles = np.array([p[2] / p[1] for p in pools])
    knots_x = np.concatenate([[min(-MOST_ODDS, middles[0]) - 1], middles,
                              [max(MOST_ODDS, middles[-1]) + 1]])  # fmt: skip
    place = (knots_x - knots_x[0]) / (knots_x[-1] - knots_x[0])
    knots_y = np.concatenate([shares[:1], shares, shares[-1:]]) * (1 - TILT) + TILT * place
    return Calibration(
        "isotonic",
        knots_x=tuple(round(float(x), DIGITS) for x in knots_x),
        knots_y=tuple(round(float(y), DIGITS) for y in knots_y),
    )


def temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """What log probabilities are divided by so that held-out rows are most likely.

    Guo et al. 2017 (arXiv:1706.04599), by golden-section search from 1/8 to 32.

    Args:
        probabilities: float [rows, labels]. labels: int [rows], the right ones.
    """
    logs = np.log(np.clip(probabilities, 1e-12, None))

    def loss(log_t: float) -> float:
        scaled = logs / math.exp(log_t)
        most = scaled.max(axis=1)
        total = np.log(np.exp(scaled - most[:, None]).sum(axis=1)) + most
        return float((total - scaled[np.arange(len(labels)), labels]).sum())

    low, high, ratio = math.log(1 / 8), math.log(32), (math.sqrt(5) - 1) / 2
    for _ in range(40):
        a, b = high - ratio * (high - low), low + ratio * (high - low)
        if loss(a) < loss(b):
            high = b
        else:
            low = a
    return round(math.exp((low + high) / 2), 6)


def sharpen(probabilities: np.ndarray, t: float) -> np.ndarray:
    """Probabilities to the power 1 / t, adding up to 1: float [rows, labels]."""
    logs = np.log(np.clip(probabilities, 1e-12, None)) / t
    grown = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))


def threshold_for_precision(
    probabilities: np.ndarray, positive: np.ndarray, target: float
) -> float | None:
    """The lowest threshold from which on the share of positives is at least `target`.

    None if no threshold gives that.
    """
    order = np.argsort(-probabilities, kind="stable")
    precision = np.cumsum(positive[order]) / np.arange(1, len(order) + 1)
    ordered = probabilities[order]
    ends = np.append(ordered[1:] != ordered[:-1], True)  # equal scores go together
    good = np.flatnonzero(ends & (precision >= target))
    return round(float(ordered[good[-1]]) - 0.5 * 10**-DIGITS, DIGITS) if len(good) else None


def threshold_for_rate(probabilities: np.ndarray, rate: float) -> float:
    """The threshold that keeps a share of the rows: those with the highest probabilities."""
    keep = max(1, min(len(probabilities), round(rate * len(probabilities))))
    lowest = np.sort(probabilities)[len(probabilities) - keep]
    return round(float(lowest) - 0.5 * 10**-DIGITS, DIGITS)
