import math

import pytest

from castor.filters.errors import CastorError
from castor.mixtures.ablate import verdict


def runs(*losses):
    return [{"t": loss} for loss in losses]


def test_gain_and_standard_error_by_hand():
    gain, error = verdict.compare([2.0, 2.2, 2.4], [1.9, 1.9, 2.2])
    assert gain == pytest.approx(0.2)
    assert error == pytest.approx(math.sqrt(0.04 / 3 + 0.03 / 3))


def test_each_side_has_its_own_variance():
    # the proposal is 25 times as noisy as the baseline; a pooled variance gives the same error
    # only for equal numbers of runs
    _, error = verdict.compare([1.0, 1.002, 1.001, 0.999], [0.9, 0.95])
    assert error == pytest.approx(math.sqrt(1.6667e-6 / 4 + 0.00125 / 2), rel=1e-3)


@pytest.mark.parametrize(
    ("proposal", "accepted"),
    [
        ((1.90, 1.91, 1.92), True),
        ((1.985, 1.995, 2.005), False),  # better by 1.8 standard errors: within two
        ((2.10, 2.11, 2.12), False),  # worse, and surely
    ],
)
def test_only_a_gain_beyond_two_standard_errors_is_accepted(proposal, accepted):
    found = verdict.judge(runs(2.0, 2.01, 2.02), runs(*proposal), {"t": 1.0})
    assert found.accepted is accepted
    assert (found.gain > 2 * found.standard_error) is accepted


def test_the_score_is_the_weighted_mean_of_the_targets():
    before = [{"a": 2.0, "b": 1.0, "c": 9.0}, {"a": 2.0, "b": 1.1, "c": 9.0}]
    after = [{"a": 1.0, "b": 1.2, "c": 1.0}, {"a": 1.0, "b": 1.1, "c": 2.0}]
    found = verdict.judge(before, after, {"a": 1, "b": 3})
    assert found.baseline == pytest.approx([1.25, 1.325])
    assert found.proposal == pytest.approx([1.15, 1.075])
    assert found.by_domain["c"][0] == pytest.approx(7.5)


def test_one_run_has_no_variance_and_is_refused():
    with pytest.raises(CastorError, match=r"too few confirm runs.*got 3 of the baseline, 1 of"):
        verdict.judge(runs(1, 2, 3), runs(1), {"t": 1})
