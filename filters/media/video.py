"""Examines one clip with FFmpeg; runs in the decoder's child process only.

All packets are read (about 5000 times faster than playing them) and their timestamps are
believed, not the header's; only the first frames are decoded.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import av

from castor.filters.media import audio
from castor.filters.media import container as containers
from castor.filters.media.failure import Limits, MediaError
from castor.filters.media.window import Window
from castor.filters.reasons import Reason

# A clip counts as decodable when its first frames are; a decoder may ask for this many
# packets before it gives one (reordering needs up to 16 in H.264 and HEVC, level 6.2).
PROBE_FRAMES, PROBE_PACKETS = 3, 48
CUT_SHARE = 0.98  # of the packets that an MP4 header counts
MAX_SUBTITLE_BYTES = 4 << 20
TEXT_CODECS = ("subrip", "srt", "webvtt", "text", "mov_text", "ass", "ssa")


def examine(window: Window, request: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    """Header facts and measures of the first video stream, and the subtitles inside.

    A container that holds sound only is examined as a sound: `kind` says `audio` then.

    Returns:
        The fields of `decoder.Found`.

    Raises:
        MediaError: `empty`, `truncated`, `corrupt`, `not_decodable`, `encrypted`, `bomb`,
            `unsupported_format`.
    """
    demuxer = request["reader"]
    with containers.opened(window, demuxer, limits) as container:
        stream = stream_of(container)
        if stream is None:
            if container.streams.audio:
                return audio.examine(window, request, limits)
            raise MediaError(Reason.NOT_DECODABLE, "a container without picture or sound")
        codec = check_stream(stream, limits)
        clip = _Clip(stream)
        clip.read(container, limits)
        facts = containers.tags(container, stream)
        sound = next(iter(container.streams.audio), None)
        if sound is not None and sound.codec_context is not None:
            facts["audio_codec"] = sound.codec_context.codec.canonical_name
        n_declared = stream.frames
    end = containers.declared_bytes(window, demuxer)
    cut = (end is not None and end > window.length + 1) or clip.n_frames < n_declared * CUT_SHARE
    clip.check(cut)
    width, height = clip.size
    signals = clip.signals() | {"has_audio": sound is not None, "truncated": cut}
    facts |= {
        "mime": request["mime"],
        "codec": codec,
        "width": str(width),
        "height": str(height),
        "frames": str(clip.n_frames),
        **({"truncated": "true"} if cut else {}),
    }
    if signals["duration_s"]:
        facts["duration_s"] = f"{signals['duration_s']:.6f}"
        facts["bit_rate"] = str(round(window.length * 8 / signals["duration_s"]))
    return {"kind": "video", "facts": facts, "signals": signals, "subtitles": clip.subtitles}


def stream_of(container: Any) -> Any | None:
    """The first video stream that is not the cover of a sound, None if there is none."""
    return next((s for s in container.streams.video if not _is_cover(s)), None)


def check_stream(stream: Any, limits: Limits) -> str:
    """The canonical name of a video stream's codec; sets the limit of its pixels.

    Raises:
        MediaError: `unsupported_format` for the codec, `bomb` for the size.
    """
    codec = containers.check_codec(stream)
    context = stream.codec_context
    context.options = {"max_pixels": str(limits.frame_pixels)}
    if context.width * context.height > limits.frame_pixels:
        raise MediaError(
            Reason.BOMB,
            f"{context.width} x {context.height} pixels, the limit is {limits.frame_pixels}",
        )
    return codec


def _is_cover(stream: Any) -> bool:
    """Whether a video stream is the cover picture of a sound."""
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


class _Clip:
    """What the packets of a clip say."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.n_frames = self.n_decoded = self.n_probed = 0
        self.error = ""
        self.size = (stream.codec_context.width, stream.codec_context.height)
        self.subtitles: list[dict[str, Any]] = []
        self._first: int | None = None
        self._last = self._end = 0
        self._tracks: dict[int, dict[str, Any]] = {}
        self._n_subtitle_bytes = 0

    def read(self, container: Any, limits: Limits) -> None:
        """Reads every packet; decodes the first frames."""
        texts = [s for s in container.streams.subtitles if _text_codec(s) in TEXT_CODECS]
        for packet in containers.packets(container, [self.stream, *texts], limits):
            if packet.stream.index == self.stream.index:
                self._picture(packet)
            else:
                self._text(packet)
        if self.n_decoded < PROBE_FRAMES:
            self._decode(lambda: self.stream.codec_context.decode(None))
        self.subtitles = [t for _, t in sorted(self._tracks.items()) if t["cues"]]

    def check(self, cut: bool) -> None:
        """Refuses a clip of which nothing can be shown.

        Raises:
            MediaError: `truncated`, `empty` or `not_decodable`.
        """
        if self.n_frames == 0:
            reason = Reason.TRUNCATED if cut else Reason.EMPTY
            raise MediaError(reason, "its video stream holds no packet")
        if self.n_decoded == 0:
            raise MediaError(Reason.NOT_DECODABLE, f"no frame decodes: {self.error or 'no error'}")

    def signals(self) -> dict[str, Any]:
        """The measures; the duration is None when no packet has a timestamp."""
        base = self.stream.time_base
        duration_s = None
        if self._first is not None and base:
            # Packets of some containers have no length: the last frame lasts as the others do.
            end = self._end
            if end <= self._last and self.n_frames > 1:
                end = self._last + (self._last - self._first) // (self.n_frames - 1)
            duration_s = round(float((end - self._first) * base), 6) or None
        width, height = self.size
        return {
            "duration_s": duration_s,
            "n_frames": self.n_frames,
            "fps": round(self.n_frames / duration_s, 6) if duration_s else None,
            "width_px": width,
            "height_px": height,
            "min_side_px": min(width, height),
            "decodable": True,
        }

    def _picture(self, packet: Any) -> None:
        self.n_frames += 1
        at = packet.pts if packet.pts is not None else packet.dts
        if at is not None:
            self._first = at if self._first is None else min(self._first, at)
            self._last = max(self._last, at)
            self._end = max(self._end, at + (packet.duration or 0))
        if self.n_decoded < PROBE_FRAMES and self.n_probed < PROBE_PACKETS:
            self.n_probed += 1
            self._decode(packet.decode)

    def _decode(self, decode: Any) -> None:
        try:
            frames = decode()
        except av.error.FFmpegError as error:
            if isinstance(error, MemoryError):
                raise MemoryError from error
            self.error = error.strerror or str(error)
            return
        if frames and not self.n_decoded:
            self.size = (frames[0].width, frames[0].height)
        self.n_decoded += len(frames)

    def _text(self, packet: Any) -> None:
        stream = packet.stream
        text = _cue_text(bytes(packet), _text_codec(stream))
        self._n_subtitle_bytes += len(text)
        if not text or packet.pts is None or self._n_subtitle_bytes > MAX_SUBTITLE_BYTES:
            return
        track = self._tracks.setdefault(
            stream.index,
            {"language": stream.language, "codec": _text_codec(stream), "cues": []},
        )
        base, end = stream.time_base, packet.pts + (packet.duration or 0)
        times = [round(float(at * base), 3) for at in (packet.pts, end)]
        track["cues"].append([*times, text])


def _text_codec(stream: Any) -> str:
    context = stream.codec_context
    return context.codec.canonical_name if context is not None else ""


def _cue_text(data: bytes, codec: str) -> str:
    """The text of one subtitle packet, with its markup; bytes that are no UTF-8 replaced."""
    if codec == "mov_text":  # 3GPP timed text: two bytes of length, then text, then styles
        data = data[2 : 2 + int.from_bytes(data[:2], "big")]
    text = data.decode("utf-8", "replace").replace("\0", "")
    if codec in ("ass", "ssa"):  # order, layer, style, name, three margins, effect, text
        text = re.sub(r"\{[^}]*\}", "", text.split(",", 8)[-1]).replace("\\N", "\n")
    return text.strip()
