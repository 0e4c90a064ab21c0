"""Length, frames and size of a clip."""

from __future__ import annotations

from typing import NamedTuple

from castor.filters.annotator import Media, annotator
from castor.filters.record import Modality


class Clip(NamedTuple):
    """One clip; only `decodable` is known of one that does not decode."""

    duration_s: float | None = None  # by the timestamps of its packets, not by its header
    n_frames: int | None = None  # packets of the video stream
    fps: float | None = None  # n_frames / duration_s
    width_px: int | None = None
    height_px: int | None = None
    min_side_px: int | None = None
    has_audio: bool | None = None
    truncated: bool | None = None  # it ends before its header says so
    decodable: bool = False  # at least one of the first frames was decoded


@annotator(version=1, reads="media", modalities=[Modality.VIDEO])
def video(media: Media) -> Clip:
    """Measures one clip: reads all packets, decodes the first frames, in the child process."""
    from castor.filters.media.reference import signals_of

    return Clip(**signals_of(media.ref, "video", media.roots))
