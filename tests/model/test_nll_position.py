"""Loss by position: the bins, the power law of a planted curve, and when nothing may be said."""

import itertools

import numpy as np
import pytest

from castor.model import nll_position
from castor.model.nll_position import ByPosition


@pytest.mark.parametrize(
    ("length", "first", "last"),
    [(1, 1, 1), (3, 1, 2), (64, 2, 64), (256, 8, 256), (4096, 128, 4096), (5000, 128, 4096)],
)
def test_bins_are_powers_of_two_from_128_where_the_window_is_long_enough(length, first, last):
    edges = nll_position.edges(length)
    assert (edges[0], edges[-1]) == (first, last)
    assert all(b == 2 * a for a, b in itertools.pairwise(edges))


def planted(x: np.ndarray) -> np.ndarray:
    return 2 * x**-0.3 + 1.5


def test_the_planted_law_comes_back():
    x = np.array(nll_position.edges(1 << 20))
    law = nll_position.fit(x, planted(x))
    assert law is not None
    assert (law.alpha, law.beta, law.gamma) == pytest.approx((2, -0.3, 1.5), abs=1e-4)
    assert law.r2 == pytest.approx(1)


@pytest.mark.parametrize("seed", range(4))
def test_noise_of_one_per_cent_moves_beta_by_less_than_two_hundredths(seed):
    """The loss of each position with 1 % noise, averaged up to x as the curve is."""
    x = np.arange(1, (1 << 17) + 1)
    noise = np.random.default_rng(seed).standard_normal(len(x))
    by_position = ByPosition(len(x))
    by_position.add((planted(x) * (1 + 0.01 * noise))[None], np.ones((1, len(x)), bool))
    law = by_position.fit()
    assert law is not None
    assert law.beta == pytest.approx(-0.3, abs=0.02)
    assert law.gamma == pytest.approx(1.5, abs=0.02)
    assert law.r2 > 0.999


def test_a_loss_that_rises_follows_no_falling_law():
    x = np.array(nll_position.edges(1 << 14))
    assert nll_position.fit(x, 1 + 0.1 * np.log(x)) is None
    assert nll_position.fit(x, np.full(len(x), 2.0)) is None


def test_the_curve_is_the_mean_of_what_is_scored():
    by_position = ByPosition(8)
    nll = np.arange(16, dtype=np.float32).reshape(2, 8)
    scored = np.ones((2, 8), bool)
    scored[1, 0] = False
    nll[1, 0] = np.nan  # what is not scored may be anything
    by_position.add(nll, scored)
    curve = by_position.curve()
    assert [p["up_to"] for p in curve] == [1, 2, 4, 8]
    assert [p["tokens"] for p in curve] == [1, 3, 7, 15]
    assert curve[0]["nll"] == 0
    assert curve[-1]["nll"] == pytest.approx((sum(range(16)) - 8) / 15)
    assert by_position.fit() is None  # 15 tokens are not enough


def test_positions_without_a_token_are_no_point():
    assert ByPosition(8).curve() == []
