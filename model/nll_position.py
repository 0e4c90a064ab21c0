"""Loss against position: how much a longer context helps, and the power law it follows.

Gemini 1.5 (arXiv 2403.05530, section 4.2.1.1, figure 7) shows the cumulative average of the
negative log-likelihood up to token x, and fits L(x) = alpha x^beta + gamma to it.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

FIRST_BIN = 128  # as in the figure; less where the windows are short
OCTAVES = 6  # at least so many bins where the window allows, so that three parameters can be fitted
FEWEST_BINS = 5  # a curve of three parameters through fewer points always fits
FEWEST_TOKENS = 1000  # per bin: the spread of a token's loss, about 3 nats, over sqrt(1000) is 0.1


@dataclasses.dataclass(frozen=True)
class PowerLaw:
    """L(x) = alpha x^beta + gamma, with beta < 0.

    Attributes:
        r2: share of the points' variance that it explains.
        points: how many it was fitted to.
    """

    alpha: float
    beta: float
    gamma: float
    r2: float
    points: int


class ByPosition:
    """Sums the loss of every position over windows of one length.

    Only whole windows are counted, so that every position averages over the same windows: were
    shorter ones counted too, the curve would show which documents are long.

    Args:
        length: positions in a window.
    """

    def __init__(self, length: int) -> None:
        self.sum = np.zeros(length)
        self.tokens = np.zeros(length, np.int64)

    def add(self, nll: np.ndarray, scored: np.ndarray) -> None:
        """Adds windows: nats, float [windows, length]; scored, bool of the same shape."""
        self.sum += np.where(scored, nll, 0.0).sum(axis=0, dtype=np.float64)
        self.tokens += scored.sum(axis=0)

    def curve(self) -> list[dict[str, Any]]:
        """The mean nats per token up to each bin's end (its positions counted from 1)."""
        total, tokens = self.sum.cumsum(), self.tokens.cumsum()
        return [
            {"up_to": x, "nll": float(total[x - 1] / tokens[x - 1]), "tokens": int(tokens[x - 1])}
            for x in edges(len(self.sum))
            if tokens[x - 1]
        ]

    def fit(self) -> PowerLaw | None:
        """The power law of the curve; None where there is too little to fit it to."""
        points = [p for p in self.curve() if p["tokens"] >= FEWEST_TOKENS]
        if len(points) < FEWEST_BINS:
            return None
        return fit(np.array([p["up_to"] for p in points]), np.array([p["nll"] for p in points]))


def edges(length: int) -> list[int]:
    """The ends of the bins: powers of two up to the window's length."""
    first = FIRST_BIN
    while first > 1 and first << (OCTAVES - 1) > length:
        first //= 2
    found = []
    while first <= length:
        found.append(first)
        first *= 2
    return found


def fit(x: np.ndarray, y: np.ndarray) -> PowerLaw | None:
    """Fits alpha x^beta + gamma: a grid on gamma, then a line in logarithms, weighted by y - gamma.

    The weights make the line's residuals those of y itself to first order, so the gamma with the
    smallest squares in y is chosen among fits of the same criterion.

    Args:
        x: positions, float or int [n], positive.
        y: mean loss, float [n].

    Returns:
        None if the loss does not fall with x (no beta < 0).
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    spread = float(y.max() - y.min())
    if spread <= 0:
        return None
    low, high = y.min() - 4 * spread, y.min() - 1e-6 * spread
    best: tuple[float, PowerLaw] | None = None
    for _ in range(6):  # each round looks closer around the best gamma of the one before
        gammas = np.linspace(low, high, 81)
        tried = [law for gamma in gammas if (law := _at(x, y, float(gamma), spread))]
        if not tried:
            return None
        best = min([*tried, best] if best else tried, key=lambda found: found[0])
        step, centre = gammas[1] - gammas[0], best[1].gamma
        low, high = centre - 2 * step, min(centre + 2 * step, y.min() - 1e-9 * spread)
    return best[1] if best else None


def _at(x: np.ndarray, y: np.ndarray, gamma: float, spread: float) -> tuple[float, PowerLaw] | None:
    above = y - gamma
    slope, height = np.polyfit(np.log(x), np.log(above), 1, w=above / spread)
    if slope >= 0:
        return None
    squares = float(((y - gamma - np.exp(height) * x**slope) ** 2).sum())
    r2 = 1 - squares / float(((y - y.mean()) ** 2).sum())
    return squares, PowerLaw(float(np.exp(height)), float(slope), gamma, r2, len(x))
