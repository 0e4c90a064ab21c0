"""What tests of the model share: tiny shapes, and a batch as the loader gives it."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

VOCABULARY = 64


@pytest.fixture(autouse=True, scope="module")
def compiled_in_a_hurry() -> Iterator[None]:
    """Leaves out XLA's dearer passes: what takes time here is compilation, not computation."""
    import jax

    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


@pytest.fixture(scope="session")
def tiny() -> Any:
    """A mixture of experts in which everything occurs once: a dense layer, then a sparse one."""
    from castor.model.config import ModelConfig

    config = ModelConfig(
        layers=2, d_model=16, heads=4, kv_heads=2, d_ff=32, experts=4, top_k=2, moe_every=2,
        capacity_factor=2.0,
    )  # fmt: skip
    return config.for_data(VOCABULARY)


@pytest.fixture(scope="session")
def tiny_params(tiny: Any) -> Any:
    """Parameters of `tiny`."""
    return drawn(tiny)


def drawn(config: Any, seed: int = 0) -> Any:
    """Parameters, drawn in one compiled function: primitive by primitive takes seconds."""
    import jax

    from castor.model import decoder

    return jax.jit(decoder.init, static_argnums=0)(config, jax.random.key(seed))


@pytest.fixture(scope="session")
def draw_params() -> Callable[..., Any]:
    """`draw_params(config, seed=0)`."""
    return drawn


@pytest.fixture(scope="session")
def make_batch() -> Callable[..., dict[str, np.ndarray]]:
    """`make_batch(rows, length, documents=((16,),))`: ids drawn by `seed`, packed as given.

    Every row holds documents of the lengths given for it (the last of `documents` for the rows
    beyond), the rest is padding.
    """

    def make(
        rows: int = 4,
        length: int = 16,
        documents: Any = None,
        *,
        vocabulary: int = VOCABULARY,
        sources: int = 2,
        seed: int = 0,
    ) -> dict[str, np.ndarray]:
        generator = np.random.default_rng(seed)
        ids = generator.integers(4, vocabulary, (rows, length + 1)).astype(np.int32)
        segments = np.zeros((rows, length), np.int32)
        positions = np.zeros((rows, length), np.int32)
        mask = np.zeros((rows, length), np.float32)
        documents = documents or ((length,),)
        for row in range(rows):
            start = 0
            for number, size in enumerate(documents[min(row, len(documents) - 1)], 1):
                segments[row, start : start + size] = number
                positions[row, start : start + size] = np.arange(size)
                mask[row, start : start + size - 1] = 1.0
                start += size
        return {
            "inputs": ids[:, :-1],
            "targets": ids[:, 1:],
            "segment_ids": segments,
            "positions": positions,
            "loss_mask": mask,
            "source": (np.arange(rows) % sources).astype(np.int32),
        }

    return make
