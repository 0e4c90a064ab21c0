"""Examines one picture with Pillow; runs in the decoder's child process only."""

from __future__ import annotations

import contextlib
import struct
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from PIL import Image, ImageChops, ImageFile, UnidentifiedImageError

from castor.filters.media.failure import Limits, MediaError
from castor.filters.media.window import Window
from castor.filters.reasons import Reason

# MPO is a JPEG with more pictures behind the first; its magic bytes are those of JPEG.
FORMATS = ("JPEG", "MPO", "PNG", "GIF", "WEBP", "TIFF", "BMP", "ICO", "AVIF", "JPEG2000")
# A truncated picture counts as usable when at least this share of its rows was decoded:
# ours; below it the cut dominates the picture.
MIN_ROWS_SHARE = 0.5
# Counting frames walks the whole file; an animation of more is cut off here.
MAX_FRAMES = 10_000
ORIENTATION = 0x0112
# JPEG decodes at 1/8 scale 5 to 8 times faster and still reads every byte of its data.
DRAFT_SCALE = 8


def examine(window: Window, request: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    """Header facts, and whether the first frame decodes.

    The header is checked against the limit of pixels before anything is decoded. Width and
    height are those of the picture as shown, that is after its EXIF orientation.

    Returns:
        The fields of `decoder.Found`.

    Raises:
        MediaError: `bomb`, `corrupt`, `truncated`, `not_decodable`, `unsupported_format`.
    """
    formats = formats_of(request)
    with bombs_are_errors(limits):
        with opened(window, formats) as image:
            width, height = checked_size(image, limits)
            mode, n_frames = image.mode, _frames(image)
            truncated = not _decodes_whole(image)
            turned = orientation(image)
        if truncated:
            check_rows_of_truncated(window, formats)
    if turned in (5, 6, 7, 8):
        width, height = height, width
    meta = {
        "mime": request["mime"],
        "width": str(width),
        "height": str(height),
        "mode": mode,
        "frames": str(n_frames),
        **({"orientation": str(turned)} if turned else {}),
        **({"truncated": "true"} if truncated else {}),
    }
    signals = {
        "width_px": width,
        "height_px": height,
        "pixels": width * height,
        "min_side_px": min(width, height),
        "aspect_ratio": round(max(width, height) / min(width, height), 6),
        "frames": n_frames,
        "bytes_per_pixel": round(window.length / (width * height), 6),
        "truncated": truncated,
        "decodable": True,
    }
    return {"kind": "image", "facts": meta, "signals": signals}


def formats_of(request: Mapping[str, Any]) -> tuple[str, ...]:
    """The Pillow formats that may open what the magic bytes promise.

    Raises:
        MediaError: `unsupported_format`.
    """
    formats = ("JPEG", "MPO") if request["reader"] == "JPEG" else (request["reader"],)
    if not set(formats) <= set(FORMATS):
        raise MediaError(Reason.UNSUPPORTED_FORMAT, f"no reader for {request['mime']}")
    return formats


@contextlib.contextmanager
def bombs_are_errors(limits: Limits) -> Iterator[None]:
    """Pillow warns above its limit and raises above twice its limit; here both are errors."""
    Image.MAX_IMAGE_PIXELS = limits.picture_pixels
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def opened(window: Window, formats: tuple[str, ...]) -> Image.Image:
    """The picture, its header parsed; close it when done.

    Raises:
        MediaError: the header does not parse, with the typed reason.
    """
    with faults("its header"):
        return Image.open(window.buffered(), formats=formats)


def checked_size(image: Image.Image, limits: Limits) -> tuple[int, int]:
    """Width and height by the header.

    Raises:
        MediaError: `corrupt` for none, `bomb` for too many pixels.
    """
    width, height = image.size
    if width < 1 or height < 1:
        raise MediaError(Reason.CORRUPT, f"its header says {width} x {height} pixels")
    if width * height > limits.picture_pixels:
        raise MediaError(
            Reason.BOMB,
            f"its header says {width} x {height} pixels, the limit is {limits.picture_pixels}",
        )
    return width, height


def orientation(image: Image.Image) -> int | None:
    """EXIF orientation 1-8, after decoding: in a PNG the tag may lie behind the pixels."""
    try:
        turned = image.getexif().get(ORIENTATION)
    # EXIF is decoration: whatever is wrong with it, the picture is still there.
    except Exception:  # noqa: BLE001
        return None
    return turned if turned in range(1, 9) else None


def _frames(image: Image.Image) -> int:
    with faults("its frames"):
        if image.format == "GIF":
            n_frames = 1
            try:
                while n_frames < MAX_FRAMES:
                    image.seek(n_frames)
                    n_frames += 1
            except (EOFError, OSError, SyntaxError, IndexError, struct.error):
                pass  # a frame that is broken is not counted; the first one decides
            image.seek(0)
            return n_frames
        return min(getattr(image, "n_frames", 1), MAX_FRAMES)


def _decodes_whole(image: Image.Image) -> bool:
    """Decodes the first frame; False if its data end early, MediaError on any other fault."""
    if image.format in ("JPEG", "MPO"):
        width, height = (max(1, side // DRAFT_SCALE) for side in image.size)
        image.draft(None, (width, height))
    try:
        with faults("its data"):
            image.load()
    except MediaError as error:
        if error.reason is Reason.TRUNCATED:
            return False
        raise
    return True


def check_rows_of_truncated(window: Window, formats: tuple[str, ...]) -> None:
    """Refuses a picture of which too little was decoded before its data ended.

    Raises:
        MediaError: `truncated`.
    """
    rows_share = _rows_of_truncated(window, formats)
    if rows_share < MIN_ROWS_SHARE:
        raise MediaError(Reason.TRUNCATED, f"ends after {rows_share:.0%} of its rows were decoded")


def _rows_of_truncated(window: Window, formats: tuple[str, ...]) -> float:
    """Share of the rows that a second, lenient decoding fills.

    Rows that were not reached are black, for Pillow decodes into zeroed memory, or of one
    colour to the last pixel, for libjpeg goes on with the last value that it knew.
    """
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        with opened(window, formats) as image, faults("its data"):
            _frames(image)
            image.load()
            shown = image.convert("RGB")
            last = shown.getpixel((shown.width - 1, shown.height - 1))
            return min(_rows_unlike(shown, colour) for colour in ((0, 0, 0), last))
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False


def _rows_unlike(image: Image.Image, colour: Any) -> float:
    """Share of the rows between the first and the last that is not all of one colour."""
    box = ImageChops.difference(image, Image.new("RGB", image.size, colour)).getbbox()
    return (box[3] - box[1]) / image.height if box else 0.0


class faults:
    """Turns what Pillow raises on broken files into MediaError with a typed reason."""

    def __init__(self, where: str) -> None:
        self.where = where

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, MediaError | MemoryError):
            return
        if isinstance(error, Exception):
            reason, text = _reason(error)
            raise MediaError(reason, f"{self.where}: {text}"[:300]) from error


def _reason(error: Exception) -> tuple[Reason, str]:
    text = str(error) or type(error).__name__
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return Reason.BOMB, text
    if isinstance(error, ValueError) and "too large" in text.lower():
        return Reason.BOMB, text  # text chunks of PNG that unpack beyond Pillow's limit
    if isinstance(error, UnidentifiedImageError):
        return Reason.CORRUPT, "the magic bytes promise what the header does not hold"
    # Pillow's ImageFile and PngImagePlugin say so in these words.
    if isinstance(error, OSError) and "truncated" in text.lower():
        return Reason.TRUNCATED, text
    if isinstance(error, SyntaxError | struct.error | EOFError):
        return Reason.CORRUPT, text
    return Reason.NOT_DECODABLE, text if isinstance(
        error, OSError
    ) else f"{type(error).__name__}: {text}"
