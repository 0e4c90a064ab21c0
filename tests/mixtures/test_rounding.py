"""Quotas made whole: sums and bounds always; deadlines whenever they can be kept."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.mixtures import rounding

BLOCKS = 16


def linear(counts):
    """Quotas that go from 0 to these counts in BLOCKS blocks: [1, BLOCKS + 2, sources]."""
    return np.arange(BLOCKS + 2)[None, :, None] / BLOCKS * np.asarray(counts)[None, None, :]


few = st.lists(st.integers(0, 12), min_size=4, max_size=40)  # less than one in a block


@given(few | st.lists(st.integers(0, 60), min_size=1, max_size=30), st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
def test_all_deadlines_are_kept_where_they_can_be(counts, seed):
    """From nothing to whole quotas there always is an order (Tijdeman, "The chairman assignment
    problem", 1980), and the earliest deadline first finds it."""
    rng = np.random.default_rng(seed)
    counts = np.array(counts)
    while counts.sum() % BLOCKS or not counts.sum():  # whole blocks
        counts[rng.integers(len(counts))] += 1
    block = int(counts.sum()) // BLOCKS
    quota = linear(counts)
    low, high = np.zeros((1, len(counts)), np.int64), counts[None]
    found = rounding.urgent_first(quota, low, high, block)
    assert found.shape == (1, BLOCKS + 1, len(counts))
    assert np.array_equal(found[0, 0], low[0])
    assert np.array_equal(found[0, -1], high[0])
    assert np.array_equal(found[0].sum(1), np.arange(BLOCKS + 1) * block)
    assert (np.diff(found[0], axis=0) >= 0).all()
    assert np.abs(found - quota[:, : BLOCKS + 1]).max() <= 1 + 1e-9


@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 4))
@settings(deadline=None)
def test_whatever_the_bounds_counts_add_up_and_never_fall(seed, sources, spans):
    """Also where quotas ask for something else than the bounds allow."""
    rng = np.random.default_rng(seed)
    low = rng.integers(0, 20, (spans, sources))
    taken = rng.integers(0, 30, (spans, sources))
    while (odd := taken.sum(1) % BLOCKS != 0).any():
        taken[odd, 0] += 1
    assert taken.sum() % BLOCKS == 0
    for one in range(spans):
        block = int(taken[one].sum()) // BLOCKS
        rate = rng.random(sources) * 3
        quota = rng.random(sources) * 20 + np.arange(BLOCKS + 2)[:, None] * rate
        begin, end = low[one : one + 1], (low + taken)[one : one + 1]
        found = rounding.urgent_first(quota[None], begin, end, block)[0]
        assert np.array_equal(found.sum(1), begin.sum() + np.arange(BLOCKS + 1) * block)
        assert (np.diff(found, axis=0) >= 0).all()
        assert np.array_equal(found[-1], end[0])


@given(st.integers(0, 2**32), st.integers(1, 12))
@settings(deadline=None)
def test_nearest_has_the_sum_and_keeps_the_bounds(seed, sources):
    rng = np.random.default_rng(seed)
    n = 5
    low = rng.integers(0, 10, (n, sources))
    high = low + rng.integers(0, 4, (n, sources))
    quota = rng.random((n, sources)) * 12
    total = rng.integers(low.sum(1), high.sum(1) + 1)
    found = rounding.nearest(quota, total, low, high, quota - 1, quota + 1)
    assert np.array_equal(found.sum(1), total)
    assert ((low <= found) & (found <= high)).all()


def test_nearest_rounds_up_who_is_furthest():
    quota = np.array([[1.2, 3.7, 0.4, 2.0]])
    low, high = np.zeros((1, 4), int), np.full((1, 4), 9)
    sums = {6: [1, 3, 0, 2], 7: [1, 4, 0, 2], 8: [1, 4, 1, 2], 9: [2, 4, 1, 2]}
    for total, wanted in sums.items():
        found = rounding.nearest(quota, np.array([total]), low, high, quota - 9, quota + 9)
        assert found[0].tolist() == wanted


def test_of_equal_ones_the_first():
    quota = np.array([[0.5, 0.5, 0.5, 0.5]])
    low, high = np.zeros((1, 4), int), np.ones((1, 4), int)
    found = rounding.nearest(quota, np.array([2]), low, high, quota * 0, quota * 2)
    assert found[0].tolist() == [1, 1, 0, 0]
