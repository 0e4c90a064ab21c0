"""Where parameters and batches lie: a mesh of data, fsdp, expert and tensor, by GSPMD.

Rows of a batch lie along data, fsdp and expert together. A matrix is cut along fsdp on the side
of the residual stream and along tensor on the other, experts along expert, as in MaxText. XLA
makes the collectives from these annotations; with one device there are none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from castor.filters.errors import ConfigError
from castor.model.config import MeshConfig

AXES = ("data", "fsdp", "expert", "tensor")
BATCH = ("data", "fsdp", "expert")  # what the rows of a batch lie along
BATCH_ALONE = ("data", "fsdp")  # the same where another dimension lies along expert

Axes = tuple[str | tuple[str, ...] | None, ...]
Constrain = Callable[[jax.Array, Axes], jax.Array]

# The last dimensions of each parameter, by its name; those before them are layers.
SPECS: dict[str, tuple[str | None, ...]] = {
    "embedding": ("tensor", "fsdp"),
    "head": ("fsdp", "tensor"),
    "attention.query": ("fsdp", "tensor"),
    "attention.key": ("fsdp", "tensor"),
    "attention.value": ("fsdp", "tensor"),
    "attention.out": ("tensor", "fsdp"),
    "mlp.gate": ("fsdp", "tensor"),
    "mlp.up": ("fsdp", "tensor"),
    "mlp.down": ("tensor", "fsdp"),
    "moe.router": ("fsdp", None),
    "moe.gate": ("expert", "fsdp", "tensor"),
    "moe.up": ("expert", "fsdp", "tensor"),
    "moe.down": ("expert", "tensor", "fsdp"),
}


def unconstrained(x: jax.Array, axes: Axes) -> jax.Array:
    """No mesh: leaves the array where it is."""
    del axes
    return x


def constrainer(mesh: Mesh | None) -> Constrain:
    """What places arrays inside a jitted function on `mesh`; nothing if there is none."""
    if mesh is None:
        return unconstrained

    def constrain(x: jax.Array, axes: Axes) -> jax.Array:
        spec = NamedSharding(mesh, PartitionSpec(*axes))
        return jax.lax.with_sharding_constraint(x, spec)

    return constrain


def make_mesh(config: MeshConfig, devices: Sequence[Any] | None = None) -> Mesh:
    """The mesh of a configuration, over all devices or those given.

    Raises:
        ConfigError: there are not as many devices as the axes' product.
    """
    devices = jax.devices() if devices is None else list(devices)
    if len(devices) != config.devices:
        sizes = " x ".join(f"{axis} {getattr(config, axis)}" for axis in AXES)
        raise ConfigError(
            f"the mesh needs {config.devices} devices ({sizes})",
            where="mesh",
            got=len(devices),
            fix="make the product of the axes the number of devices",
        )
    shape = [getattr(config, axis) for axis in AXES]
    return Mesh(np.asarray(devices, dtype=object).reshape(shape), AXES)


def spec_of(path: Sequence[Any], leaf: Any, mesh: Mesh) -> PartitionSpec:
    """Where the parameter at a path of a pytree lies, by the last names of the path.

    A dimension that an axis does not divide is not cut: the one head of multi-query attention
    is on every device of `tensor`. So is what has no entry in SPECS: norms, biases, counters.
    Axes of one device are left out, since jit takes two ways to write one place for two places.
    """
    names = [str(getattr(key, "key", getattr(key, "name", ""))) for key in path]
    axes = SPECS.get(".".join(names[-2:])) or SPECS.get(names[-1] if names else "")
    if axes is None:
        return PartitionSpec()
    lead = leaf.ndim - len(axes)
    cut: list[str | None] = [None] * lead
    for size, axis in zip(leaf.shape[lead:], axes, strict=True):
        devices = mesh.shape[axis] if axis else 1
        cut.append(axis if devices > 1 and size % devices == 0 else None)
    while cut and cut[-1] is None:
        cut.pop()
    return PartitionSpec(*cut)


def state_shardings(state: Any, mesh: Mesh) -> Any:
    """A NamedSharding for every leaf of a state (arrays or their shapes); for orbax and jit."""
    return jax.tree_util.tree_map_with_path(
        lambda path, leaf: NamedSharding(mesh, spec_of(path, leaf, mesh)), state
    )


def shard_state(state: Any, mesh: Mesh) -> Any:
    """Puts a state, or parameters, on the mesh."""
    return jax.device_put(state, state_shardings(state, mesh))


def batch_sharding(mesh: Mesh) -> NamedSharding:
    """Where every array of a batch lies: cut by rows."""
    return NamedSharding(mesh, PartitionSpec(BATCH))


def shard_batch(batch: dict[str, Any], mesh: Mesh | None) -> dict[str, jax.Array]:
    """Puts a global batch on the mesh, or on the one device if there is none.

    With several processes each gives its own rows: those of `Loader(host=, hosts=)`.
    """
    if mesh is None:
        return jax.device_put(batch)
    sharding = batch_sharding(mesh)
    if jax.process_count() == 1:
        return jax.device_put(batch, sharding)
    return {k: jax.make_array_from_process_local_data(sharding, v) for k, v in batch.items()}
