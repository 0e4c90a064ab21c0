"""Soft inputs: what of an image, a sound or a clip enters the decoder without being a token."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax import Array

from castor.model.config import ModelConfig
from castor.model.layers import Params, normal


def init_projectors(key: Array, config: ModelConfig) -> Params:
    """A linear map of each modality that occurs: `weight` [dim, D] and `bias` [D]."""
    present = config.soft_dims.present()
    keys = jax.random.split(key, max(len(present), 1))
    return {
        modality: {
            "weight": normal(keys[i], (dim, config.d_model), dim**-0.5),
            "bias": jnp.zeros((config.d_model,), jnp.float32),
        }
        for i, (modality, dim) in enumerate(present.items())
    }


def place_soft_inputs(projectors: Params, x: Array, batch: Mapping[str, Array]) -> Array:
    """Replaces the embeddings of placeholders by the projected soft inputs.

    Args:
        projectors: of `init_projectors`; a modality the batch lacks is left alone.
        x: [B, T, D], embeddings of `inputs`.
        batch: holds `soft_<modality>` [B, S, dim] and `soft_<modality>_index` [B, T], the row
            of S at a position or -1.
    """
    for modality, params in projectors.items():
        index = batch.get(f"soft_{modality}_index")
        if index is None:
            continue
        # Taken first and projected then: the backward pass reaches the weights by a product
        # alone, since nothing is learnt of the inputs.
        rows = jnp.maximum(index, 0)[..., None]
        taken = jnp.take_along_axis(batch[f"soft_{modality}"], rows, axis=1, mode="clip")
        projected = taken.astype(x.dtype) @ params["weight"].astype(x.dtype)
        projected = projected + params["bias"].astype(x.dtype)
        x = jnp.where(index[..., None] >= 0, projected, x)
    return x
