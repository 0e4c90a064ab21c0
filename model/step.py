"""One step of training: `step(state, batch) -> (state, metrics)`, pure.

    state = init_state(model, optimizer, steps, key)     {"params", "opt_state", "step"}
    step = jax.jit(make_step(model, optimizer, steps=steps, sources=3), donate_argnums=0)
    state, metrics = step(state, batch)

A swarm is `jax.vmap(step)` over stacked states and batches. A step whose loss, gradient or update
is not finite changes nothing of the state and says so, so what was learnt before is not lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jax.sharding import Mesh

from castor.model import decoder
from castor.model.config import ModelConfig, OptimizerConfig
from castor.model.layers import Params
from castor.model.loss import by_source, cross_entropy, usual_chunk
from castor.model.optimizer import make_optimizer, schedule
from castor.model.sharding import BATCH, Constrain, constrainer, state_shardings, unconstrained

State = dict[str, Any]
Batch = Mapping[str, Array]
Metrics = dict[str, Any]
Step = Callable[[State, Batch], tuple[State, Metrics]]


def init_state(model: ModelConfig, optimizer: OptimizerConfig, steps: int, key: Array) -> State:
    """A state at step 0: parameters drawn with `key`, and the optimiser's moments, all zero.

    `jax.vmap(lambda key: init_state(..., key))(keys)` makes the states of a swarm.
    """
    params = decoder.init(model, key)
    opt_state = make_optimizer(optimizer, steps).init(params)
    return {"params": params, "opt_state": opt_state, "step": jnp.zeros((), jnp.int32)}


def chunk_of(model: ModelConfig, constrain: Constrain) -> int:
    """Tokens whose logits exist at one time: as configured, or what is usual."""
    if model.loss_chunk is not None:
        return model.loss_chunk
    return usual_chunk(on_mesh=constrain is not unconstrained)


def objective(
    params: Params,
    model: ModelConfig,
    batch: Batch,
    sources: int,
    denominator: Array,
    accumulate: int,
    constrain: Constrain,
) -> tuple[Array, Metrics]:
    """What one micro-batch gives to what is minimised, and sums for the metrics.

    Args:
        sources: how many the mixture has.
        denominator: tokens in the loss of the whole batch.
        accumulate: micro-batches of the whole batch.

    Returns:
        cross-entropy over `denominator` plus the router's losses over `accumulate`, summed over
        its layers (Switch, section 2.2); and `nats` and `tokens` [sources], `router` reports.
    """
    x, reports = decoder.hidden(params, model, batch, constrain)
    mask = batch["loss_mask"]
    sums = cross_entropy(
        x,
        decoder.output_matrix(params),
        batch["targets"],
        mask / denominator,
        model.logit_z_loss,
        chunk_of(model, constrain),
    )
    nats, tokens = by_source(sums.nll, mask, batch["source"], sources)
    total = sums.objective
    if model.experts:
        # Means over the micro-batch, of which there are so many.
        total = total + model.balance_loss / accumulate * jnp.sum(reports["balance_loss"])
        total = total + model.router_z_loss / accumulate * jnp.sum(reports["z_loss"])
    return total, {"nats": nats, "tokens": tokens, "router": reports}


def gradients(
    params: Params,
    model: ModelConfig,
    batch: Batch,
    *,
    sources: int,
    accumulate: int,
    constrain: Constrain,
) -> tuple[Params, Metrics]:
    """The gradient over the whole batch, in one piece or `accumulate` micro-batches."""
    denominator = jnp.maximum(jnp.sum(batch["loss_mask"]), 1.0)

    def one(micro: Batch) -> tuple[Params, Metrics]:
        differentiated = jax.grad(objective, has_aux=True)
        return differentiated(params, model, micro, sources, denominator, accumulate, constrain)

    if accumulate == 1:
        return one(batch)

    def split(x: Array) -> Array:
        # Every accumulate-th row, so that each device cuts its own rows.
        pieces = x.reshape(x.shape[0] // accumulate, accumulate, *x.shape[1:]).swapaxes(0, 1)
        return constrain(pieces, (None, BATCH))

    def add(total: Any, micro: Batch) -> tuple[Any, None]:
        return jax.tree.map(jnp.add, total, one(micro)), None

    micros = jax.tree.map(split, dict(batch))
    shapes = jax.eval_shape(one, jax.tree.map(lambda x: x[0], micros))
    zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
    (grads, metrics), _ = jax.lax.scan(add, zeros, micros)
    if model.experts:
        # What the router reports are means over a micro-batch: now those of all of them.
        metrics["router"] = jax.tree.map(lambda x: x / accumulate, metrics["router"])
    return grads, metrics


def norm_of(tree: Any) -> Array:
    """The Euclidean norm over all leaves; what is not finite in one makes it so."""
    return jnp.sqrt(sum(jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(tree)))


def clipped(grads: Params, limit: float) -> tuple[Params, Array]:
    """Scales gradients so that their norm over all leaves is at most `limit`; 0 is no limit.

    Returns:
        the gradients, and what their norm was.
    """
    norm = norm_of(grads)
    if limit:
        scale = jnp.minimum(1.0, limit / jnp.maximum(norm, 1e-12))
        grads = jax.tree.map(lambda leaf: leaf * scale, grads)
    return grads, norm


def make_step(
    model: ModelConfig,
    optimizer: OptimizerConfig,
    *,
    steps: int,
    sources: int,
    accumulate: int = 1,
    mesh: Mesh | None = None,
) -> Step:
    """The step of a run; jit it, with the state donated.

    Args:
        model: with its vocabulary known.
        steps: length of the run, which the schedule is made for.
        sources: of the mixture; `batch["source"]` is below it.
        accumulate: micro-batches; divides the rows of a batch.
        mesh: that state and batch lie on; None for one device, or under vmap.

    Returns:
        the function. Its metrics, float32 scalars if not said otherwise: `loss`, mean nats of
        the tokens in the loss; `loss_by_source` and `tokens_by_source` [sources] (loss nan
        where there are no tokens); `tokens`; `grad_norm` before clipping; `update_norm` of what
        was to be added to the parameters; `finite`, bool, whether loss and norms are; `lr`;
        `router`, of a mixture of experts: `load` [layers, E], `load_max`, the worst layer's,
        `entropy`, `dropped`, `balance_loss`, `z_loss`, means over layers.
    """
    transformation = make_optimizer(optimizer, steps)
    rate = schedule(optimizer, steps)
    constrain = constrainer(mesh)

    def step(state: State, batch: Batch) -> tuple[State, Metrics]:
        grads, sums = gradients(
            state["params"],
            model,
            batch,
            sources=sources,
            accumulate=accumulate,
            constrain=constrain,
        )
        grads, norm = clipped(grads, optimizer.clip)
        updates, opt_state = transformation.update(grads, state["opt_state"], state["params"])
        params = optax.apply_updates(state["params"], updates)
        tokens = jnp.sum(sums["tokens"])
        loss = jnp.sum(sums["nats"]) / jnp.maximum(tokens, 1.0)
        update_norm = norm_of(updates)
        finite = jnp.isfinite(loss) & jnp.isfinite(norm) & jnp.isfinite(update_norm)
        new = {"params": params, "opt_state": opt_state, "step": state["step"] + 1}
        after = jax.tree.map(lambda n, old: jnp.where(finite, n, old), new, dict(state))
        if mesh is not None:  # or XLA may lay it out anew, and compile the next step again
            after = jax.lax.with_sharding_constraint(after, state_shardings(after, mesh))
        metrics = {
            "loss": loss,
            "loss_by_source": sums["nats"] / sums["tokens"],
            "tokens_by_source": sums["tokens"],
            "tokens": tokens,
            "grad_norm": norm,
            "update_norm": update_norm,
            "lr": rate(state["step"]),
            "finite": finite,
        }
        if model.experts:
            reports = sums["router"]
            metrics["router"] = {name: jnp.mean(value) for name, value in reports.items()}
            metrics["router"]["load"] = reports["load"]
            metrics["router"]["load_max"] = jnp.max(reports["load_max"])
        return after, metrics

    return step


def make_evaluator(
    model: ModelConfig, mesh: Mesh | None = None
) -> Callable[[Params, Batch], Array]:
    """The function of (params, batch) that gives -ln p(target), float32 [B, T]; jit it.

    Where loss_mask is 0 the figure is of no use: multiply by the mask.
    """
    constrain = constrainer(mesh)

    def nll(params: Params, batch: Batch) -> Array:
        x, _ = decoder.hidden(params, model, batch, constrain)
        matrix = decoder.output_matrix(params)
        weights = jnp.zeros(batch["targets"].shape, jnp.float32)
        chunk = chunk_of(model, constrain)
        return cross_entropy(x, matrix, batch["targets"], weights, chunk=chunk).nll

    return nll
