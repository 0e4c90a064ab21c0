"""Token budgets: the published optima, and what a spec's budget becomes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters.errors import ConfigError
from castor.mixtures.budget import LAWS, budget
from castor.mixtures.spec import BudgetSpec


@pytest.mark.parametrize(
    ("name", "flops", "parameters", "tokens", "ratio"),
    [
        ("hoffmann", 5.76e23, 3.219e10, 2.982e12, 92.6),
        ("hoffmann", 1e19, 2.28e8, 7.31e9, None),
        ("besiroglu", 5.76e23, 7.225e10, 1.329e12, 18.4),
        ("besiroglu", 1e19, 2.622e8, 6.357e9, 24.2),
    ],
)
def test_optima(name, flops, parameters, tokens, ratio):
    n, d = LAWS[name].optimum(flops)
    assert n == pytest.approx(parameters, rel=6e-4)
    assert d == pytest.approx(tokens, rel=6e-4)
    assert flops == pytest.approx(6 * n * d)
    if ratio:
        assert d / n == pytest.approx(ratio, abs=0.05)


@given(st.sampled_from(sorted(LAWS)), st.floats(1e16, 1e27))
@settings(deadline=None)
def test_the_optimum_is_one(name, flops):
    law = LAWS[name]
    n, d = law.optimum(flops)
    assert law.tokens(n) == pytest.approx(d, rel=1e-9)
    for factor in (0.9, 1.1):  # the same compute, spent otherwise
        assert law.loss(n * factor, d / factor) > law.loss(n, d)


def test_a_number_of_tokens():
    found = budget(BudgetSpec(tokens="2M"))
    assert (found.tokens, found.optimum, found.overtraining) == (2_000_000, None, None)


def test_the_refit_is_the_default():
    spec = BudgetSpec(rule="hoffmann", active_parameters=262_200_000)
    assert budget(spec).tokens == pytest.approx(6.357e9, rel=1e-3)
    old = spec.model_copy(update={"constants": "hoffmann"})
    assert budget(old).tokens == pytest.approx(LAWS["hoffmann"].tokens(262_200_000), abs=1)
    assert budget(old).tokens > 1.3 * budget(spec).tokens


def test_overtraining_multiplies():
    once = budget(BudgetSpec(rule="hoffmann", active_parameters="3M"))
    more = budget(BudgetSpec(rule="hoffmann", active_parameters="3M", overtraining=1.5))
    assert more.tokens == pytest.approx(1.5 * once.tokens, abs=1)
    assert more.overtraining == pytest.approx(1.5, rel=1e-6)
    assert more.optimum == once.optimum


def test_the_rule_of_twenty():
    found = budget(BudgetSpec(rule="ratio", active_parameters="3M"))
    assert found.tokens == 60_000_000
    other = BudgetSpec(rule="ratio", active_parameters="3M", tokens_per_parameter=12)
    assert budget(other).tokens == 36_000_000


def test_tokens_are_compared_with_the_optimum_of_a_known_size():
    found = budget(BudgetSpec(tokens="1B", active_parameters="100M"))
    assert found.overtraining == pytest.approx(1e9 / LAWS["besiroglu"].tokens(1e8))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"tokens": 5, "rule": "ratio", "active_parameters": 5},
        {"rule": "hoffmann"},
        {"tokens": 5, "overtraining": 2},
    ],
)
def test_a_budget_is_said_one_way(given):
    with pytest.raises(ConfigError):
        BudgetSpec(**given)
