"""Made sounds: chords, murmur that moves like speech, and rain, as float arrays."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

RATE_HZ = 16_000


def chords(seed: int, seconds: float) -> np.ndarray:
    """Broken chords of plucked tones, mono in -1..1."""
    import numpy as np

    rng = random.Random(f"castor demo chords {seed}")
    out = np.zeros(int(seconds * RATE_HZ), np.float32)
    root = rng.choice((110.0, 123.5, 130.8, 146.8))
    t = np.arange(RATE_HZ, dtype=np.float32) / RATE_HZ
    for start in range(0, len(out), RATE_HZ // 4):
        pitch = root * 2 ** (rng.choice((0, 3, 4, 7, 12, 15)) / 12)
        tone = sum(np.sin(6.2832 * pitch * k * t) / k for k in (1, 2, 3)) * np.exp(-4 * t)
        out[start : start + RATE_HZ] += tone[: len(out) - start].astype(np.float32) * 0.2
    return out


def murmur(seed: int, seconds: float) -> np.ndarray:
    """A buzzing voice through moving resonances, in syllables with pauses; no words in it."""
    import numpy as np

    rng = random.Random(f"castor demo murmur {seed}")
    noise = np.random.default_rng(seed).standard_normal(int(seconds * RATE_HZ))
    out = np.zeros(len(noise), np.float32)
    at = 0
    while at < len(out):
        n = min(int(rng.uniform(0.12, 0.3) * RATE_HZ), len(out) - at)
        t = np.arange(n) / RATE_HZ
        pitch, formants = rng.uniform(90, 180), (rng.uniform(300, 800), rng.uniform(900, 2400))
        voice = np.sign(np.sin(6.2832 * pitch * t)) * 0.3 + noise[at : at + n] * 0.05
        colour = sum(np.sin(6.2832 * f * t) for f in formants)
        out[at : at + n] = voice * colour * np.sin(np.pi * np.arange(n) / n) * 0.5
        at += n + int(rng.choice((0.02, 0.05, 0.3)) * RATE_HZ)
    return out


def rain(seed: int, seconds: float) -> np.ndarray:
    """Noise with slow gusts."""
    import numpy as np

    noise = np.random.default_rng(seed).standard_normal(int(seconds * RATE_HZ))
    gusts = 0.6 + 0.4 * np.sin(np.arange(len(noise)) / RATE_HZ * 1.7 + seed)
    return (np.clip(noise * gusts * 0.12, -1, 1)).astype(np.float32)
