"""Cuts a picture into patches of 16 x 16 pixels; runs in the decoder's child process only.

The picture is shown as a viewer would show it (turned by its EXIF orientation, in sRGB, on white
where it is transparent), scaled to the largest size that keeps its aspect and has no more patches
than allowed, and never enlarged beyond the next whole patch.
"""

from __future__ import annotations

import base64
import bisect
import io
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from PIL import Image, ImageCms, ImageFile

from castor.filters.media import image as images
from castor.filters.media.failure import Limits, MediaError
from castor.filters.media.window import Window
from castor.filters.reasons import Reason

PATCH = 16  # pixels: the patch of ViT (arXiv 2010.11929), NaFlex and Gemma
# Pillow's documentation: with a gap of 3 the result is as good as that of a full resize.
REDUCING_GAP = 3.0
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def soft(window: Window, request: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    """The patches of the first frame of a picture.

    A picture that ends early is taken when `image.examine` takes it.

    Returns:
        `rows`: float16 [n, 768] as base64; `facts`: see `soft.Soft`.

    Raises:
        MediaError: as `image.examine`; `unsupported_format` for a mode that has no white.
    """
    budget = request["image_patches"]
    formats = images.formats_of(request)
    with images.bombs_are_errors(limits):
        try:
            picture, facts = _shown(window, formats, limits, budget)
        except MediaError as error:
            if error.reason is not Reason.TRUNCATED:
                raise
            images.check_rows_of_truncated(window, formats)
            ImageFile.LOAD_TRUNCATED_IMAGES = True
            try:
                picture, facts = _shown(window, formats, limits, budget)
            finally:
                ImageFile.LOAD_TRUNCATED_IMAGES = False
            facts["truncated"] = "true"
    facts["grid"] = f"{picture.height // PATCH}x{picture.width // PATCH}"
    return answer(cut(picture), facts)


def answer(rows: np.ndarray, facts: Mapping[str, str]) -> dict[str, Any]:
    """What the child sends back: the rows as little-endian float16 in base64, and the facts."""
    data = np.ascontiguousarray(rows, "<f2").tobytes()
    return {"rows": base64.b64encode(data).decode(), "facts": dict(facts)}


def grid(height: int, width: int, budget: int, patch: int = PATCH) -> tuple[int, int]:
    """Rows and columns of patches of a picture of that many pixels.

    Both sides are scaled by one ratio r and rounded up to whole patches, r being the largest that
    gives at most `budget` patches. NaFlex (big_vision, ops_naflex.py) finds r by bisection; here
    it is exact, for the number of patches changes only where a side is a whole number of patches.
    Unlike NaFlex, r is at most 1, so a small picture gives few patches.
    """

    def patches(ratio: Fraction) -> tuple[int, int]:
        n_rows, n_columns = (-(-side * ratio // patch) for side in (height, width))
        return int(n_rows), int(n_columns)

    whole = Fraction(1)
    steps = {Fraction(n * patch, side) for side in (height, width) for n in range(1, budget + 1)}
    ratios = sorted({whole, *(r for r in steps if r < whole)})
    # The number of patches rises with the ratio, and at the smallest one it is 1 x 1.
    fitting = bisect.bisect_right(ratios, budget, key=lambda r: patches(r)[0] * patches(r)[1])
    return patches(ratios[fitting - 1])


def scaled(picture: Image.Image, budget: int, shown: tuple[int, int] | None = None) -> Image.Image:
    """The picture at the size of its grid of patches.

    Args:
        picture: of a mode that can be scaled.
        budget: most patches there may be.
        shown: width and height it has on a screen, when its pixels are not square.
    """
    width, height = shown or picture.size
    n_rows, n_columns = grid(height, width, budget)
    size = (n_columns * PATCH, n_rows * PATCH)
    if picture.size == size:
        return picture
    return picture.resize(size, Image.Resampling.BICUBIC, reducing_gap=REDUCING_GAP)


def cut(picture: Image.Image) -> np.ndarray:
    """The patches of an RGB picture of whole patches, float16 [n, 768], in reading order.

    A patch is its pixels in reading order, red, green and blue of each, as x / 127.5 - 1.
    """
    n_rows, n_columns = picture.height // PATCH, picture.width // PATCH
    pixels = np.asarray(picture, np.float32) / np.float32(127.5) - 1
    patches = pixels.reshape(n_rows, PATCH, n_columns, PATCH, 3).swapaxes(1, 2)
    return patches.reshape(-1, PATCH * PATCH * 3).astype(np.float16)


def _shown(
    window: Window, formats: tuple[str, ...], limits: Limits, budget: int
) -> tuple[Image.Image, dict[str, str]]:
    """The first frame as it is shown, at the size of its grid, in RGB; and facts about it."""
    with images.opened(window, formats) as image:
        width, height = images.checked_size(image, limits)
        if image.format in ("JPEG", "MPO"):
            n_rows, n_columns = grid(height, width, budget)
            # Decoded small, but at twice the size that is wanted, so that aliasing stays out.
            image.draft(None, (2 * PATCH * n_columns, 2 * PATCH * n_rows))
        with images.faults("its data"):
            image.load()
            profile = image.info.get("icc_profile")
            turn = _TURNS.get(images.orientation(image) or 1)
            picture = _eight_bits(image)
            if turn is not None:
                picture, width, height = picture.transpose(turn), *_turned(turn, width, height)
            picture = scaled(picture, budget, (width, height))
            picture, icc = _in_srgb(picture, profile)
            return _on_white(picture), {"icc": icc} if icc else {}


def _turned(turn: Image.Transpose, width: int, height: int) -> tuple[int, int]:
    lies = (
        Image.Transpose.TRANSPOSE,
        Image.Transpose.ROTATE_270,
        Image.Transpose.TRANSVERSE,
        Image.Transpose.ROTATE_90,
    )
    return (height, width) if turn in lies else (width, height)


def _eight_bits(image: Image.Image) -> Image.Image:
    """The picture in a mode that can be scaled and has its colours in 8 bits.

    Raises:
        MediaError: `unsupported_format`: nobody says which of its values is white.
    """
    mode = image.mode
    if mode.startswith("I;16"):  # Pillow's own conversion clips instead of scaling
        wide = np.asarray(image).astype(np.uint32)
        return Image.fromarray(((wide * 255 + 32767) // 65535).astype(np.uint8))
    if mode in ("I", "F"):
        raise MediaError(Reason.UNSUPPORTED_FORMAT, f"a picture of mode {mode} has no white")
    if "transparency" in image.info:  # one colour or palette entry that is not shown
        return image.convert("RGBA")
    if mode == "PA":
        return image.convert("RGBA")
    if mode == "P":
        return image.convert("RGB")
    if mode == "1":
        return image.convert("L")
    return image.copy()


def _in_srgb(picture: Image.Image, profile: bytes | None) -> tuple[Image.Image, str]:
    """The picture in RGB or RGBA, and what was done with its profile.

    A profile that is broken or of another kind of colour is ignored, as browsers do: the picture
    is shown as if it had none.
    """
    alpha = picture.getchannel("A") if picture.mode in ("RGBA", "LA") else None
    colours = picture.convert(picture.mode[:-1]) if alpha else picture
    done = ""
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(colours, source, target, outputMode="RGB")
            assert converted is not None  # it is None only when asked to work in place
            colours, done = converted, "converted"
        except (ImageCms.PyCMSError, OSError, ValueError):
            done = "ignored"
    colours = colours.convert("RGB")
    if alpha:
        colours.putalpha(alpha)
    return colours, done


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode != "RGBA":
        return picture
    white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, picture).convert("RGB")
