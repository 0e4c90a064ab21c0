"""What a domain's loss is as a function of the mixture: two laws, fitted many at a time.

Both fits take weights over the runs [R, n] and return R laws at once: the folds of a
cross-validation and the replicates of a bootstrap are one call. Runs are rows of X [n, k], their
columns in the order of `names`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Protocol

import numpy as np

Array = np.ndarray

HUBER = 0.02  # delta of Data Mixing Laws (arXiv 2403.16952) and Olmix, in units of the loss
EPS = 2e-3  # added to the own share before its logarithm: the least weight that a swarm draws
RIDGE = 0.05  # own-log; as measured on RegMix's swarms
SLOPE_RIDGE = 1e-5  # log-linear: only for domains of which a resample holds nothing
LARGEST = 30.0  # exponents are cut there: exp(30) is no loss, but no overflow either
STARTS = (0.02, 0.3, 1.0, 3.0)  # first guesses of c: that many ranges of y below its minimum
ROUNDS = 60


class Law(Protocol):
    """R fitted laws of one domain's loss."""

    @property
    def kind(self) -> str:
        """`log-linear` or `own-log`."""

    def predict(self, X: Array) -> Array:
        """Losses [R, m] at mixtures [m, k] or [R, m, k]."""

    def slopes(self, x: Array) -> Array:
        """The gradient [R, k] at one mixture per law, x [R, k]."""

    def parameters(self) -> dict[str, Array]:
        """Its parameters by name, `t` [R, k] among them."""


@dataclasses.dataclass(frozen=True)
class LogLinear:
    """y = c + exp(b + t·x), with b the mean slope (the shares sum to 1) and t around 0.

    Source: Data Mixing Laws (Ye et al. 2024, eq. 7); Olmix fits the same.
    """

    c: Array  # [R]
    t: Array  # [R, k], b included
    kind: str = "log-linear"

    def predict(self, X: Array) -> Array:
        """Losses [R, m] at mixtures [m, k] or [R, m, k]."""
        z = np.minimum(_each(X, self.t), LARGEST)
        return np.asarray(self.c[:, None] + np.exp(z))

    def slopes(self, x: Array) -> Array:
        """The gradient [R, k] at x [R, k]."""
        z = np.minimum((self.t * x).sum(-1), LARGEST)
        return np.asarray(np.exp(z)[:, None] * self.t)

    def parameters(self) -> dict[str, Array]:
        """For a record: c [R], b [R] and t [R, k]."""
        b = self.t.mean(-1)
        return {"c": self.c, "b": b, "t": self.t - b[:, None]}


@dataclasses.dataclass(frozen=True)
class OwnLog:
    """y = b0 + b1 l + b2 l² + t·x with l = log(own share + eps): a domain's own share saturates."""

    own: int  # column of the domain in X
    b: Array  # [R, 3]
    t: Array  # [R, k]
    kind: str = "own-log"

    def predict(self, X: Array) -> Array:
        """Losses [R, m] at mixtures [m, k] or [R, m, k]."""
        log = np.log(X[..., self.own] + EPS)
        b0, b1, b2 = (self.b[:, i, None] for i in range(3))
        return np.asarray(b0 + b1 * log + b2 * log**2 + _each(X, self.t))

    def slopes(self, x: Array) -> Array:
        """The gradient [R, k] at x [R, k]."""
        own = x[:, self.own] + EPS
        result = self.t.copy()
        result[:, self.own] += (self.b[:, 1] + 2 * self.b[:, 2] * np.log(own)) / own
        return result

    def parameters(self) -> dict[str, Array]:
        """For a record: b [R, 3] and t [R, k]."""
        return {"b": self.b, "t": self.t}


def fit_own_log(X: Array, y: Array, weights: Array, own: int, ridge: float = RIDGE) -> OwnLog:
    """Weighted ridge regression in closed form; the intercept is free.

    Args:
        X: mixtures [n, k].
        y: losses [n].
        weights: of the runs, [R, n].
        own: column of the domain whose loss y is.
        ridge: penalty on the sum of squares of all other coefficients.
    """
    log = np.log(X[:, own] + EPS)
    F = np.column_stack([np.ones(len(X)), log, log**2, X])
    penalty = np.full(F.shape[1], ridge)
    penalty[0] = 1e-12
    gram = np.einsum("rn,ni,nj->rij", weights, F, F) + np.diag(penalty)
    right = np.einsum("rn,ni,n->ri", weights, F, y)
    b = np.linalg.solve(gram, right[..., None])[..., 0]
    return OwnLog(own, b[:, :3], b[:, 3:])


def fit_log_linear(
    X: Array, y: Array, weights: Array, *, delta: float = HUBER, near: LogLinear | None = None
) -> LogLinear:
    """Huber regression by damped Gauss-Newton from several starts, the best kept per law.

    c is kept at 0 or above: a loss in bits is not negative, and without the bound a nearly
    linear y lets c run away.

    Args:
        X: mixtures [n, k].
        y: losses [n].
        weights: of the runs, [R, n].
        delta: residuals beyond it count linearly.
        near: one law to start from, in place of the several starts.
    """
    R, k = len(weights), X.shape[1]
    best = np.full(R, np.inf)
    found = np.zeros((R, k + 1))
    for parameters in _starts(X, y, weights, near):
        value, parameters = _descend(X, y, weights, parameters, delta)
        better = value < best
        best = np.where(better, value, best)
        found[better] = parameters[better]
    return LogLinear(found[:, 0], found[:, 1:])


def _starts(X: Array, y: Array, weights: Array, near: LogLinear | None) -> Iterator[Array]:
    """First parameters [R, 1 + k]: c below the losses, and t by regression of log(y - c)."""
    if near is not None:
        yield np.tile(np.append(near.c[:1], near.t[0]), (len(weights), 1))
        return
    spread = max(float(np.ptp(y)), 1e-6)
    for start in STARTS:
        c = max(float(y.min()) - start * spread, 0.0)
        c = min(c, float(y.min()) - 1e-3 * spread)
        gram = np.einsum("rn,ni,nj->rij", weights, X, X) + 1e-3 * np.eye(X.shape[1])
        right = np.einsum("rn,ni,n->ri", weights, X, np.log(y - c))
        t = np.linalg.solve(gram, right[..., None])[..., 0]
        yield np.column_stack([np.full(len(weights), c), t])


def _descend(
    X: Array, y: Array, weights: Array, parameters: Array, delta: float
) -> tuple[Array, Array]:
    """Levenberg-Marquardt on the Huber loss, every law with its own damping.

    Returns:
        values [R], parameters [R, 1 + k] = c, t.
    """
    k = X.shape[1]
    centre = np.eye(k) - 1.0 / k  # the ridge pulls slopes to their mean, not to 0
    penalty = np.zeros((k + 1, k + 1))
    penalty[1:, 1:] = SLOPE_RIDGE * centre
    penalty[0, 0] = 1e-9

    def value(p: Array) -> tuple[Array, Array, Array]:
        curve = np.exp(np.minimum(p[:, 1:] @ X.T, LARGEST))
        residual = p[:, :1] + curve - y
        size = np.abs(residual)
        huber = np.where(size <= delta, 0.5 * residual**2, delta * (size - 0.5 * delta))
        ridge = 0.5 * np.einsum("ri,ij,rj->r", p, penalty, p)
        return (weights * huber).sum(-1) + ridge, residual, curve

    now, residual, curve = value(parameters)
    damping = np.full(len(parameters), 1e-3)
    for _ in range(ROUNDS):
        J = np.concatenate(
            [np.ones_like(curve)[..., None], curve[..., None] * X], -1
        )  # [R, n, 1+k]
        size = np.maximum(np.abs(residual), delta)
        robust = weights * delta / size
        WJ = robust[..., None] * J
        gradient = np.einsum("rni,rn->ri", WJ, residual) + parameters @ penalty
        hessian = np.einsum("rni,rnj->rij", WJ, J) + penalty
        scale = np.einsum("rii->ri", hessian) + 1e-12
        hessian = hessian + (damping[:, None] * scale)[..., None] * np.eye(k + 1)
        step = np.linalg.solve(hessian, gradient[..., None])[..., 0]
        trial = parameters - step
        trial[:, 0] = np.maximum(trial[:, 0], 0.0)
        then, its_residual, its_curve = value(trial)
        good = then < now
        settled = np.where(good, now - then, 0.0) <= 1e-12 * (1.0 + now)
        parameters = np.where(good[:, None], trial, parameters)
        residual = np.where(good[:, None], its_residual, residual)
        curve = np.where(good[:, None], its_curve, curve)
        now = np.where(good, then, now)
        damping = np.clip(np.where(good, damping * 0.3, damping * 8.0), 1e-10, 1e8)
        if (settled & (good | (damping >= 1e8))).all():
            break
    return now, parameters


def _each(X: Array, t: Array) -> Array:
    """t·x of every law at every mixture: [R, m] of X [m, k] or [R, m, k] and t [R, k]."""
    if X.ndim == 2:
        return np.asarray(t @ X.T)
    return np.einsum("rmk,rk->rm", X, t)
