"""The decoder as a whole: shapes, causality, packed documents, and what must not matter."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from castor.filters.errors import ConfigError
from castor.model import decoder, flops
from castor.model.config import ModelConfig

pytestmark = pytest.mark.slow

forward = jax.jit(decoder.forward, static_argnums=1)


@pytest.fixture
def params(tiny_params):
    return tiny_params


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"tie_embeddings": False, "qk_norm": False},
        {"experts": 0},
        {"moe_every": 1, "expert_d_ff": 8, "kv_heads": 1},
        {"soft_dims": {"image": 5, "video": 7}, "head_dim": 6},
    ],
)
def test_parameters_are_counted(tiny, change):
    config = ModelConfig.model_validate(tiny.model_dump() | change)
    shapes = jax.eval_shape(lambda key: decoder.init(config, key), jax.random.key(0))
    count = sum(leaf.size for leaf in jax.tree.leaves(shapes))
    assert flops.parameters(config).total == count
    assert {leaf.dtype for leaf in jax.tree.leaves(shapes)} == {np.dtype("float32")}


def test_a_model_without_a_vocabulary_is_not_made():
    with pytest.raises(ConfigError, match="no vocab_size"):
        decoder.init(ModelConfig(), jax.random.key(0))


def test_logits_are_float32_and_start_near_even(tiny, params, make_batch):
    logits, reports = forward(params, tiny, make_batch())
    assert (logits.shape, logits.dtype) == ((4, 16, 64), jnp.float32)
    assert abs(jax.nn.logsumexp(logits, axis=-1).mean() - np.log(64)) < 1.0
    assert reports["load"].shape == (1, 4)
    assert reports["balance_loss"] == pytest.approx(1.0, abs=0.3)


def test_no_position_sees_what_comes_after(tiny, params, make_batch):
    batch = make_batch()
    before = forward(params, tiny, batch)[0]
    inputs = batch["inputs"].copy()
    inputs[:, 9] = 5
    after = forward(params, tiny, batch | {"inputs": inputs})[0]
    np.testing.assert_array_equal(before[:, :9], after[:, :9])
    assert (np.abs(before - after).max(axis=-1)[:, 9:] > 0).all()


def test_a_packed_document_is_as_it_is_alone(tiny, params, make_batch):
    batch = make_batch(4, 16, ((7, 9),))
    packed = forward(params, tiny, batch)[0][0]
    inputs = np.zeros((4, 16), np.int32)
    inputs[0, :7], inputs[1, :9] = batch["inputs"][0, :7], batch["inputs"][0, 7:]
    alone = make_batch(4, 16, ((7,), (9,))) | {"inputs": inputs}
    logits, reports = forward(params, tiny, alone)
    assert reports["dropped"].max() == 0  # capacity is one document's influence on another
    np.testing.assert_allclose(packed[:7], logits[0, :7], atol=2e-6)
    np.testing.assert_allclose(packed[7:], logits[1, :9], atol=2e-6)


def test_packed_documents_have_no_gradient_in_each_other(tiny, params, make_batch):
    batch = make_batch(2, 16, ((5, 6), (16,)))

    def of_second_document(x):
        hidden, _ = decoder.transform(params, tiny, x, batch)
        logits = hidden @ decoder.output_matrix(params)
        nll = jax.nn.logsumexp(logits, axis=-1) - logits[..., 3]
        return jnp.sum(nll * (batch["segment_ids"] == 2))

    slope = jax.jit(jax.grad(of_second_document))(decoder.embed(params, tiny, batch))
    touched = np.abs(slope).sum(axis=-1) > 0
    np.testing.assert_array_equal(touched, batch["segment_ids"] == 2)


def gradient(params, config, batch):
    def loss(params):
        logits, _ = decoder.forward(params, config, batch)
        return jnp.mean(jax.nn.logsumexp(logits, axis=-1) - logits[..., 0])

    return jax.grad(loss)(params)


def test_what_is_computed_again_changes_nothing(tiny, make_batch, draw_params):
    config = tiny.model_copy(update={"experts": 0})  # two groups
    params = draw_params(config)
    run = jax.jit(gradient, static_argnums=1)
    expected = run(params, config, make_batch())
    change = {"remat": "dots", "scan_unroll": 2}
    got = run(params, config.model_copy(update=change), make_batch())
    for ours, theirs in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-6)


def test_remat_computes_again(tiny, params, make_batch):
    def counted(remat):
        config = tiny.model_copy(update={"remat": remat})
        traced = str(jax.make_jaxpr(lambda p: gradient(p, config, make_batch()))(params))
        return traced.count("= exp "), traced.count("= dot_general")

    none, dots, full = counted("none"), counted("dots"), counted("full")
    assert full[0] >= dots[0] > none[0]
    assert full[1] > dots[1]


def test_bfloat16_is_near(tiny, params, make_batch):
    exact = forward(params, tiny, make_batch())[0]
    half = forward(params, tiny.model_copy(update={"dtype": "bfloat16"}), make_batch())[0]
    assert half.dtype == jnp.float32
    assert 0 < np.abs(half - exact).mean() < 0.05


def test_tied_and_untied_output(params):
    np.testing.assert_array_equal(decoder.output_matrix(params), params["embedding"].T)
    assert decoder.output_matrix(params | {"head": 7}) == 7
