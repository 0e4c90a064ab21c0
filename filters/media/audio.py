"""Examines one sound with FFmpeg; runs in the decoder's child process only.

The whole sound is decoded once, block by block, so memory does not grow with its length.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import av
import numpy as np

from castor.filters.media import container as containers
from castor.filters.media.failure import Limits, MediaError
from castor.filters.media.magic import id3_bytes
from castor.filters.media.window import Window
from castor.filters.reasons import Reason

# The frame of speech features: Whisper's window is 400 samples at 16 kHz (whisper/audio.py).
FRAME_S = 0.025
# FFmpeg's silencedetect takes -60 dB for silence unless told otherwise (its documentation).
SILENCE_DBFS = -60.0
# A run of samples at full scale: 0.999 allows for the rounding of 10-bit and lossy codecs,
# and three in a row tell a flat top from a single peak that was normalised to 1.
CLIP_LEVEL, CLIP_RUN = 0.999, 3
FLOOR_DBFS = -120.0  # digital silence, below the noise of any 16- or 20-bit recording
BLOCK_SAMPLES = 1 << 16
# Decoders drop the delay of lossy codecs, up to 2112 samples of AAC, or a quarter of a second
# at 8 kHz, so that much less than declared is not a cut.
CUT_SHARE, CUT_S = 0.95, 0.5
MAX_ERRORS = 100
# What the containers of clips are called when they hold sound only.
AUDIO_MIMES = {
    "video/mp4": "audio/mp4",
    "video/quicktime": "audio/mp4",
    "video/webm": "audio/webm",
    "video/x-matroska": "audio/x-matroska",
    "video/x-ms-asf": "audio/x-ms-wma",
    "application/ogg": "audio/ogg",
}


def examine(window: Window, request: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    """Header facts and measures of the first audio stream.

    Returns:
        The fields of `decoder.Found`.

    Raises:
        MediaError: `empty`, `truncated`, `corrupt`, `not_decodable`, `encrypted`, `bomb`,
            `unsupported_format`.
    """
    demuxer = request["reader"]
    with containers.opened(window, demuxer, limits) as container:
        if not container.streams.audio:
            raise MediaError(Reason.NOT_DECODABLE, "a container without a sound")
        stream = container.streams.audio[0]
        codec = containers.check_codec(stream)
        declared_s = _declared_s(stream, demuxer) or _xing_s(window, stream)
        sound = Sound()
        for block in blocks(container, stream, sound, limits):
            sound.add(block)
        sound.finish()
        facts = containers.tags(container, stream)
        n_declared = stream.frames
    end = containers.declared_bytes(window, demuxer)
    cut = end is not None and end > window.length + 1  # one byte: padding that was left out
    if sound.n_samples == 0:
        raise _silent_reason(sound, cut, n_declared, declared_s, window, end)
    duration_s = sound.n_samples / sound.rate_hz
    if declared_s is not None:
        cut |= duration_s < min(declared_s * CUT_SHARE, declared_s - CUT_S)
    facts |= {
        "mime": AUDIO_MIMES.get(request["mime"], request["mime"]),
        "codec": codec,
        "sample_rate_hz": str(sound.rate_hz),
        "channels": str(sound.channels),
        "duration_s": f"{duration_s:.6f}",
        "bit_rate": str(round(window.length * 8 / duration_s)),
    }
    if cut:
        facts["truncated"] = "true"
    if sound.errors:
        facts["decode_errors"] = str(sound.errors)
    return {"kind": "audio", "facts": facts, "signals": sound.signals() | {"truncated": cut}}


def _declared_s(stream: Any, demuxer: str) -> float | None:
    """Seconds by the header, where the header counts samples instead of guessing."""
    if demuxer in ("flac", "mov", "wav", "aiff") and stream.duration:
        return float(stream.duration * stream.time_base)
    return None


def _xing_s(window: Window, stream: Any) -> float | None:
    """Seconds by the number of frames in the Xing or Info header of an MP3, None without one.

    The tag stands in the first frame, and a frame holds 1152 samples, 576 from 24 kHz down.
    """
    head = window.at(id3_bytes(window.at(0, 10)), 4096)
    at = max(head.find(b"Xing"), head.find(b"Info"))
    if stream.codec_context.codec.canonical_name != "mp3" or at < 0 or not head[at + 7] & 1:
        return None
    n_frames = int.from_bytes(head[at + 8 : at + 12], "big")
    return n_frames * (1152 if stream.rate > 24_000 else 576) / stream.rate


def _silent_reason(
    sound: Sound,
    cut: bool,
    n_declared: int,
    declared_s: float | None,
    window: Window,
    end: int | None,
) -> MediaError:
    """Why a container that opens gives no sample."""
    if cut:
        return MediaError(Reason.TRUNCATED, f"{window.length} of {end} bytes, none decodes")
    if sound.errors:
        return MediaError(Reason.NOT_DECODABLE, f"no packet decodes: {sound.last_error}")
    if n_declared or declared_s:
        return MediaError(Reason.TRUNCATED, "ends before the first sample that its header names")
    return MediaError(Reason.EMPTY, "a container without a sample")


class Sound:
    """Running measures over the blocks of a sound, float32 [channels, samples]."""

    def __init__(self) -> None:
        self.rate_hz = self.channels = self.n_samples = 0
        self.errors, self.last_error = 0, ""
        self._peak = self._squares = 0.0
        self._silent = self._clipped = 0
        self._rest = np.zeros((0, 0), np.float32)  # samples that do not fill a frame yet
        self._runs = np.zeros(0, np.int64)  # open run of clipped samples per channel

    def add(self, block: np.ndarray) -> None:
        """Takes the next samples, float32 [channels, samples]."""
        self.n_samples += block.shape[1]
        self._peak = max(self._peak, float(np.abs(block).max(initial=0.0)))
        self._squares += float(np.square(block, dtype=np.float64).sum())
        self._count_clipped(block)
        block = np.concatenate([self._rest, block], axis=1) if self._rest.size else block
        size = max(1, round(self.rate_hz * FRAME_S))
        n_frames = block.shape[1] // size
        self._count_silent(block[:, : n_frames * size], size)
        self._rest = block[:, n_frames * size :]

    def finish(self) -> None:
        """Counts what the last block left open."""
        if self._rest.shape[1]:
            self._count_silent(self._rest, self._rest.shape[1])
        self._clipped += int(self._runs[self._runs >= CLIP_RUN].sum())

    def signals(self) -> dict[str, Any]:
        """The measures, rounded so that they do not depend on the processor's vector units."""
        rms = math.sqrt(self._squares / (self.n_samples * self.channels))
        return {
            "duration_s": round(self.n_samples / self.rate_hz, 6),
            "sample_rate_hz": self.rate_hz,
            "channels": self.channels,
            "silence_share": round(self._silent / self.n_samples, 6),
            "clipping_share": round(self._clipped / (self.n_samples * self.channels), 9),
            "peak_dbfs": round(_dbfs(self._peak), 3),
            "rms_dbfs": round(_dbfs(rms), 3),
            "decodable": True,
        }

    def _count_silent(self, samples: np.ndarray, size: int) -> None:
        """Adds the samples of frames whose RMS over all channels is below SILENCE_DBFS."""
        frames = samples.reshape(samples.shape[0], -1, size)
        power = np.square(frames, dtype=np.float64).mean(axis=(0, 2))
        self._silent += int((power < 10 ** (SILENCE_DBFS / 10)).sum()) * size

    def _count_clipped(self, block: np.ndarray) -> None:
        """Adds closed runs of at least CLIP_RUN clipped samples; keeps the open ones."""
        if self._runs.size != block.shape[0]:
            self._runs = np.zeros(block.shape[0], np.int64)
        for channel, row in enumerate(np.abs(block) >= CLIP_LEVEL):
            if not row.any():
                ended, self._runs[channel] = self._runs[channel], 0
                self._clipped += int(ended) if ended >= CLIP_RUN else 0
                continue
            edges = np.flatnonzero(np.diff(np.r_[0, row.view(np.int8), 0]))
            starts, lengths = edges[::2], edges[1::2] - edges[::2]
            if starts[0] == 0:
                lengths[0] += self._runs[channel]
            elif self._runs[channel] >= CLIP_RUN:
                self._clipped += int(self._runs[channel])
            self._runs[channel] = lengths[-1] if row[-1] else 0
            closed = lengths[:-1] if row[-1] else lengths
            self._clipped += int(closed[closed >= CLIP_RUN].sum())


def blocks(container: Any, stream: Any, sound: Sound, limits: Limits) -> Iterator[np.ndarray]:
    """Decoded samples in blocks of about BLOCK_SAMPLES, in [-1, 1].

    Packets that do not decode are counted in `sound`; frames of another rate or number of
    channels than the first one count as such.
    """
    held: list[np.ndarray] = []
    n_held = n_total = 0
    for frame in _frames(container, stream, sound, limits):
        if not sound.rate_hz:
            sound.rate_hz, sound.channels = frame.sample_rate, frame.layout.nb_channels
        if (frame.sample_rate, frame.layout.nb_channels) != (sound.rate_hz, sound.channels):
            sound.errors, sound.last_error = sound.errors + 1, "changes its rate or channels"
            continue
        samples = _floats(frame, sound.channels)
        n_total += samples.size
        if n_total > limits.samples:
            raise MediaError(Reason.BOMB, f"decodes to more than {limits.samples} samples")
        held.append(samples)
        n_held += samples.shape[1]
        if n_held >= BLOCK_SAMPLES:
            yield np.concatenate(held, axis=1)
            held, n_held = [], 0
    if held:
        yield np.concatenate(held, axis=1)


def _frames(container: Any, stream: Any, sound: Sound, limits: Limits) -> Iterator[Any]:
    for packet in containers.packets(container, [stream], limits):
        yield from _decoded(packet.decode, sound)
    yield from _decoded(lambda: stream.codec_context.decode(None), sound)


def _decoded(decode: Any, sound: Sound) -> list[Any]:
    try:
        return [f for f in decode() if f.samples]
    except av.error.FFmpegError as error:
        if isinstance(error, MemoryError):
            raise MemoryError from error
        sound.errors += 1
        sound.last_error = error.strerror or str(error)
        if sound.errors > MAX_ERRORS and not sound.n_samples:
            raise MediaError(Reason.NOT_DECODABLE, f"no packet decodes: {error}") from error
        return []


def _floats(frame: Any, channels: int) -> np.ndarray:
    """The samples of a frame as float32 [channels, samples]; full scale is 1."""
    data = frame.to_ndarray()
    if not frame.format.is_planar:
        data = data.reshape(-1, channels).T
    if data.dtype == np.uint8:
        return (data.astype(np.float32) - 128) / 128
    if data.dtype.kind == "i":
        return data.astype(np.float32) / float(-int(np.iinfo(data.dtype).min))
    # A float of another world (nan, inf) is no sound; it would poison every mean.
    return np.nan_to_num(data.astype(np.float32), nan=0.0, posinf=1.0, neginf=-1.0)


def _dbfs(level: float) -> float:
    return max(FLOOR_DBFS, 20 * math.log10(level)) if level > 0 else FLOOR_DBFS
