"""Mixture-of-experts layers: router, capacity dispatch by gather, losses, and a dense oracle.

A token goes to its k best experts. Every sequence gives each expert C places, taken in the order
of the tokens, so whether a token finds a place depends on nothing after it, nor on other rows
of the batch; without a place an assignment is dropped and counted. Tokens move to the places
and back by gathers both ways, also in the backward pass: no scatter-add, whose order of
summation accelerators do not fix.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from castor.model.config import ModelConfig
from castor.model.layers import Params, init_mlp, mlp, normal
from castor.model.sharding import BATCH_ALONE, Constrain, unconstrained


class Routing(NamedTuple):
    """What the router says of [B, T] tokens, in float32.

    Attributes:
        experts: int32 [B, T, k], the best first.
        weights: [B, T, k], their probabilities over the sum of the k.
        probabilities: [B, T, E].
        log_partition: [B, T], logsumexp of the logits.
    """

    experts: Array
    weights: Array
    probabilities: Array
    log_partition: Array


class Places(NamedTuple):
    """Who sits where. Both tables are over one sequence, and each is the other's inverse.

    Attributes:
        assignment: int32 [B, E * C], which of the T * k assignments has a place.
        filled: bool [B, E * C], whether any has.
        place: int32 [B, T * k], the place of an assignment.
        kept: bool [B, T * k], whether it has one.
        counts: int32 [B, E], assignments to each expert, also those without a place.
    """

    assignment: Array
    filled: Array
    place: Array
    kept: Array
    counts: Array


def init_moe(key: Array, config: ModelConfig, lead: tuple[int, ...]) -> Params:
    """Router [*lead, D, E] and the experts' gated MLPs [*lead, E, ...]."""
    router, experts = jax.random.split(key)
    shape = (*lead, config.d_model, config.experts)
    # A tenth of the usual deviation: routing starts near even (Switch, section 2.4).
    params = {"router": normal(router, shape, 0.1 * config.d_model**-0.5)}
    depth_scale = (2 * config.layers) ** -0.5
    lead = (*lead, config.experts)
    return params | init_mlp(experts, config.d_model, config.width_of_expert, depth_scale, lead)


def capacity(config: ModelConfig, length: int) -> int:
    """Places per expert for a sequence: ceil(cf k S / E), and never more than its tokens."""
    wanted = config.capacity_factor * config.top_k * length / config.experts
    return min(length, math.ceil(wanted - 1e-9))  # 1e-9: 1.1 * 10 is 11.000000000000002


def route(router: Array, x: Array, top_k: int) -> Routing:
    """Scores [B, T, D] against [D, E] in float32 and picks; equal scores go to the lower id."""
    logits = x.astype(jnp.float32) @ router
    log_partition = jax.nn.logsumexp(logits, axis=-1)
    probabilities = jnp.exp(logits - log_partition[..., None])
    _, experts = jax.lax.top_k(jax.lax.stop_gradient(probabilities), top_k)
    # By product with one-hot rows: the backward pass of top_k itself is a scatter-add.
    chosen = jax.nn.one_hot(experts, router.shape[-1], dtype=jnp.float32)
    weights = jnp.einsum("btke,bte->btk", chosen, probabilities)
    weights = weights / jnp.sum(weights, axis=-1, keepdims=True)
    return Routing(experts, weights, probabilities, log_partition)


def places(experts: Array, valid: Array, number: int, room: int) -> Places:
    """Gives assignments their places, in the order of the tokens and then of preference.

    Args:
        experts: int32 [B, T, k].
        valid: bool [B, T]; padding takes no place.
        number: experts E.
        room: places C of each.
    """
    rows, length, k = experts.shape
    total = length * k
    expert = jnp.where(valid[..., None], experts, number).reshape(rows, total)
    index = jnp.arange(total, dtype=jnp.int32)
    # One integer holds expert and turn, so that equal experts stay in order.
    order = jnp.sort(expert * total + index, axis=-1) % total
    turn = jnp.argsort(order, axis=-1).astype(jnp.int32)
    counts = jnp.sum(expert[..., None] == jnp.arange(number), axis=1, dtype=jnp.int32)
    starts = jnp.cumsum(counts, axis=-1) - counts
    slot = jnp.arange(room, dtype=jnp.int32)
    filled = slot < counts[..., None]
    wanted = jnp.minimum(starts[..., None] + slot, total - 1).reshape(rows, -1)
    assignment = jnp.take_along_axis(order, wanted, axis=-1)
    inside = jnp.minimum(expert, number - 1)
    nth = turn - jnp.take_along_axis(starts, inside, axis=-1)
    kept = (expert < number) & (nth < room)
    place = inside * room + jnp.minimum(nth, room - 1)
    return Places(assignment, filled.reshape(rows, -1), place, kept, counts)


def _rows(x: Array, index: Array, used: Array) -> Array:
    """x[b, index[b, i]] where used, else 0: [B, N, D], [B, M], [B, M] -> [B, M, D]."""
    taken = jnp.take_along_axis(x, index[..., None], axis=1, mode="clip")
    return jnp.where(used[..., None], taken, 0)


@jax.custom_vjp
def to_places(x: Array, table: Places) -> Array:
    """Tokens [B, T, D] at the places [B, E * C, D] of their assignments; 0 where nobody sits."""
    k = table.place.shape[1] // x.shape[1]
    return _rows(x, table.assignment // k, table.filled)


def _to_places_forward(x: Array, table: Places) -> tuple[Array, tuple]:
    return to_places(x, table), (table, x.shape)


def _to_places_backward(kept: tuple, gradient: Array) -> tuple:
    table, (rows, length, width) = kept
    back = _rows(gradient, table.place, table.kept)
    return back.reshape(rows, length, -1, width).sum(axis=2), None


to_places.defvjp(_to_places_forward, _to_places_backward)


@jax.custom_vjp
def from_places(y: Array, table: Places) -> Array:
    """What came of each assignment: [B, E * C, D] -> [B, T * k, D]; 0 for the dropped."""
    return _rows(y, table.place, table.kept)


def _from_places_forward(y: Array, table: Places) -> tuple[Array, Places]:
    return from_places(y, table), table


def _from_places_backward(table: Places, gradient: Array) -> tuple:
    return _rows(gradient, table.assignment, table.filled), None


from_places.defvjp(_from_places_forward, _from_places_backward)


def expert_mlp(params: Params, x: Array) -> Array:
    """The experts' gated MLPs on [E, N, D], each on its own places."""
    gate = jnp.einsum("end,edf->enf", x, params["gate"].astype(x.dtype))
    up = jnp.einsum("end,edf->enf", x, params["up"].astype(x.dtype))
    return jnp.einsum("enf,efd->end", jax.nn.silu(gate) * up, params["down"].astype(x.dtype))


def router_report(routing: Routing, table: Places, valid: Array, room: int) -> dict[str, Array]:
    """The losses of the router and what the log says of it.

    Returns:
        `balance_loss`, E sum f_i P_i with f_i the share of all assignments and P_i the mean
        probability: 1 when balanced, E in collapse; `z_loss`, mean squared log-partition;
        `load` [E], f_i; `load_max`, E max f_i; `entropy` of f over ln E: 1 is balanced;
        `dropped`, share of the assignments without a place. Padding counts nowhere.
    """
    number = routing.probabilities.shape[-1]
    weight = valid.astype(jnp.float32)
    tokens = jnp.maximum(jnp.sum(weight), 1.0)
    counts = jnp.sum(table.counts, axis=0).astype(jnp.float32)
    load = counts / jnp.maximum(jnp.sum(counts), 1.0)
    mean = jnp.einsum("bte,bt->e", routing.probabilities, weight) / tokens
    over = jnp.sum(jnp.maximum(table.counts - room, 0)).astype(jnp.float32)
    logs = jnp.where(load > 0, jnp.log(jnp.where(load > 0, load, 1.0)), 0.0)
    return {
        "balance_loss": number * jnp.sum(load * mean),
        "z_loss": jnp.sum(jnp.square(routing.log_partition) * weight) / tokens,
        "load": load,
        "load_max": number * jnp.max(load),
        "entropy": -jnp.sum(load * logs) / math.log(number),
        "dropped": over / jnp.maximum(jnp.sum(counts), 1.0),
    }


def moe(
    params: Params,
    config: ModelConfig,
    x: Array,
    valid: Array,
    constrain: Constrain = unconstrained,
) -> tuple[Array, dict[str, Array]]:
    """A mixture-of-experts layer without its norm and residual.

    Args:
        x: [B, T, D].
        valid: bool [B, T], what is no padding.
        constrain: places arrays on the mesh, if there is one.

    Returns:
        [B, T, D], 0 for a token all of whose assignments were dropped; and `router_report`.
    """
    rows, length, width = x.shape
    room = capacity(config, length)
    routing = route(params["router"], x, config.top_k)
    table = places(routing.experts, valid, config.experts, room)
    seated = to_places(x, table).reshape(rows, config.experts, room, width)
    # Experts first, so that each is one product over all rows.
    seated = constrain(seated.swapaxes(0, 1), ("expert", BATCH_ALONE, None, None))
    done = expert_mlp(params, seated.reshape(config.experts, rows * room, width))
    done = constrain(done.reshape(seated.shape), ("expert", BATCH_ALONE, None, None))
    back = from_places(done.swapaxes(0, 1).reshape(rows, -1, width), table)
    back = back.reshape(rows, length, config.top_k, width)
    y = jnp.einsum("btkd,btk->btd", back, routing.weights.astype(x.dtype))
    return y, router_report(routing, table, valid, room)


def moe_dense(params: Params, config: ModelConfig, x: Array, valid: Array) -> Array:
    """The same layer by every expert on every token, without capacity: what tests compare with."""
    routing = route(params["router"], x, config.top_k)
    chosen = jax.nn.one_hot(routing.experts, config.experts, dtype=jnp.float32)
    weights = jnp.einsum("btke,btk->bte", chosen, routing.weights) * valid[..., None]
    experts = {name: params[name] for name in ("gate", "up", "down")}
    every = jax.vmap(mlp, in_axes=(0, None), out_axes=2)(experts, x)
    return jnp.einsum("bted,bte->btd", every, weights.astype(x.dtype))
