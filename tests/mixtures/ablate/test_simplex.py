import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters.errors import ConfigError
from castor.mixtures.ablate import simplex


@st.composite
def weights_and_caps(draw):
    k = draw(st.integers(2, 8))
    x = draw(st.lists(st.floats(0, 1), min_size=k, max_size=k).filter(lambda v: sum(v) > 1e-3))
    caps = draw(st.lists(st.floats(0.01, 1.5), min_size=k, max_size=k))
    caps = np.array(caps)
    if np.minimum(caps, 1).sum() < 1.001:
        caps = caps / np.minimum(caps, 1).sum() * 1.2
    return np.array(x), caps


@given(weights_and_caps())
def test_the_projection_is_a_mixture_under_its_caps(case):
    x, caps = case
    found = simplex.capped(x, caps)
    assert found.sum() == pytest.approx(1, abs=1e-9)
    assert (found >= 0).all()
    assert (found <= caps + 1e-9).all()


@given(weights_and_caps())
def test_what_is_not_at_its_cap_keeps_its_proportions(case):
    x, caps = case
    found = simplex.capped(x, caps)
    free = (found < caps - 1e-9) & (x > 1e-6)
    if free.sum() > 1:
        ratios = found[free] / x[free]
        assert ratios == pytest.approx(np.full(free.sum(), ratios[0]), rel=1e-5)


@settings(max_examples=30)
@given(weights_and_caps())
def test_no_other_mixture_under_the_caps_is_nearer(case):
    x, caps = case
    x = (x + 1e-3) / (x + 1e-3).sum()
    found = simplex.capped(x, caps)
    generator = np.random.default_rng(0)
    for other in generator.dirichlet(np.ones(len(x)), 50):
        other = simplex.capped(other, caps)
        assert simplex.divergence(other, x) >= simplex.divergence(found, x) - 1e-9


def test_known_values_by_hand():
    # .6 is cut to .5; the .1 that is over goes to the others 3 : 1
    assert simplex.capped(np.array([0.6, 0.3, 0.1]), np.array([0.5, 1, 1])) == pytest.approx(
        [0.5, 0.375, 0.125]
    )
    # the second cap binds only because of the first
    assert simplex.capped(np.array([0.6, 0.3, 0.1]), np.array([0.5, 0.32, 1])) == pytest.approx(
        [0.5, 0.32, 0.18]
    )
    # nothing but the fill can take what is over
    assert simplex.capped(
        np.array([1.0, 0, 0]), np.array([0.4, 1, 1]), np.array([0.2, 0.6, 0.2])
    ) == pytest.approx([0.4, 0.45, 0.15])


def test_many_at_a_time_are_as_one_by_one():
    x = np.random.default_rng(1).dirichlet(np.ones(5), 20)
    caps = np.array([0.2, 0.3, 0.4, 0.5, 1.0])
    one_by_one = np.stack([simplex.capped(row, caps) for row in x])
    assert simplex.capped(x, caps) == pytest.approx(one_by_one)


def test_caps_that_leave_no_mixture_are_refused():
    with pytest.raises(ConfigError, match=r"too few tokens.*got at most 70\.0%"):
        simplex.check_caps(np.array([0.3, 0.4]))


def test_divergence_by_hand():
    x, prior = np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.5, 0.25])
    assert simplex.divergence(x, prior) == pytest.approx(0.5 * np.log(2))
    assert simplex.divergence(np.array([0.5, 0.5]), np.array([1.0, 0.0])) == np.inf
