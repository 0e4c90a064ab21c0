"""Calibration, thresholds and figures against their definitions."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import roc_auc_score

from castor.filters.classify import calibrate, metrics
from castor.filters.errors import CastorError

pairs = st.lists(st.tuples(st.integers(-8, 8), st.booleans()), min_size=2, max_size=40)


def drawn(n, slope=1.0, offset=0.0, seed=0):
    """Log odds, and labels drawn by 1 / (1 + exp(-(slope x + offset)))."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 3, n)
    return x, rng.random(n) < 1 / (1 + np.exp(-(slope * x + offset)))


def test_platt_finds_the_logistic_that_made_the_labels():
    x, y = drawn(20_000, slope=0.5, offset=-1)
    found = calibrate.fit(x, y, "platt")
    assert found.slope == pytest.approx(0.5, abs=0.03)
    assert found.offset == pytest.approx(-1, abs=0.06)


def test_platt_stays_finite_where_the_classes_are_apart():
    found = calibrate.fit(np.array([-3.0, -2, 2, 3]), np.array([False, False, True, True]), "platt")
    low, high = found.apply(np.array([-3.0, 3.0]))
    assert 0.05 < low < 0.5 < high < 0.95


@settings(max_examples=60, deadline=None)
@given(pairs)
def test_isotonic_regression_is_that_of_scikit_learn_up_to_its_smoothing(rows):
    x, y = np.array([r[0] for r in rows], float), np.array([r[1] for r in rows])
    found = calibrate.fit(x, y, "isotonic")
    ys = np.array(found.knots_y)[1:-1]  # the ends go on
    assert (np.diff(found.knots_y) > 0).all()
    assert ((ys > 0) & (ys < 1)).all()
    expected = IsotonicRegression().fit(x, y).predict(x)
    values = np.unique(expected)
    assert len(ys) == len(values)  # as many steps
    for value in values:
        same = expected == value
        n, k = same.sum(), y[same].sum()
        assert k / n == pytest.approx(value)
        share = ys[np.searchsorted(values, value)]
        assert share >= (k + 0.5) / (n + 1) - calibrate.TILT


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_a_calibration_mends_wrong_probabilities_and_survives_json(method):
    x, y = drawn(8000, slope=0.4, offset=1)
    held_x, held_y = drawn(8000, slope=0.4, offset=1, seed=1)
    raw = 1 / (1 + np.exp(-held_x))
    found = calibrate.from_json(json.loads(json.dumps(calibrate.fit(x, y, method).to_json())))
    assert metrics.calibration_error(raw, held_y) > 0.1
    assert metrics.calibration_error(found.apply(held_x), held_y) < 0.03
    assert np.isnan(found.apply(np.array([np.nan]))).all()
    finer = found.apply(np.linspace(-30, 30, 500))
    assert (np.diff(finer) >= 0).all()


def test_a_share_can_be_kept_where_most_rows_are_one_pool():
    x, y = np.linspace(-5, 5, 4001), np.arange(4001) > 1000  # two pools, wholly apart
    p = calibrate.fit(x, y, "isotonic").apply(x)
    for rate in (0.01, 0.1, 0.5):
        assert (p >= calibrate.threshold_for_rate(p, rate)).mean() == pytest.approx(rate, abs=1e-3)
    assert p[0] == pytest.approx(0.5 / 1002, abs=1e-5)
    assert p[-1] == pytest.approx(1 - 0.5 / 3001, abs=1e-5)


def test_isotonic_is_chosen_for_many_rows_only():
    x, y = drawn(5000)
    assert calibrate.fit(x, y).method == "isotonic"
    assert calibrate.fit(x[:900], y[:900]).method == "platt"


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"method": "magic", "knots_x": [], "knots_y": []},
        {"method": "isotonic", "knots_x": [1.0]},
        {"method": "isotonic", "knots_x": [], "knots_y": []},
    ],
)
def test_a_damaged_calibration_is_refused(data):
    with pytest.raises(CastorError, match="damaged"):
        calibrate.from_json(data)


def test_thresholds_reach_what_they_are_chosen_for():
    x, y = drawn(4000)
    p = 1 / (1 + np.exp(-x))
    threshold = calibrate.threshold_for_precision(p, y, 0.9)
    chosen = p >= threshold
    assert y[chosen].mean() >= 0.9
    lower = np.sort(p[~chosen])[-1]
    assert y[p >= lower].mean() < 0.9
    assert (p >= calibrate.threshold_for_rate(p, 0.1)).sum() == 400
    assert (p >= calibrate.threshold_for_rate(p, 1e-9)).sum() == 1
    assert calibrate.threshold_for_precision(p, np.zeros(4000, bool), 0.5) is None


def test_equal_scores_are_kept_or_left_together():
    p, y = np.array([0.9, 0.5, 0.5, 0.5, 0.1]), np.array([True, True, False, False, False])
    threshold = calibrate.threshold_for_precision(p, y, 0.6)
    assert (p >= threshold).tolist() == [True, False, False, False, False]


def test_temperature_undoes_what_sharpened_the_probabilities():
    rng = np.random.default_rng(0)
    true = rng.dirichlet([1, 1, 1], 6000)
    labels = np.array([rng.choice(3, p=row) for row in true])
    found = calibrate.temperature(calibrate.sharpen(true, 0.4), labels)
    assert found == pytest.approx(1 / 0.4, rel=0.1)
    np.testing.assert_allclose(calibrate.sharpen(true, 1.0), true, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(pairs)
def test_the_area_is_that_of_scikit_learn_ties_included(rows):
    x, y = np.array([r[0] for r in rows], float), np.array([r[1] for r in rows])
    found = metrics.auc(x, y)
    if y.all() or not y.any():
        assert math.isnan(found.value)
        return
    assert found.value == pytest.approx(roc_auc_score(y, x))
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_the_interval_of_an_area_without_a_variance():
    apart = metrics.auc(np.arange(40.0), np.arange(40) >= 30)
    assert (apart.value, apart.high) == (1, 1)
    assert apart.low == pytest.approx(0.025 ** (1 / 10))
    turned = metrics.auc(-np.arange(40.0), np.arange(40) >= 30)
    assert (turned.low, turned.value) == (0, 0)
    assert turned.high == pytest.approx(1 - 0.025 ** (1 / 10))
    assert metrics.auc(np.zeros(40), np.arange(40) >= 20) == (0.5, 0, 1)


def test_the_interval_of_the_area_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(3)
    truth = 0.5 * (1 + math.erf(1.5 / math.sqrt(2) / math.sqrt(2)))
    hits = 0
    for _ in range(400):
        scores = np.concatenate([rng.normal(1.5, 1, 40), rng.normal(0, 1, 60)])
        found = metrics.auc(scores, np.arange(100) < 40)
        hits += found.low <= truth <= found.high
    assert 0.92 <= hits / 400 <= 0.985


def test_placements_are_shares_of_the_other_class():
    scores, positive = np.array([3.0, 1, 2, 2, 0]), np.array([True, True, False, True, False])
    of_positive, of_negative = metrics.placements(scores, positive)
    assert of_positive.tolist() == [1, 0.5, 0.75]  # 3 is above 2 and 0, 1 above 0, 2 ties with 2
    assert of_negative == pytest.approx([1.5 / 3, 1])


def test_the_interval_of_a_ratio_is_that_of_the_delta_method():
    found = metrics.ratio(np.array([1.0, 2, 3]), np.ones(3))
    assert found.value == 2
    assert found.high - 2 == pytest.approx(metrics.Z95 * math.sqrt(2) / 3)
    assert found.high - 2 == pytest.approx(2 - found.low)
    assert metrics.ratio(np.array([2.0, 4]), np.array([1.0, 2])) == (2, 2, 2)


def test_shares_and_mcnemar_are_as_tabulated():
    found = metrics.proportion(8, 10)  # Wilson 1927, as in Agresti and Coull 1998
    assert (found.low, found.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert metrics.proportion(0, 5).low == 0
    right, other = np.array([True] * 15 + [False] * 5), np.array([True] * 5 + [False] * 15)
    assert metrics.mcnemar(right, other) == pytest.approx(2 * 0.5**10)
    assert metrics.mcnemar(right, right) == 1


def test_the_calibration_error_is_the_gap_that_was_made():
    p = np.repeat([0.2, 0.8], 500)
    y = np.concatenate([np.arange(500) < 150, np.arange(500) < 450])
    assert metrics.calibration_error(p, y, bins=2) == pytest.approx(0.1)
