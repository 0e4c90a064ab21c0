"""Small pictures of kept images, decoded in a child process that may die without harm.

    python -m castor.pipelines.report.thumbnails SOCKET_FD PARENT_PID

is that child: it speaks the protocol of `castor.filters.media.child`, with this module's
handler, so it runs under the same limits of memory, time and pixels.
"""

from __future__ import annotations

import base64
import io
import sys
from collections.abc import Mapping
from typing import Any

from castor.filters.errors import CastorError
from castor.filters.media import child
from castor.filters.media.decoder import Decoder
from castor.filters.media.failure import Limits, MediaError
from castor.filters.media.magic import sniff
from castor.filters.media.reference import HEAD_BYTES, open_media
from castor.filters.media.window import Window
from castor.filters.reasons import Reason
from castor.filters.record import MediaRef

SIDE_PX = 96
QUALITY = 72
MAX_BYTES = 16_000  # of one thumbnail; a JPEG of 96 px has 2 to 5 kB
LIMITS = Limits(wall_s=10, cpu_s=10)


class Thumbnails:
    """Makes thumbnails; starts its child when first asked, ends it at the end of the block."""

    def __init__(self, roots: Mapping[str, str]) -> None:
        self._roots = roots
        command = [sys.executable, "-P", "-m", "castor.pipelines.report.thumbnails"]
        self._decoder = Decoder(command, LIMITS)

    def __enter__(self) -> Thumbnails:
        return self

    def __exit__(self, *_: object) -> None:
        self._decoder.close()

    def of(self, ref: MediaRef) -> tuple[str | None, str]:
        """(data URI, "") of a picture, or (None, why there is none)."""
        try:
            with open_media(ref, self._roots) as window:
                found = sniff(window.at(0, HEAD_BYTES), window.at)
                if found is None or found.kind != "image" or found.reader is None:
                    return None, f"no reader for {ref.mime}"
                answer = self._decoder.request(
                    "image", window, mime=found.mime, reader=found.reader
                )
        except (MediaError, CastorError) as error:
            return None, str(error)
        data = str(answer["jpeg"])
        if len(data) > MAX_BYTES * 4 // 3:
            return None, "its thumbnail is too large"
        return f"data:image/jpeg;base64,{data}", ""


def thumbnail(window: Window, request: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    """A JPEG of at most SIDE_PX by SIDE_PX, upright, transparency on white; in the child."""
    from PIL import Image, ImageFile, ImageOps

    Image.MAX_IMAGE_PIXELS = limits.picture_pixels
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    reader = request["reader"]
    formats = ("JPEG", "MPO") if reader == "JPEG" else (reader,)
    with Image.open(io.BufferedReader(window), formats=formats) as image:
        if image.width * image.height > limits.picture_pixels:
            raise MediaError(Reason.BOMB, f"{image.width} x {image.height} pixels")
        image.draft("RGB", (2 * SIDE_PX, 2 * SIDE_PX))
        small = ImageOps.exif_transpose(image)
        small.thumbnail((SIDE_PX, SIDE_PX))
        if small.mode in ("I;16", "I", "F"):
            small = ImageOps.autocontrast(small.point(lambda v: v / 256).convert("L"))
        small = small.convert("RGBA")
        flat = Image.new("RGB", small.size, "white")
        flat.paste(small, mask=small.getchannel("A"))
    return {"jpeg": base64.b64encode(_jpeg(flat)).decode()}


def _jpeg(image: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=QUALITY, optimize=True)
    return file.getvalue()


if __name__ == "__main__":
    child.main(lambda kind: thumbnail)
