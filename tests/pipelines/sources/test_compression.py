"""Compressed streams: all members as one, every cut and fault told, bombs refused."""

import bz2
import gzip
import io
import lzma
import struct
import tracemalloc
import zlib

import lz4.frame
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters.reasons import Reason
from castor.pipelines.source import RejectError
from castor.pipelines.sources._compression import MemberStream, kind_of, open_stream

TEXT = b"".join(b"line %d of a text that compresses well\n" % i for i in range(3000))
PACK = {
    "gzip": lambda data: gzip.compress(data, mtime=0),
    "zstd": zstandard.compress,
    "lz4": lz4.frame.compress,
    "xz": lambda data: lzma.compress(data, preset=0),
    "bzip2": bz2.compress,
}


def unpack(data: bytes, limit: int | None = None, step: int = 1000) -> bytes | tuple:
    """What comes out, or (what came out before the fault, its reason)."""
    stream = open_stream(io.BytesIO(data), "f", limit_bytes=limit)
    out = b""
    try:
        while chunk := stream.read1(step) if hasattr(stream, "read1") else stream.read(step):
            out += chunk
    except RejectError as error:
        return out, error.reason
    return out


@pytest.mark.parametrize("kind", PACK)
def test_members_are_one_stream(kind):
    data = PACK[kind](TEXT) + PACK[kind](b"") + PACK[kind](b"end")
    assert kind_of(io.BytesIO(data)) == kind
    assert unpack(data) == TEXT + b"end"


def test_a_plain_file_passes_as_it_is():
    file = io.BytesIO(TEXT)
    assert open_stream(file, "f", limit_bytes=None) is file
    assert kind_of(io.BytesIO(b"")) is None


@pytest.mark.parametrize("kind", PACK)
def test_a_cut_anywhere_gives_a_beginning_and_one_reason(kind):
    data = PACK[kind](TEXT) + PACK[kind](b"end")
    first = len(PACK[kind](TEXT))
    for cut in {*range(7, len(data), 97), *range(first - 9, len(data))} - {first}:
        out, reason = unpack(data[:cut])
        assert (TEXT + b"end").startswith(out)
        assert reason == Reason.TRUNCATED, cut
    assert unpack(data[:first]) == TEXT


@pytest.mark.parametrize("kind", PACK)
def test_a_broken_byte_is_corrupt_after_what_went_before(kind):
    data = bytearray(PACK[kind](b"first\n") + PACK[kind](TEXT))
    data[-60:-40] = bytes(20)
    out, reason = unpack(bytes(data))
    assert out.startswith(b"first\n")
    assert reason in (Reason.CORRUPT, Reason.TRUNCATED)


@pytest.mark.parametrize("kind", PACK)
def test_other_bytes_after_the_last_member_are_corrupt_but_padding_is_not(kind):
    assert unpack(PACK[kind](b"text") + b"something else") == (b"text", Reason.CORRUPT)
    assert unpack(PACK[kind](b"text") + bytes(1000)) == b"text"


@pytest.mark.parametrize("kind", PACK)
def test_a_bomb_is_refused_in_bounded_memory(kind):
    data = PACK[kind](bytes(40_000_000))
    tracemalloc.start()
    out, reason = unpack(data, limit=10_000_000, step=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert reason == Reason.BOMB
    assert len(out) <= 10_000_000
    assert peak < 80_000_000  # what is kept here, twice while it grows, and one step of zstd


def test_a_zstd_dictionary_in_the_first_frame_is_used():
    words = [b"some sample text number %d with words" % i * 3 for i in range(2000)]
    dictionary = zstandard.train_dictionary(4096, words)
    packer = zstandard.ZstdCompressor(dict_data=dictionary)
    body = packer.compress(words[7]) + packer.compress(words[8])
    for content in (dictionary.as_bytes(), zstandard.compress(dictionary.as_bytes())):
        data = struct.pack("<II", 0x184D2A5D, len(content)) + content + body
        assert unpack(data) == words[7] + words[8]
    skipped = struct.pack("<II", 0x184D2A50, 70_000) + bytes(70_000)
    assert unpack(skipped + zstandard.compress(b"x") + skipped) == b"x"
    assert unpack(body)[1] == Reason.CORRUPT  # without its dictionary


def test_a_position_is_found_in_its_member():
    packed = [gzip.compress(b"a" * 10), gzip.compress(b"b" * 5), gzip.compress(b"c" * 7)]
    stream = MemberStream(io.BytesIO(b"".join(packed)), "f", None)
    while stream.read(3):
        pass
    second, third = len(packed[0]), len(packed[0]) + len(packed[1])
    places = [stream.member_at(p) for p in (0, 9, 10, 14, 15, 21)]
    assert places == [(0, 0), (0, 9), (second, 0), (second, 4), (third, 0), (third, 6)]


def test_the_place_of_a_fault_is_named():
    first = gzip.compress(TEXT)
    stream = open_stream(io.BytesIO(first + b"xxxxxxxxx"), "a.gz", limit_bytes=None)
    with pytest.raises(RejectError, match=r"a\.gz: gzip data are followed by something") as caught:
        stream.read()
    assert caught.value.place == f"offset {len(first)}"


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([b"\x1f\x8b\x08\0", *(pack(b"some text")[:20] for pack in PACK.values())]),
    st.binary(max_size=200),
)
def test_no_bytes_raise_anything_else(head, tail):
    for data in (head + tail, tail, head[:7] + tail):
        result = unpack(data, limit=1_000_000)
        assert isinstance(result, bytes) or result[1] in (
            Reason.CORRUPT, Reason.TRUNCATED, Reason.BOMB
        )  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(sorted(PACK)), st.lists(st.binary(max_size=3000), max_size=4))
def test_round_trip(kind, pieces):
    data = b"".join(PACK[kind](p) for p in pieces)
    assert unpack(data, step=17) == b"".join(pieces)


def test_raw_deflate_level_zero_is_not_buffered_whole():
    packer = zlib.compressobj(0, wbits=31)
    data = packer.compress(TEXT) + packer.flush()
    assert unpack(data) == TEXT
