"""The proposed mixture: least predicted loss, near the prior, within what the sources hold.

    argmin over the simplex of  Σ_d w_d y_d(x) + λ KL(x || prior),  x_i C <= N c_i

by mirror descent: multiplicative steps, then the KL projection on the caps. Every law of a
bootstrap is solved at once, each with a step size of its own that only ever lowers its objective.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from castor.mixtures.ablate import simplex
from castor.mixtures.ablate.fit import Fitted

Array = np.ndarray
PULL = 0.05  # lambda; Olmix uses 0.05 to 0.1
STEPS = 600
FLOOR = 1e-9  # weights start here at least: mirror descent never leaves a zero


def propose(
    fitted: Fitted, prior: Array, *, pull: float = PULL, caps: Array | None = None,
    starts: Sequence[Array] = (),
) -> Array:  # fmt: skip
    """Solves for all R laws of `fitted`, from several starts, and keeps the best of each.

    The log-linear objective is convex and every start ends at the same point; with the own-log
    law it need not be.

    Args:
        fitted: R laws.
        prior: [k] positive, in the order of `fitted.table.names`; it sums to 1.
        pull: λ, in units of the loss per nat.
        caps: largest weights [k].
        starts: further starts [k] besides the prior and the uniform mixture.

    Returns:
        [R, k]
    """
    R, k = len(next(iter(fitted.law.values())).predict(prior[None])), len(prior)
    best = np.full(R, np.inf)
    found = np.tile(simplex.capped(prior, caps, prior), (R, 1))
    for start in (prior, np.full(k, 1.0 / k), *starts):
        first = simplex.capped(np.maximum(start, FLOOR), caps, prior)
        x, value = _descend(fitted, np.tile(first, (R, 1)), prior, pull, caps)
        better = value < best
        best = np.where(better, value, best)
        found[better] = x[better]
    return found


def objective(fitted: Fitted, x: Array, prior: Array, pull: float) -> Array:
    """What is minimised, [R], at one mixture per law, x [R, k]."""
    return fitted.score(x[:, None])[:, 0] + pull * simplex.divergence(x, prior)


def _descend(
    fitted: Fitted, x: Array, prior: Array, pull: float, caps: Array | None
) -> tuple[Array, Array]:
    now = objective(fitted, x, prior, pull)
    rate = np.full(len(x), 1.0)
    for _ in range(STEPS):
        gradient = fitted.slopes(x) + pull * (np.log(np.maximum(x, 1e-300) / prior) + 1.0)
        gradient = gradient - gradient.min(-1, keepdims=True)
        trial = x * np.exp(-np.minimum(rate[:, None] * gradient, 50.0))
        trial = simplex.capped(np.maximum(trial, 1e-15), caps, prior)
        then = objective(fitted, trial, prior, pull)
        good = then < now
        moved = np.abs(trial - x).max(-1)
        x = np.where(good[:, None], trial, x)
        now = np.where(good, then, now)
        rate = np.clip(np.where(good, rate * 1.3, rate * 0.4), 1e-9, 1e6)
        if ((good & (moved < 1e-7)) | (~good & (rate < 1e-6))).all():
            break
    return x, now
