"""The decoder: a plain dict of parameters, and pure functions of it.

    embedding [V, D]; head [D, V] unless tied; final_norm [D]; soft {modality: projector};
    blocks: every leaf starts with [groups, layers of its kind in a group]:
        attention {norm, query, key, value, out, query_norm, key_norm}
        mlp {norm, gate, up, down}      the dense layers
        moe {norm, router, gate, up, down}      the last of every group, if there are experts

The loop over layers is one `jax.lax.scan` over groups, so compilation does not grow with depth.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from castor.model.attention import attention, init_attention
from castor.model.config import ModelConfig
from castor.model.layers import Params, init_mlp, mlp, normal, rms_norm, rope_tables
from castor.model.modality import init_projectors, place_soft_inputs
from castor.model.moe import init_moe, moe
from castor.model.sharding import BATCH, Constrain, unconstrained

Batch = Mapping[str, Array]


def init(config: ModelConfig, key: Array) -> Params:
    """Draws the parameters, float32; the same key gives the same on every mesh.

    Raises:
        ConfigError: the vocabulary is not known yet.
    """
    embedding, head, soft, attend, dense, sparse = jax.random.split(key, 6)
    d_model, vocabulary = config.d_model, config.vocabulary
    groups, layers = config.layers // config.group, config.group
    blocks: Params = {"attention": init_attention(attend, config, (groups, layers))}
    blocks["attention"]["norm"] = jnp.zeros((groups, layers, d_model), jnp.float32)
    dense_layers = layers - (1 if config.experts else 0)
    if dense_layers:
        depth_scale = (2 * config.layers) ** -0.5
        lead = (groups, dense_layers)
        blocks["mlp"] = init_mlp(dense, d_model, config.width_of_mlp, depth_scale, lead)
        blocks["mlp"]["norm"] = jnp.zeros((*lead, d_model), jnp.float32)
    if config.experts:
        blocks["moe"] = init_moe(sparse, config, (groups, 1))
        blocks["moe"]["norm"] = jnp.zeros((groups, 1, d_model), jnp.float32)
    params = {
        "embedding": normal(embedding, (vocabulary, d_model), d_model**-0.5),
        "final_norm": jnp.zeros((d_model,), jnp.float32),
        "soft": init_projectors(soft, config),
        "blocks": blocks,
    }
    if not config.tie_embeddings:
        params["head"] = normal(head, (d_model, vocabulary), d_model**-0.5)
    return params


def output_matrix(params: Params) -> Array:
    """The matrix from the residual stream to logits, [D, V]; tied, the embedding's transpose."""
    return params["head"] if "head" in params else params["embedding"].T


def embed(
    params: Params, config: ModelConfig, batch: Batch, constrain: Constrain = unconstrained
) -> Array:
    """Embeddings of the inputs times sqrt(D), soft inputs in their places: [B, T, D]."""
    table = constrain(params["embedding"], ("tensor", None))  # else D would stay cut by fsdp
    x = jnp.take(table, batch["inputs"], axis=0, mode="clip")
    x = constrain((x * config.d_model**0.5).astype(config.dtype), (BATCH, None, None))
    return place_soft_inputs(params["soft"], x, batch)


def hidden(
    params: Params, config: ModelConfig, batch: Batch, constrain: Constrain = unconstrained
) -> tuple[Array, dict[str, Array]]:
    """The residual stream after the last norm; see `forward`.

    Returns:
        [B, T, D] in config.dtype, and the router's report of each mixture layer, stacked:
        `balance_loss`, `z_loss`, ... [groups], `load` [groups, E]; {} for a dense model.
    """
    return transform(params, config, embed(params, config, batch, constrain), batch, constrain)


def transform(
    params: Params,
    config: ModelConfig,
    x: Array,
    batch: Batch,
    constrain: Constrain = unconstrained,
) -> tuple[Array, dict[str, Array]]:
    """`hidden`, from embeddings [B, T, D] on; `batch` gives segment_ids and positions."""
    segments = batch["segment_ids"]
    tables = rope_tables(batch["positions"], config.width_of_head, config.rope_theta)
    rows = (BATCH, None, None)

    def layer(params: Params, kind: str, i: int) -> Params:
        return jax.tree.map(lambda leaf: leaf[i], params[kind])

    def group(x: Array, params: Params) -> tuple[Array, dict[str, Array]]:
        report: dict[str, Array] = {}
        for i in range(config.group):
            block = layer(params, "attention", i)
            normed = rms_norm(x, block["norm"], config.norm_eps)
            x = constrain(x + attention(block, config, normed, tables, segments), rows)
            sparse = bool(config.experts) and i == config.group - 1
            block = layer(params, "moe", 0) if sparse else layer(params, "mlp", i)
            normed = rms_norm(x, block["norm"], config.norm_eps)
            if sparse:
                mixed, report = moe(block, config, normed, segments > 0, constrain)
            else:
                mixed = mlp(block, normed)
            x = constrain(x + mixed, rows)
        return x, report

    x, reports = jax.lax.scan(
        rematerialised(group, config),
        constrain(x, rows),
        params["blocks"],
        unroll=min(config.scan_unroll, config.layers // config.group),
    )
    return rms_norm(x, params["final_norm"], config.norm_eps), reports


def rematerialised(function: Any, config: ModelConfig) -> Any:
    """The function with what its backward pass computes again, by config.remat."""
    if config.remat == "none":
        return function
    policy = jax.checkpoint_policies.dots_with_no_batch_dims_saveable
    return jax.checkpoint(
        function, policy=policy if config.remat == "dots" else None, prevent_cse=False
    )


def forward(
    params: Params, config: ModelConfig, batch: Batch, constrain: Constrain = unconstrained
) -> tuple[Array, dict[str, Array]]:
    """Logits of the next token at every position.

    Args:
        params: of `init`.
        batch: `inputs`, `segment_ids` (0 is padding) and `positions`, int32 [B, T]; and of each
            modality `soft_<m>` [B, S, dim] and `soft_<m>_index` int32 [B, T].
        constrain: places arrays on a mesh; see `sharding.constrainer`.

    Returns:
        logits float32 [B, T, V]; and the router's reports, see `hidden`.
    """
    x, reports = hidden(params, config, batch, constrain)
    matrix = output_matrix(params).astype(x.dtype)
    logits = jnp.matmul(x, matrix, preferred_element_type=jnp.float32)
    return logits, reports
