"""The step: it learns, it counts, it refuses what is not finite, and a swarm is its vmap."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from castor.model.config import OptimizerConfig
from castor.model.sharding import unconstrained
from castor.model.step import clipped, init_state, make_evaluator, make_step, objective

pytestmark = pytest.mark.slow

OPTIMIZER = OptimizerConfig(peak_lr=0.01, warmup=1)
PACKED = ((16,), (7, 9), (12,), (16,))


@partial(jax.jit, static_argnums=0)
def drawn(config, key):
    return init_state(config, OPTIMIZER, 50, key)


def fresh(config, seed=0):
    return drawn(config, jax.random.key(seed))


def additive(config):
    """Without the balance loss, the one that is no sum over tokens; z-loss is a good part."""
    return config.model_copy(update={"balance_loss": 0.0, "router_z_loss": 0.3})


@pytest.fixture(scope="module")
def step(tiny):
    return jax.jit(make_step(additive(tiny), OPTIMIZER, steps=50, sources=3))


@pytest.fixture(scope="module")
def state(tiny):
    return fresh(tiny)


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b)))


def test_it_learns_what_it_sees_again(step, state, make_batch):
    batch = make_batch(documents=PACKED)
    losses = []
    for _ in range(30):
        state, metrics = step(state, batch)
        losses.append(float(metrics["loss"]))
    assert abs(losses[0] - np.log(64)) < 1.0
    assert losses[-1] < 0.5 * losses[0]
    assert int(state["step"]) == 30


def test_the_same_step_gives_the_same_bits(step, state, make_batch):
    first, second = (step(state, make_batch()) for _ in range(2))
    assert same(first[0], second[0])
    assert not same(first[0]["params"], state["params"])


def test_metrics_are_those_of_the_batch(step, state, tiny, make_batch):
    batch = make_batch(documents=PACKED)
    _, metrics = step(state, batch)
    nll = np.asarray(jax.jit(make_evaluator(tiny))(state["params"], batch), np.float64)
    mask = batch["loss_mask"]
    assert metrics["tokens"] == mask.sum() == 15 + 6 + 8 + 11 + 15
    assert metrics["loss"] == pytest.approx((nll * mask).sum() / mask.sum(), rel=1e-5)
    for source in (0, 1):
        rows = batch["source"] == source
        expected = (nll * mask)[rows].sum() / mask[rows].sum()
        assert metrics["loss_by_source"][source] == pytest.approx(expected, rel=1e-5)
        assert metrics["tokens_by_source"][source] == mask[rows].sum()
    assert metrics["tokens_by_source"][2] == 0
    assert np.isnan(metrics["loss_by_source"][2])
    assert metrics["lr"] == pytest.approx(0.01)
    assert metrics["finite"]
    router = metrics["router"]
    assert router["load"].shape == (1, 4)
    assert router["load"].sum() == pytest.approx(1.0)
    assert router["load_max"] == pytest.approx(4 * router["load"].max())
    assert 0 <= router["dropped"] < 0.5


@pytest.mark.parametrize("poison", ["params", "mask"])
def test_what_is_not_finite_is_said_and_changes_nothing(step, state, make_batch, poison):
    batch = make_batch()
    before = state
    if poison == "params":
        params = state["params"] | {"final_norm": state["params"]["final_norm"].at[0].set(jnp.nan)}
        before = state | {"params": params}
    else:
        batch["loss_mask"][0, 0] = np.inf
    after, metrics = step(before, batch)
    assert not metrics["finite"]
    for old, new in zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True):
        np.testing.assert_array_equal(old, new)


def test_an_update_that_is_not_finite_changes_nothing_either(step, state, make_batch):
    adam = state["opt_state"][0]
    adam = adam._replace(mu=jax.tree.map(lambda leaf: leaf + 3e38, adam.mu))
    before = state | {"opt_state": (adam, *state["opt_state"][1:])}
    after, metrics = step(before, make_batch())
    assert np.isfinite([metrics["loss"], metrics["grad_norm"]]).all()
    assert not metrics["finite"]
    assert not np.isfinite(metrics["update_norm"])
    assert same(before, after)


def test_a_batch_without_a_token_in_the_loss_is_finite(step, state, make_batch):
    batch = make_batch()
    batch["loss_mask"] *= 0
    after, metrics = step(state, batch)
    assert (metrics["loss"], metrics["tokens"]) == (0, 0)
    assert metrics["finite"]
    assert np.isfinite(np.asarray(after["params"]["embedding"])).all()


def test_a_swarm_is_single_steps(step, tiny, make_batch):
    swarm_step = jax.jit(jax.vmap(make_step(additive(tiny), OPTIMIZER, steps=50, sources=3)))
    singles = [fresh(tiny, seed) for seed in range(2)]
    swarm = jax.tree.map(lambda *leaves: jnp.stack(leaves), *singles)
    for turn in range(2):
        batches = [make_batch(documents=PACKED, seed=2 * turn + i) for i in range(2)]
        stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *batches)
        swarm, metrics = swarm_step(swarm, stacked)
        for i in range(2):
            singles[i], single = step(singles[i], batches[i])
            assert metrics["loss"][i] == pytest.approx(float(single["loss"]), abs=2e-6)
    for i in range(2):
        for many, one in zip(jax.tree.leaves(swarm), jax.tree.leaves(singles[i]), strict=True):
            np.testing.assert_allclose(many[i], one, atol=2e-5)


def test_micro_batches_make_the_step_of_the_whole(step, state, tiny, make_batch):
    batch = make_batch(documents=((16,), (7, 9)))  # without padding: their z-losses weigh the same
    in_two = jax.jit(make_step(additive(tiny), OPTIMIZER, steps=50, sources=3, accumulate=2))
    (whole, said), (split, said_split) = step(state, batch), in_two(state, batch)
    for name in ("loss", "grad_norm", "tokens", "tokens_by_source", "loss_by_source"):
        np.testing.assert_allclose(said_split[name], said[name], rtol=1e-5, err_msg=name)
    for name in ("load", "dropped", "balance_loss"):  # means over micro-batches
        got, wanted = said_split["router"][name], said["router"][name]
        np.testing.assert_allclose(got, wanted, atol=0.1, err_msg=name)
    assert said_split["router"]["load"].sum() == pytest.approx(1.0)
    moments = [jax.tree.leaves(after["opt_state"][0].mu) for after in (whole, split)]
    for ours, theirs in zip(*moments, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_the_routers_losses_are_in_the_objective(tiny, tiny_params, make_batch):
    config = tiny.model_copy(update={"balance_loss": 0.5, "router_z_loss": 0.25})
    run = jax.jit(lambda p, b, n: objective(p, config, b, 3, jnp.float32(60), n, unconstrained))
    for accumulate in (1, 4):
        total, sums = run(tiny_params, make_batch(), accumulate)
        router = sums["router"]
        losses = 0.5 * router["balance_loss"][0] + 0.25 * router["z_loss"][0]
        expected = sums["nats"].sum() / 60 + losses / accumulate
        assert total == pytest.approx(float(expected), rel=1e-5)


def test_gradients_are_clipped_to_a_norm():
    grads = {"a": jnp.asarray([3.0, 0.0]), "b": jnp.asarray([[4.0]])}
    cut, norm = clipped(grads, 1.0)
    assert norm == 5.0
    np.testing.assert_allclose(cut["a"], [0.6, 0.0], rtol=1e-6)
    np.testing.assert_allclose(cut["b"], [[0.8]], rtol=1e-6)
    for limit in (0.0, 6.0):
        np.testing.assert_array_equal(clipped(grads, limit)[0]["b"], [[4.0]])
