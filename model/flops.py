"""How much is computed for a token, of what, and what share of the device's peak that is."""

from __future__ import annotations

from typing import Literal, NamedTuple

from castor.model.config import ModelConfig

# Dense bf16 peaks in FLOP/s of one device, by a part of jax.Device.device_kind in lower case:
# the makers' data sheets, without sparsity. The first that fits counts.
PEAKS: tuple[tuple[str, float], ...] = (
    ("h200", 989e12),
    ("h100 pcie", 756e12),
    ("h100", 989e12),
    ("a100", 312e12),
    ("v5 lite", 197e12),
    ("v5e", 197e12),
    ("v5p", 459e12),
    ("v5", 459e12),
    ("v6 lite", 918e12),
    ("v6e", 918e12),
    ("v4", 275e12),
)


class Parameters(NamedTuple):
    """Numbers of parameters.

    Attributes:
        total: all.
        active: those of a matrix product for one token: of the experts top_k, the head also
            when it is tied, not the embedding's look-up, norms and projectors of soft inputs.
        embedding: of the look-up.
    """

    total: int
    active: int
    embedding: int


def parameters(config: ModelConfig) -> Parameters:
    """Counts the parameters of a configuration, without making them."""
    d, width, layers = config.d_model, config.width_of_head, config.layers
    attend = d * width * (2 * config.heads + 2 * config.kv_heads)
    norms = layers * 2 * d + d + (layers * 2 * width if config.qk_norm else 0)
    sparse = layers // config.moe_every if config.experts else 0
    dense = (layers - sparse) * 3 * d * config.width_of_mlp
    expert = 3 * d * config.width_of_expert
    embedding = config.vocabulary * d
    head = config.vocabulary * d
    shared = layers * attend + dense + sparse * d * config.experts
    soft = sum((dim + 1) * d for dim in config.soft_dims.present().values())
    total = shared + sparse * config.experts * expert + norms + soft + embedding
    if not config.tie_embeddings:
        total += head
    return Parameters(total, shared + sparse * config.top_k * expert + head, embedding)


def flops_per_token(
    config: ModelConfig, length: int, convention: Literal["causal", "full"] = "causal"
) -> float:
    """FLOPs of training on one token: forward and backward, without what remat repeats.

    Args:
        length: positions of a sequence, T.
        convention: `causal` is 6 N + 6 L H d T, half of the square counted (MaxText since
            2025-07); `full` is 6 N + 12 L H d T (PaLM, nanochat). Documents that are shorter
            than the sequence are counted as if they were not.
    """
    square = config.layers * config.heads * config.width_of_head * length
    return 6.0 * parameters(config).active + {"causal": 6.0, "full": 12.0}[convention] * square


def peak_flops(device_kind: str) -> float | None:
    """The bf16 peak of a device by what JAX calls it, in FLOP/s; None if it is not known."""
    kind = device_kind.lower()
    return next((peak for part, peak in PEAKS if part in kind), None)


def mfu(
    config: ModelConfig, length: int, tokens_per_second: float, device_kind: str, devices: int = 1
) -> float | None:
    """Model FLOPs utilisation by the causal convention; None where the peak is not known.

    A processor has no entry: what share of it runs depends on what else does.
    """
    peak = peak_flops(device_kind)
    if peak is None:
        return None
    return flops_per_token(config, length) * tokens_per_second / (peak * devices)
