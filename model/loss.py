"""Cross-entropy under a loss mask, in total and by source."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array


class Sums(NamedTuple):
    """Sums over a batch.

    Attributes:
        objective: sum of weight * (nll + z * log_partition^2), what is differentiated.
        nll: [B, T] float32, -ln p(target), without gradient; also where the weight is 0.
    """

    objective: Array
    nll: Array


def cross_entropy(
    x: Array, matrix: Array, targets: Array, weights: Array, z: float = 0.0, chunk: int = 0
) -> Sums:
    """Cross-entropy of x @ matrix against the targets; logits are float32.

    Args:
        x: [B, T, D], after the last norm.
        matrix: [D, V].
        targets: int32 [B, T].
        weights: [B, T] of each position in the objective; has no gradient.
        z: coefficient of the squared log-partition (PaLM, arXiv 2204.02311, section 5).
        chunk: positions of a row whose logits exist at one time; 0 is all.
    """
    del chunk
    logits = jnp.matmul(x, matrix.astype(x.dtype), preferred_element_type=jnp.float32)
    log_partition = jax.nn.logsumexp(logits, axis=-1)
    here = jnp.arange(logits.shape[-1]) == targets[..., None]
    nll = log_partition - jnp.sum(jnp.where(here, logits, 0.0), axis=-1)
    objective = jnp.sum(weights * (nll + z * jnp.square(log_partition)))
    return Sums(objective, jax.lax.stop_gradient(nll))


def by_source(nll: Array, mask: Array, source: Array, sources: int) -> tuple[Array, Array]:
    """Sums of nll and counts of tokens of each source, by product with one-hot rows.

    Args:
        nll, mask: [B, T].
        source: int32 [B].

    Returns:
        two of float32 [sources]: nats, and tokens.
    """
    rows = jax.nn.one_hot(source, sources, dtype=jnp.float32)
    return jnp.sum(nll * mask, axis=-1) @ rows, jnp.sum(mask, axis=-1) @ rows
