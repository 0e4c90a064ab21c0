"""Sounds as rows of log-mel: Whisper's definition, the resampling, and what is cut off."""

import io

import librosa
import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters.media import log_mel
from castor.filters.media.failure import MediaError
from castor.filters.media.magic import sniff
from castor.filters.media.soft import SoftOptions, soft
from castor.filters.media.window import Window
from castor.filters.reasons import Reason

RATE = 16_000


def soft_of(data, kind="audio", **options):
    with Window.of_bytes(data) as window:
        found = sniff(window.at(0, 4096), window.at)
        return soft(kind, window, found.mime, found.reader, SoftOptions(**options))


def speech_like(seconds, rate_hz=RATE, seed=0):
    """A gliding tone with its harmonics, in noise, with pauses."""
    t = np.arange(int(seconds * rate_hz)) / rate_hz
    phase = 2 * np.pi * (120 * t + 40 * np.sin(2 * np.pi * 1.3 * t))
    voice = sum(np.sin(k * phase) / k for k in range(1, 12))
    noise = np.random.default_rng(seed).normal(0, 0.01, t.size)
    return 0.2 * voice * (np.sin(2 * np.pi * 2 * t) > -0.3) + noise


def flac(samples, rate_hz=RATE):
    out = io.BytesIO()
    soundfile.write(out, samples, rate_hz, format="FLAC", subtype="PCM_24")
    return out.getvalue()


def whispers(samples):
    """Whisper's log-mel, by librosa."""
    power = librosa.feature.melspectrogram(
        y=np.asarray(samples, np.float64),
        sr=RATE,
        n_fft=400,
        hop_length=160,
        n_mels=80,
        pad_mode="reflect",
    )[:, :-1]
    energies = np.log10(np.maximum(power, 1e-10))
    return (np.maximum(energies, energies.max() - 8) + 4) / 4


def test_the_filters_are_librosas():
    # media.md: librosa's filters equal those that Whisper ships, to the last bit.
    theirs = librosa.filters.mel(sr=RATE, n_fft=400, n_mels=80)
    np.testing.assert_array_equal(log_mel.filters(), theirs)


@pytest.mark.parametrize("seconds", [0.04, 0.5, 3.21])
def test_log_mel_is_that_of_librosa(seconds):
    samples = speech_like(seconds)
    found = log_mel.log_mel(samples)
    assert found.shape == (80, len(samples) // 160)
    np.testing.assert_allclose(found, whispers(samples), atol=1e-6)
    assert found.max() - found.min() <= 2.0


@given(st.integers(201, 5000), st.integers(0, 5), st.sampled_from([0.0, 1e-6, 1.0]))
@settings(max_examples=20, deadline=None)
def test_log_mel_of_anything_is_finite_and_spans_at_most_two(n, seed, level):
    found = log_mel.log_mel(level * np.random.default_rng(seed).normal(size=n))
    assert found.shape == (80, n // 160)
    assert np.isfinite(found).all()
    assert np.ptp(found) <= 2.0 + 1e-12


def test_four_frames_stand_in_a_row():
    energies = np.arange(80 * 9, dtype=float).reshape(80, 9) / 720
    rows = log_mel.stacked(energies)
    assert rows.shape == (2, 320)
    np.testing.assert_array_equal(rows[1, 80:160], energies[:, 5].astype(np.float16))


def test_a_sound_gives_25_rows_a_second():
    samples = speech_like(2.0)
    found = soft_of(flac(samples))
    assert found.rows.shape == (50, 320)
    assert found.rows.dtype == np.float16
    assert found.facts == {"seconds": "2.000"}
    read, _ = soundfile.read(io.BytesIO(flac(samples)))
    expected = log_mel.stacked(whispers(read.astype(np.float32)))
    np.testing.assert_allclose(found.rows, expected, atol=2e-3)


def test_the_rest_is_cut_off_and_said():
    samples = speech_like(13.0)
    found = soft_of(flac(samples))
    assert found.rows.shape == (250, 320)
    assert found.facts["seconds"] == "10.000"
    assert float(found.facts["seconds_cut"]) == pytest.approx(3.0, abs=0.01)
    short = soft_of(flac(samples), audio_rows=25)
    assert short.rows.shape == (25, 320)
    assert float(short.facts["seconds_cut"]) == pytest.approx(12.0, abs=0.01)
    # A cut changes the reflection at its end and the loudest energy, no more.
    alone = soft_of(flac(samples[: 10 * RATE]))
    np.testing.assert_allclose(found.rows, alone.rows, atol=2e-3)


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 44_100, 96_000])
def test_other_rates_are_those_of_the_whole_sound_resampled(rate_hz):
    samples = speech_like(12.0, rate_hz)
    found = soft_of(flac(samples, rate_hz))
    read, _ = soundfile.read(io.BytesIO(flac(samples, rate_hz)), dtype="float32")
    whole = soxr.resample(read, rate_hz, RATE, quality="HQ")[: 10 * RATE]
    np.testing.assert_allclose(found.rows, log_mel.stacked(whispers(whole)), atol=4e-3)


def test_no_alias_of_what_16_khz_cannot_hold():
    t = np.arange(44_100) / 44_100
    high = 0.5 * np.sin(2 * np.pi * 9_000 * t)
    kept = soft_of(flac(high + 1e-3 * np.sin(2 * np.pi * 500 * t), 44_100)).rows.astype(float)
    bands = kept.reshape(-1, 4, 80)[5:-5].mean(axis=(0, 1))
    # 9 kHz would fold to 7 kHz, band 74 or so; there must be nothing near the weak tone's level.
    assert bands[:20].max() - bands[60:].max() > 0.5


def test_channels_are_averaged():
    left, right = speech_like(1.0, seed=1), speech_like(1.0, seed=2)[::-1]
    both = soft_of(flac(np.stack([left, right], axis=1)))
    one = soft_of(flac((left + right) / 2))
    np.testing.assert_allclose(both.rows, one.rows, atol=2e-3)


@pytest.mark.parametrize("n", [1, 160, 639, 640, 641])
def test_short_sounds_are_filled_with_silence(n):
    found = soft_of(flac(0.5 * np.ones(n)))
    assert found.rows.shape == (-(-n // 640), 320)
    assert np.isfinite(found.rows).all()


def test_a_lossy_sound_and_the_sound_of_a_clip_are_read(make):
    assert soft_of(make.sound("mp3", "libmp3lame", 1.0)).rows.shape[0] in (25, 26, 27, 28)
    assert soft_of(make.sound("matroska", "aac", 1.0)).rows.shape[1] == 320


def reason(data):
    with pytest.raises(MediaError) as caught:
        soft_of(data)
    return caught.value.reason


def test_what_has_no_sound_says_so(make):
    assert reason(make.clip("matroska")) is Reason.NOT_DECODABLE
    assert reason(make.wav(np.zeros(0))) in (Reason.EMPTY, Reason.CORRUPT, Reason.TRUNCATED)


def test_the_same_bytes_every_time(make):
    data = make.sound("mp3", "libmp3lame", 2.0, 44_100)
    np.testing.assert_array_equal(soft_of(data).rows, soft_of(data).rows)
