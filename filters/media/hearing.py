"""The first seconds of a sound as rows of log-mel; runs in the decoder's child process only.

All channels are averaged and resampled to 16 kHz with soxr, whose stop band is 144 dB down where
FFmpeg's own resampler leaves aliases at 13 dB. Only as much is decoded as the rows hold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import soxr

from castor.filters.media import audio as audios
from castor.filters.media import container as containers
from castor.filters.media.failure import Limits, MediaError
from castor.filters.media.log_mel import RATE_HZ, ROW_SAMPLES, log_mel, stacked
from castor.filters.media.patches import answer
from castor.filters.media.window import Window
from castor.filters.reasons import Reason

# The resampling filter looks ahead: with this much more the last kept samples are those of the
# whole sound.
MARGIN_S = 0.1


def soft(window: Window, request: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    """The rows of the first audio stream, from its beginning; the rest is cut off.

    Silence fills the last row. `seconds` is what the rows hold, `seconds_cut` what they do not,
    by the timestamps of the packets that were not decoded.

    Returns:
        `rows`: float16 [n, 320] as base64; `facts`: see `soft.Soft`.

    Raises:
        MediaError: `empty`, `truncated`, `corrupt`, `not_decodable`, `encrypted`, `bomb`,
            `unsupported_format`.
    """
    most = request["audio_rows"] * ROW_SAMPLES
    with containers.opened(window, request["reader"], limits) as container:
        if not container.streams.audio:
            raise MediaError(Reason.NOT_DECODABLE, "a container without a sound")
        stream = container.streams.audio[0]
        containers.check_codec(stream)
        sound = audios.Sound()
        blocks, n_read = [], 0
        for block in audios.blocks(container, stream, sound, limits):
            blocks.append(block.mean(axis=0, dtype=np.float64).astype(np.float32))
            n_read += block.shape[1]
            if n_read >= (most / RATE_HZ + MARGIN_S) * sound.rate_hz:
                break
        if not n_read:
            reason = Reason.NOT_DECODABLE if sound.errors else Reason.EMPTY
            raise MediaError(reason, sound.last_error or "a container without a sample")
        rest_s = _rest_s(container, stream, limits)
    samples = np.concatenate(blocks)
    if sound.rate_hz != RATE_HZ:
        samples = soxr.resample(samples, sound.rate_hz, RATE_HZ, quality="HQ")
    if not len(samples):
        raise MediaError(Reason.EMPTY, f"{n_read} samples at {sound.rate_hz} Hz, less than one")
    kept = samples[:most]
    cut_s = (len(samples) - len(kept)) / RATE_HZ + rest_s
    filled = np.pad(kept, (0, math.ceil(len(kept) / ROW_SAMPLES) * ROW_SAMPLES - len(kept)))
    facts = {"seconds": f"{len(kept) / RATE_HZ:.3f}"}
    if cut_s > 0:
        facts["seconds_cut"] = f"{cut_s:.3f}"
    return answer(stacked(log_mel(filled)), facts)


def _rest_s(container: Any, stream: Any, limits: Limits) -> float:
    """Seconds of the packets that were not decoded; they are read, not played."""
    ticks = sum(p.duration or 0 for p in containers.packets(container, [stream], limits))
    return float(ticks * stream.time_base)
