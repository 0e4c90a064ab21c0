import numpy as np
import planted
import pytest
from scipy import optimize, stats

from castor.filters.errors import CastorError
from castor.mixtures.ablate import fit, laws


def mixtures(n, k, seed=0):
    return np.random.default_rng(seed).dirichlet(np.ones(k), n)


def test_the_log_linear_law_is_recovered_without_noise():
    X = mixtures(40, 6)
    truth = laws.LogLinear(np.array([1.5]), np.log(0.6) + mixtures(1, 6, 1) - 0.5)
    found = laws.fit_log_linear(X, truth.predict(X)[0], np.ones((1, 40)))
    fresh = mixtures(100, 6, 2)
    assert found.predict(fresh) == pytest.approx(truth.predict(fresh), abs=1e-3)
    assert found.parameters()["c"] == pytest.approx([1.5], abs=0.05)


def test_the_log_linear_fit_is_the_minimum_that_scipy_finds():
    X = mixtures(20, 3)
    generator = np.random.default_rng(1)
    y = 1 + np.exp(X @ [0.5, -0.5, 0.0]) + generator.normal(0, 0.03, 20)
    weights = generator.exponential(size=(2, 20))
    found = laws.fit_log_linear(X, y, weights)

    def value(p, w):
        residual = p[0] + np.exp(X @ p[1:]) - y
        size = np.abs(residual)
        huber = np.where(size <= 0.02, residual**2 / 2, 0.02 * (size - 0.01))
        centred = p[1:] - p[1:].mean()
        return (w * huber).sum() + laws.SLOPE_RIDGE / 2 * (centred**2).sum()

    for i, w in enumerate(weights):
        ours = value(np.concatenate([found.c[i : i + 1], found.t[i]]), w)
        theirs = min(
            optimize.minimize(
                value, [c, 0, 0, 0], args=(w,), bounds=[(0, None)] + 3 * [(-9, 9)]
            ).fun
            for c in (0.1, 0.5, 1.0, 1.5)
        )
        assert ours <= theirs * 1.001 + 1e-9


def test_one_outlier_does_not_move_the_log_linear_law():
    X = mixtures(40, 3)
    y = 1 + np.exp(X @ [0.5, -0.5, 0.0])
    spoilt = y.copy()
    spoilt[7] += 3.0
    clean = laws.fit_log_linear(X, y, np.ones((1, 40))).predict(X)
    moved = laws.fit_log_linear(X, spoilt, np.ones((1, 40))).predict(X)
    assert np.abs(moved - clean).max() < 0.02


def test_own_log_is_weighted_ridge_regression():
    X = mixtures(30, 4)
    y = np.random.default_rng(3).normal(size=30)
    weights = np.random.default_rng(4).exponential(size=(2, 30))
    found = laws.fit_own_log(X, y, weights, 2)
    log = np.log(X[:, 2] + 2e-3)
    F = np.column_stack([np.ones(30), log, log**2, X])
    for i, w in enumerate(weights):
        root = np.sqrt(w)[:, None]
        rows = np.vstack([F * root, np.sqrt(0.05) * np.eye(7)[1:]])
        expected = np.linalg.lstsq(rows, np.append(y * root[:, 0], np.zeros(6)), rcond=None)[0]
        assert np.concatenate([found.b[i], found.t[i]]) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("kind", ["log-linear", "own-log"])
def test_slopes_are_the_derivatives_of_the_prediction(kind):
    X = mixtures(30, 4)
    y = 1 + np.exp(X @ [0.5, -0.5, 0.2, -0.3])
    weights = np.random.default_rng(4).exponential(size=(3, 30))
    fitter = laws.fit_log_linear if kind == "log-linear" else laws.fit_own_log
    law = fitter(X, y, weights, *([1] if kind == "own-log" else []))
    x = mixtures(3, 4, 7)
    slopes = law.slopes(x)
    for j in range(4):
        up, down = x.copy(), x.copy()
        up[:, j] += 1e-6
        down[:, j] -= 1e-6
        numeric = (law.predict(up[:, None]) - law.predict(down[:, None]))[:, 0] / 2e-6
        assert slopes[:, j] == pytest.approx(numeric, rel=1e-3, abs=1e-6)


def test_spearman_is_scipys_ties_included():
    generator = np.random.default_rng(0)
    for _ in range(20):
        a, b = generator.integers(0, 6, (2, 15))
        assert fit.spearman(a, b) == pytest.approx(stats.spearmanr(a, b).statistic)
    assert fit.spearman(np.ones(5), np.arange(5)) == 0.0


def test_cross_validation_chooses_the_law_that_the_losses_obey():
    X = mixtures(40, 4, 3)
    names = ("a", "b", "c", "d")
    drawn = [dict(zip(names, row.tolist())) for row in X]
    generator = np.random.default_rng(5)
    own = 3 - 0.3 * np.log(X[:, 1] + 2e-3) + 0.2 * X[:, 2] + generator.normal(0, 0.004, 40)
    away = 2 + np.exp(X @ [1.5, -2.0, 0.0, -1.0]) + generator.normal(0, 0.004, 40)
    losses = [{"b": u, "far": v} for u, v in zip(own, away)]
    found = fit.fit(fit.table(drawn, losses, {"b": 1, "far": 1}))
    assert found.law["b"].kind == "own-log"
    assert found.rho["b"]["own-log"] > found.rho["b"]["log-linear"]
    assert found.law["far"].kind == "log-linear"
    assert set(found.rho["far"]) == {"log-linear"}  # it has no share of its own
    assert found.rho_score > 0.95


def test_a_left_out_run_has_no_part_in_its_prediction():
    swarm = planted.plant(domains=3, runs=12, noise=0.0, seed=1)
    data = swarm.truth.table
    losses = data.losses["held"].copy()
    losses[4] += 0.5
    spoilt = fit.table(
        [r.mixture for r in swarm.runs], [{"held": v} for v in losses], {"held": 1.0}
    )
    before, after = fit.fit(data).predicted, fit.fit(spoilt).predicted
    assert after[4] == pytest.approx(before[4], abs=1e-9)
    assert np.abs(after - before).max() > 1e-4


def test_domains_are_known_by_name_and_not_by_position():
    swarm = planted.plant(domains=5, runs=14, noise=0.002, seed=2)
    one = fit.fit(swarm.truth.table)
    shuffled = [dict(reversed(r.mixture.items())) for r in swarm.runs]
    two = fit.fit(fit.table(shuffled, [r.losses for r in swarm.runs], {"held": 2.0}))
    assert two.table.names == one.table.names
    assert two.score(one.table.X) == pytest.approx(one.score(one.table.X))


def test_a_domain_that_a_run_does_not_name_has_no_weight_there():
    data = fit.table([{"a": 1.0}, {"b": 1.0}], [{"t": 1.0}, {"t": 2.0}], {"t": 1.0})
    assert data.X.tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_a_run_without_a_finite_loss_of_a_target_is_refused():
    with pytest.raises(CastorError, match="without a finite loss of the target 't'"):
        fit.table([{"a": 1.0}, {"a": 1.0}], [{"t": 1.0}, {"t": float("nan")}], {"t": 1.0})
