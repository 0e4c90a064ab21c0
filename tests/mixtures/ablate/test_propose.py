import numpy as np
import planted
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.mixtures.ablate import bootstrap, fit, laws, propose, simplex


def brute(fitted, prior, pull, caps, steps=200):
    """The best of all mixtures of three domains on a grid."""
    a, b = np.meshgrid(np.linspace(0, 1, steps + 1), np.linspace(0, 1, steps + 1))
    keep = a + b <= 1 + 1e-12
    x = np.stack([a[keep], b[keep], np.maximum(1 - a[keep] - b[keep], 0)], -1)
    x = x[(x <= caps + 1e-12).all(-1)]
    value = fitted.score(x)[0] + pull * simplex.divergence(x, prior)
    return x[value.argmin()], value.min()


@pytest.mark.parametrize("seed", range(4))
def test_the_proposal_is_the_best_of_a_grid(seed):
    swarm = planted.plant(domains=3, runs=8, noise=0.0, seed=seed)
    caps = np.array([1.0, 0.5, 0.35])
    x = swarm.optimum(caps)
    best, value = brute(swarm.truth, swarm.prior, 0.05, caps)
    assert propose.objective(swarm.truth, x[None], swarm.prior, 0.05)[0] <= value + 1e-7
    assert x == pytest.approx(best, abs=0.02)


def test_the_proposal_is_the_best_of_a_grid_where_the_law_is_not_convex():
    law = laws.OwnLog(1, np.array([[2.0, 0.05, 0.08]]), np.array([[0.3, 0.0, -0.1]]))
    prior = np.array([0.5, 0.3, 0.2])
    X = np.random.default_rng(0).dirichlet(np.ones(3), 9)
    data = fit.Table(("a", "b", "c"), X, {"b": law.predict(X)[0]}, {"b": 1.0}, {"b": "b"})
    fitted = fit.Fitted(data, {"b": law}, {}, np.zeros(9))
    x = propose.propose(fitted, prior, pull=0.05)[0]
    _, value = brute(fitted, prior, 0.05, np.ones(3))
    assert propose.objective(fitted, x[None], prior, 0.05)[0] <= value + 1e-7


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 2.0), st.integers(2, 7))
def test_a_proposal_is_a_mixture_under_its_caps_and_no_worse_than_the_prior(seed, pull, k):
    swarm = planted.plant(domains=k, runs=12, noise=0.01, seed=seed)
    caps = np.random.default_rng(seed).uniform(0.1, 1.2, k)
    caps = np.maximum(caps, swarm.prior)  # so that the prior is allowed
    x = propose.propose(swarm.truth, swarm.prior, pull=pull, caps=caps)
    assert x.sum() == pytest.approx(1)
    assert (x >= 0).all()
    assert (x <= caps + 1e-9).all()
    of = [propose.objective(swarm.truth, y, swarm.prior, pull)[0] for y in (x, swarm.prior[None])]
    assert of[0] <= of[1] + 1e-9


def test_a_stronger_pull_stays_nearer_to_the_prior():
    swarm = planted.plant(domains=5, runs=12, noise=0.0, seed=3)
    away = [
        float(simplex.divergence(swarm.optimum(pull=pull), swarm.prior))
        for pull in (0.01, 0.05, 0.2, 1.0, 100.0)
    ]
    assert away == sorted(away, reverse=True)
    assert away[0] > 0.5
    assert away[-1] < 1e-3


def test_a_domain_whose_loss_falls_more_gets_more():
    swarm = planted.plant(domains=4, runs=10, noise=0.0, seed=1)
    law = swarm.truth.law["held"]
    before = swarm.optimum(pull=0.3)
    helped = laws.LogLinear(law.c, law.t - np.array([[0.0, 0.2, 0.0, 0.0]]))
    truth = fit.Fitted(swarm.truth.table, {"held": helped}, {}, swarm.truth.predicted)
    after = propose.propose(truth, swarm.prior, pull=0.3)[0]
    assert after[1] > before[1] + 0.01


def test_many_laws_at_a_time_are_as_one_by_one():
    swarm = planted.plant(domains=4, runs=12, noise=0.01, seed=5)
    fitted = fit.fit(swarm.truth.table)
    weights = bootstrap.weights(12, 5, 6, seed=0)
    together = propose.propose(fit.refit(fitted, weights), swarm.prior)
    for i in range(6):
        alone = propose.propose(fit.refit(fitted, weights[i : i + 1]), swarm.prior)[0]
        assert together[i] == pytest.approx(alone, abs=1e-4)


@pytest.mark.parametrize("seed", [1, 4, 6])
def test_planted_optimum_of_seventeen_domains_is_found_with_two_runs_each(seed):
    # seed-to-seed noise of 0.0016 at the proportional mixture: marin #2345
    swarm = planted.plant(domains=17, runs=34, noise=0.0016, seed=seed)
    fitted = fit.fit(swarm.truth.table)
    x = propose.propose(fitted, swarm.prior)[0]
    assert np.abs(x - swarm.optimum()).max() < 0.03
    fresh = swarm.fresh(100, seed=1000 + seed)
    assert fit.spearman(fitted.score(fresh)[0], swarm.truth.score(fresh)[0]) >= 0.95
    assert fitted.rho_score >= 0.95  # of runs that were left out, which is what a user sees


def test_intervals_cover_the_planted_optimum():
    covered = []
    for seed in range(15):
        swarm = planted.plant(domains=4, runs=14, noise=0.005, seed=seed)
        fitted = fit.fit(swarm.truth.table)
        x = propose.propose(fitted, swarm.prior)[0]
        sure = bootstrap.uncertainty(fitted, x, swarm.prior, swarm.prior, pull=0.05, caps=None)
        truth = swarm.optimum()
        covered += ((sure.low - 1e-3 <= truth) & (truth <= sure.high + 1e-3)).tolist()
    assert np.mean(covered) >= 0.9
    assert np.mean(covered) < 1.0  # intervals that always cover would say nothing


def test_more_runs_give_narrower_intervals_and_the_gain_is_sure():
    widths = []
    for runs in (12, 60):
        swarm = planted.plant(domains=4, runs=runs, noise=0.01, seed=2)
        fitted = fit.fit(swarm.truth.table)
        x = propose.propose(fitted, swarm.prior)[0]
        sure = bootstrap.uncertainty(fitted, x, swarm.prior, swarm.prior, pull=0.05, caps=None)
        widths.append((sure.high - sure.low).sum())
        real = swarm.truth.score(np.stack([swarm.prior, x]))[0]
        assert sure.gain[0] - 0.01 <= real[0] - real[1] <= sure.gain[1] + 0.01
        assert sure.probability == 1.0
    assert widths[1] < widths[0]


def test_without_any_signal_the_gain_is_not_sure():
    swarm = planted.plant(domains=4, runs=14, noise=0.01, seed=0, strength=0.0)
    fitted = fit.fit(swarm.truth.table)
    x = np.array([0.4, 0.3, 0.2, 0.1])
    sure = bootstrap.uncertainty(fitted, x, swarm.prior, swarm.prior, pull=0.05, caps=None)
    assert sure.gain[0] < 0 < sure.gain[1]
    assert 0.02 < sure.probability < 0.98


def test_the_weights_of_a_bootstrap_have_a_mean_of_one_and_the_variance_that_is_said():
    weights = bootstrap.weights(20, 5, 4000, seed=1)
    assert weights.mean(-1) == pytest.approx(np.ones(4000))
    assert weights.var() == pytest.approx(20 / 15, rel=0.1)
    assert bootstrap.weights(6, 7, 4000, seed=1).var() == pytest.approx(2.0, rel=0.25)
