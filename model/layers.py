"""What every layer is made of: RMSNorm, rotary positions, the gated MLP, initial values.

Parameters are plain dicts of float32 arrays. Letters of shapes: B rows, T positions, D width of
the residual stream, H query heads, K heads of keys and values, d width of a head, F inner
width, E experts, C places per expert, V ids.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

Params = dict[str, Any]


def normal(key: Array, shape: tuple[int, ...], std: float) -> Array:
    """Draws from a normal cut at two standard deviations, whose own deviation is `std`."""
    # 0.8796: the deviation of a unit normal cut at -2 and 2
    return jax.random.truncated_normal(key, -2.0, 2.0, shape, jnp.float32) * (std / 0.87962566)


@jax.custom_vjp
def linear(x: Array, matrix: Array) -> Array:
    """Gives x @ matrix in the type of x: [..., I] by [I, O] -> [..., O].

    The gradient of the matrix is written as one product that turns round the narrower of its
    two operands. Left to itself the rule of JAX turns round the wider one, and XLA does so
    inside whatever made it: on a processor half of the time of a gated MLP [measured].
    """
    return x @ matrix.astype(x.dtype)


def _linear_forward(x: Array, matrix: Array) -> tuple[Array, tuple[Array, Array]]:
    return linear(x, matrix), (x, matrix)


def _linear_backward(kept: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    x, matrix = kept
    by_x = jnp.einsum("...o,io->...i", gradient, matrix.astype(x.dtype))
    flat, slope = (a.reshape(-1, a.shape[-1]) for a in (x, gradient))
    if matrix.shape[0] <= matrix.shape[1]:
        by_matrix = jnp.einsum("ni,no->io", flat, slope, preferred_element_type=matrix.dtype)
    else:
        by_matrix = jnp.einsum("no,ni->oi", slope, flat, preferred_element_type=matrix.dtype).T
    return by_x, by_matrix


linear.defvjp(_linear_forward, _linear_backward)


def rms_norm(x: Array, scale: Array, eps: float) -> Array:
    """Gives x / rms(x) * (1 + scale) over the last axis, in float32 (arXiv 1910.07467).

    The gain is stored as its difference from 1, so that zero is neutral.
    """
    x32 = x.astype(jnp.float32)
    inverse = jax.lax.rsqrt(jnp.mean(jnp.square(x32), axis=-1, keepdims=True) + eps)
    return (x32 * inverse * (1.0 + scale)).astype(x.dtype)


def rope_tables(positions: Array, width: int, theta: float) -> tuple[Array, Array]:
    """Sine and cosine of the rotary angles: [B, T] -> two of [B, T, width / 2], float32."""
    frequency = theta ** (-jnp.arange(0, width, 2, dtype=jnp.float32) / width)
    angle = positions[..., None].astype(jnp.float32) * frequency
    return jnp.sin(angle), jnp.cos(angle)


def rope(x: Array, tables: tuple[Array, Array]) -> Array:
    """Turns [B, T, heads, d] by position: entry i with entry i + d/2 (arXiv 2104.09864)."""
    sine, cosine = (t[:, :, None, :] for t in tables)
    first, second = jnp.split(x.astype(jnp.float32), 2, axis=-1)
    turned = [first * cosine - second * sine, second * cosine + first * sine]
    return jnp.concatenate(turned, axis=-1).astype(x.dtype)


def init_mlp(key: Array, d_model: int, d_ff: int, depth_scale: float, lead: tuple = ()) -> Params:
    """Matrices of gated MLPs, `lead` of them: gate and up [*lead, D, F], down [*lead, F, D]."""
    gate, up, down = jax.random.split(key, 3)
    return {
        "gate": normal(gate, (*lead, d_model, d_ff), d_model**-0.5),
        "up": normal(up, (*lead, d_model, d_ff), d_model**-0.5),
        "down": normal(down, (*lead, d_ff, d_model), d_ff**-0.5 * depth_scale),
    }


def mlp(params: Params, x: Array) -> Array:
    """SwiGLU (arXiv 2002.05202): down(silu(gate x) * up x); [..., D] -> [..., D]."""
    hidden = jax.nn.silu(linear(x, params["gate"])) * linear(x, params["up"])
    return linear(hidden, params["down"])
