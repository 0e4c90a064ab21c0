"""Encoding of made sound and clips with libav, to the same bytes every time."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

# Containers and codecs else write random stream ids, the library's version, or the time.
_EXACT = {"fflags": "+bitexact"}
_STEADY = {
    # Without a constant quantiser x264's look-ahead reads memory that nothing has written:
    # with other MALLOC_PERTURB_ it gives other clips.
    "libx264": {"qp": "26"},
    # The deadline "realtime" may choose its effort by the clock.
    "libvpx-vp9": {"deadline": "good", "cpu-used": "8", "crf": "40", "b": "0"},
}


def ogg(samples: np.ndarray, rate_hz: int) -> bytes:
    """Mono samples in -1..1 as Ogg Opus; the rate is 8, 12, 16, 24 or 48 kHz."""
    import av

    out = io.BytesIO()
    with av.open(out, "w", format="ogg", options=_EXACT) as container:
        stream = container.add_stream("libopus", rate=rate_hz)
        stream.layout = "mono"
        _exact(stream)
        _add_sound(container, stream, samples, rate_hz)
    return out.getvalue()


def clip(
    frames: Iterable[np.ndarray],
    samples: np.ndarray | None,
    *,
    form: str,
    codecs: tuple[str, str],
    fps: int,
    rate_hz: int,
) -> bytes:
    """A clip of RGB frames, uint8 (height, width, 3), and mono samples.

    Args:
        frames: even width and height, equal for all.
        samples: in -1..1, or None for a silent film.
        form: `mp4`, `webm`, `matroska` or `avi`.
        codecs: of picture and sound.
        fps: frames per second.
        rate_hz: of the samples.
    """
    import av

    out = io.BytesIO()
    with av.open(out, "w", format=form, options=_EXACT) as container:
        pictures = iter(frames)
        first = next(pictures)
        video: Any = container.add_stream(codecs[0], rate=fps)
        video.height, video.width = first.shape[:2]
        video.pix_fmt = "yuv420p"
        _exact(video)
        video.options = _STEADY.get(codecs[0], {})
        sound: Any = None
        if samples is not None:
            sound = container.add_stream(codecs[1], rate=rate_hz)
            sound.layout = "mono"
            _exact(sound)
        for pixels in (first, *pictures):
            container.mux(video.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(video.encode())
        if samples is not None:
            _add_sound(container, sound, samples, rate_hz)
    return out.getvalue()


def _exact(stream: Any) -> None:
    """One thread, and nothing of the encoder's name or version in the stream."""
    from av.codec.context import Flags

    context = stream.codec_context
    context.thread_count = 1
    context.flags |= Flags.bitexact


def _add_sound(container: Any, stream: Any, samples: np.ndarray, rate_hz: int) -> None:
    import av
    import numpy as np

    whole = np.ascontiguousarray(np.clip(samples, -1, 1)[None, :].astype(np.float32))
    resampler = av.AudioResampler(format=stream.format, layout="mono", rate=rate_hz)
    step = 1024
    for start in range(0, whole.shape[1], step):
        chunk = np.ascontiguousarray(whole[:, start : start + step])
        frame = av.AudioFrame.from_ndarray(chunk, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = rate_hz, start
        for ready in resampler.resample(frame):
            container.mux(stream.encode(ready))
    container.mux(stream.encode())
