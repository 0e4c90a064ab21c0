"""Schedules by hand, AdamW by its formula, and what weight decay leaves alone."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from castor.filters.errors import ConfigError
from castor.model.config import OptimizerConfig
from castor.model.optimizer import decays, make_optimizer, schedule


def rates(steps, **change):
    rate = schedule(OptimizerConfig(peak_lr=1.0, **change), steps)
    return np.asarray(rate(jnp.arange(steps)))


def test_wsd_warms_up_stays_and_decays():
    linear = rates(10, warmup=2, decay=4, decay_shape="linear", final_share=0.2)
    np.testing.assert_allclose(linear, [0.5, 1, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4], rtol=1e-6)
    root = rates(10, warmup=2, decay=4)
    expected = [0.5, 1, 1, 1, 1, 1, 1, 0.5, 1 - 0.5**0.5, 1 - 0.75**0.5]
    np.testing.assert_allclose(root, expected, rtol=1e-6)


def test_cosine_falls_to_its_share():
    got = rates(9, schedule="cosine", warmup=1, final_share=0.1)
    turn = (1 + np.cos(np.pi * np.arange(8) / 8)) / 2
    np.testing.assert_allclose(got, [1, *(0.1 + 0.9 * turn)], rtol=1e-6)
    assert got[5] == pytest.approx(0.55)  # half way


def test_numbers_below_one_are_shares_of_the_run():
    np.testing.assert_array_equal(rates(40, warmup=0.1, decay=0.25), rates(40, warmup=4, decay=10))


def test_beyond_the_run_the_last_rate_stays():
    rate = schedule(OptimizerConfig(peak_lr=1.0, final_share=0.3), 10)
    assert rate(10) == pytest.approx(0.3)
    assert rate(1000) == pytest.approx(0.3)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_shortest_runs_learn_something(steps):
    assert rates(steps).max() > 0


def test_a_schedule_longer_than_the_run_is_an_error():
    with pytest.raises(ConfigError, match="longer than the run") as error:
        schedule(OptimizerConfig(warmup=8, decay=4), 10)
    assert "warmup 8 + decay 4 of 10 steps" in str(error.value)


def test_only_matrices_decay(tiny, tiny_params):
    del tiny
    flat = jax.tree_util.tree_flatten_with_path(decays(tiny_params))[0]
    kept = {jax.tree_util.keystr(path, simple=True, separator=".") for path, on in flat if not on}
    assert kept == {
        "embedding", "final_norm", "blocks.attention.norm", "blocks.attention.query_norm",
        "blocks.attention.key_norm", "blocks.mlp.norm", "blocks.moe.norm",
    }  # fmt: skip
    assert len(flat) - len(kept) == 4 + 3 + 4


def test_it_is_adamw_with_decoupled_decay():
    config = OptimizerConfig(peak_lr=0.1, warmup=0, decay=0, weight_decay=0.5, b1=0.9, b2=0.99)
    params = {"matrix": jnp.asarray([2.0, -1.0]), "norm": jnp.asarray([2.0, -1.0])}
    optimizer = make_optimizer(config, 10)
    state = optimizer.init(params)
    first = second = np.zeros(2)
    expected = {name: np.asarray(value, np.float64) for name, value in params.items()}
    for step, slope in enumerate([[0.3, -4.0], [0.1, 2.0]], 1):
        slope = np.asarray(slope)
        grads = {name: jnp.asarray(slope, jnp.float32) for name in params}
        updates, state = optimizer.update(grads, state, params)
        params = optax.apply_updates(params, updates)
        first, second = 0.9 * first + 0.1 * slope, 0.99 * second + 0.01 * slope**2
        adam = first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
        expected["matrix"] = expected["matrix"] - 0.1 * (adam + 0.5 * expected["matrix"])
        expected["norm"] = expected["norm"] - 0.1 * adam
    for name, value in params.items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-5)
