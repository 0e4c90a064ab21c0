"""Causal attention inside documents: multi-query, grouped or multi-head."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from castor.model.config import ModelConfig
from castor.model.layers import Params, normal, rms_norm, rope

# Added to what may not be seen. exp(MASKED - max) is exactly 0 in float32, so is its gradient.
MASKED = -1e30


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


def attend(query: Array, key: Array, value: Array, segments: Array, chunk: int = 0) -> Array:
    """Softmax attention under the causal segment mask; scores and softmax in float32.

    Args:
        query: [B, T, H, d].
        key, value: [B, T, K, d]; H is a multiple of K, and head h reads pair h // (H / K).
        segments: [B, T], which document a position belongs to; 0 is padding.
        chunk: queries per piece; a piece leaves out the keys that come after it. 0 is all.

    Returns:
        [B, T, H, d], in the type of `query`.
    """
    rows, length, heads, width = query.shape
    shared = key.shape[2]
    grouped = query.reshape(rows, length, shared, heads // shared, width) * width**-0.5
    chunk = chunk if 0 < chunk < length else length
    pieces = []
    for start in range(0, length, chunk):
        stop = min(start + chunk, length)
        scores = jnp.einsum(
            "bqkgd,bskd->bkgqs",
            grouped[:, start:stop],
            key[:, :stop],
            preferred_element_type=jnp.float32,
        )
        mask = visible(segments[:, start:stop], segments[:, :stop], start)
        scores = jnp.where(mask[:, None, None], scores, MASKED)
        weights = jax.nn.softmax(scores, axis=-1).astype(query.dtype)
        pieces.append(jnp.einsum("bkgqs,bskd->bqkgd", weights, value[:, :stop]))
    mixed = jnp.concatenate(pieces, axis=1) if len(pieces) > 1 else pieces[0]
    return mixed.reshape(rows, length, heads, width)


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
    query = (x @ params["query"].astype(x.dtype)).reshape(rows, length, config.heads, width)
    key = (x @ params["key"].astype(x.dtype)).reshape(rows, length, config.kv_heads, width)
    value = (x @ params["value"].astype(x.dtype)).reshape(rows, length, config.kv_heads, width)
    if config.qk_norm:
        query = rms_norm(query, params["query_norm"], config.norm_eps)
        key = rms_norm(key, params["key_norm"], config.norm_eps)
    query, key = rope(query, tables), rope(key, tables)
    mixed = attend(query, key, value, segments, config.attention_chunk)
    return mixed.reshape(rows, length, -1) @ params["out"].astype(x.dtype)
