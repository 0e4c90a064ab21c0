"""Attention against its formula, and what may see what."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from castor.model.attention import attend, attention, init_attention, piece_length, visible
from castor.model.config import ModelConfig
from castor.model.layers import rope_tables

SEGMENTS = np.array([[1] * 5 + [2] * 8 + [0] * 5, [1] * 18], np.int32)


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def naive(query, key, value, segments):
    """The whole square by the formula: [B, K, G, T, d] against [B, K, T, d]."""
    scores = jnp.einsum("bkgqd,bksd->bkgqs", query, key)
    seen = visible(segments, segments, 0)[:, None, None]
    weights = jax.nn.softmax(jnp.where(seen, scores, -jnp.inf), axis=-1)
    return jnp.einsum("bkgqs,bksd->bkgqd", weights, value)


def test_visible_is_causal_inside_documents():
    seen = np.asarray(visible(SEGMENTS, SEGMENTS, 0))
    for b, q, s in np.ndindex(*seen.shape):
        assert seen[b, q, s] == (s <= q and SEGMENTS[b, q] == SEGMENTS[b, s])
    assert seen.any(axis=-1).all()  # no row of the softmax is empty, not even of padding
    np.testing.assert_array_equal(visible(SEGMENTS[:, 6:9], SEGMENTS[:, :9], 6), seen[:, 6:9, :9])


def pulled(function, query, key, value, pull):
    out, back = jax.vjp(function, query, key, value)
    return out, *back(pull)


@pytest.mark.parametrize(("shared", "group", "piece"), [(1, 4, 18), (1, 4, 7), (2, 2, 8)])
def test_pieces_equal_the_whole_with_gradients(shared, group, piece):
    query = draw(2, shared, group, 18, 6)
    key, value = draw(2, shared, 18, 6, seed=1), draw(2, shared, 18, 6, seed=2)
    arrays = (query, key, value, draw(*query.shape, seed=3))
    got = jax.jit(partial(pulled, lambda q, k, v: attend(q, k, v, SEGMENTS, piece)))(*arrays)
    expected = jax.jit(partial(pulled, lambda q, k, v: naive(q, k, v, SEGMENTS)))(*arrays)
    for ours, theirs in zip(got, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=5e-6)


def test_another_document_has_no_gradient_at_all():
    query, key, value = (draw(2, 1, 2, 18, 4), draw(2, 1, 18, 4), draw(2, 1, 18, 4))

    def of_second(key, value):
        return jnp.sum(attend(query, key, value, SEGMENTS, 7)[0, :, :, 5:13] ** 2)

    by_key, by_value = jax.jit(jax.grad(of_second, argnums=(0, 1)))(key, value)
    for gradient in (by_key[0, 0], by_value[0, 0]):
        touched = np.abs(gradient).sum(axis=-1) > 0
        assert touched[5:13].all()
        assert not touched[:5].any()
        assert not touched[13:].any()


@partial(jax.jit, static_argnums=0)
def layer(config, params, x, segments):
    tables = rope_tables(jnp.tile(jnp.arange(x.shape[1]), (x.shape[0], 1)), 4, 100.0)
    return attention(params, config, x, tables, segments)


def test_fewer_heads_of_keys_are_repeated_ones():
    x = draw(2, 18, 16)
    grouped = ModelConfig(d_model=16, heads=4, kv_heads=2)
    full = ModelConfig(d_model=16, heads=4, kv_heads=4)
    params = init_attention(jax.random.key(0), grouped, ())
    expected = layer(grouped, params, x, SEGMENTS)

    def repeated(matrix):  # each head's columns, as often as its group has queries
        return jnp.repeat(matrix.reshape(16, 2, 4), 2, axis=1).reshape(16, 16)

    wide = params | {name: repeated(params[name]) for name in ("key", "value")}
    np.testing.assert_allclose(layer(full, wide, x, SEGMENTS), expected, atol=1e-6)

    single = ModelConfig(d_model=16, heads=4, kv_heads=1)
    params = init_attention(jax.random.key(1), single, ())
    wide = params | {name: jnp.tile(params[name], (1, 2)) for name in ("key", "value")}
    expected = layer(single, params, x, SEGMENTS)
    np.testing.assert_allclose(layer(grouped, wide, x, SEGMENTS), expected, atol=1e-6)


def test_query_norm_bounds_the_scores():
    # Normed queries and keys: a hundredfold input has the same weights, so the same output
    # but for the values' factor.
    config = ModelConfig(d_model=16, heads=4, kv_heads=1)
    params = init_attention(jax.random.key(0), config, ())
    x = draw(2, 18, 16)
    once, more = (layer(config, params, x * scale, SEGMENTS) for scale in (1.0, 100.0))
    np.testing.assert_allclose(more, 100 * once, rtol=1e-3, atol=1e-3)
    plain = config.model_copy(update={"qk_norm": False})
    once, more = (layer(plain, params, x * scale, SEGMENTS) for scale in (1.0, 100.0))
    assert np.abs(more - 100 * once).max() > 1.0


def test_bfloat16_keeps_its_softmax_in_float32():
    query, key, value = (draw(1, 1, 2, 16, 8), draw(1, 1, 16, 8), draw(1, 1, 16, 8))
    segments = np.ones((1, 16), np.int32)
    run = jax.jit(attend, static_argnums=4)
    exact = run(query, key, value, segments, 16)
    half = run(*(jnp.asarray(a, jnp.bfloat16) for a in (query, key, value)), segments, 16)
    assert half.dtype == jnp.bfloat16
    np.testing.assert_allclose(half.astype(np.float32), exact, atol=0.05)


@pytest.mark.parametrize(
    ("length", "pieces", "expected"),
    [(256, 4, 64), (256, 1, 256), (10, 4, 10), (100, 8, 16), (1000, 3, 334)],
)
def test_piece_length(length, pieces, expected):
    assert piece_length(length, pieces) == expected
