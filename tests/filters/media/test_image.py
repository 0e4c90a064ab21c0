"""Pictures: header facts, whether they decode, bombs and cut files."""

import io
import struct
import zlib

import pytest
from PIL import Image, ImageFile

from castor.filters.media import image as images
from castor.filters.media.failure import Limits, MediaError
from castor.filters.media.window import Window
from castor.filters.reasons import Reason


def reason(look, data, **forced):
    with pytest.raises(MediaError) as caught:
        look(data, **forced)
    return caught.value.reason


def chunk(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(width, height, rows, *extra):
    """A 1-bit grey PNG of any declared size."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = [chunk(b"IHDR", header), *extra, chunk(b"IDAT", rows), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize(
    ("form", "mode"),
    [
        ("PNG", "RGBA"),
        ("PNG", "L"),
        ("JPEG", "RGB"),
        ("JPEG", "CMYK"),
        ("GIF", "P"),
        ("WEBP", "RGB"),
        ("TIFF", "RGB"),
        ("BMP", "RGB"),
        ("AVIF", "RGB"),
        ("JPEG2000", "RGB"),
    ],
)
def test_facts_and_measures(make, look, form, mode):
    data = make.picture(form, (300, 100), mode)
    found = look(data)
    assert found.kind == "image"
    assert found.facts["width"], found.facts["height"] == ("300", "100")
    assert found.facts["mode"] == mode
    assert dict(found.signals) == {
        "width_px": 300,
        "height_px": 100,
        "pixels": 30_000,
        "min_side_px": 100,
        "aspect_ratio": 3.0,
        "frames": 1,
        "bytes_per_pixel": round(len(data) / 30_000, 6),
        "truncated": False,
        "decodable": True,
    }


@pytest.mark.parametrize(("orientation", "size"), [(1, (40, 20)), (3, (40, 20)), (6, (20, 40))])
def test_size_is_that_of_the_picture_as_shown(make, look, orientation, size):
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = look(make.picture("JPEG", (40, 20), exif=exif))
    assert found.facts["orientation"] == str(orientation)
    assert (found.signals["width_px"], found.signals["height_px"]) == size


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG"])
def test_frames_of_an_animation(look, form):
    frames = [Image.new("RGB", (8, 8), (i, 0, 0)) for i in (1, 90, 200)]
    out = io.BytesIO()
    frames[0].save(out, form, save_all=True, append_images=frames[1:])
    assert look(out.getvalue()).facts["frames"] == "3"


def test_a_header_that_promises_a_bomb_is_refused_before_decoding(look):
    rows = zlib.compress(b"\0" * (14_000 // 8 + 1) * 14_000, 9)
    data = png(14_000, 14_000, rows)
    assert len(data) < 40_000  # 196 megapixels in 24 kB, 588 MB as RGB
    assert reason(look, data) is Reason.BOMB


def test_a_picture_that_pillow_only_warns_of_is_a_bomb_too(look):
    # 81 megapixels: below the 89 where Pillow begins to warn.
    assert reason(look, png(9_000, 9_000, b"")) is Reason.BOMB


def test_a_webp_of_16383_squared_is_refused_from_its_header(look):
    bits = (16_382 | 16_382 << 14).to_bytes(4, "little")
    body = b"WEBPVP8L" + struct.pack("<I", 6) + b"\x2f" + bits + b"\0"
    assert reason(look, b"RIFF" + struct.pack("<I", len(body)) + body) in (
        Reason.BOMB,
        Reason.CORRUPT,
    )


def test_a_later_frame_that_is_a_bomb(look):
    # A GIF of 1 x 1 whose second frame says 9000 x 9000: nothing but that frame shows it.
    palette, data = b"\0\0\0\xff\xff\xff", b"\2\2\x44\1\0"
    first = b",\0\0\0\0\1\0\1\0\0" + data
    second = b",\0\0\0\0" + struct.pack("<HH", 9000, 9000) + b"\0" + data
    gif = b"GIF89a\1\0\1\0\x80\0\0" + palette + first + second + b";"
    assert reason(look, gif) is Reason.BOMB


def test_a_text_chunk_that_unpacks_to_gigabytes_is_a_bomb(look):
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 20_000_000, 9))
    data = png(8, 8, zlib.compress(b"\0\0" * 8), text)
    assert reason(look, data) is Reason.BOMB


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_cut_picture_is_kept_and_marked(make, look, form):
    data = make.picture(form, (200, 200))
    found = look(data[: len(data) * 3 // 4])
    assert found.facts["truncated"] == "true"
    assert found.signals["truncated"] is True
    assert "truncated" not in look(data).facts


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_picture_cut_near_its_beginning_is_rejected(make, look, form):
    data = make.picture(form, (200, 200))
    assert reason(look, data[: len(data) // 4]) is Reason.TRUNCATED


def test_lenient_decoding_is_never_left_on(make):
    data = make.picture("JPEG", (200, 200))
    request = {"reader": "JPEG", "mime": "image/jpeg"}
    with Window.of_bytes(data[: len(data) * 3 // 4]) as window:
        assert images.examine(window, request, Limits())["facts"]["truncated"] == "true"
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    with Window.of_bytes(data[: len(data) // 4]) as window, pytest.raises(MediaError):
        images.examine(window, request, Limits())
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x89PNG\r\n\x1a\n" + b"garbage" * 9, Reason.TRUNCATED),
        (b"GIF89a\0\0\0\0\0\0\0;", Reason.CORRUPT),
        (b"\xff\xd8\xff\xe0" + b"\0" * 20, Reason.NOT_DECODABLE),
        (png(8, 8, b"not deflate"), Reason.NOT_DECODABLE),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Reason.UNSUPPORTED_FORMAT),
    ],
)
def test_broken_pictures_have_typed_reasons(look, data, expected):
    assert reason(look, data) is expected


def test_a_picture_is_opened_as_what_its_magic_says_only(make, look):
    # A TIFF under a forced PNG reader: Pillow would guess, the reader must not.
    assert reason(look, make.picture("TIFF"), kind="image", reader="PNG") is Reason.CORRUPT
    assert reason(look, make.picture(), kind="image", reader="EPS") is Reason.UNSUPPORTED_FORMAT
