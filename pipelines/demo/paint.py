"""Made pictures: fractals, interference and noise, each from a seed, as RGB arrays."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

KINDS = ("julia", "waves", "clouds", "shapes")


def picture(kind: str, seed: int, width: int, height: int) -> np.ndarray:
    """A picture as uint8 of shape (height, width, 3); equal for equal arguments."""
    rng = random.Random(f"castor demo picture {kind} {seed}")
    value = {"julia": _julia, "waves": _waves, "clouds": _clouds, "shapes": _shapes}[kind](
        rng, width, height
    )
    return _coloured(value, rng)


def caption(kind: str, seed: int) -> str:
    """What is to be seen on the picture, in one sentence."""
    return {
        "julia": f"A made picture of Julia set number {seed}, with curled arms.",
        "waves": f"A made picture of rings that cross each other, number {seed}.",
        "clouds": f"A made picture of soft coloured clouds, number {seed}.",
        "shapes": f"A made picture of overlapping discs, number {seed}.",
    }[kind]


def _grid(width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return (x - width / 2) / height, (y - height / 2) / height


def _julia(rng: random.Random, width: int, height: int) -> np.ndarray:
    """Escape times of z -> z^2 + c."""
    import numpy as np

    x, y = _grid(width, height)
    z = (x + 1j * y).astype(np.complex64) * np.complex64(rng.uniform(1.6, 2.6))
    c = np.complex64(0.7885 * np.exp(1j * rng.uniform(1.5, 4.5)))
    steps = np.zeros(z.shape, np.float32)
    for _ in range(40):
        inside = np.abs(z) < 4
        z = np.where(inside, z * z + c, z)
        steps += inside
    return steps / 40


def _waves(rng: random.Random, width: int, height: int) -> np.ndarray:
    import numpy as np

    x, y = _grid(width, height)
    total = np.zeros_like(x)
    for _ in range(3):
        cx, cy, f = rng.uniform(-1, 1), rng.uniform(-0.6, 0.6), rng.uniform(15, 60)
        total += np.sin(f * np.hypot(x - cx, y - cy))
    return (total + 3) / 6


def _clouds(rng: random.Random, width: int, height: int) -> np.ndarray:
    """Sums of smooth waves of random directions, stronger the longer they are."""
    import numpy as np

    x, y = _grid(width, height)
    total = np.zeros_like(x)
    for octave in range(1, 9):
        kx, ky, phase = (rng.uniform(-6, 6) * octave for _ in range(3))
        total += np.sin(kx * x + ky * y + phase + total) / octave
    low, high = float(total.min()), float(total.max())
    return (total - low) / (high - low)


def _shapes(rng: random.Random, width: int, height: int) -> np.ndarray:
    import numpy as np

    x, y = _grid(width, height)
    total = np.zeros_like(x)
    for _ in range(12):
        cx, cy, r = rng.uniform(-0.8, 0.8), rng.uniform(-0.5, 0.5), rng.uniform(0.05, 0.3)
        total += np.where(np.hypot(x - cx, y - cy) < r, np.float32(rng.uniform(0.1, 0.5)), 0)
    return np.minimum(total, 1)


def _coloured(value: np.ndarray, rng: random.Random) -> np.ndarray:
    import numpy as np

    phase, turns = rng.random(), rng.uniform(0.4, 1.2)
    channels = [0.5 + 0.5 * np.cos(6.2832 * (turns * value + phase + i / 3)) for i in range(3)]
    return (np.stack(channels, axis=-1) * 255).astype(np.uint8)
