"""A few frames of a clip as patches; runs in the decoder's child process only.

The timestamps of all packets are read first, which costs little. Then only the stretches from a
key frame to each chosen frame are decoded, so a long clip costs no more than a short one.
"""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
from PIL import Image

from castor.filters.media import container as containers
from castor.filters.media import patches
from castor.filters.media import video as videos
from castor.filters.media.failure import Limits, MediaError
from castor.filters.media.window import Window
from castor.filters.reasons import Reason

# FFmpeg counts the turn of a display matrix against the clock, and so does Pillow.
_TURNS = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}


def soft(window: Window, request: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    """The patches of some frames of the first video stream, frame after frame.

    The clip is divided into `video_frames` equal stretches of time, and of each the frame nearest
    to its centre is taken (the reading of Gemini's "equally spaced" that needs no special case at
    the ends). A frame that is nearest to two centres is taken once.

    Returns:
        `rows`: float16 [n, 768] as base64; `facts`: see `soft.Soft`.

    Raises:
        MediaError: as `video.examine`.
    """
    demuxer = request["reader"]
    with containers.opened(window, demuxer, limits) as container:
        times = _times(container, _stream(container, limits), limits)
    wanted = centres(times, request["video_frames"])
    with containers.opened(window, demuxer, limits) as container:
        stream = _stream(container, limits)

        def small(frame: Any) -> Image.Image:
            picture, shown = _upright(frame, stream)
            return patches.scaled(picture, request["frame_patches"], shown)

        search = _Search(stream, times, wanted, small)
        search.read(container, limits)
        pictures = list(search.found.values())
        base = float(stream.time_base)
    first = min(t.at for t in times)
    seconds = [(at - first) * base for at in search.found]
    height, width = pictures[0].height, pictures[0].width
    facts = {
        "grid": f"{height // patches.PATCH}x{width // patches.PATCH}",
        "frames": str(len(pictures)),
        "times_s": " ".join(f"{s:.3f}" for s in seconds),
    }
    return patches.answer(np.concatenate([patches.cut(p) for p in pictures]), facts)


@dataclasses.dataclass(frozen=True, slots=True)
class Time:
    """When a packet is shown, in ticks of its stream, for how long, and whether it is a key."""

    at: int
    duration: int
    is_key: bool


def centres(times: Sequence[Time], n_frames: int) -> list[int]:
    """Times of the packets nearest to the centres of equal stretches of the clip.

    Args:
        times: of the packets, in any order, at least one.
        n_frames: number of stretches.

    Returns:
        Ticks in rising order, each once; of two that are equally near, the earlier one.
    """
    shown = sorted({t.at for t in times})
    first, last = shown[0], shown[-1]
    end = max(t.at + t.duration for t in times)
    # Packets of some containers have no length: the last frame lasts as the others do.
    if end <= last:
        end = last + max(1, (last - first) // max(1, len(shown) - 1))
    chosen = set()
    for i in range(n_frames):
        centre = first + Fraction((2 * i + 1) * (end - first), 2 * n_frames)
        after = bisect.bisect_left(shown, centre)
        near = shown[max(0, after - 1) : after + 1]
        chosen.add(min(near, key=lambda at: (abs(at - centre), at)))
    return sorted(chosen)


def _stream(container: Any, limits: Limits) -> Any:
    stream = videos.stream_of(container)
    if stream is None:
        raise MediaError(Reason.NOT_DECODABLE, "a container without a picture")
    videos.check_stream(stream, limits)
    return stream


def _times(container: Any, stream: Any, limits: Limits) -> list[Time]:
    """Times of the packets in file order."""
    times = []
    for packet in containers.packets(container, [stream], limits):
        at = _at(packet)
        if at is None:
            raise MediaError(Reason.NOT_DECODABLE, "a packet of its video has no timestamp")
        times.append(Time(at, packet.duration or 0, packet.is_keyframe))
    if not times:
        raise MediaError(Reason.EMPTY, "its video stream holds no packet")
    return times


def _at(item: Any) -> int | None:
    """When a packet or frame is shown; AVI knows the order of decoding only."""
    return item.pts if item.pts is not None else item.dts


class _Search:
    """Decodes from the key frame before each wanted time until its frame comes.

    Args:
        stream: of a container that was just opened.
        times: of all its packets, in file order.
        wanted: some of them, in rising order.
        small: what is kept of a frame: whole frames of a large clip would fill the memory.
    """

    def __init__(
        self,
        stream: Any,
        times: Sequence[Time],
        wanted: Sequence[int],
        small: Callable[[Any], Image.Image],
    ) -> None:
        self.found: dict[int, Image.Image] = {}  # by the time of the frame, in rising order
        self._stream, self._small = stream, small
        self._open = list(wanted)
        keys = sorted((t.at, number) for number, t in enumerate(times) if t.is_key)
        self._starts = {at: _last_key(keys, at) for at in wanted}  # packets, in file order
        self._before: Any = None  # the frame before, which may be nearer than the next one
        self._error = ""

    def read(self, container: Any, limits: Limits) -> None:
        """Fills `found`.

        Raises:
            MediaError: `not_decodable`: no wanted frame decodes, nor any near it.
        """
        context = self._stream.codec_context
        skipped = False
        for number, packet in enumerate(containers.packets(container, [self._stream], limits)):
            if not self._open:
                return
            if number < self._starts[self._open[0]]:
                skipped = True
                continue
            if skipped:  # what the decoder still holds belongs to another place
                context.flush_buffers()
                skipped, self._before = False, None
            self._take(packet.decode)
        self._take(lambda: context.decode(None))
        if self._open and self._before is not None:
            self._keep(_at(self._before) or 0, self._before)
        if not self.found:
            raise MediaError(Reason.NOT_DECODABLE, f"no frame decodes: {self._error or 'no error'}")

    def _take(self, decode: Callable[[], list[Any]]) -> None:
        try:
            frames = decode()
        except av.error.FFmpegError as error:
            if isinstance(error, MemoryError):
                raise MemoryError from error
            self._error = error.strerror or str(error)
            return
        for frame in frames:
            at = _at(frame)
            if at is None:
                continue
            while self._open and at >= self._open[0]:
                wanted = self._open.pop(0)
                before = None if self._before is None else _at(self._before)
                if before is not None and wanted - before < at - wanted:
                    self._keep(before, self._before)
                else:
                    self._keep(at, frame)
            self._before = frame

    def _keep(self, at: int, frame: Any) -> None:
        if at not in self.found:
            self.found[at] = self._small(frame)


def _last_key(keys: Sequence[tuple[int, int]], at: int) -> int:
    """Number of the packet from which to decode: the last key shown no later, else the first."""
    after = bisect.bisect_right(keys, at, key=lambda key: key[0])
    return keys[after - 1][1] if after else 0


def _upright(frame: Any, stream: Any) -> tuple[Image.Image, tuple[int, int]]:
    """A frame in RGB as a player shows it: turned, and its size with square pixels."""
    picture = frame.to_image()
    width, height = picture.size
    ratio = stream.sample_aspect_ratio
    if ratio:
        width = max(1, round(width * ratio))
    turn = _TURNS.get(round(frame.rotation) % 360)
    if turn is None:
        return picture, (width, height)
    if turn is not Image.Transpose.ROTATE_180:
        width, height = height, width
    return picture.transpose(turn), (width, height)
