"""Cross-entropy against its formula, in every chunking, and sums by source."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from castor.model.loss import by_source, cross_entropy

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(2, 12, 8)).astype(np.float32)
MATRIX = GENERATOR.normal(size=(8, 32)).astype(np.float32)
TARGETS = GENERATOR.integers(0, 32, (2, 12)).astype(np.int32)
WEIGHTS = GENERATOR.random((2, 12)).astype(np.float32) * (GENERATOR.random((2, 12)) > 0.3)


def naive(x, matrix, z):
    logits = x @ matrix
    partition = jax.nn.logsumexp(logits, axis=-1)
    nll = partition - jnp.take_along_axis(logits, TARGETS[..., None], axis=-1)[..., 0]
    return jnp.sum(WEIGHTS * (nll + z * partition**2)), nll


def ours(x, matrix, z, chunk):
    sums = cross_entropy(x, matrix, TARGETS, WEIGHTS, z, chunk)
    return 3.0 * sums.objective, sums.nll  # 3: what follows may scale the gradient


@pytest.mark.parametrize(("z", "chunk"), [(0.0, 0), (0.01, 5), (0.0, 8)])
def test_it_is_the_formula_with_its_gradient(z, chunk):
    run = jax.value_and_grad(partial(ours, z=z, chunk=chunk), argnums=(0, 1), has_aux=True)
    (objective, nll), slopes = jax.jit(run)(X, MATRIX)
    run = jax.value_and_grad(partial(naive, z=z), argnums=(0, 1), has_aux=True)
    (expected, expected_nll), expected_slopes = jax.jit(run)(X, MATRIX)
    np.testing.assert_allclose(objective, 3 * expected, rtol=1e-6)
    np.testing.assert_allclose(nll, expected_nll, rtol=1e-5, atol=1e-5)
    for got, wanted in zip(slopes, expected_slopes, strict=True):
        np.testing.assert_allclose(got, 3 * wanted, rtol=1e-5, atol=1e-6)


def test_without_a_gradient_it_is_the_same():
    objective, nll = jax.jit(partial(ours, z=0.01, chunk=5))(X, MATRIX)
    expected, expected_nll = naive(X, MATRIX, 0.01)
    np.testing.assert_allclose(objective, 3 * expected, rtol=1e-6)
    np.testing.assert_allclose(nll, expected_nll, rtol=1e-5, atol=1e-5)


def test_large_logits_stay_finite():
    sums = jax.jit(partial(cross_entropy, chunk=5))(1e4 * X, MATRIX, TARGETS, WEIGHTS)
    assert np.isfinite(sums.objective)


def test_all_the_logits_never_exist_at_one_time():
    def largest(chunk):
        run = jax.grad(lambda x: ours(x, MATRIX, 0.0, chunk)[0])
        text = jax.jit(run).lower(X).as_text()
        return max(n for n in (24 * 32, 12 * 32, 8 * 32) if f"x{n // 64}x32xf32" in text)

    assert largest(0) == 24 * 32
    assert largest(8) == 8 * 32


def test_sums_by_source():
    nll = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], np.float32)
    mask = np.array([[1, 1], [1, 0], [0, 1]], np.float32)
    nats, tokens = by_source(nll, mask, np.array([2, 0, 2]), 4)
    np.testing.assert_array_equal(nats, [3, 0, 9, 0])
    np.testing.assert_array_equal(tokens, [1, 0, 3, 0])
