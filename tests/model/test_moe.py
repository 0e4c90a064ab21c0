"""Mixture of experts: dispatch against the dense oracle, drops, losses, causality."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.model import moe
from castor.model.config import ModelConfig

ROOMY = ModelConfig(layers=2, d_model=8, heads=2, d_ff=12, experts=4, top_k=2, capacity_factor=4.0)
TIGHT = ROOMY.model_copy(update={"capacity_factor": 0.5})
VALID = np.array([[True] * 10 + [False] * 2, [True] * 12])


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.fixture(scope="module")
def params():
    params = jax.jit(lambda key: moe.init_moe(key, ROOMY, ()))(jax.random.key(0))
    return params | {"router": params["router"] * 10}  # decided, so that loads differ


run = jax.jit(moe.moe, static_argnums=1)


def pulled(function, params, x, pull):
    y, back = jax.vjp(lambda params, x: function(params, ROOMY, x, VALID), params, x)
    return y, back(pull)


def test_capacity_equals_dense_when_nothing_is_dropped(params):
    arrays = (params, draw(2, 12, 8), draw(2, 12, 8, seed=1))
    sparse = jax.jit(partial(pulled, lambda *a: moe.moe(*a)[0]))(*arrays)
    dense = jax.jit(partial(pulled, moe.moe_dense))(*arrays)
    assert run(params, ROOMY, arrays[1], VALID)[1]["dropped"] == 0
    for ours, theirs in zip(jax.tree.leaves(sparse), jax.tree.leaves(dense), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-6)
    assert np.abs(sparse[1][0]["router"]).max() > 1e-3  # its gradient is part of this


def test_no_gather_comes_back_as_a_scatter(params):
    def loss(params, x):
        y, report = moe.moe(params, ROOMY, x, VALID)
        return jnp.sum(y**2) + report["balance_loss"] + report["z_loss"]

    text = str(jax.make_jaxpr(jax.grad(loss, argnums=(0, 1)))(params, draw(2, 12, 8)))
    assert "gather" in text
    assert "scatter" not in text


def test_drops_are_counted_exactly(params):
    x = draw(2, 12, 8)
    y, report = run(params, TIGHT, x, VALID)
    room = moe.capacity(TIGHT, 12)
    assert room == 3  # ceil(0.5 * 2 * 12 / 4)
    experts = np.asarray(moe.route(params["router"], x, 2).experts)
    over, without = 0, np.zeros(VALID.shape, int)
    for row in range(2):
        taken = [0] * 4
        for token in range(12):
            for expert in experts[row, token] if VALID[row, token] else ():
                taken[expert] += 1
                over += taken[expert] > room
                without[row, token] += taken[expert] > room
    assert over > 0
    assert report["dropped"] == pytest.approx(over / (2 * VALID.sum()))
    # Nothing comes of a token all of whose assignments were dropped, nor of padding.
    nothing = (without == 2) | ~VALID
    assert (without == 2).any()
    np.testing.assert_array_equal(np.abs(y).sum(axis=-1) == 0, nothing)


def test_what_comes_later_takes_no_place_from_what_was(params):
    x = draw(2, 12, 8)
    changed = x.copy()
    changed[:, 6:] = draw(2, 6, 8, seed=5)
    before, after = (run(params, TIGHT, a, VALID)[0] for a in (x, changed))
    np.testing.assert_array_equal(before[:, :6], after[:, :6])
    assert np.abs(before - after)[:, 6:].max() > 0


def test_rows_and_padding_take_no_place_either(params):
    x = draw(2, 12, 8)
    changed = x.copy()
    changed[1] = draw(12, 8, seed=5)
    changed[0, 10:] = 3.0
    before, after = (run(params, TIGHT, a, VALID)[0] for a in (x, changed))
    np.testing.assert_array_equal(before[0], after[0])


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_places_are_one_to_one(data):
    length, k, number, room = 6, 2, 3, 3
    row = st.lists(st.integers(0, number - 1), min_size=length * k, max_size=length * k)
    experts = np.array(data.draw(row), np.int32).reshape(1, length, k)
    valid = np.array([data.draw(st.lists(st.booleans(), min_size=length, max_size=length))])
    table = jax.tree.map(np.asarray, PLACES(experts, valid, number, room))
    wanted = {e: [] for e in range(number)}  # in the order of tokens, then of preference
    for i, expert in enumerate(experts.reshape(-1)):
        if valid[0, i // k]:
            wanted[expert].append(i)
    assert table.counts[0].tolist() == [len(wanted[e]) for e in range(number)]
    for expert, assignments in wanted.items():
        for nth in range(room):
            place = expert * room + nth
            assert table.filled[0, place] == (nth < len(assignments))
            if nth < len(assignments):
                assert table.assignment[0, place] == assignments[nth]
                assert table.kept[0, assignments[nth]]
                assert table.place[0, assignments[nth]] == place
    assert table.kept.sum() == table.filled.sum()


PLACES = jax.jit(moe.places, static_argnums=(2, 3))


def reported(logits, valid):
    """What is reported where the router's logits are these, [T, E], and k is 1."""
    length, number = logits.shape
    routing = moe.route(jnp.eye(number), logits[None], 1)
    table = moe.places(routing.experts, valid[None], number, length)
    return moe.router_report(routing, table, valid[None], length)


REPORTED = jax.jit(reported)
ALL = np.ones(16, bool)
BALANCED = np.tile(100 * np.eye(8, dtype=np.float32), (2, 1))
COLLAPSED = np.tile(BALANCED[:1], (16, 1))


def test_balance_loss_is_one_when_balanced_and_the_number_in_collapse():
    balanced, collapsed = REPORTED(BALANCED, ALL), REPORTED(COLLAPSED, ALL)
    assert balanced["balance_loss"] == pytest.approx(1.0)
    assert balanced["load_max"] == pytest.approx(1.0)
    assert balanced["entropy"] == pytest.approx(1.0)
    assert collapsed["balance_loss"] == pytest.approx(8.0)
    assert collapsed["load_max"] == pytest.approx(8.0)
    assert collapsed["entropy"] == pytest.approx(0.0)
    np.testing.assert_array_equal(collapsed["load"], np.eye(8)[0])


def test_z_loss_of_zero_logits():
    report = REPORTED(np.zeros((16, 8), np.float32), ALL)
    assert report["z_loss"] == pytest.approx(4.3241, abs=1e-4)  # (ln 8)^2


def test_padding_is_in_no_report():
    uneven = np.tile(draw(8, 8), (2, 1))
    padded = uneven.copy()
    padded[8:] = 5 * COLLAPSED[8:]
    expected = REPORTED(uneven, ALL)
    for name, value in REPORTED(padded, np.arange(16) < 8).items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-5, err_msg=name)
        if name not in ("dropped", "entropy"):
            assert np.abs(REPORTED(padded, ALL)[name] - expected[name]).max() > 0.1, name


def test_the_share_of_assignments_has_no_gradient():
    # With k = 1 only the probabilities' mean remains: E sum f P, differentiated by hand.
    logits = draw(16, 8)
    slope = jax.jit(jax.grad(lambda x: reported(x, ALL)["balance_loss"]))(logits)
    chosen = np.bincount(logits.argmax(axis=-1), minlength=8) / 16
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    by_p = 8 * chosen / 16
    np.testing.assert_allclose(slope, p * (by_p - (p * by_p).sum(-1, keepdims=True)), atol=1e-6)


ROUTE = jax.jit(moe.route, static_argnums=2)


def test_weights_are_shares_of_the_chosen():
    routing = ROUTE(np.eye(3, dtype=np.float32), np.log([[[0.2, 0.5, 0.3]] * 2]), 2)
    np.testing.assert_array_equal(routing.experts[:, 0], [[1, 2]])
    np.testing.assert_allclose(routing.weights[:, 0], [[0.625, 0.375]], rtol=1e-6)
    np.testing.assert_allclose(routing.log_partition, [[0.0] * 2], atol=1e-6)


def test_equal_scores_go_to_the_lower_expert():
    routing = ROUTE(np.zeros((3, 3), np.float32), np.ones((1, 2, 3), np.float32), 2)
    np.testing.assert_array_equal(routing.experts, [[[0, 1], [0, 1]]])


@pytest.mark.parametrize(
    ("factor", "k", "experts", "length", "room"),
    [(1.0, 2, 8, 256, 64), (1.25, 2, 8, 256, 80), (1.1, 1, 10, 100, 11), (8.0, 2, 8, 256, 256)],
)
def test_capacity_is_rounded_up_and_never_more_than_the_sequence(factor, k, experts, length, room):
    config = ModelConfig(experts=experts, top_k=k, capacity_factor=factor)
    assert moe.capacity(config, length) == room
