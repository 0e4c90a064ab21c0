"""TFRecords: read as TensorFlow writes them, damage told."""

import gzip
import struct

import google_crc32c
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters.reasons import Reason
from castor.filters.record import Record
from castor.pipelines.source import InputFile
from castor.pipelines.sources._tfrecord import parse_example
from castor.pipelines.sources.rows import rows


@pytest.fixture
def read(tmp_path):
    """Reads bytes as a file of a name: its items."""

    def read(data: bytes, name: str, max_bytes: int = 64_000_000) -> list:
        (tmp_path / name).write_bytes(data)
        return list(rows(InputFile("rows", str(tmp_path), name, max_bytes)))

    return read


def kinds(items: list) -> list[str]:
    return [getattr(item, "reason", "record") for item in items]


def framed(*payloads: bytes) -> bytes:
    def crc(data: bytes) -> bytes:
        value = google_crc32c.value(data)
        return struct.pack("<I", (((value >> 15) | (value << 17)) + 0xA282EAD8) & 0xFFFFFFFF)

    out = b""
    for payload in payloads:
        length = struct.pack("<Q", len(payload))
        out += length + crc(length) + payload + crc(payload)
    return out


def example(**features: object) -> bytes:
    """A tf.train.Example, written by hand: keys, and lists of bytes, floats or integers."""

    def varint(n: int) -> bytes:
        n &= (1 << 64) - 1
        out = b""
        while n > 127:
            out, n = out + bytes([n & 127 | 128]), n >> 7
        return out + bytes([n])

    def field(number: int, data: bytes) -> bytes:
        return varint(number << 3 | 2) + varint(len(data)) + data

    entries = b""
    for name, values in features.items():
        if all(isinstance(v, bytes) for v in values):
            value = field(1, b"".join(field(1, v) for v in values))
        elif all(isinstance(v, float) for v in values):
            value = field(2, field(1, struct.pack(f"<{len(values)}f", *values)))
        else:
            value = field(3, field(1, b"".join(map(varint, values))))
        entries += field(1, field(1, name.encode()) + field(2, value))
    return field(1, entries)


def test_a_tfrecord_of_examples_is_read(read):
    one = example(text=[b"words"], id=[5], score=[0.5], tags=[b"a", b"b"], raw=[b"\xff"], n=[-1, 2])
    two = example(content="größer".encode().split())
    for name, pack in (
        ("a.tfrecord", bytes),
        ("a.tfrecord-00001-of-00002.gz", gzip.compress),
        ("x", bytes),
    ):
        first, second = read(pack(framed(one, two)), name)
        assert (first.key, first.text) == (f"rows:{name}@5", "words")
        assert first.meta == {"n": "[-1,2]", "raw": '"/w=="', "score": "0.5", "tags": '["a","b"]'}
        assert second.text == "größer"


def test_a_tfrecord_of_plain_text_is_read(read):
    items = read(framed(b"some words", "größer".encode(), b"\xff\xfe", b""), "a.tfrecord")
    assert kinds(items) == ["record", "record", Reason.CORRUPT, Reason.NO_TEXT]
    assert items[1].text == "größer"
    # A tab and eight letters are a well-formed message too, of fields that an Example lacks.
    assert [i.text for i in read(framed(b"\tsomeword"), "a.tfrecord")] == ["\tsomeword"]


def test_a_damaged_tfrecord(read):
    parts = [framed(example(text=[t])) for t in (b"first", b"second", b"third")]
    data = b"".join(parts)
    in_data = bytearray(data)
    in_data[len(parts[0]) + 20] ^= 1
    assert kinds(read(bytes(in_data), "a.tfrecord")) == ["record", Reason.CORRUPT, "record"]
    in_length = bytearray(data)
    in_length[len(parts[0])] ^= 1
    *_, bad = items = read(bytes(in_length), "a.tfrecord")
    assert kinds(items) == ["record", Reason.CORRUPT]
    assert (bad.key, bad.place) == ("rows:a.tfrecord@2", "row 2")
    large = framed(example(text=[b"a" * 9000]))
    assert kinds(read(large + parts[0], "a.tfrecord", max_bytes=5000)) == [
        Reason.TOO_LARGE,
        "record",
    ]
    for cut in range(1, len(data)):
        items = read(data[:cut], "a.tfrecord")
        good = [i for i in items if isinstance(i, Record)]
        assert [g.text for g in good] == ["first", "second", "third"][: len(good)]
        whole = cut in (len(parts[0]), len(parts[0] + parts[1]))
        assert kinds(items[len(good) :]) == ([] if whole else [Reason.TRUNCATED])


VALUES = st.one_of(
    st.lists(st.text(st.characters(exclude_categories=["Cs"])).map(str.encode), max_size=3),
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3),
    st.lists(st.floats(width=32, allow_nan=False), max_size=3),
)
NAMES = st.text("abcxyz é", max_size=5)


def plain(values: list) -> object:
    values = [v.decode() if isinstance(v, bytes) else v for v in values]
    return values[0] if len(values) == 1 else values


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=4))
def test_an_example_comes_back(features):
    expected = {name: plain(values) for name, values in features.items()}
    assert parse_example(example(**features)) == expected


@pytest.mark.slow
@pytest.mark.kit  # not of a kit, but TensorFlow alone takes longer to import than all tests here
def test_tensorflow_writes_what_we_read(read, tmp_path):
    tf = pytest.importorskip("tensorflow")
    kinds_of = {bytes: "bytes_list", int: "int64_list", float: "float_list"}

    @settings(max_examples=100, deadline=None)
    @given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=4))
    def check(features):
        theirs = tf.train.Example()
        for name, values in features.items():
            kind = kinds_of[type(values[0])] if values else "bytes_list"
            getattr(theirs.features.feature[name], kind).value.extend(values)
        expected = {name: plain(values) for name, values in features.items()}
        assert parse_example(theirs.SerializeToString()) == expected

    check()
    path = str(tmp_path / "theirs.tfrecord")
    with tf.io.TFRecordWriter(path, "GZIP") as writer:
        writer.write(example(text=[b"one"]))
        writer.write(b"two")
    with open(path, "rb") as file:
        assert [r.text for r in read(file.read(), "a.tfrecord.gz")] == ["one", "two"]
