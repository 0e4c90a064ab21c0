"""Soft inputs of media where they lie: the same limits and typed reasons as examining them."""

import hashlib

import numpy as np
import pytest

from castor.filters.media import decoder as decoders
from castor.filters.media.decoder import Decoder
from castor.filters.media.failure import Limits, MediaError
from castor.filters.media.soft import SOFT_DIMS, SoftOptions, soft, soft_of
from castor.filters.media.window import Window
from castor.filters.reasons import Reason
from castor.filters.record import MediaRef


def laid(folder, data, name="x.bin"):
    """Puts bytes behind others into a file, and the reference to them."""
    (folder / name).write_bytes(b"before" + data + b"after")
    digest = hashlib.blake2b(data, digest_size=16).digest()
    return MediaRef(f"in:{name}", None, 6, len(data), "image/png", digest)


def reason(ref, kind, roots):
    with pytest.raises(MediaError) as caught:
        soft_of(ref, kind, roots)
    return caught.value.reason


def test_every_kind_where_it_lies(make, tmp_path):
    roots = {"in": str(tmp_path)}
    media = {"image": make.picture(), "audio": make.sound("flac", "flac"), "video": make.clip()}
    for kind, data in media.items():
        found = soft_of(laid(tmp_path, data), kind, roots)
        assert found.kind == kind
        assert found.rows.shape[1] == SOFT_DIMS[kind]
        assert found.rows.dtype == np.float16
        assert len(found.rows) > 0


def test_what_is_not_there_or_not_the_same_has_its_reason(make, tmp_path):
    roots = {"in": str(tmp_path)}
    ref = laid(tmp_path, make.picture())
    assert reason(ref, "image", {}) is Reason.UNREADABLE
    (tmp_path / "x.bin").write_bytes(b"before" + make.picture("JPEG") + bytes(ref.length))
    assert reason(ref, "image", roots) is Reason.CORRUPT
    (tmp_path / "x.bin").write_bytes(b"before")
    assert reason(ref, "image", roots) is Reason.TRUNCATED
    assert reason(laid(tmp_path, b"no medium"), "image", roots) is Reason.CORRUPT
    svg = laid(tmp_path, b"%PDF-1.4 and so on")
    assert reason(svg, "image", roots) is Reason.UNSUPPORTED_FORMAT


def test_a_medium_of_another_kind_than_it_was_said_to_be(make, tmp_path):
    roots = {"in": str(tmp_path)}
    assert reason(laid(tmp_path, make.picture()), "audio", roots) is Reason.UNSUPPORTED_FORMAT
    sound = laid(tmp_path, make.sound("flac", "flac"))
    assert reason(sound, "image", roots) is Reason.UNSUPPORTED_FORMAT
    assert reason(sound, "video", roots) is Reason.NOT_DECODABLE


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(wall_s=0.001), Reason.TIMEOUT),
        (Limits(picture_pixels=100), Reason.BOMB),
    ],
)
def test_limits_hold(make, monkeypatch, limits, expected):
    own = Decoder(limits=limits)
    monkeypatch.setattr(decoders, "_decoder", own)
    data = make.picture(size=(2000, 2000))
    with Window.of_bytes(data) as window, pytest.raises(MediaError) as caught:
        soft("image", window, "image/png", "PNG")
    own.close()
    assert caught.value.reason is expected


def test_options_shape_the_rows(make, tmp_path):
    roots = {"in": str(tmp_path)}
    options = SoftOptions(image_patches=4, video_frames=2, frame_patches=1, audio_rows=3)
    picture = laid(tmp_path, make.picture(size=(640, 480)))
    assert len(soft_of(picture, "image", roots, options).rows) in (2, 3, 4)
    assert len(soft_of(laid(tmp_path, make.clip()), "video", roots, options).rows) == 2
    sound = laid(tmp_path, make.sound("flac", "flac"))
    assert len(soft_of(sound, "audio", roots, options).rows) == 3
