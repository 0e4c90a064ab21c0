"""Trains a few steps on one and on eight simulated devices; prints what came of it as JSON.

Run by test_sharding.py in a process of its own: how many devices there are is settled when JAX
starts. The argument is a JSON object of meshes by name.
"""

import json
import os
import sys

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=8"
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"  # compilation is what takes time here

import jax
import numpy as np

from castor.model import sharding
from castor.model.config import MeshConfig, ModelConfig, OptimizerConfig
from castor.model.step import init_state, make_step

STEPS = 4
MODEL = ModelConfig(
    layers=2, d_model=16, heads=4, kv_heads=2, d_ff=32, experts=4, top_k=2, moe_every=2,
    capacity_factor=1.0, soft_dims={"image": 6},
).for_data(64, {"image": 6})  # fmt: skip
OPTIMIZER = OptimizerConfig(peak_lr=0.01, warmup=1)


def batch(seed: int) -> dict[str, np.ndarray]:
    """Eight rows of 16, each of two documents, with an image in every one."""
    generator = np.random.default_rng(seed)
    ids = generator.integers(4, 12, (8, 17)).astype(np.int32)
    index = np.full((8, 16), -1, np.int32)
    index[:, 2:5] = np.arange(3)
    segments = np.repeat([[1] * 6 + [2] * 8 + [0] * 2], 8, axis=0).astype(np.int32)
    return {
        "inputs": ids[:, :-1],
        "targets": ids[:, 1:],
        "segment_ids": segments,
        "positions": np.repeat([[*range(6), *range(8), 0, 0]], 8, axis=0).astype(np.int32),
        "loss_mask": (segments > 0).astype(np.float32),
        "source": (np.arange(8) % 3).astype(np.int32),
        "soft_image": generator.normal(size=(8, 16, 6)).astype(np.float16),
        "soft_image_index": index,
    }


def train(state: dict, mesh: jax.sharding.Mesh | None) -> dict:
    """Losses and the like of STEPS steps, and the shapes of the first device's parts.

    Args:
        state: at step 0, on the host.
        mesh: where to train, or None for one device.
    """
    state = jax.device_put(state) if mesh is None else sharding.shard_state(state, mesh)
    step = jax.jit(make_step(MODEL, OPTIMIZER, steps=50, sources=3, mesh=mesh), donate_argnums=0)
    history = []
    for turn in range(STEPS):
        state, metrics = step(state, sharding.shard_batch(batch(turn), mesh))
        history.append(metrics)
    assert step._cache_size() == 1, "compiled anew for a state of its own"
    flat = jax.tree_util.tree_flatten_with_path(state["params"])[0]
    moments = jax.tree.leaves(state["opt_state"][0].mu)
    return {
        "losses": [float(m["loss"]) for m in history],
        "grad_norms": [float(m["grad_norm"]) for m in history],
        "by_source": np.stack([m["loss_by_source"] for m in history]).tolist(),
        "dropped": float(history[0]["router"]["dropped"]),
        "parts": {
            jax.tree_util.keystr(path, simple=True, separator="."): leaf.addressable_shards[
                0
            ].data.shape
            for path, leaf in flat
        },
        "moments_as_parameters": all(
            leaf.sharding.is_equivalent_to(moment.sharding, leaf.ndim)
            for (_, leaf), moment in zip(flat, moments, strict=True)
        ),
    }


if __name__ == "__main__":
    begin = jax.jit(lambda key: init_state(MODEL, OPTIMIZER, 50, key))(jax.random.key(0))
    begin = jax.device_get(begin)
    found = {"one": train(begin, None)}
    for name, axes in json.loads(sys.argv[1]).items():
        found[name] = train(begin, sharding.make_mesh(MeshConfig(**axes)))
    print(json.dumps(found))
