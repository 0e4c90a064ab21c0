"""Clips: real timestamps, broken files, and inputs that want to open other files."""

import io

import av
import pytest

from castor.filters.media import video as videos
from castor.filters.media.failure import Limits, MediaError
from castor.filters.media.window import Window
from castor.filters.reasons import Reason


def reason(look, data, **forced):
    with pytest.raises(MediaError) as caught:
        look(data, **forced)
    return caught.value.reason


@pytest.mark.parametrize(
    ("form", "codec"),
    [
        ("mp4", "mpeg4"),
        ("mov", "mpeg4"),
        ("matroska", "mpeg4"),
        ("avi", "mpeg4"),
        ("mpegts", "mpeg2video"),
        ("webm", "libvpx"),
        ("mp4", "libx264"),
    ],
)
def test_facts_and_measures(make, look, form, codec):
    found = look(make.clip(form, codec, 25))
    assert found.kind == "video"
    assert (found.facts["width"], found.facts["height"]) == ("64", "48")
    signals = found.signals
    assert signals["n_frames"] == 25
    assert signals["duration_s"] == pytest.approx(1.0, abs=0.02)
    assert signals["fps"] == pytest.approx(25, rel=0.02)
    assert signals["min_side_px"] == 48
    assert signals["has_audio"] is False
    assert signals["decodable"] is True


def test_the_duration_is_that_of_the_timestamps(make, look):
    # One frame a second, then sixty a second, as cameras do in bad light.
    times = [0, 1000, 2000, *range(3000, 4000, 100), 4000, 9000]
    found = look(make.clip("matroska", n_frames=len(times), times=times)).signals
    assert found["n_frames"] == len(times)
    assert 9.0 <= found["duration_s"] <= 10.5


def test_a_container_with_sound_only_is_a_sound(make, look):
    found = look(make.sound("mp4", "aac", 0.5), kind="video")
    assert found.kind == "audio"
    assert found.facts["mime"] == "audio/mp4"
    assert found.signals["duration_s"] == pytest.approx(0.5, abs=0.1)


def test_a_cut_clip_is_kept_and_marked(make, look):
    data = make.clip("matroska", n_frames=50)
    found = look(data[: len(data) * 2 // 3])
    assert found.facts["truncated"] == "true"
    assert 10 < found.signals["n_frames"] < 50
    data = make.clip("mp4", n_frames=50, movflags="frag_keyframe+empty_moov")
    assert look(data[: len(data) * 2 // 3]).signals["truncated"] is True


def test_an_mp4_without_its_index_is_truncated(make, look):
    data = make.clip("mp4", n_frames=50)
    assert data.index(b"mdat") < data.index(b"moov")
    assert reason(look, data[: len(data) // 2]) is Reason.TRUNCATED


def test_frames_that_do_not_decode(make, look):
    data = make.clip("avi", "mpeg4", 5)
    movi = data.index(b"movi")
    broken = (
        data[: movi + 12]
        + b"\xee" * (data.index(b"idx1") - movi - 12)
        + data[data.index(b"idx1") :]
    )
    assert reason(look, broken) in (Reason.NOT_DECODABLE, Reason.EMPTY)


def test_subtitles_inside(make, look):
    out = io.BytesIO()
    source = av.open(io.BytesIO(make.clip("matroska", n_frames=50)))
    with source, av.open(out, "w", format="matroska") as target:
        video = source.streams.video[0]
        copied = target.add_stream_from_template(video)
        text = target.add_stream("subrip")
        text.codec_context.subtitle_header = b""
        for packet in source.demux(video):
            if packet.dts is not None:
                packet.stream = copied
                target.mux(packet)
        for t0_ms, words in ((200, b"<i>First</i> line"), (900, b"Second line")):
            packet = av.Packet(words)
            packet.stream, packet.pts, packet.dts, packet.duration = text, t0_ms, t0_ms, 500
            target.mux(packet)
    tracks = look(out.getvalue()).subtitles
    assert [cue for track in tracks for cue in track["cues"]] == [
        [0.2, 0.7, "<i>First</i> line"],
        [0.9, 1.4, "Second line"],
    ]


def test_pixels_packets_and_streams_are_limited(make):
    with Window.of_bytes(make.clip("matroska", n_frames=30)) as window:
        request = {"reader": "matroska", "mime": "video/x-matroska"}
        for limits in (Limits(frame_pixels=3000), Limits(packets=10), Limits(streams=0)):
            with pytest.raises(MediaError) as caught:
                videos.examine(window, request, limits)
            assert caught.value.reason is Reason.BOMB


# --- inputs that name other files ------------------------------------------------------------


@pytest.fixture
def secret(tmp_path, make):
    path = tmp_path / "secret.mp4"
    path.write_bytes(make.clip("mp4", n_frames=5))
    return path


def playlists(secret):
    return {
        "hls": f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{secret}\n#EXT-X-ENDLIST\n",
        "hls file": f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://{secret}\n",
        "concat": f"ffconcat version 1.0\nfile '{secret}'\n",
        "subfile": f"#EXTM3U\n#EXTINF:5,\nsubfile,,start,0,end,0,,:{secret}\n",
        "address": f"concat:{secret}|{secret}",
    }


@pytest.mark.parametrize("attack", ["hls", "hls file", "concat", "subfile", "address"])
@pytest.mark.parametrize("reader", ["mov", "matroska", "mpegts", "avi"])
def test_playlists_open_nothing(look, secret, attack, reader):
    data = playlists(secret)[attack].encode()
    found = reason(look, data, kind="video", reader=reader)
    assert found in (Reason.CORRUPT, Reason.TRUNCATED, Reason.EMPTY, Reason.NOT_DECODABLE)


@pytest.mark.parametrize("reader", ["hls", "concat", "dash", "lavfi", "image2", "sdp", "rtsp"])
def test_demuxers_that_open_files_are_refused(look, secret, reader):
    data = playlists(secret)["concat"].encode()
    assert reason(look, data, kind="video", reader=reader) is Reason.UNSUPPORTED_FORMAT


def test_the_attack_is_real(secret):
    # What the two tests above prevent: without the allow-lists FFmpeg does open the file.
    data = playlists(secret)["concat"].encode()
    with av.open(io.BytesIO(data), format="concat", options={"safe": "0"}) as container:
        assert container.streams.video
