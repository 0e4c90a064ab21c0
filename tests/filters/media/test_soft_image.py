"""Pictures as patches: size, order, colours, orientation, and what is refused."""

import io
import math
import struct
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from castor.filters.media import patches
from castor.filters.media.failure import Limits, MediaError
from castor.filters.media.magic import sniff
from castor.filters.media.soft import SoftOptions, soft
from castor.filters.media.window import Window
from castor.filters.reasons import Reason


def soft_of(data, **options):
    with Window.of_bytes(data) as window:
        found = sniff(window.at(0, 4096), window.at)
        return soft("image", window, found.mime, found.reader, SoftOptions(**options))


def saved(picture, form="PNG", **options):
    out = io.BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def noise(width, height, channels=3):
    shape = (height, width, channels)[: 3 if channels > 1 else 2]
    return np.random.default_rng(1).integers(0, 256, shape, np.uint8)


def smooth(width, height):
    y, x = np.mgrid[0:height, 0:width]
    red, green = 255 * x / max(1, width - 1), 255 * y / max(1, height - 1)
    return np.stack([red, green, np.full_like(red, 99)], axis=2).astype(np.uint8)


# The vectors of big_vision's ops_naflex_test.py: height, width, patch, most patches -> size.
NAFLEX = [
    ((48, 48, 3, 121), (33, 33)),
    ((112, 109, 7, 225), (105, 105)),
    ((176, 176, 11, 64), (88, 88)),
    ((256, 64, 16, 12), (96, 32)),
    ((256, 64, 8, 15), (56, 16)),
    ((63, 241, 16, 16), (32, 128)),
    ((16, 512, 16, 16), (16, 256)),
]


@pytest.mark.parametrize(("case", "size"), NAFLEX)
def test_the_sizes_are_those_of_naflex(case, size):
    height, width, patch, budget = case
    n_rows, n_columns = patches.grid(height, width, budget, patch)
    assert (n_rows * patch, n_columns * patch) == size


sides = st.integers(1, 5000)


@given(sides, sides, st.integers(1, 300))
def test_the_grid_is_the_largest_that_fits_and_never_enlarges(height, width, budget):
    n_rows, n_columns = patches.grid(height, width, budget)
    assert 1 <= n_rows * n_columns <= budget
    assert patches.grid(width, height, budget) == (n_columns, n_rows)
    assert (n_rows - 1) * 16 < height
    assert (n_columns - 1) * 16 < width
    # Bisection, as NaFlex finds it, on exact numbers.
    low, high = Fraction(0), Fraction(1)
    for step in range(50):
        ratio = high if step == 0 else (low + high) / 2
        n = [max(1, math.ceil(side * ratio / 16)) for side in (height, width)]
        low, high = (ratio, high) if n[0] * n[1] <= budget else (low, ratio)
    n = [max(1, math.ceil(side * low / 16)) for side in (height, width)]
    assert n == [n_rows, n_columns]


def test_small_pictures_are_not_enlarged():
    assert soft_of(saved(Image.new("RGB", (32, 48)))).rows.shape == (6, 768)
    assert soft_of(saved(Image.new("RGB", (1, 1)))).rows.shape == (1, 768)
    assert soft_of(saved(Image.new("RGB", (2000, 1000)))).rows.shape[0] <= 64


def test_rows_are_patches_in_reading_order():
    pixels = noise(48, 32)
    found = soft_of(saved(Image.fromarray(pixels)))
    assert found.rows.dtype == np.float16
    assert found.facts["grid"] == "2x3"
    for row in range(2):
        for column in range(3):
            block = pixels[row * 16 : row * 16 + 16, column * 16 : column * 16 + 16]
            expected = (block.reshape(-1).astype(np.float32) / 127.5 - 1).astype(np.float16)
            np.testing.assert_array_equal(found.rows[row * 3 + column], expected)


def test_values_lie_between_minus_one_and_one():
    ends = np.zeros((16, 16, 3), np.uint8)
    ends[8:] = 255
    rows = soft_of(saved(Image.fromarray(ends))).rows
    assert rows.min() == -1.0
    assert rows.max() == 1.0


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("turn", range(2, 9))
def test_pictures_are_turned_by_their_exif_orientation(form, turn):
    stored = Image.fromarray(smooth(64, 32))
    exif = Image.Exif()
    exif[0x0112] = turn
    options = {"lossless": True} if form == "WEBP" else {}
    upright = {
        2: stored.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: stored.rotate(180),
        4: stored.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: stored.transpose(Image.Transpose.TRANSPOSE),
        6: stored.rotate(-90, expand=True),
        7: stored.transpose(Image.Transpose.TRANSVERSE),
        8: stored.rotate(90, expand=True),
    }[turn]
    found = soft_of(saved(stored, form, exif=exif, **options))
    expected = soft_of(saved(upright))
    assert found.facts["grid"] == expected.facts["grid"] == ("2x4" if turn < 5 else "4x2")
    np.testing.assert_allclose(found.rows, expected.rows, atol=0.08 if form == "JPEG" else 0)


def test_what_is_transparent_is_white():
    half = np.zeros((16, 32, 4), np.uint8)
    half[:, 16:] = (255, 0, 0, 255)
    with_alpha = Image.fromarray(half)
    expected = soft_of(saved(Image.fromarray(np.where(half[..., 3:] == 0, 255, half[..., :3]))))
    np.testing.assert_array_equal(soft_of(saved(with_alpha)).rows, expected.rows)
    palette = with_alpha.convert("P")
    palette.info["transparency"] = palette.getpixel((0, 0))
    data = saved(palette, transparency=palette.getpixel((0, 0)))
    np.testing.assert_array_equal(soft_of(data).rows, expected.rows)
    keyed = saved(Image.fromarray(half[..., :3]), transparency=(0, 0, 0))
    np.testing.assert_array_equal(soft_of(keyed).rows, expected.rows)
    grey = soft_of(saved(Image.fromarray(np.full((16, 16, 2), (0, 0), np.uint8), "LA")))
    assert (grey.rows == 1).all()


@pytest.mark.parametrize(("level", "value"), [(0, -1), (65535, 1), (32896, 0.0039)])
def test_sixteen_bits_are_scaled_not_clipped(level, value):
    rows = soft_of(saved(Image.fromarray(np.full((16, 16), level, np.uint16)))).rows
    assert rows[0, 0] == pytest.approx(value, abs=0.005)


def test_grey_and_black_and_white_and_ink_are_shown():
    for mode in ("L", "1", "P"):
        white = soft_of(saved(Image.new("RGB", (16, 16), "white").convert(mode)))
        assert (white.rows == 1).all()
    ink = Image.new("CMYK", (16, 16), (0, 255, 255, 0))  # red
    red = soft_of(saved(ink, "JPEG", quality=100)).rows[0].reshape(-1, 3).mean(axis=0)
    assert red[0] > 0.9
    assert red[1] < -0.6


def swapped_profile():
    """An ICC profile (ICC.1:2010) that is sRGB with the red and green primaries exchanged."""

    def fixed(value):
        return struct.pack(">i", round(value * 65536))

    def xyz(*values):
        return b"XYZ \0\0\0\0" + b"".join(map(fixed, values))

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(2.2 * 256)) + b"\0\0"
    red, green, blue = (0.4360, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)
    tags = {
        b"wtpt": xyz(0.9642, 1, 0.8249),
        b"rXYZ": xyz(*green),
        b"gXYZ": xyz(*red),
        b"bXYZ": xyz(*blue),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 2) + b"x\0" + b"\0" * 78,
        b"cprt": b"text\0\0\0\0x\0\0\0",
    }
    at, table, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += name + struct.pack(">II", at + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    head = struct.pack(
        ">I4sI4s4s4s", at + len(body), b"lcms", 0x02400000, b"mntr", b"RGB ", b"XYZ "
    )
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp")
    head = head.ljust(68, b"\0") + fixed(0.9642) + fixed(1) + fixed(0.8249)
    return head.ljust(128, b"\0") + table + body


def test_colours_are_those_of_the_profile():
    red = Image.new("RGB", (16, 16), (255, 0, 0))
    found = soft_of(saved(red, icc_profile=swapped_profile()))
    shown = found.rows[0].reshape(-1, 3).mean(axis=0)
    assert found.facts["icc"] == "converted"
    assert shown == pytest.approx([-1, 1, -1], abs=0.05)  # it was green all along
    clear = Image.new("RGBA", (16, 16), (255, 0, 0, 0))
    assert (soft_of(saved(clear, icc_profile=swapped_profile())).rows == 1).all()


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_profile_that_does_not_fit_is_ignored(mode):
    picture = Image.new("RGB", (16, 16), (200, 50, 10)).convert(mode)
    plain = soft_of(saved(picture))
    profile = b"not a profile" if mode == "RGB" else swapped_profile()
    found = soft_of(saved(picture, icc_profile=profile))
    assert found.facts["icc"] == "ignored"
    np.testing.assert_array_equal(found.rows, plain.rows)


def test_a_jpeg_that_is_decoded_small_looks_like_the_whole_one():
    picture = Image.fromarray(smooth(3000, 2000))
    exact, draft = soft_of(saved(picture)), soft_of(saved(picture, "JPEG", quality=95))
    assert exact.facts["grid"] == draft.facts["grid"]
    assert np.abs(exact.rows.astype(float) - draft.rows).max() < 0.05


def reason(data, **options):
    with pytest.raises(MediaError) as caught:
        soft_of(data, **options)
    return caught.value.reason


def test_a_picture_that_ends_early_is_taken_when_most_of_it_is_there(make):
    data = make.picture("JPEG", (200, 200))
    assert soft_of(data[: len(data) * 3 // 4]).facts["truncated"] == "true"
    assert "truncated" not in soft_of(data).facts
    assert reason(data[: len(data) // 5]) is Reason.TRUNCATED


def test_what_cannot_be_shown_says_why():
    wide = Image.new("1", (10_000, 10_000))
    assert reason(saved(wide)) is Reason.BOMB
    assert reason(saved(Image.new("F", (16, 16)), "TIFF")) is Reason.UNSUPPORTED_FORMAT
    assert reason(b"\x89PNG\r\n\x1a\nnothing") is Reason.CORRUPT


def test_another_child_gives_the_same_bytes(make):
    from castor.filters.media.decoder import Decoder

    data = make.picture("JPEG", (333, 177))
    answers = []
    for _ in range(2):
        decoder = Decoder(limits=Limits(wall_s=30))
        with Window.of_bytes(data) as window:
            answers.append(
                decoder.request(
                    "image.soft", window, mime="image/jpeg", reader="JPEG", image_patches=64
                )
            )
        decoder.close()
    assert answers[0] == answers[1]
    np.testing.assert_array_equal(soft_of(data).rows, soft_of(data).rows)


@pytest.mark.parametrize(
    "wrong", [{"image_patches": 0}, {"audio_rows": 1 << 20}, {"video_frames": 8192}]
)
def test_numbers_of_rows_that_cannot_be_are_refused(wrong):
    from castor.filters.errors import ConfigError

    with pytest.raises(ConfigError):
        SoftOptions(**wrong)
