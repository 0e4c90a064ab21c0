"""Pictures, in folders and in archives, with the words that lie beside them."""

from __future__ import annotations

from collections.abc import Iterator

from castor.pipelines.source import InputFile, Item, source
from castor.pipelines.sources import _media
from castor.pipelines.sources._sidecars import Kinds

WANTED = _media.Wanted(
    "image", _media.IMAGE_SUFFIXES | _media.UNREAD_IMAGE_SUFFIXES, Kinds("caption", "caption")
)


@source(version=1, files=["*"], options=_media.Options)
def images(file: InputFile, options: _media.Options) -> Iterator[Item]:
    """One record per picture: JPEG, PNG, GIF, WebP, TIFF, BMP, ICO, AVIF, JPEG 2000.

    Text is what `a.txt`, `a.caption`, `a.json` beside `a.jpg` say, and the rows for it in
    `captions.jsonl` or `metadata.jsonl` here or in a folder above; parts say which span is
    `caption`, `alt` or `label`. `meta` has mime, width and height (as shown), mode, frames,
    EXIF orientation, and `truncated` where the data end early but most rows are there.
    Pictures over 64 megapixels are rejected from their header. SVG, HEIC and other formats
    without a reader are rejected as `unsupported_format`.
    """
    yield from _media.read(file, WANTED, options)
