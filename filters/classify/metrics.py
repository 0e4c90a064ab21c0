"""How good scores are: area under the ROC curve with its interval, precision, calibration error."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

Z95 = 1.959963984540054  # of the normal distribution, two-sided 95 %


class Interval(NamedTuple):
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float


def auc(scores: np.ndarray, positive: np.ndarray) -> Interval:
    """Area under the ROC curve, with DeLong's interval on the scale of log odds.

    DeLong, DeLong and Clarke-Pearson 1988 (doi:10.2307/2531595), by the midranks of Sun and Xu
    2014 (doi:10.1109/LSP.2014.2337313). Ties count half. On the scale of log odds the interval
    stays within 0 and 1. Where scores separate the classes wholly, DeLong's variance is 0; then the
    lower end is the probability by which n trials all succeed in 2.5 % of cases, n being the
    size of the smaller class. Where it is 0 otherwise (all scores are equal, say), nothing is known
    of the area, and the interval is all of 0 to 1.

    Args:
        scores: float [rows]; higher means more likely positive. No NaN.
        positive: bool [rows]; both classes must occur.
    """
    m, n = int(positive.sum()), int((~positive).sum())
    if not m or not n:
        return Interval(math.nan, math.nan, math.nan)
    v10, v01 = placements(scores, positive)
    value = float(v10.sum() / m)
    variance = _variance(v10) / m + _variance(v01) / n
    if not 0 < value < 1:
        edge = 0.025 ** (1.0 / min(m, n))
        return Interval(value, edge, 1.0) if value == 1 else Interval(value, 0.0, 1.0 - edge)
    if variance <= 0:
        return Interval(value, 0.0, 1.0)
    odds = math.log(value / (1.0 - value))
    half = Z95 * math.sqrt(variance) / (value * (1.0 - value))
    return Interval(value, _logistic(odds - half), _logistic(odds + half))


def placements(scores: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of every positive the share of negatives below it, of every negative that of positives above.

    Their means are the area under the ROC curve; areas of several scores of the same rows are
    compared through them (DeLong et al. 1988). Ties count half.
    """
    of_positive, of_negative = scores[positive], scores[~positive]
    m, n = len(of_positive), len(of_negative)
    ranks = midranks(np.concatenate([of_positive, of_negative]))
    v10 = (ranks[:m] - midranks(of_positive)) / n
    return v10, 1.0 - (ranks[m:] - midranks(of_negative)) / m


def proportion(successes: int, trials: int) -> Interval:
    """A share of trials with Wilson's score interval (doi:10.1080/01621459.1927.10502953)."""
    if trials == 0:
        return Interval(math.nan, 0.0, 1.0)
    p, z2 = successes / trials, Z95**2
    centre = (p + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z95 / (1 + z2 / trials) * math.sqrt(p * (1 - p) / trials + z2 / (4 * trials**2))
    low, high = max(centre - half, 0.0), min(centre + half, 1.0)
    return Interval(p, 0.0 if successes == 0 else low, 1.0 if successes == trials else high)


def ratio(above: np.ndarray, below: np.ndarray) -> Interval:
    """The sum of one quantity over that of another, with an interval over rows (delta method).

    Args:
        above, below: float [rows]; the sum of `below` is not 0.
    """
    total = float(below.sum())
    value = float(above.sum()) / total
    half = Z95 * math.sqrt(float(((above - value * below) ** 2).sum())) / total
    return Interval(value, value - half, value + half)


def mcnemar(right: np.ndarray, other_right: np.ndarray) -> float:
    """The exact two-sided p-value that two classifiers are right equally often on the same rows.

    McNemar's test, by the binomial distribution of the rows where exactly one of them is right.
    """
    only, other = int((right & ~other_right).sum()), int((~right & other_right).sum())
    n, k = only + other, min(only, other)
    if n == 0:
        return 1.0
    log_terms = [
        math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) - n * math.log(2)
        for i in range(k + 1)
    ]
    return min(1.0, 2.0 * math.fsum(map(math.exp, log_terms)))


def calibration_error(probabilities: np.ndarray, positive: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error over bins of equally many rows (Naeini et al. 2015).

    The mean over bins of |share of positives - mean probability|, weighted by rows.
    """
    order = np.argsort(probabilities, kind="stable")
    total = 0.0
    for rows in np.array_split(order, min(bins, len(order))):
        total += len(rows) * abs(float(positive[rows].mean()) - float(probabilities[rows].mean()))
    return total / len(order)


def midranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1; equal values share the mean of theirs."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    first = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    sizes = np.diff(np.append(first, len(values)))
    found = np.empty(len(values))
    found[order] = np.repeat(first + (sizes + 1) / 2, sizes)
    return found


def _variance(values: np.ndarray) -> float:
    return float(values.var(ddof=1)) if len(values) > 1 else 0.0


def _logistic(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x)) if x > -700 else 0.0
