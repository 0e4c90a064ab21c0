"""Size, shape and wholeness of a picture."""

from __future__ import annotations

from typing import NamedTuple

from castor.filters.annotator import Media, annotator
from castor.filters.record import Modality


class Picture(NamedTuple):
    """One picture; only `decodable` is known of one that does not decode."""

    width_px: int | None = None  # as shown, after EXIF orientation
    height_px: int | None = None
    pixels: int | None = None
    min_side_px: int | None = None
    aspect_ratio: float | None = None  # longer side / shorter side, at least 1
    frames: int | None = None  # 1 unless it is animated or has pages
    bytes_per_pixel: float | None = None  # of the encoded file
    truncated: bool | None = None  # its data end early, at least half of the rows are there
    decodable: bool = False  # the first frame was decoded


@annotator(version=1, reads="media", modalities=[Modality.IMAGE])
def image(media: Media) -> Picture:
    """Measures one picture by decoding its first frame in the decoder's child process."""
    from castor.filters.media.reference import signals_of

    return Picture(**signals_of(media.ref, "image", media.roots))
