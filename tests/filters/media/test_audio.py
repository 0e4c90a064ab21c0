"""Sounds: every measure on sounds whose value is known, and broken files."""

import io

import numpy as np
import pytest
import soundfile

from castor.filters.media import audio as audios
from castor.filters.media.failure import Limits, MediaError
from castor.filters.media.window import Window
from castor.filters.reasons import Reason

RATE = 16_000


def reason(look, data, **forced):
    with pytest.raises(MediaError) as caught:
        look(data, **forced)
    return caught.value.reason


def tone(seconds, level=0.5):
    return level * np.sin(2 * np.pi * 440 / RATE * np.arange(int(seconds * RATE)))


@pytest.mark.parametrize(
    ("form", "codec"),
    [
        ("wav", "pcm_s16le"),
        ("flac", "flac"),
        ("mp3", "libmp3lame"),
        ("ogg", "vorbis"),
        ("ogg", "libopus"),
        ("adts", "aac"),
        ("ipod", "aac"),
        ("ipod", "alac"),
        ("aiff", "pcm_s16be"),
        ("matroska", "aac"),
    ],
)
def test_a_tone_measures_the_same_in_every_format(make, look, form, codec):
    rate_hz = 48_000 if codec == "libopus" else 16_000
    found = look(make.sound(form, codec, 1.0, rate_hz), kind="audio")
    assert found.facts["sample_rate_hz"] == str(rate_hz)
    assert found.facts["channels"] == "1"
    assert found.signals["duration_s"] == pytest.approx(1.0, abs=0.15)
    assert found.signals["rms_dbfs"] == pytest.approx(-9.03, abs=0.5)  # a sine at 0.5
    assert found.signals["silence_share"] < 0.12  # the delay of lossy codecs
    assert found.signals["decodable"] is True
    assert found.facts["mime"].startswith("audio/")
    assert "truncated" not in found.facts


def test_levels_are_those_of_soundfile(make, look):
    rng = np.random.default_rng(1)
    data = make.wav(rng.normal(0, 0.1, (RATE, 2)), RATE)
    samples, rate_hz = soundfile.read(io.BytesIO(data), dtype="float64")
    found = look(data).signals
    assert found["duration_s"] == len(samples) / rate_hz
    assert found["channels"] == 2
    assert found["peak_dbfs"] == pytest.approx(20 * np.log10(np.abs(samples).max()), abs=1e-3)
    rms = np.sqrt(np.mean(samples**2))
    assert found["rms_dbfs"] == pytest.approx(20 * np.log10(rms), abs=1e-3)


@pytest.mark.parametrize(("silent_s", "share"), [(0, 0.0), (1, 0.5), (3, 0.75)])
def test_silence_share(make, look, silent_s, share):
    data = make.wav(np.concatenate([tone(1), np.zeros(silent_s * RATE)]), RATE)
    assert look(data).signals["silence_share"] == share


@pytest.mark.parametrize(("dbfs", "share"), [(-59, 0.0), (-61, 1.0)])
def test_silence_begins_at_60_db_below_full_scale(make, look, dbfs, share):
    square = np.tile([1.0, -1.0], RATE // 2) * 10 ** (dbfs / 20)
    assert look(make.wav(square, RATE)).signals["silence_share"] == share


def test_digital_silence_has_a_floor_instead_of_infinity(make, look):
    found = look(make.wav(np.zeros(RATE), RATE)).signals
    assert (found["peak_dbfs"], found["rms_dbfs"]) == (-120.0, -120.0)


@pytest.mark.parametrize(("run", "counted"), [(1, 0), (2, 0), (3, 3), (100, 100)])
def test_clipping_counts_runs_of_three_and_more(make, look, run, counted):
    samples = np.zeros(RATE)
    samples[500 : 500 + run] = 1.0
    samples[900 : 900 + run] = -1.0
    assert look(make.wav(samples, RATE)).signals["clipping_share"] == 2 * counted / RATE


@pytest.mark.parametrize("shift", range(-4, 4))
def test_clipping_over_the_edge_of_blocks(make, look, shift):
    size = audios.BLOCK_SAMPLES
    samples = np.zeros(3 * size)
    for edge in (size, 2 * size):
        samples[edge + shift : edge + shift + 4] = 1.0
    samples[-3:] = 1.0  # still open at the end
    found = look(make.wav(samples, RATE)).signals
    assert found["clipping_share"] == round(11 / len(samples), 9)


def test_clipping_is_counted_per_channel(make, look):
    samples = np.zeros((RATE, 2))
    samples[10:15, 0] = 1.0
    samples[15:16, 1] = 1.0
    assert look(make.wav(samples, RATE)).signals["clipping_share"] == round(5 / (2 * RATE), 9)


def test_tags(make, look):
    data = make.sound("flac", "flac", 0.2, title="A  title\nof two lines", artist="Somebody")
    facts = look(data).facts
    assert (facts["title"], facts["artist"]) == ("A title of two lines", "Somebody")


@pytest.mark.parametrize(("form", "codec"), [("wav", "pcm_s16le"), ("flac", "flac")])
def test_a_cut_sound_is_kept_and_marked(make, look, form, codec):
    data = make.sound(form, codec, 3.0)
    found = look(data[: len(data) * 2 // 3])
    assert found.facts["truncated"] == "true"
    assert found.signals["truncated"] is True
    assert found.signals["duration_s"] < 2.5


def test_a_cut_mp3_is_known_by_its_xing_header(make, look):
    data = make.sound("mp3", "libmp3lame", 3.0)
    assert "truncated" not in look(data).facts
    assert look(data[: len(data) // 2]).facts["truncated"] == "true"


@pytest.mark.parametrize(
    ("data", "kind", "expected"),
    [
        (b"fLaC" + b"\0" * 60, None, Reason.CORRUPT),
        (b"ID3\4\0\0\0\0\x7f\0" + b"\0" * 200, None, Reason.TRUNCATED),
        (b"OggS" + b"\0" * 100, "audio", Reason.CORRUPT),
        (b"MThd\0\0\0\6", None, Reason.UNSUPPORTED_FORMAT),
    ],
)
def test_broken_sounds_have_typed_reasons(look, data, kind, expected):
    assert reason(look, data, kind=kind) is expected


def test_a_container_without_a_sample_is_empty(make, look):
    assert reason(look, make.wav(np.zeros(0), RATE)) is Reason.EMPTY


def test_an_mp4_whose_data_is_cut_off_is_truncated(make, look):
    data = make.sound("ipod", "aac", 1.0)
    moov = data.index(b"moov") - 4
    head = data[: data.index(b"mdat") + 4] + data[moov:]  # the index is there, the data are not
    assert reason(look, head) in (Reason.TRUNCATED, Reason.CORRUPT)


def test_an_encrypted_mp4_is_refused(make, look):
    data = make.sound("ipod", "aac", 0.2)
    at = data.index(b"moov") - 4
    size = int.from_bytes(data[at : at + 4], "big")
    schm = b"\0\0\0\x14schm\0\0\0\0cenc\0\1\0\0"
    grown = (size + len(schm)).to_bytes(4, "big")
    data = data[:at] + grown + data[at + 4 : at + size] + schm + data[at + size :]
    assert reason(look, data) is Reason.ENCRYPTED


def test_samples_are_limited(make):
    with (
        Window.of_bytes(make.sound("flac", "flac", 3.0)) as window,
        pytest.raises(MediaError) as caught,
    ):
        audios.examine(window, {"reader": "flac", "mime": "audio/flac"}, Limits(samples=RATE))
    assert caught.value.reason is Reason.BOMB
