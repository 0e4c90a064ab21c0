"""Parameters and FLOPs of one shape, counted by hand."""

import pytest

from castor.model.config import ModelConfig
from castor.model.flops import flops_per_token, mfu, parameters, peak_flops

SHAPE = ModelConfig(
    layers=2, d_model=8, heads=4, kv_heads=1, d_ff=16, experts=4, top_k=2, expert_d_ff=12,
    moe_every=2, qk_norm=False,
).for_data(100)  # fmt: skip

# One layer's attention: query 8x8, key and value 8x2 each, out 8x8.
ATTENTION = 64 + 16 + 16 + 64
DENSE = 3 * 8 * 16
EXPERT = 3 * 8 * 12
ROUTER = 8 * 4
HEAD = 800


def test_parameters_by_hand():
    counted = parameters(SHAPE)
    assert counted.active == 2 * ATTENTION + DENSE + ROUTER + 2 * EXPERT + HEAD
    norms = 5 * 8  # two of each layer, and the last
    assert counted.total == 2 * ATTENTION + DENSE + ROUTER + 4 * EXPERT + HEAD + norms
    assert counted.embedding == 800
    untied = parameters(SHAPE.model_copy(update={"tie_embeddings": False}))
    assert (untied.total, untied.active) == (counted.total + 800, counted.active)


def test_flops_by_hand_in_both_conventions():
    active = parameters(SHAPE).active
    square = 2 * 4 * 2 * 64  # layers, heads, width of a head, length
    assert flops_per_token(SHAPE, 64) == 6 * active + 6 * square
    assert flops_per_token(SHAPE, 64, "full") == 6 * active + 12 * square


@pytest.mark.parametrize(
    ("kind", "peak"),
    [
        ("NVIDIA H200", 989e12),
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("TPU v5 lite", 197e12),
        ("TPU v5p", 459e12),
        ("TPU v5", 459e12),
        ("TPU v6 lite", 918e12),
        ("cpu", None),
    ],
)
def test_peaks(kind, peak):
    assert peak_flops(kind) == peak


def test_mfu_is_a_share_of_all_devices():
    speed = 989e12 / flops_per_token(SHAPE, 64)
    assert mfu(SHAPE, 64, speed, "NVIDIA H200") == pytest.approx(1.0)
    assert mfu(SHAPE, 64, speed, "NVIDIA H200", devices=4) == pytest.approx(0.25)
    assert mfu(SHAPE, 64, speed, "cpu") is None
