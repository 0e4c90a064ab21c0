"""Points of the simplex under caps: the one projection that sampling and proposing share."""

from __future__ import annotations

import numpy as np

from castor.filters.errors import ConfigError

Array = np.ndarray
FILL = 1e-12  # relative weight from which an exhausted mixture is filled up, see `capped`


def capped(x: Array, caps: Array | None, fill: Array | None = None) -> Array:
    """The nearest points with a sum of 1 and no weight above its cap, in KL divergence.

    The solution is min(cap, s·x) with the scale s that makes the sum 1: water-filling. A weight
    of zero stays zero, unless the other caps leave mass over; that goes in proportion to `fill`.

    Args:
        x: weights [..., k], not negative, at least one positive; any sum.
        caps: largest weights [k], or None for no cap.
        fill: [k] positive; default: all alike.

    Returns:
        [..., k]

    Raises:
        ConfigError: the caps sum to less than 1.
    """
    x = np.asarray(x, np.float64)
    if caps is None:
        return x / x.sum(-1, keepdims=True)
    check_caps(caps)
    fill = np.ones(x.shape[-1]) if fill is None else fill
    x = x / x.sum(-1, keepdims=True) + FILL * fill / fill.sum()
    full = np.zeros(x.shape, bool)  # at their cap
    for _ in range(x.shape[-1] + 1):
        left = 1.0 - np.where(full, caps, 0.0).sum(-1, keepdims=True)
        rest = np.where(full, 0.0, x)
        total = rest.sum(-1, keepdims=True)
        scaled = rest * (np.maximum(left, 0.0) / np.where(total > 0, total, 1.0))
        over = scaled > caps
        if not over.any():
            break
        full |= over
    result = np.where(full, caps, np.minimum(scaled, caps))
    return result / result.sum(-1, keepdims=True)


def check_caps(caps: Array) -> None:
    """Refuses caps under which no mixture exists.

    Raises:
        ConfigError: they sum to less than 1.
    """
    total = float(np.sum(np.minimum(caps, 1.0)))
    if total < 1.0 - 1e-9:
        raise ConfigError(
            "the sources have too few tokens for the target under max_epochs",
            got=f"at most {total:.1%} of it",
            fix="raise max_epochs, lower target_tokens, or add data",
        )


def divergence(x: Array, prior: Array) -> Array:
    """KL(x || prior) in nats over the last axis; 0·log 0 is 0, x > 0 where prior is 0 infinite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(x > 0, x * (np.log(x) - np.log(prior)), 0.0)
    return np.asarray(terms.sum(-1))
