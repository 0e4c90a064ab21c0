"""Media made on the spot."""

import io
import os
import wave

import numpy as np
import pytest

from castor.filters.media import decoder
from castor.filters.media.magic import sniff
from castor.filters.media.window import Window


class Make:
    """Encoders of small media; every method returns the bytes of a file."""

    @staticmethod
    def picture(form="PNG", size=(64, 48), mode="RGB", **options):
        from PIL import Image

        # Noise, so that rows cannot be guessed from their neighbours and files are not tiny.
        rng = np.random.default_rng(0)
        pixels = rng.integers(1, 256, (size[1], size[0], 3), np.uint8)
        out = io.BytesIO()
        Image.fromarray(pixels).convert(mode).save(out, form, **options)
        return out.getvalue()

    @staticmethod
    def wav(samples, rate_hz=16_000):
        """Float samples [n] or [n, channels] as 16-bit PCM."""
        samples = np.atleast_2d(np.asarray(samples, np.float64).T).T
        out = io.BytesIO()
        with wave.open(out, "wb") as file:
            file.setnchannels(samples.shape[1])
            file.setsampwidth(2)
            file.setframerate(rate_hz)
            file.writeframes(np.round(samples.clip(-1, 1) * 32767).astype("<i2").tobytes())
        return out.getvalue()

    @staticmethod
    def sound(form, codec, seconds=1.0, rate_hz=16_000, **tags):
        """A tone of 440 Hz at half of full scale, encoded by FFmpeg."""
        import av

        out = io.BytesIO()
        n = int(seconds * rate_hz)
        tone = (0.5 * np.sin(2 * np.pi * 440 / rate_hz * np.arange(n))).astype(np.float32)
        if codec == "vorbis":  # FFmpeg's own encoder is experimental
            import soundfile

            soundfile.write(out, tone, rate_hz, format="OGG", subtype="VORBIS")
            return out.getvalue()
        with av.open(out, "w", format=form) as container:
            container.metadata.update(tags)
            stream = container.add_stream(codec, rate=rate_hz, layout="mono")
            frame = av.AudioFrame.from_ndarray(tone[None, :], format="fltp", layout="mono")
            frame.sample_rate = rate_hz
            resampler = av.AudioResampler(stream.codec_context.format, "mono", rate_hz, 1024)
            for part in [*resampler.resample(frame), *resampler.resample(None)]:
                container.mux(stream.encode(part))
            container.mux(stream.encode(None))
        return out.getvalue()

    @staticmethod
    def clip(form="mp4", codec="mpeg4", n_frames=25, size=(64, 48), times=None, **options):
        """A clip of noise at 25 frames/s, or with its frames at the given milliseconds."""
        import av

        out = io.BytesIO()
        rng = np.random.default_rng(0)
        with av.open(out, "w", format=form, options=options) as container:
            stream = container.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            if times:
                from fractions import Fraction

                stream.codec_context.time_base = Fraction(1, 1000)
            for i in range(n_frames):
                pixels = rng.integers(0, 256, (size[1], size[0], 3), np.uint8)
                frame = av.VideoFrame.from_ndarray(pixels)
                if times:
                    frame.pts, frame.time_base = times[i], stream.codec_context.time_base
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return out.getvalue()


@pytest.fixture(scope="session")
def make():
    return Make


@pytest.fixture(scope="session")
def look():
    """examine() of bytes as what their magic says, or as a forced kind and reader."""

    def look(data, kind=None, reader=None):
        with Window.of_bytes(data) as window:
            found = sniff(window.at(0, 4096), window.at)
            assert found is not None or reader is not None
            kind = kind or {"av": "video"}.get(found.kind, found.kind)
            mime = found.mime if found else "application/octet-stream"
            reader = reader or found.reader
            return decoder.examine(kind, window, os.urandom(16), mime, reader)

    return look
