"""Log-mel energies as Whisper computes them (whisper/audio.py), in NumPy alone."""

from __future__ import annotations

import functools

import numpy as np

RATE_HZ = 16_000
WINDOW, HOP = 400, 160  # samples: 25 ms every 10 ms
BANDS = 80
STACK = 4  # frames in a row of soft inputs: 40 ms, 25 rows per second as Gemma 3n and 4 have
ROW_SAMPLES = STACK * HOP
FLOOR = 1e-10  # power below which the logarithm is not taken
RANGE = 8.0  # of log10: what lies further below the loudest energy is raised to there


def log_mel(samples: np.ndarray) -> np.ndarray:
    """Log-mel energies, one column of 80 bands per 10 ms.

    Whisper's definition: Hann window of 400 samples, periodic, centred, reflected at both ends,
    the last frame left out; power; 80 Slaney bands from 0 to 8 kHz; log10 of at least 1e-10,
    clamped to 8 below the maximum; (x + 4) / 4. So the span of values is at most 2.

    Args:
        samples: float [n], 16 kHz, full scale 1, n > 200.

    Returns:
        float64 [80, n // 160].
    """
    padded = np.pad(np.asarray(samples, np.float64), WINDOW // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][:-1]
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    power = np.abs(np.fft.rfft(frames * hann)) ** 2
    energies = np.log10(np.maximum(filters() @ power.T, FLOOR))
    return (np.maximum(energies, energies.max() - RANGE) + 4) / 4


def stacked(energies: np.ndarray) -> np.ndarray:
    """Rows of four frames, frame after frame: [80, 4 n] to float16 [n, 320]."""
    n_rows = energies.shape[1] // STACK
    return energies.T[: n_rows * STACK].reshape(n_rows, STACK * BANDS).astype(np.float16)


@functools.cache
def filters() -> np.ndarray:
    """Slaney's mel filters of equal area, float32 values [80, 201], as `librosa.filters.mel`."""
    hz = np.linspace(0, RATE_HZ / 2, WINDOW // 2 + 1)
    edges = _hz(np.linspace(_mel(0.0), _mel(RATE_HZ / 2), BANDS + 2))
    widths = np.diff(edges)
    slopes = edges[:, None] - hz[None, :]
    rising = -slopes[:-2] / widths[:-1, None]
    falling = slopes[2:] / widths[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    triangles *= (2 / (edges[2:] - edges[:-2]))[:, None]
    triangles.setflags(write=False)
    return triangles


# Slaney's scale (Auditory Toolbox, 1998): linear below 1 kHz, then 27 bands per factor of 6.4.
_LINEAR_HZ = 200 / 3
_KNEE_HZ = 1000.0
_LOG_STEP = np.log(6.4) / 27


def _mel(hz: float) -> float:
    if hz < _KNEE_HZ:
        return hz / _LINEAR_HZ
    return _KNEE_HZ / _LINEAR_HZ + float(np.log(hz / _KNEE_HZ) / _LOG_STEP)


def _hz(mel: np.ndarray) -> np.ndarray:
    knee = _KNEE_HZ / _LINEAR_HZ
    return np.where(
        mel < knee, mel * _LINEAR_HZ, _KNEE_HZ * np.exp(_LOG_STEP * (np.maximum(mel, knee) - knee))
    )
