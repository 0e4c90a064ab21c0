"""A stored HTTP response: status, headers and the body as the server meant it."""

from __future__ import annotations

import dataclasses
import re
import zlib

from castor.filters.reasons import Reason
from castor.pipelines.source import RejectError

# RFC 9112, section 4; some servers leave out the reason phrase, some the version's digits.
_STATUS = re.compile(rb"\s*(?:HTTP/[\d.]+|ICY|HTTP)[ \t]+(\d{3})\b[^\r\n]*(?:\r*\n|$)", re.I)
_END_OF_HEAD = re.compile(rb"\n[ \t\r]*\n")
_CHUNK = re.compile(rb"[ \t]*([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([^\s\"';,]+)", re.I)


@dataclasses.dataclass(frozen=True, slots=True)
class Response:
    """What a server answered.

    Attributes:
        status: the three-digit code.
        headers: names in lower case; of a repeated header the first.
        body: as stored, still transfer- and content-encoded.
    """

    status: int
    headers: dict[str, str]
    body: bytes


def parse_response(content: bytes) -> Response | None:
    """Splits a stored response; None if it does not begin with a status line."""
    status = _STATUS.match(content)
    if status is None:
        return None
    end = _END_OF_HEAD.search(content, status.end() - 1)
    head = content[status.end() : end.start() if end else len(content)]
    headers: dict[str, str] = {}
    name = ""
    for raw in head.splitlines():
        line = raw.decode("latin-1")
        if line[:1] in (" ", "\t") and name:
            headers[name] += " " + line.strip()
            continue
        name, colon, value = line.partition(":")
        name = name.strip().lower()
        if colon:
            headers.setdefault(name, value.strip())
    return Response(int(status[1]), headers, content[end.end() :] if end else b"")


def media_type(content_type: str) -> tuple[str, str | None]:
    """`Text/HTML; charset="UTF-8"` as (`text/html`, `UTF-8`)."""
    mime = content_type.split(";")[0].split(",")[0].strip().lower()
    charset = _CHARSET.search(content_type)
    return mime, charset[1] if charset else None


def decode_body(response: Response, limit_bytes: int) -> tuple[bytes, bool]:
    """The body without its transfer and content encodings.

    Archives often hold bodies that are already decoded under headers that say otherwise,
    so what does not begin like the stated encoding is taken as it is.

    Args:
        response: as stored.
        limit_bytes: of the decoded body.

    Returns:
        The body, and whether an encoding ended before its end was reached.

    Raises:
        RejectError: BOMB over the limit, CORRUPT if nothing can be decoded,
            UNSUPPORTED_FORMAT for an encoding that has no decoder here.
    """
    body, cut = response.body, False
    if "chunked" in response.headers.get("transfer-encoding", "").lower():
        body = join_chunks(body)
    encodings = response.headers.get("content-encoding", "").lower().split(",")
    for encoding in reversed([e.strip() for e in encodings]):
        if encoding in ("gzip", "x-gzip", "deflate"):
            body, short = _inflate(body, encoding, limit_bytes)
            cut = cut or short
        elif encoding == "br":
            body, short = _unbrotli(body, limit_bytes)
            cut = cut or short
        elif encoding == "zstd":
            body, short = _unzstd(body, limit_bytes)
            cut = cut or short
        elif encoding not in ("", "identity", "none", "utf-8", "binary", "8bit", "7bit"):
            message = f"no decoder for content encoding {encoding[:40]!r}"
            raise RejectError(Reason.UNSUPPORTED_FORMAT, message)
    return body, cut


def join_chunks(body: bytes) -> bytes:
    """Undoes chunked transfer coding; from where it is none, the rest is taken as it is."""
    parts: list[bytes] = []
    at = 0
    while at < len(body):
        size = _CHUNK.match(body, at)
        if size is None:
            parts.append(body[at:])
            break
        n_bytes = int(size[1], 16)
        if n_bytes == 0:
            break
        parts.append(body[size.end() : size.end() + n_bytes])
        at = size.end() + n_bytes
        at += 2 if body.startswith(b"\r\n", at) else 1 if body.startswith(b"\n", at) else 0
    return b"".join(parts)


def _inflate(body: bytes, encoding: str, limit: int) -> tuple[bytes, bool]:
    """Deflate is zlib by the standard and raw deflate by many servers."""
    if body.startswith(b"\x1f\x8b"):
        wbits = 31
    elif encoding == "deflate" and body:
        wbits = 15 if body[0] & 15 == 8 and int.from_bytes(body[:2], "big") % 31 == 0 else -15
    else:
        return body, False
    decoder = zlib.decompressobj(wbits)
    out = bytearray()
    view = memoryview(body)
    try:
        # In steps, so that what stands before a fault is not lost with it.
        for at in range(0, len(body), 4096):
            if decoder.eof:
                break
            out += decoder.decompress(view[at : at + 4096], limit + 1 - len(out))
            if len(out) > limit or decoder.unconsumed_tail:
                raise _bomb(limit)
    except zlib.error as error:
        if wbits == -15 and not out:
            return body, False  # was not encoded at all
        if not out:
            message = f"the body is no {encoding}: {error}"
            raise RejectError(Reason.CORRUPT, message) from error
        return bytes(out), True
    return bytes(out), not decoder.eof


def _unbrotli(body: bytes, limit: int) -> tuple[bytes, bool]:
    if body.lstrip()[:1] == b"<":
        return body, False  # decoded by who stored it
    import brotli  # fastwarc requires it

    decoder = brotli.Decompressor()
    out = bytearray()
    try:
        for at in range(0, len(body), 4096):
            out += decoder.process(body[at : at + 4096], output_buffer_limit=limit + 1 - len(out))
            if len(out) > limit:
                raise _bomb(limit)
    except brotli.error as error:
        if not out:
            raise RejectError(Reason.CORRUPT, f"the body is no brotli: {error}") from error
        return bytes(out), True
    return bytes(out), not decoder.is_finished()


def _unzstd(body: bytes, limit: int) -> tuple[bytes, bool]:
    if not body.startswith(b"\x28\xb5\x2f\xfd"):
        return body, False
    import zstandard

    decoder = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()
    out = bytearray()
    try:
        for at in range(0, len(body), 1024):
            if decoder.eof:
                break
            out += decoder.decompress(body[at : at + 1024])
            if len(out) > limit:
                raise _bomb(limit)
    except zstandard.ZstdError as error:
        if not out:
            raise RejectError(Reason.CORRUPT, f"the body is no zstd: {error}") from error
        return bytes(out), True
    return bytes(out), not decoder.eof


def _bomb(limit: int) -> RejectError:
    return RejectError(Reason.BOMB, f"the body decodes to more than {limit} bytes")
