"""Clips as patches of a few frames: which frames, whatever the container, and turned upright."""

import io
from fractions import Fraction

import av
import numpy as np
import pytest

from castor.filters.media import frames
from castor.filters.media.failure import Limits, MediaError
from castor.filters.media.frames import Time
from castor.filters.media.magic import sniff
from castor.filters.media.soft import SoftOptions, soft
from castor.filters.media.window import Window
from castor.filters.reasons import Reason


def soft_of(data, **options):
    with Window.of_bytes(data) as window:
        found = sniff(window.at(0, 4096), window.at)
        return soft("video", window, found.mime, found.reader, SoftOptions(**options))


def counting(form, codec, n_frames=50, size=(64, 48), times_ms=None, gop=12, bframes=0):
    """A clip whose frame i is grey of level 4 i + 20, at 25 frames/s or at the given times."""
    out = io.BytesIO()
    with av.open(out, "w", format=form) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        context = stream.codec_context
        context.gop_size, context.max_b_frames, context.thread_count = gop, bframes, 1
        context.bit_rate = 2_000_000
        context.time_base = Fraction(1, 1000) if times_ms else Fraction(1, 25)
        for i in range(n_frames):
            frame = av.VideoFrame.from_ndarray(np.full((size[1], size[0], 3), 4 * i + 20, np.uint8))
            frame.pts = times_ms[i] if times_ms else i
            frame.time_base = context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def numbers(found):
    """Which frames of `counting` the rows show."""
    n_frames = int(found.facts["frames"])
    levels = (found.rows.reshape(n_frames, -1).astype(float).mean(axis=1) + 1) * 127.5
    return [round((level - 20) / 4) for level in levels]


def uniform(n, step=40):
    return [Time(i * step, step, i % 12 == 0) for i in range(n)]


def test_frames_are_those_nearest_to_the_centres_of_equal_stretches():
    # Ten frames of 40: 400 in all; four stretches have their centres at 50, 150, 250, 350.
    assert frames.centres(uniform(10), 4) == [40, 160, 240, 360]
    assert frames.centres(uniform(10), 1) == [200]
    assert frames.centres(uniform(3), 1) == [40]  # 60 is as near to 80
    # The order of the packets does not matter, nor where the clock begins.
    later = [Time(t.at + 1000, t.duration, t.is_key) for t in reversed(uniform(10))]
    assert frames.centres(later, 4) == [1040, 1160, 1240, 1360]


def test_a_frame_is_taken_once():
    assert frames.centres(uniform(1), 4) == [0]
    assert frames.centres(uniform(3), 16) == [0, 40, 80]


def test_the_last_frame_lasts_as_the_others_when_none_says_how_long():
    silent = [Time(t.at, 0, True) for t in uniform(10)]
    assert frames.centres(silent, 4) == frames.centres(uniform(10), 4)


def test_time_counts_and_not_the_number_of_frames():
    # One frame per second, then 60 per second, then one per second again (PySceneDetect's
    # generate_vfr_swing, shorter): the middle half of the time has nearly all of the frames.
    slow = [Time(t, 1000, True) for t in (0, 1000)]
    fast = [Time(2000 + round(i * 1000 / 60), 16, True) for i in range(240)]
    end = [Time(t, 1000, True) for t in (6000, 7000)]
    assert frames.centres(slow + fast + end, 4) == [1000, 3000, 5000, 7000]


@pytest.mark.parametrize(
    ("form", "codec", "bframes"),
    [
        ("mp4", "mpeg4", 0),
        ("mp4", "libx264", 2),
        ("matroska", "libx264", 3),
        ("matroska", "mpeg4", 2),
        ("webm", "libvpx", 0),
        ("avi", "mpeg4", 0),
        ("mpegts", "mpeg2video", 2),
        ("mov", "mjpeg", 0),
    ],
)
@pytest.mark.parametrize("gop", [1, 12, 250])
def test_the_right_frames_come_out_of_every_container(form, codec, bframes, gop):
    found = soft_of(counting(form, codec, bframes=0 if gop == 1 else bframes, gop=gop))
    # 50 frames in 2 s: centres at 0.25, 0.75, 1.25, 1.75 s, that is frames 6.25, 18.75, ...
    assert numbers(found) == [6, 19, 31, 44]
    assert found.facts["times_s"] == "0.240 0.760 1.240 1.760"
    assert found.rows.shape == (48, 768)
    assert found.facts["grid"] == "3x4"


def test_frames_of_varying_length_are_found_by_their_times():
    times = [*range(0, 5000, 1000), *range(5000, 5400, 20)]
    found = soft_of(counting("matroska", "libx264", len(times), times_ms=times, bframes=2))
    # 5.42 s: centres at 0.6775, 2.0325, 3.3875, 4.7425 s.
    assert numbers(found) == [1, 2, 3, 5]


def test_each_frame_has_its_own_budget(make):
    data = make.clip("mp4", "mpeg4", 30, (320, 240))
    found = soft_of(data, video_frames=3, frame_patches=20)
    assert found.facts["frames"] == "3"
    assert found.facts["grid"] == "4x5"
    assert found.rows.shape == (60, 768)
    assert found.rows.dtype == np.float16


def test_a_frame_is_made_small_before_the_next_one_is_decoded(monkeypatch):
    seen = []
    take, scaled = frames._Search._take, frames.patches.scaled
    monkeypatch.setattr(frames._Search, "_take", lambda *a: (seen.append("decode"), take(*a)))
    monkeypatch.setattr(frames.patches, "scaled", lambda *a: (seen.append("scale"), scaled(*a))[1])
    request = {"reader": "matroska", "video_frames": 4, "frame_patches": 16}
    with Window.of_bytes(counting("matroska", "mpeg4", gop=1)) as window:
        frames.soft(window, request, Limits())
    assert seen == ["decode", "scale"] * 4


def gradient(rotation=None):
    """One frame that grows brighter to the right, its track turned by a display matrix."""
    pixels = np.broadcast_to(np.linspace(0, 255, 64, dtype=np.uint8)[None, :, None], (32, 64, 3))
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 32, "yuvj420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels))))
        container.mux(stream.encode(None))
    data = out.getvalue()
    one, minus = 0x00010000.to_bytes(4, "big"), 0xFFFF0000.to_bytes(4, "big")
    zero, unit = bytes(4), 0x40000000.to_bytes(4, "big")
    at = data.index(b"tkhd")
    place = data.index(one + zero * 3 + one + zero * 3 + unit, at)
    corner = {  # ISO/IEC 14496-12, 8.3.2: x' = a x + c y, y' = b x + d y
        None: (one, zero, zero, one),
        "clockwise": (zero, one, minus, zero),
        "against": (zero, minus, one, zero),
        "over": (minus, zero, zero, minus),
    }[rotation]
    matrix = corner[0] + corner[1] + zero + corner[2] + corner[3] + zero * 3 + unit
    return data[:place] + matrix + data[place + 36 :]


@pytest.mark.parametrize(
    ("rotation", "grid", "first", "last"),
    [
        (None, "2x4", "dark", "bright"),
        ("over", "2x4", "bright", "dark"),
        ("clockwise", "4x2", "dark", "bright"),  # its left edge is now the top
        ("against", "4x2", "bright", "dark"),
    ],
)
def test_clips_of_a_turned_camera_stand_upright(rotation, grid, first, last):
    found = soft_of(gradient(rotation))
    assert found.facts["grid"] == grid
    levels = {"dark": -1, "bright": 1}
    assert found.rows[0].mean() == pytest.approx(levels[first], abs=0.4)
    assert found.rows[-1].mean() == pytest.approx(levels[last], abs=0.4)


def test_pixels_that_are_not_square_are_stretched():
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(2, 1)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))))
        container.mux(stream.encode(None))
    assert soft_of(out.getvalue(), frame_patches=32).facts["grid"] == "4x8"


def reason(data):
    with pytest.raises(MediaError) as caught:
        soft_of(data)
    return caught.value.reason


def test_a_clip_whose_middle_is_broken_gives_what_there_is():
    data = bytearray(counting("matroska", "mpeg4", gop=10))
    at = len(data) // 2
    data[at - 200 : at + 200] = bytes(400)
    found = soft_of(bytes(data))
    assert 1 <= int(found.facts["frames"]) <= 4


def test_a_clip_without_a_picture_says_so(make):
    assert reason(make.sound("matroska", "aac")) is Reason.NOT_DECODABLE


def test_a_clip_of_which_nothing_decodes_says_so():
    data = bytearray(counting("matroska", "mpeg4"))
    at = data.index(b"\x1f\x43\xb6\x75")  # the first cluster
    for begin in range(at + 12, len(data)):
        data[begin] ^= 0x5A
    assert reason(bytes(data)) in (Reason.NOT_DECODABLE, Reason.EMPTY, Reason.TRUNCATED)


def test_the_same_bytes_every_time():
    data = counting("mp4", "libx264", bframes=2)
    np.testing.assert_array_equal(soft_of(data).rows, soft_of(data).rows)
