"""Quotas made whole: with a given sum, between bounds, and the most urgent first.

A source's quota is what it should have had by now, a real number that never falls. Its n-th
sequence may come once the quota is above n - 1 and has to come before it is above n: then the
count is never a whole sequence away.
"""

from __future__ import annotations

import numpy as np

_SLOWEST = 1e-300  # a rate below any that shares give, instead of 0 to divide by


def nearest(
    quota: np.ndarray,
    total: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
) -> np.ndarray:
    """Quotas rounded down or up so that they have a given sum.

    Those are rounded up that are furthest through the time in which their next sequence has to
    come. Where bounds leave too little or too much, all quotas are moved by the same whole
    number first.

    Args:
        quota: float64 [n, sources].
        total: int64 [n], the sums.
        low, high: int64 [n, sources], bounds; their sums enclose the totals.
        before, after: float64 [n, sources], quotas at the times at which counts are `low` and
            `high`.

    Returns:
        int64 [n, sources]
    """
    count = _rounded_down(quota, total, low, high)
    missing = total - count.sum(1)
    may = np.minimum(count + 1, high) > count
    opens, closes = np.maximum(count, before), np.minimum(count + 1, after)
    width = np.where(closes > opens, closes - opens, 1.0)
    over = np.where(may, (quota - opens) / width, -np.inf)
    return count + (may & _first(-over, missing))


def enclosing(
    quota: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Sums of quotas rounded down, and up, between bounds; [n] each."""
    down = np.clip(np.floor(quota), low, high)
    return down.sum(1).astype(np.int64), np.clip(np.ceil(quota), down, high).sum(1).astype(np.int64)


def urgent_first(quota: np.ndarray, low: np.ndarray, high: np.ndarray, block: int) -> np.ndarray:
    """Counts at the ends of consecutive blocks, from given ones to given ones.

    Block by block every source gets what is due, and the rest goes to those whose next
    sequence has to come soonest (earliest deadline first: if there is an order that keeps all
    deadlines, this is one).

    Args:
        quota: float64 [n, blocks + 2, sources], at the beginning and the blocks' ends, and one
            block later.
        low, high: int64 [n, sources], counts at the beginning and at the last end; between them
            are `blocks` times `block` sequences.

    Returns:
        int64 [n, blocks + 1, sources], from `low` to `high`.
    """
    blocks = quota.shape[1] - 2
    found = np.empty((len(quota), blocks + 1, quota.shape[2]), np.int64)
    found[:, 0], found[:, blocks] = low, high
    count, begin = low, low.sum(1)
    for end in range(1, blocks):
        now, total = quota[:, end], begin + end * block
        rate = np.maximum(quota[:, end + 1] - now, _SLOWEST)
        due = np.clip(np.floor(now).astype(np.int64), count, high)
        while ((excess := due.sum(1) - total) > 0).any():  # too many at once: the last due wait
            due -= (due > count) & _first(np.where(due > count, now - due, np.inf), excess)
        count = due
        while ((missing := total - count.sum(1)) > 0).any():
            left = np.minimum((count + 1 - now) / rate, blocks - end)  # blocks until it has to
            wait = (count - now) / rate  # until it may
            # Only if all that may come have come does one come too early, the next to be.
            urgency = np.where(wait > 0, blocks + wait, left)
            count = count + ((count < high) & _first(
                np.where(count < high, urgency, np.inf), missing
            ))  # fmt: skip
        found[:, end] = count
    return found


def _first(keys: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Which keys (float64 [n, sources]) are among so many (int64 [n]) smallest of their row; of
    equal ones the first.
    """
    order = np.argsort(keys, axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(order.shape[1])[None], axis=1)
    return rank < number[:, None]


def _rounded_down(
    quota: np.ndarray, total: np.ndarray, low: np.ndarray, high: np.ndarray
) -> np.ndarray:
    """Quotas rounded down, moved by a whole number where they must be, and held between bounds:
    less than one each below the totals.
    """
    floor = np.floor(quota).astype(np.int64)
    shift = np.zeros((len(total), 1), np.int64)

    def held(by: np.ndarray) -> np.ndarray:
        return np.clip(floor + by, low, high)

    while (above := held(shift).sum(1) > total).any():
        shift -= above[:, None]
    while (below := held(shift + 1).sum(1) < total).any():
        shift += below[:, None]
    return held(shift)
