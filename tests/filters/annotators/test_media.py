"""The annotators and policies of images, audio and video over rows whose values are known."""

import hashlib
import io
import wave

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from castor.filters import policy
from castor.filters.annotator import Context
from castor.filters.record import MediaRef, Modality, Record, to_batch
from castor.filters.registry import load


def png(width, height):
    out = io.BytesIO()
    Image.new("RGB", (width, height), (9, 9, 9)).save(out, "PNG")
    return out.getvalue()


def jpeg_cut():
    out = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    Image.fromarray(pixels).save(out, "JPEG")
    return out.getvalue()[: int(len(out.getvalue()) * 0.8)]


def wav(samples, rate_hz=8000):
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((np.asarray(samples) * 32767).astype("<i2").tobytes())
    return out.getvalue()


def mp4(n_frames, size=(160, 120)):
    import av

    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for i in range(n_frames):
            pixels = np.full((size[1], size[0], 3), i, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
        container.mux(stream.encode(None))
    return out.getvalue()


RNG = np.random.default_rng(0)
SPEECH = RNG.normal(0, 0.1, 8000).clip(-0.9, 0.9)

CASES = [
    ("image", png(300, 200), []),
    ("image", png(300, 199), ["image.too_small"]),
    ("image", png(601, 200), ["image.too_elongated"]),
    ("image", png(600, 200), []),
    ("image", png(700, 100), ["image.too_small", "image.too_elongated"]),
    ("image", jpeg_cut(), ["image.truncated"]),
    ("image", b"\x89PNG\r\n\x1a\nbroken", ["image.not_decodable"]),
    ("audio", wav(SPEECH), []),
    ("audio", wav(SPEECH[:1999]), ["audio.too_short"]),
    ("audio", wav(SPEECH[:2000]), []),
    ("audio", wav(SPEECH, 7999), ["audio.sample_rate"]),
    ("audio", wav(np.zeros(8000)), ["audio.silent"]),
    ("audio", wav(np.r_[SPEECH[:800], np.zeros(7200)]), []),
    ("audio", wav(np.r_[SPEECH, np.ones(100)]), ["audio.clipped"]),
    ("audio", b"fLaC" + b"\0" * 50, ["audio.not_decodable"]),
    ("video", mp4(16), []),
    ("video", mp4(15), ["video.too_few_frames"]),
    ("video", mp4(9), ["video.too_few_frames", "video.too_short"]),
    ("video", mp4(20, (160, 96)), ["video.too_small"]),
    ("video", mp4(30)[:900], ["video.not_decodable"]),
]


def rows(tmp_path, cases):
    records = []
    for i, (kind, data) in enumerate(cases):
        (tmp_path / f"{i}").write_bytes(data)
        digest = hashlib.blake2b(data, digest_size=16).digest()
        ref = MediaRef(f"in:{i}", None, 0, len(data), "", digest)
        records.append(Record(f"in:{i}", "in", Modality(kind), media=(ref,)))
    return to_batch(records)


def measured(tmp_path, batch, kind):
    signals = load("annotator", kind).annotate(batch, Context({"in": str(tmp_path)}))
    schema = pa.schema([*batch.schema, *signals.schema])
    return pa.RecordBatch.from_arrays([*batch.columns, *signals.columns], schema=schema)


@pytest.mark.parametrize("kind", ["image", "audio", "video"])
def test_reasons(tmp_path, kind):
    cases = [(k, data) for k, data, _ in CASES if k == kind]
    batch = measured(tmp_path, rows(tmp_path, cases), kind)
    found = policy.load(f"{kind}/basic").decide(batch).to_pylist()
    assert found == [expected for k, _, expected in CASES if k == kind]
    assert batch.column(f"{kind}.error").null_count == len(cases)


@pytest.mark.parametrize("kind", ["image", "audio", "video"])
def test_every_rule_fires_in_the_table(kind):
    fired = {reason for k, _, reasons in CASES if k == kind for reason in reasons}
    assert fired == set(policy.load(f"{kind}/basic").reasons)


@pytest.mark.parametrize("kind", ["image", "audio", "video"])
def test_the_policy_reads_only_what_the_annotator_writes(kind):
    policy.check(policy.load(f"{kind}/basic"), load("annotator", kind).columns)


def test_rows_of_another_modality_are_null(tmp_path):
    batch = rows(tmp_path, [("image", png(10, 10)), ("audio", wav(SPEECH))])
    found = measured(tmp_path, batch, "image")
    assert found.column("image.width_px").to_pylist() == [10, None]
    assert found.column("image.decodable").to_pylist() == [True, None]


def test_a_file_that_is_gone_is_an_error_of_its_row_and_no_measurement(tmp_path):
    batch = rows(tmp_path, [("image", png(11, 10)), ("image", png(12, 10))])
    (tmp_path / "0").unlink()
    found = measured(tmp_path, batch, "image")
    assert found.column("image.decodable").to_pylist() == [None, True]
    error, none = found.column("image.error").to_pylist()
    assert error.startswith("MediaError: unreadable: in:0")
    assert none is None


def test_a_picture_that_does_not_decode_has_only_that_signal(tmp_path):
    batch = rows(tmp_path, [("image", b"GIF89a")])
    found = measured(tmp_path, batch, "image")
    assert found.column("image.decodable").to_pylist() == [False]
    assert found.column("image.width_px").to_pylist() == [None]
    assert found.column("image.error").to_pylist() == [None]
