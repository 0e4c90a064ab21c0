"""Raw pictures: what packages ship, what is painted here, and files that lie or break."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

from castor.pipelines.demo import machine, paint
from castor.pipelines.demo.ledger import FOUND, MADE, Ledger

if TYPE_CHECKING:
    import numpy as np

_SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff"))
# Where pictures are known to lie; a walk over everything installed would take seconds.
_PLACES = (
    "sklearn/datasets",
    "skimage/data",
    "matplotlib/mpl-data",
    "scipy/ndimage",
    "notebook",
    "bokeh/server/static/images",
)
_BOMB_PIXELS = 14_000  # to a side: 196 million pixels from 24 kB, over Pillow's own limit


def write(ledger: Ledger, budget: int) -> None:
    """Writes pictures of about `budget` bytes, and captions.jsonl for them."""
    captions: list[dict[str, str]] = []
    n_found = _found(ledger, budget // 3, captions)
    if not n_found:
        ledger.note("images: no pictures found on this machine; all are made")
    _painted(ledger, budget // 2, captions)
    _bad(ledger)
    lines = "".join(json.dumps(c) + "\n" for c in captions)
    ledger.write("images/captions.jsonl", lines.encode())


def _found(ledger: Ledger, budget: int, captions: list[dict[str, str]]) -> int:
    """The pictures on this machine, largest packages of data first."""
    library, packages = machine.standard_library(), machine.packages_folder()
    folders = [packages / place for place in _PLACES]
    folders += [library / "idlelib" / "Icons", library / "test", library / "turtledemo"]
    total = n = 0
    for folder in folders:
        for path in machine.files(folder, _SUFFIXES, limit=60):
            size = path.stat().st_size
            if total + size > budget:
                continue
            total, n = total + size, n + 1
            name = f"found/{folder.parent.name}-{path.parent.name}-{path.name}"
            ledger.write(f"images/{name}", path.read_bytes())
            ledger.count("images", FOUND, size)
            text = f"{path.stem.replace('_', ' ').replace('-', ' ')}, from {folder.parent.name}"
            captions.append({"file": name, "text": text, "kind": "file name", "lang": "en"})
    return n


def _painted(ledger: Ledger, budget: int, captions: list[dict[str, str]]) -> None:
    formats = (("jpg", "JPEG"), ("png", "PNG"), ("webp", "WEBP"))
    total = 0
    for seed in range(48):
        kind = paint.KINDS[seed % len(paint.KINDS)]
        suffix, form = formats[seed % len(formats)]
        width, height = ((360, 270), (270, 360), (480, 320))[seed // 4 % 3]
        data = encoded(paint.picture(kind, seed, width, height), form)
        total += len(data)
        if total > budget and seed >= 6:
            return
        name = f"made-{kind}-{seed:02d}.{suffix}"
        _put(ledger, name, data)
        ledger.plant("images", name, "", "kept", "a made picture")
        text = paint.caption(kind, seed)
        captions.append({"file": name, "text": text, "kind": "caption", "lang": "en"})


def encoded(pixels: np.ndarray, form: str) -> bytes:
    """The RGB array as a file of that format."""
    from PIL import Image

    out = io.BytesIO()
    options = {"quality": 85} if form in ("JPEG", "WEBP") else {}
    Image.fromarray(pixels).save(out, form, **options)
    return out.getvalue()


def _put(ledger: Ledger, name: str, data: bytes) -> None:
    ledger.write(f"images/{name}", data)
    ledger.count("images", MADE, len(data))


def _bad(ledger: Ledger) -> None:
    """Duplicates, icons and strips that are no photographs, and files that do not decode."""
    good = encoded(paint.picture("waves", 1000, 400, 300), "PNG")
    icon = encoded(paint.picture("shapes", 1001, 16, 16), "PNG")
    strip = encoded(paint.picture("clouds", 1002, 900, 12), "PNG")
    for name, data, outcome, reason, why in (
        ("made-waves.png", good, "kept", None, "a made picture"),
        ("made-waves2.png", good, "duplicate", None, "the same bytes again"),
        ("made-wrong-suffix.gif", good, "duplicate", None, "a PNG that says GIF"),
        ("made-cut.png", good[: len(good) // 2], "rejected", "truncated", "cut in half"),
        ("made-garbage.jpg", bytes(range(256)) * 8, "rejected", "corrupt", "no picture at all"),
        ("made-empty.png", b"", "rejected", "empty", "an empty file"),
        ("made-bomb.png", _bomb(), "rejected", "bomb", "24 kB that decode to 196 megapixels"),
        ("made-icon.png", icon, "dropped", "image.too_small", "an icon"),
        ("made-strip.png", strip, "dropped", "image.too_elongated", "a strip"),
    ):
        _put(ledger, name, data)
        of = "made-waves.png" if outcome == "duplicate" else None
        ledger.plant("images", name, "", outcome, why, of=of, reason=reason)


def _bomb() -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.new("1", (_BOMB_PIXELS, _BOMB_PIXELS)).save(out, "PNG")
    return out.getvalue()
