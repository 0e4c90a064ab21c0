"""Where weights come from: sizes of sources, a temperature, a limit on epochs; and caps on them.

Sizes and amounts are in any one unit (tokens here). Every function gives shares with the sum 1,
or amounts; none reads a file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from castor.filters.errors import GateError

SLACK = 1e-9  # relative: what floating point may miss a budget by


def normalised(weights: Sequence[float] | np.ndarray) -> np.ndarray:
    """The weights divided by their sum, which is positive: float64 [sources]."""
    weights = np.asarray(weights, np.float64)
    return weights / math.fsum(weights.tolist())


def proportional(sizes: Sequence[float] | np.ndarray) -> np.ndarray:
    """Every source as much as there is of it, so that all have the same number of epochs."""
    return normalised(sizes)


def temperature(
    sizes: Sequence[float] | np.ndarray, temperature: float, limit: float = math.inf
) -> np.ndarray:
    """Shares proportional to min(size, limit)^(1/temperature).

    1 is proportional, infinity uniform; mT5 (arXiv:2010.11934) uses 1 / 0.3, and a limit is T5's
    "examples-proportional mixing" (arXiv:1910.10683 §3.5.2).
    """
    sizes = np.minimum(np.asarray(sizes, np.float64), limit)
    return normalised(sizes ** (1 / temperature))


def unimax(
    sizes: Sequence[float] | np.ndarray,
    budget: float,
    epochs: float | Sequence[float] | np.ndarray,
    *,
    shrink: bool = False,
) -> np.ndarray:
    """As uniform as a limit on epochs allows: UniMax (arXiv:2304.09151, Algorithm 1).

    From the smallest source up, each gets an equal part of what is left of the budget, but no
    more than so many epochs.

    Args:
        epochs: of every source, or of each; infinity for no limit.
        shrink: whether less than the budget will do.

    Returns:
        The amount of each source; their sum is the budget, or less if it had to shrink.

    Raises:
        GateError: the sources have not enough for the budget.
    """
    most = np.asarray(sizes, np.float64) * np.asarray(epochs, np.float64)
    amounts, left = np.zeros(len(most)), float(budget)
    order = np.argsort(most, kind="stable").tolist()
    for done, i in enumerate(order):
        amounts[i] = min(left / (len(order) - done), float(most[i]))
        left -= amounts[i]
    if left > SLACK * budget and not shrink:
        raise runs_dry(budget, left)
    return amounts


def water_fill(
    weights: Sequence[float] | np.ndarray, most: Sequence[float] | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Shares in proportion to the weights, none above its cap.

    What is above its cap is clamped to it, and the rest is given to the others in proportion,
    until nothing changes.

    Args:
        weights: any sum; a weight of 0 stays 0.
        most: the greatest share of each source; infinity for no cap.

    Returns:
        The shares, and which of them are clamped (bool); the shares have the sum 1, or less if
        all sources with a weight are clamped.
    """
    weights, most = normalised(weights), np.asarray(most, np.float64)
    clamped, left, rest = np.zeros(len(weights), bool), 1.0, weights
    for _ in range(len(weights) + 1):
        free = np.where(clamped, 0.0, weights)
        total = math.fsum(free.tolist())
        left = 1.0 - math.fsum(most[clamped].tolist())
        rest = free * (max(0.0, left) / total) if total else free
        over = rest > most
        if not over.any():
            break
        clamped |= over
    return np.where(clamped, most, rest), clamped


def strict(
    weights: Sequence[float] | np.ndarray, budget: float, most: Sequence[float] | np.ndarray
) -> float:
    """The greatest budget, up to this one, that keeps the weights and no source above its amount.

    This is what OLMo-core's source mixtures do with `max_repetition_ratio`.

    Args:
        most: the greatest amount of each source; infinity for no cap.
    """
    shares, most = normalised(weights), np.asarray(most, np.float64)
    used = shares > 0
    return float(min(budget, np.min(most[used] / shares[used])))


def runs_dry(budget: float, missing: float, *, where: str | None = None) -> GateError:
    """The error for a budget that the sources cannot fill."""
    return GateError(
        "the sources run dry: max_epochs leave too few tokens for the budget",
        where=where,
        got=f"{missing:,.0f} of {budget:,.0f} tokens missing",
        fix="raise max_epochs, add data, lower the budget, or set shrink: true",
    )
