"""Cross-entropy under a loss mask, in total and by source."""

from __future__ import annotations

from functools import partial
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


def usual_chunk(on_mesh: bool) -> int:
    """The default of `loss_chunk`.

    On a processor 512 are fastest: their logits stay in cache. On a mesh all: every chunk would
    sum the matrix's gradient over the devices again.
    """
    if on_mesh:
        return 0
    return 512 if jax.default_backend() == "cpu" else 8192


def cross_entropy(
    x: Array, matrix: Array, targets: Array, weights: Array, z: float = 0.0, chunk: int = 0
) -> Sums:
    """Cross-entropy of x @ matrix against the targets; logits are float32.

    With a gradient it is found in the same pass, chunk by chunk, since that of a cross-entropy
    is known as soon as its logits are: they are computed once and never all of them are kept.

    Args:
        x: [B, T, D], after the last norm.
        matrix: [D, V].
        targets: int32 [B, T].
        weights: [B, T] of each position in the objective; has no gradient.
        z: coefficient of the squared log-partition (PaLM, arXiv 2204.02311, section 5).
        chunk: about how many tokens' logits exist at one time; 0 is all.
    """
    rows, length, _ = x.shape
    pieces = _pieces(rows, length, chunk)
    matrix = matrix.astype(x.dtype)

    def cut(a: Array) -> Array:  # along the positions: rows may lie on several devices
        return a.reshape(rows, pieces, length // pieces, *a.shape[2:]).swapaxes(0, 1)

    objective, nll = _summed(cut(x), matrix, cut(targets), cut(weights), z)
    return Sums(objective, jax.lax.stop_gradient(nll.swapaxes(0, 1).reshape(rows, length)))


def _pieces(rows: int, length: int, chunk: int) -> int:
    """How many pieces to cut the positions into: a divisor of `length`."""
    if not chunk:
        return 1
    wanted = max(1, min(length, rows * length // chunk))
    return next(n for n in range(wanted, 0, -1) if length % n == 0)


def _piece(x: Array, matrix: Array, targets: Array) -> tuple[Array, Array, Array, Array]:
    """Of one piece: nll and log-partition [B, t], probabilities and one-hot targets [B, t, V]."""
    logits = jnp.einsum("btd,dv->btv", x, matrix, preferred_element_type=jnp.float32)
    highest = jnp.max(logits, axis=-1, keepdims=True)
    powers = jnp.exp(logits - highest)
    total = jnp.sum(powers, axis=-1, keepdims=True)
    # By comparison, since a look-up is a scatter on the way back.
    here = jnp.arange(logits.shape[-1]) == targets[..., None]
    log_partition = (highest + jnp.log(total))[..., 0]
    nll = log_partition - jnp.sum(jnp.where(here, logits, 0.0), axis=-1)
    return nll, log_partition, powers / total, here


@partial(jax.custom_vjp, nondiff_argnums=(4,))
def _summed(
    x: Array, matrix: Array, targets: Array, weights: Array, z: float
) -> tuple[Array, Array]:
    """The objective, and nll [n, B, t], of pieces: x [n, B, t, D], the others [n, B, t]."""

    def one(total: Array, piece: tuple) -> tuple[Array, Array]:
        x, targets, weights = piece
        nll, log_partition, _, _ = _piece(x, matrix, targets)
        return total + jnp.sum(weights * (nll + z * jnp.square(log_partition))), nll

    return jax.lax.scan(one, jnp.zeros((), jnp.float32), (x, targets, weights))


def _summed_forward(
    x: Array, matrix: Array, targets: Array, weights: Array, z: float
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    def one(carry: tuple, piece: tuple) -> tuple[tuple, tuple]:
        total, by_matrix = carry
        x, targets, weights = piece
        nll, log_partition, probabilities, here = _piece(x, matrix, targets)
        total = total + jnp.sum(weights * (nll + z * jnp.square(log_partition)))
        slope = probabilities * (1.0 + 2.0 * z * log_partition)[..., None] - here
        slope = (slope * weights[..., None]).astype(x.dtype)
        by_matrix += jnp.einsum("btd,btv->dv", x, slope, preferred_element_type=jnp.float32)
        return (total, by_matrix), (nll, jnp.einsum("btv,dv->btd", slope, matrix))

    start = (jnp.zeros((), jnp.float32), jnp.zeros(matrix.shape, jnp.float32))
    (total, by_matrix), (nll, by_x) = jax.lax.scan(one, start, (x, targets, weights))
    return (total, nll), (by_x, by_matrix)


def _summed_backward(z: float, kept: tuple[Array, Array], gradient: tuple) -> tuple:
    by_x, by_matrix = kept
    scale = gradient[0]
    return (by_x * scale).astype(by_x.dtype), (by_matrix * scale).astype(by_x.dtype), None, None


_summed.defvjp(_summed_forward, _summed_backward)


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
