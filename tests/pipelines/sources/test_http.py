"""Stored HTTP responses: headers, chunks and encodings, broken ones too."""

import gzip
import zlib

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters.reasons import Reason
from castor.pipelines.source import RejectError
from castor.pipelines.sources._http import (
    Response,
    decode_body,
    join_chunks,
    media_type,
    parse_response,
)

PAGE = b"<html><body><p>" + b"some words of a page " * 500 + b"</p></body></html>"


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


ENCODED = {
    "gzip": gzip.compress(PAGE),
    "x-gzip": gzip.compress(PAGE),
    "deflate": zlib.compress(PAGE),
    "Deflate": raw_deflate(PAGE),
    "br": brotli.compress(PAGE),
    "zstd": zstandard.compress(PAGE),
    "deflate, gzip": gzip.compress(zlib.compress(PAGE)),
    "": PAGE,
    "identity": PAGE,
}


def decoded(body: bytes, limit: int = 1 << 20, **headers: str) -> tuple[bytes, bool]:
    return decode_body(
        Response(200, {k.replace("_", "-"): v for k, v in headers.items()}, body), limit
    )


STATUS_LINES = [
    (b"HTTP/1.1 200 OK\r\n", 200),
    (b"HTTP/1.0 302 \r\n", 302),
    (b"HTTP/2 204\r\n", 204),
    (b"HTTP/1.1 404 Not Found\n", 404),
    (b"http/1.1 500 oops\r\r\n", 500),
    (b"ICY 200 OK\r\n", 200),
    (b"\r\nHTTP/1.1 200 OK\r\n", 200),
]


@pytest.mark.parametrize(("line", "status"), STATUS_LINES)
def test_status_lines(line, status):
    response = parse_response(line + b"A: b\r\na: c\r\nX-Y : z\r\n\r\nbody")
    assert (response.status, response.body) == (status, b"body")
    assert response.headers == {"a": "b", "x-y": "z"}


@pytest.mark.parametrize("content", [b"", b"<html>", b"HTTPX/1.1 200 OK\r\n", b"HTTP/1.1 20\r\n"])
def test_what_is_no_response(content):
    assert parse_response(content) is None


def test_a_response_may_end_in_its_header():
    assert parse_response(b"HTTP/1.1 200 OK") == Response(200, {}, b"")
    assert parse_response(b"HTTP/1.1 200 OK\r\n\r\n") == Response(200, {}, b"")
    assert parse_response(b"HTTP/1.1 200 OK\r\n\r\nx") == Response(200, {}, b"x")
    assert parse_response(b"HTTP/1.1 200 OK\r\na: b\r\n c") == Response(200, {"a": "b c"}, b"")


MEDIA_TYPES = [
    ("text/html", ("text/html", None)),
    ('Text/HTML; Charset="Shift_JIS"; x=y', ("text/html", "Shift_JIS")),
    ("text/html;charset=utf-8,text/plain", ("text/html", "utf-8")),
    ("text/html, text/html", ("text/html", None)),
    ("", ("", None)),
]


@pytest.mark.parametrize(("header", "expected"), MEDIA_TYPES)
def test_media_types(header, expected):
    assert media_type(header) == expected


CHUNKS = [
    pytest.param(b"4\r\nabcd\r\n3\r\nefg\r\n0\r\n\r\n", b"abcdefg", id="chunks"),
    pytest.param(b"4;name=x\r\nabcd\r\n0\r\nTrailer: x\r\n\r\n", b"abcd", id="extension, trailer"),
    pytest.param(b"A\nabcdefghij\n 2 \r\nkl\r\n0\n\n", b"abcdefghijkl", id="bare line feeds"),
    pytest.param(b"<html>abcd</html>", b"<html>abcd</html>", id="not chunked"),
    pytest.param(b"4\r\nabcd\r\n<p>rest", b"abcd<p>rest", id="chunked at first"),
    pytest.param(b"ff\r\nabcd", b"abcd", id="cut"),
    pytest.param(b"4\r\nabcd\r\n", b"abcd", id="without an end"),
    pytest.param(b"", b"", id="empty"),
]


@pytest.mark.parametrize(("body", "expected"), CHUNKS)
def test_chunks_are_joined(body, expected):
    assert join_chunks(body) == expected


@pytest.mark.parametrize("encoding", ENCODED)
def test_content_encodings_are_undone(encoding):
    body = ENCODED[encoding]
    assert decoded(body, content_encoding=encoding) == (PAGE, False)
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    both = decoded(chunked, content_encoding=encoding, transfer_encoding="Chunked")
    assert both == (PAGE, False)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_a_body_that_was_decoded_before_is_taken_as_it_is(encoding):
    assert decoded(PAGE, content_encoding=encoding) == (PAGE, False)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "Deflate", "br", "zstd"])
def test_a_cut_body_gives_its_beginning(encoding):
    noise = bytes(range(256)) * 3 + PAGE
    pack = {"gzip": gzip.compress, "deflate": zlib.compress, "Deflate": raw_deflate}
    pack |= {"br": brotli.compress, "zstd": zstandard.compress}
    body, cut = decoded(pack[encoding](noise)[:-12], content_encoding=encoding)
    assert cut
    assert noise.startswith(body)


@pytest.mark.parametrize(
    "body", [gzip.compress(bytes(9_000_000)), brotli.compress(bytes(9_000_000), quality=5)]
)
def test_a_bomb_is_refused(body):
    encoding = "gzip" if body[:2] == b"\x1f\x8b" else "br"
    with pytest.raises(RejectError, match="decodes to more than 1000000 bytes") as caught:
        decoded(body, limit=1_000_000, content_encoding=encoding)
    assert caught.value.reason == Reason.BOMB
    assert decoded(body, limit=9_000_000, content_encoding=encoding) == (bytes(9_000_000), False)


def test_an_unknown_encoding_is_refused():
    with pytest.raises(RejectError, match="no decoder for content encoding 'sdch'") as caught:
        decoded(PAGE, content_encoding="sdch")
    assert caught.value.reason == Reason.UNSUPPORTED_FORMAT


def test_a_body_that_is_damaged_from_the_start_is_corrupt():
    for body, encoding in ((b"\x1f\x8b\x08\0" + b"\xff" * 50, "gzip"), (b"\x0b" * 40, "br")):
        with pytest.raises(RejectError) as caught:
            decoded(body, content_encoding=encoding)
        assert caught.value.reason == Reason.CORRUPT


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", *(e[:30] for e in ENCODED.values())]),
    st.sampled_from(sorted(ENCODED)),
    st.sampled_from(["chunked", ""]),
)
def test_no_bytes_raise_anything_else(tail, head, encoding, transfer):
    parse_response(head + tail)
    reason = Reason.CORRUPT
    try:
        decoded(head + tail, content_encoding=encoding, transfer_encoding=transfer)
    except RejectError as error:
        reason = error.reason
    assert reason in (Reason.CORRUPT, Reason.BOMB)
