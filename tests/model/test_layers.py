"""RMSNorm, rotary positions, linear maps, the gated MLP."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from castor.model import layers


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_rms_norm_is_its_formula():
    x, scale = draw(2, 3, 8), draw(8, seed=1)
    expected = x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + 1e-6) * (1 + scale)
    np.testing.assert_allclose(layers.rms_norm(x, scale, 1e-6), expected, rtol=1e-5)


def test_rms_norm_computes_in_float32():
    x = jnp.asarray(draw(4, 64) * 1e4, jnp.bfloat16)
    out = layers.rms_norm(x, jnp.zeros(64), 1e-6)
    assert out.dtype == jnp.bfloat16
    exact = layers.rms_norm(x.astype(jnp.float32), jnp.zeros(64), 1e-6)
    np.testing.assert_array_equal(out, exact.astype(jnp.bfloat16))


@jax.jit
def turned(x, position):
    tables = layers.rope_tables(jnp.reshape(position, (1, 1)), x.size, 100.0)
    return layers.rope(x[None, None, None], tables)[0, 0, 0]


def test_rope_depends_on_the_distance_alone():
    query, key = draw(8), draw(8, seed=1)
    products = [turned(query, m) @ turned(key, m - 3) for m in (3, 10, 500)]
    np.testing.assert_allclose(products, products[0], atol=1e-4)
    assert abs(turned(query, 10) @ turned(key, 6) - products[0]) > 1e-2


def test_rope_at_zero_is_nothing_and_keeps_lengths():
    x = draw(8)
    np.testing.assert_array_equal(turned(x, 0), x)
    np.testing.assert_allclose(np.linalg.norm(turned(x, 77)), np.linalg.norm(x), rtol=1e-5)


def test_rope_turns_pairs_by_their_frequency():
    x = np.array([1, 0, 0, 0], np.float32)  # pair 0 is entries 0 and 2, of frequency 1
    np.testing.assert_allclose(turned(x, 1), [np.cos(1), 0, np.sin(1), 0], atol=1e-6)
    x = np.array([0, 1, 0, 0], np.float32)  # pair 1: theta^(-2/4)
    np.testing.assert_allclose(turned(x, 1), [0, np.cos(0.1), 0, np.sin(0.1)], atol=1e-6)


@pytest.mark.parametrize("shape", [(4, 6), (6, 4)])
def test_linear_is_a_product_with_its_gradient(shape):
    x, matrix, pull = draw(2, 3, shape[0]), draw(*shape, seed=1), draw(2, 3, shape[1], seed=2)

    def pulled(function):
        out, back = jax.vjp(function, x, matrix)
        return out, *back(pull)

    for ours, theirs in zip(pulled(layers.linear), pulled(jnp.matmul), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("shape", [(4, 6), (6, 4)])
def test_linear_sums_the_gradient_of_the_matrix_in_float32(shape):
    x, pull = (jnp.ones((301, width), jnp.bfloat16) for width in shape)
    _, back = jax.vjp(layers.linear, x, jnp.ones(shape))
    by_x, by_matrix = back(pull)
    assert (by_x.dtype, by_matrix.dtype) == (jnp.bfloat16, jnp.float32)
    np.testing.assert_array_equal(by_matrix, np.full(shape, 301.0))  # no bfloat16: they are even


def test_mlp_is_swiglu():
    params = {"gate": draw(4, 6), "up": draw(4, 6, seed=1), "down": draw(6, 4, seed=2)}
    x = draw(5, 4, seed=3)
    gate = x @ params["gate"]
    expected = (gate / (1 + np.exp(-gate)) * (x @ params["up"])) @ params["down"]
    np.testing.assert_allclose(layers.mlp(params, x), expected, rtol=1e-4, atol=1e-5)


def test_initial_values_have_the_deviation_asked_for():
    drawn = np.asarray(layers.normal(jax.random.key(0), (200, 200), 0.3))
    assert abs(drawn.std() - 0.3) < 0.003
    assert np.abs(drawn).max() <= 2 * 0.3 / 0.8796 + 1e-3
