"""A WARC, WET and ARC writer: one gzip member per record, every byte determined by its input."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import hashlib
import io
import uuid

DATE = "2024-05-{day:02d}T{hour:02d}:00:00Z"  # made dates: nothing here was ever crawled
_SOFTWARE = "software: castor demo\r\nformat: WARC File Format 1.1\r\n"


@dataclasses.dataclass
class WarcWriter:
    """Collects records; `finish()` is the file.

    Attributes:
        name: the file's name, which goes into the record ids.
        members: whether each record is a gzip member of its own, or nothing is compressed.
    """

    name: str
    members: bool = True

    def __post_init__(self) -> None:
        self._out = io.BytesIO()
        self._n = 0
        self.record("warcinfo", None, _SOFTWARE.encode(), "application/warc-fields")

    def record(self, kind: str, url: str | None, block: bytes, mime: str, **more: str) -> int:
        """Appends one record and returns the offset of its first byte in the file."""
        date = DATE.format(day=1 + self._n // 24 % 28, hour=self._n % 24)
        headers = [
            ("WARC-Type", kind),
            ("WARC-Record-ID", f"<urn:uuid:{self._uuid()}>"),
            ("WARC-Date", date),
            *([("WARC-Target-URI", url)] if url else []),
            ("WARC-Block-Digest", f"sha1:{_sha1(block)}"),
            *((f"WARC-{k.replace('_', '-')}", v) for k, v in more.items()),
            ("Content-Type", mime),
            ("Content-Length", str(len(block))),
        ]
        head = "WARC/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers) + "\r\n"
        return self._append(head.encode() + block + b"\r\n\r\n")

    def exchange(
        self,
        url: str,
        body: bytes,
        *,
        mime: str = "text/html; charset=utf-8",
        status: str = "200 OK",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> int:
        """Appends a request and its response; returns the offset of the response."""
        host, _, path = url.partition("://")[2].partition("/")
        request = f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: castor-demo\r\n\r\n"
        self.record("request", url, request.encode(), "application/http; msgtype=request")
        fields = [("Content-Type", mime), *headers]
        if not any(k == "Transfer-Encoding" for k, _ in headers):
            fields.append(("Content-Length", str(len(body))))
        head = f"HTTP/1.1 {status}\r\n" + "".join(f"{k}: {v}\r\n" for k, v in fields if v)
        block = head.encode() + b"\r\n" + body
        return self.record("response", url, block, "application/http; msgtype=response")

    def finish(self) -> bytes:
        """The file so far."""
        return self._out.getvalue()

    def _append(self, record: bytes) -> int:
        offset = self._out.tell()
        self._out.write(gzip.compress(record, 6, mtime=0) if self.members else record)
        self._n += 1
        return offset

    def _uuid(self) -> uuid.UUID:
        return uuid.uuid5(uuid.NAMESPACE_URL, f"castor-demo/{self.name}/{self._n}")


def arc(name: str, pages: list[tuple[str, bytes]]) -> bytes:
    """The pages as an ARC 1.0 file, the format before WARC; a gzip member per record."""
    version = b"1 0 castor\nURL IP-address Archive-date Content-type Archive-length\n"
    records = [f"filedesc://{name} 0.0.0.0 20080401000000 text/plain {len(version)}\n".encode()]
    records[0] += version + b"\n"
    for url, body in pages:
        block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + body
        line = f"{url} 192.0.2.7 20080401120000 text/html {len(block)}\n"
        records.append(line.encode() + block + b"\n")
    return b"".join(gzip.compress(r, 6, mtime=0) for r in records)


def chunked(body: bytes, size: int = 1000) -> bytes:
    """The body in HTTP's chunked transfer coding."""
    parts = (body[i : i + size] for i in range(0, len(body), size))
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\n\r\n"


def _sha1(block: bytes) -> str:
    return base64.b32encode(hashlib.sha1(block).digest()).decode()
