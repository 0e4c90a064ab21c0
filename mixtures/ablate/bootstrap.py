"""How sure the proposal is: the whole fit again on reweighted runs.

The Bayesian bootstrap (Rubin 1981): exponential weights over the runs instead of counts. With
two runs per domain a resample with counts often holds no run at all of some domain, and its law
is then anybody's guess; positive weights keep every run in.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from castor.mixtures.ablate import fit, propose

Array = np.ndarray
REPLICATES = 200  # at least: the tails of a 95 % interval are five of them each
LEVEL = 0.95
WIDEST = 2.0  # variance of the weights; more leaves too few runs that count


@dataclasses.dataclass(frozen=True)
class Uncertainty:
    """What the replicates say.

    Attributes:
        low, high: interval of every weight [k], in the order of the table's names.
        gain: interval of the predicted gain of the proposal over the baseline.
        probability: share of replicates in which that gain is positive.
        replicates: proposals of the replicates [R, k].
    """

    low: Array
    high: Array
    gain: tuple[float, float]
    probability: float
    replicates: Array


def weights(runs: int, parameters: int, replicates: int, seed: int) -> Array:
    """Weights over the runs [R, n], each row with a mean of 1.

    A fit with p parameters leaves residuals that are too small by sqrt((n - p) / n), and a
    bootstrap that takes them at face value is too sure. The weights are drawn with variance
    n / (n - p) in place of 1, at most `WIDEST`.
    """
    variance = WIDEST
    if runs > parameters:
        variance = min(WIDEST, runs / (runs - parameters))
    # n times a Dirichlet of equal parameters a has variance (n - 1) / (n a + 1).
    shape = ((runs - 1) / variance - 1) / runs
    drawn = np.random.default_rng(seed).gamma(shape, size=(replicates, runs))
    return np.asarray(drawn / drawn.mean(-1, keepdims=True))


def uncertainty(
    fitted: fit.Fitted, proposal: Array, baseline: Array, prior: Array, *,
    pull: float, caps: Array | None, replicates: int = REPLICATES, level: float = LEVEL,
    seed: int = 0, starts: Sequence[Array] = (),
) -> Uncertainty:  # fmt: skip
    """Fits and proposes anew on every replicate.

    The gain is that of the one proposal under the replicates' laws, not of each replicate's own
    best: its own best always looks good.

    Args:
        fitted: the law of all runs.
        proposal, baseline: mixtures [k].
        prior, pull, caps, starts: as of `propose.propose`.
        replicates: at least 200 for a 95 % interval.
        level: of the intervals.
        seed: of the weights.
    """
    again = fit.refit(
        fitted, weights(fitted.table.runs, len(fitted.table.names) + 1, replicates, seed)
    )
    proposals = propose.propose(again, prior, pull=pull, caps=caps, starts=[proposal, *starts])
    tails = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(proposals, tails, axis=0)
    scores = again.score(np.stack([baseline, proposal]))
    gains = scores[:, 0] - scores[:, 1]
    edges = np.quantile(gains, tails)
    return Uncertainty(
        np.minimum(low, proposal), np.maximum(high, proposal),
        (float(edges[0]), float(edges[1])), float((gains > 0).mean()), proposals,
    )  # fmt: skip
