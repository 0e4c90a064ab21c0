"""The compiled programs of a training, kept: a second training in a process compiles nothing."""

from __future__ import annotations

import functools
from typing import Any

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from castor.model.config import ModelConfig, OptimizerConfig
from castor.model.sharding import state_shardings
from castor.model.step import init_state, make_evaluator, make_step

KEPT = 4  # programs of each kind


@functools.lru_cache(maxsize=KEPT)
def layout(model: ModelConfig, optimizer: OptimizerConfig, steps: int, mesh: Mesh) -> Any:
    """The state of a run as `jax.ShapeDtypeStruct`s with the shardings that it has on a mesh."""
    shapes = jax.eval_shape(lambda: init_state(model, optimizer, steps, jax.random.key(0)))
    return jax.tree.map(
        lambda x, s: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=s),
        shapes,
        state_shardings(shapes, mesh),
    )


@functools.lru_cache(maxsize=KEPT)
def init(model: ModelConfig, optimizer: OptimizerConfig, steps: int, mesh: Mesh) -> Any:
    """The function that draws a state from a key, jitted, on a mesh."""
    # It runs once: on a processor, compiling it without optimisation takes half the time.
    plain = {"xla_backend_optimization_level": 0} if jax.default_backend() == "cpu" else {}
    return jax.jit(
        lambda key: init_state(model, optimizer, steps, key),
        out_shardings=_shardings(layout(model, optimizer, steps, mesh)),
        compiler_options=plain,
    )


@functools.lru_cache(maxsize=KEPT)
def step(
    model: ModelConfig,
    optimizer: OptimizerConfig,
    steps: int,
    mesh: Mesh,
    *,
    sources: int,
    accumulate: int,
) -> Any:
    """`castor.model.step.make_step`, jitted: the state is used up, metrics are on every device."""
    return jax.jit(
        make_step(model, optimizer, steps=steps, sources=sources, accumulate=accumulate, mesh=mesh),
        donate_argnums=0,
        out_shardings=(
            _shardings(layout(model, optimizer, steps, mesh)),
            NamedSharding(mesh, PartitionSpec()),
        ),
    )


@functools.lru_cache(maxsize=KEPT)
def evaluator(model: ModelConfig, mesh: Mesh) -> Any:
    """`castor.model.step.make_evaluator`, jitted."""
    return jax.jit(make_evaluator(model, mesh))


def _shardings(abstract: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf.sharding, abstract)
