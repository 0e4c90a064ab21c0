"""Rules and caps: the reference's vectors, and what must hold for any sizes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters.errors import GateError
from castor.mixtures import weights

sizes_lists = st.lists(st.floats(1, 1e12), min_size=1, max_size=30)


@pytest.mark.parametrize(
    ("temperature", "shares"),
    [
        (1, [0.0090, 0.0901, 0.9009]),
        (5, [0.1962, 0.3110, 0.4928]),
        (3.33, [0.1432, 0.2859, 0.5709]),
        (1e9, [1 / 3, 1 / 3, 1 / 3]),
    ],
)
def test_temperature(temperature, shares):
    found = weights.temperature([1e3, 1e4, 1e5], temperature)
    assert found == pytest.approx(shares, abs=5e-5)


def test_a_limit_makes_large_sources_alike():
    found = weights.temperature([10, 1000, 100_000], 1, limit=1000)
    assert found == pytest.approx([10 / 2010, 1000 / 2010, 1000 / 2010])


def test_proportional_is_the_temperature_of_one():
    sizes = [3.0, 5.0, 92.0]
    assert np.array_equal(weights.proportional(sizes), weights.temperature(sizes, 1))


def test_unimax():
    found = weights.unimax([10, 100, 1000, 10_000], 2000, 4)
    assert found.tolist() == [40, 400, 780, 780]


def test_unimax_does_not_depend_on_the_order():
    found = weights.unimax([1000, 10, 10_000, 100], 2000, 4)
    assert found.tolist() == [780, 40, 780, 400]


def test_what_unimax_cannot_deliver_is_an_error_unless_it_may_shrink():
    with pytest.raises(GateError, match="76 of 100 tokens missing") as caught:
        weights.unimax([1, 2, 3], 100, 4)
    assert caught.value.exit_code == 3
    assert weights.unimax([1, 2, 3], 100, 4, shrink=True).tolist() == [4, 8, 12]


@given(sizes_lists, st.floats(0.1, 20), st.floats(0.01, 100))
@settings(deadline=None)
def test_unimax_keeps_budget_and_limit(sizes, epochs, part):
    budget = sum(sizes) * epochs * part
    found = weights.unimax(sizes, budget, epochs, shrink=True)
    most = np.array(sizes) * epochs
    assert found.sum() <= budget * (1 + 1e-9)
    assert (found <= most * (1 + 1e-12)).all()
    if part <= 1:
        assert found.sum() == pytest.approx(budget, rel=1e-9)
    # Whoever is not at its limit gets as much as anybody, and no less.
    free = found < most * (1 - 1e-9)
    if free.any():
        assert found[free] == pytest.approx(found.max(), rel=1e-9)
    if (most >= budget / len(sizes)).all():
        assert found == pytest.approx(budget / len(sizes))


def test_water_fill():
    shares, clamped = weights.water_fill([0.7, 0.2, 0.1], [0.4, 0.3, 1])
    assert shares == pytest.approx([0.4, 0.3, 0.3])
    assert clamped.tolist() == [True, True, False]


def test_without_a_cap_that_binds_the_weights_stay():
    shares, clamped = weights.water_fill([7, 2, 1], [math.inf, 0.5, 0.1])
    assert shares == pytest.approx([0.7, 0.2, 0.1])
    assert not clamped.any()


def test_a_weight_of_zero_stays_zero():
    shares, _ = weights.water_fill([1, 0, 1], [0.2, 1, 1])
    assert shares == pytest.approx([0.2, 0, 0.8])


def test_all_clamped_gives_less_than_one():
    shares, clamped = weights.water_fill([1, 1, 0], [0.2, 0.3, 1])
    assert shares == pytest.approx([0.2, 0.3, 0])
    assert clamped.tolist() == [True, True, False]


@given(
    st.lists(
        st.tuples(st.just(0.0) | st.floats(1e-6, 10), st.floats(0, 2)), min_size=1, max_size=20
    ).filter(lambda pairs: any(w for w, _ in pairs))
)
@settings(deadline=None)
def test_water_fill_keeps_caps_and_ratios(pairs):
    given_weights, most = (np.array(x) for x in zip(*pairs))
    shares, clamped = weights.water_fill(given_weights, most)
    assert (shares <= most + 1e-12).all()
    assert np.array_equal(shares[clamped], most[clamped])
    if (~clamped & (given_weights > 0)).any():
        assert shares.sum() == pytest.approx(1)
    free = ~clamped & (given_weights > 0)
    ratios = shares[free] / given_weights[free]
    assert ratios == pytest.approx(ratios[:1].repeat(len(ratios)), rel=1e-6)
    # What is clamped would have more without its cap.
    if clamped.any() and free.any():
        assert (given_weights[clamped] * ratios[0] >= most[clamped] - 1e-9).all()


def test_strict_shrinks_the_budget_and_keeps_the_ratios():
    assert weights.strict([0.5, 0.5], 100, [30, 100]) == 60
    assert weights.strict([0.5, 0.5], 100, [math.inf, 80]) == 100
    assert weights.strict([0, 1], 100, [0, 500]) == 100
