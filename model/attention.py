"""Causal attention inside documents: multi-query, grouped or multi-head."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array

from castor.model.config import ModelConfig
from castor.model.layers import Params, linear, normal, rms_norm, rope

# Added to what may not be seen. exp(MASKED - max) is exactly 0 in float32, so is its gradient.
MASKED = -1e30
# Pieces below this many queries make the products too small to be fast.
SMALLEST_PIECE = 16
F32 = jnp.float32


def init_attention(key: Array, config: ModelConfig, lead: tuple[int, ...]) -> Params:
    """Matrices of `lead` layers: query [*lead, D, H d], key and value [*lead, D, K d], out."""
    width, d_model = config.width_of_head, config.d_model
    query, key_, value, out = jax.random.split(key, 4)
    inner = config.heads * width
    params = {
        "query": normal(query, (*lead, d_model, inner), d_model**-0.5),
        "key": normal(key_, (*lead, d_model, config.kv_heads * width), d_model**-0.5),
        "value": normal(value, (*lead, d_model, config.kv_heads * width), d_model**-0.5),
        "out": normal(out, (*lead, inner, d_model), (2 * config.layers * inner) ** -0.5),
    }
    if config.qk_norm:
        params["query_norm"] = jnp.zeros((*lead, width), jnp.float32)
        params["key_norm"] = jnp.zeros((*lead, width), jnp.float32)
    return params


def visible(query_segments: Array, key_segments: Array, first: int) -> Array:
    """Which key each query may see: not after it, and of its own document.

    Padding (segment 0) sees padding only, so no row of the softmax is empty.

    Args:
        query_segments: [B, Q].
        key_segments: [B, S].
        first: index of the first query among the keys.

    Returns:
        bool [B, Q, S].
    """
    queries, keys = query_segments.shape[1], key_segments.shape[1]
    causal = jnp.arange(keys)[None, :] <= jnp.arange(first, first + queries)[:, None]
    same = query_segments[:, :, None] == key_segments[:, None, :]
    return causal[None] & same


def piece_length(length: int, pieces: int) -> int:
    """Queries that attend at one time: a share of the sequence, but never fewer than 16."""
    return min(length, max(SMALLEST_PIECE, -(-length // pieces)))


def _cuts(length: int, piece: int) -> list[tuple[int, int]]:
    return [(start, min(start + piece, length)) for start in range(0, length, piece)]


def _scores(query: Array, key: Array, segments: Array, start: int, stop: int) -> Array:
    """Masked scores of queries [start, stop) against keys [0, stop): [B, K, G, Q, stop]."""
    piece = query[:, :, :, start:stop]
    rows, shared, group, queries, width = piece.shape
    flat = piece.reshape(rows, shared, group * queries, width)
    scores = jnp.einsum("bkqd,bksd->bkqs", flat, key[:, :, :stop], preferred_element_type=F32)
    scores = scores.reshape(rows, shared, group, queries, stop)
    mask = visible(segments[:, start:stop], segments[:, :stop], start)
    return jnp.where(mask[:, None, None], scores, MASKED)


@partial(jax.custom_vjp, nondiff_argnums=(4,))
def attend(query: Array, key: Array, value: Array, segments: Array, piece: int) -> Array:
    """Softmax attention under the causal segment mask; scores and softmax in float32.

    The backward pass makes the weights again from their log-partition, as FlashAttention does
    (arXiv 2205.14135): nothing of the size T x T is kept.

    Args:
        query: [B, K, G, T, d], scaled; the G heads of a group share a key and a value.
        key, value: [B, K, T, d].
        segments: [B, T], which document a position belongs to; 0 is padding.
        piece: queries per piece; a piece leaves out the keys that come after it.

    Returns:
        [B, K, G, T, d], in the type of `query`.
    """
    return _attend_forward(query, key, value, segments, piece)[0]


def _attend_forward(
    query: Array, key: Array, value: Array, segments: Array, piece: int
) -> tuple[Array, tuple]:
    mixed, partitions = [], []
    for start, stop in _cuts(query.shape[3], piece):
        scores = _scores(query, key, segments, start, stop)
        highest = jnp.max(scores, axis=-1, keepdims=True)
        weights = jnp.exp(scores - highest)
        total = jnp.sum(weights, axis=-1, keepdims=True)
        mixed.append(_times((weights / total).astype(value.dtype), value[:, :, :stop]))
        partitions.append(highest + jnp.log(total))
    out = jnp.concatenate(mixed, axis=3).astype(query.dtype)
    return out, (query, key, value, segments, out, jnp.concatenate(partitions, axis=3))


def _times(left: Array, right: Array) -> Array:
    """[B, K, G, Q, S] by [B, K, S, d], in float32: [B, K, G, Q, d]."""
    rows, shared, group, queries, keys = left.shape
    flat = left.reshape(rows, shared, group * queries, keys)
    out = jnp.einsum("bkqs,bksd->bkqd", flat, right, preferred_element_type=F32)
    return out.reshape(rows, shared, group, queries, -1)


def _transposed_times(left: Array, right: Array) -> Array:
    """[B, K, G, Q, S] by [B, K, G, Q, d], summed over G and Q in float32: [B, K, S, d]."""
    rows, shared, group, queries, keys = left.shape
    flat = left.reshape(rows, shared, group * queries, keys)
    other = right.reshape(rows, shared, group * queries, -1)
    return jnp.einsum("bkqs,bkqd->bksd", flat, other, preferred_element_type=F32)


def _attend_backward(piece: int, kept: tuple, gradient: Array) -> tuple:
    query, key, value, segments, out, partitions = kept
    kind = query.dtype
    inner = jnp.sum(gradient.astype(F32) * out.astype(F32), axis=-1, keepdims=True)
    by_query = []
    by_key, by_value = jnp.zeros(key.shape, F32), jnp.zeros(value.shape, F32)
    for start, stop in _cuts(query.shape[3], piece):
        here = slice(start, stop)
        scores = _scores(query, key, segments, start, stop)
        weights = jnp.exp(scores - partitions[:, :, :, here])
        pulled = _times(gradient[:, :, :, here], value[:, :, :stop].swapaxes(2, 3))
        slopes = (weights * (pulled - inner[:, :, :, here])).astype(kind)
        by_query.append(_times(slopes, key[:, :, :stop]))
        rest = ((0, 0), (0, 0), (0, key.shape[2] - stop), (0, 0))
        by_key += jnp.pad(_transposed_times(slopes, query[:, :, :, here]), rest)
        into = _transposed_times(weights.astype(kind), gradient[:, :, :, here])
        by_value += jnp.pad(into, rest)
    by_query = jnp.concatenate(by_query, axis=3)
    return by_query.astype(kind), by_key.astype(kind), by_value.astype(kind), None


attend.defvjp(_attend_forward, _attend_backward)


def attention(
    params: Params, config: ModelConfig, x: Array, tables: tuple[Array, Array], segments: Array
) -> Array:
    """One attention layer without its norm and residual: [B, T, D] -> [B, T, D].

    Args:
        tables: of `rope_tables`.
        segments: [B, T].
    """
    rows, length, _ = x.shape
    width = config.width_of_head
    query = linear(x, params["query"]).reshape(rows, length, config.heads, width)
    key = linear(x, params["key"]).reshape(rows, length, config.kv_heads, width)
    value = linear(x, params["value"]).reshape(rows, length, config.kv_heads, width)
    if config.qk_norm:
        query = rms_norm(query, params["query_norm"], config.norm_eps)
        key = rms_norm(key, params["key_norm"], config.norm_eps)
    query, key = rope(query, tables), rope(key, tables)
    grouped = query.reshape(rows, length, config.kv_heads, -1, width) * width**-0.5
    piece = piece_length(length, config.attention_pieces)
    mixed = attend(
        grouped.transpose(0, 2, 3, 1, 4),
        key.swapaxes(1, 2),
        value.swapaxes(1, 2),
        segments,
        piece,
    )
    mixed = mixed.transpose(0, 3, 1, 2, 4).reshape(rows, length, -1)
    return linear(mixed, params["out"])
