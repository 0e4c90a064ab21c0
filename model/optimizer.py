"""AdamW, which parameters decay, and the schedules of the learning rate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array

from castor.filters.errors import ConfigError
from castor.model.config import OptimizerConfig
from castor.model.layers import Params

# Decay is for matrices. Norms' gains and biases are no matrices; embeddings are left out as in
# OLMo 2 (arXiv 2501.00656): decay shrinks them, and small embeddings make early gradients large.
NO_DECAY = ("norm", "bias", "embedding")


def phases(config: OptimizerConfig, steps: int) -> tuple[int, int]:
    """Steps of warm-up, and of decay at the end, of a run of `steps`.

    Raises:
        ConfigError: they do not fit in the run.
    """
    warmup, decay = (
        round(value * steps) if value < 1 else int(value) for value in (config.warmup, config.decay)
    )
    if config.schedule == "cosine":
        decay = steps - warmup
    if warmup + decay > steps or decay < 0:
        raise ConfigError(
            "warm-up and decay are longer than the run",
            where="optimizer",
            got=f"warmup {warmup} + decay {decay} of {steps} steps",
            fix="shorten them (a number below 1 is a share of the run), or train longer",
        )
    return warmup, decay


def schedule(config: OptimizerConfig, steps: int) -> Callable[[Array | int], Array]:
    """The learning rate of step 0, 1, ...: warm-up, then stable and decay, or cosine.

    Step i of a warm-up of w has peak (i + 1) / w. The last step comes to final_share x peak, up
    to one step of the decay; what is trained beyond stays there.

    Raises:
        ConfigError: see `phases`.
    """
    warmup, decay = phases(config, steps)

    def rate(step: Array | int) -> Array:
        now = jnp.asarray(step, jnp.float32)
        rise = jnp.minimum((now + 1.0) / max(warmup, 1), 1.0)
        gone = jnp.clip((now - (steps - decay)) / max(decay, 1), 0.0, 1.0)
        if config.schedule == "cosine":
            left = 0.5 * (1.0 + jnp.cos(jnp.pi * gone))
        elif config.decay_shape == "sqrt":
            left = 1.0 - jnp.sqrt(gone)
        else:
            left = 1.0 - gone
        share = config.final_share + (1.0 - config.final_share) * left
        return config.peak_lr * rise * share

    return rate


def decays(params: Params) -> Any:
    """True for each parameter that weight decay is for, by the last name of its path."""

    def one(path: tuple[Any, ...], leaf: Any) -> bool:
        del leaf
        return not str(path[-1].key).endswith(NO_DECAY)

    return jax.tree_util.tree_map_with_path(one, params)


def make_optimizer(config: OptimizerConfig, steps: int) -> optax.GradientTransformation:
    """AdamW with decoupled decay (arXiv 1711.05101) for a run of `steps`.

    The gradient's norm is clipped by the step, which reports it.
    """
    return optax.adamw(
        schedule(config, steps),
        b1=config.b1,
        b2=config.b2,
        eps=config.eps,
        weight_decay=config.weight_decay,
        mask=decays,
    )
