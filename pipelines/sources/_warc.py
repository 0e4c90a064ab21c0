"""The header of a WARC record (ISO 28500; versions 0.17 to 1.1)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

MAX_HEAD_LINES = 1000


class BadHead(Exception):
    """The header of a record contradicts the format; the message says how."""


@dataclasses.dataclass(frozen=True, slots=True)
class Head:
    """What stands before the content of a record.

    Attributes:
        kind: the record's type, in lower case.
        headers: names in lower case.
        n_bytes: length of the content that follows.
    """

    kind: str
    headers: dict[str, str]
    n_bytes: int


class _Warc:
    """How WARC records begin."""

    def begins(self, line: bytes) -> bool:
        """Whether a record begins with this line."""
        return line.startswith((b"WARC/0.", b"WARC/1.")) and len(line) < 32

    def read_head(self, line: bytes, readline: Callable[[], bytes]) -> Head:
        """The headers that follow the version line, up to the blank line.

        Raises:
            BadHead: there is no usable Content-Length.
            EOFError: the file ends before the blank line.
        """
        headers: dict[str, str] = {}
        name = ""
        for _ in range(MAX_HEAD_LINES):
            raw = readline()
            if not raw.endswith(b"\n"):
                if len(raw) > 0 and len(raw) >= 1 << 16:
                    raise BadHead("a header line of more than 64 KiB")
                raise EOFError
            text = raw.decode("utf-8", "replace").rstrip("\r\n")
            if not text:
                break
            if text[0] in " \t" and name:  # a folded line belongs to the one before
                headers[name] += " " + text.strip()
                continue
            name, colon, value = text.partition(":")
            name = name.strip().lower()
            if colon:
                headers.setdefault(name, value.strip())
        else:
            raise BadHead(f"a header of more than {MAX_HEAD_LINES} lines")
        length = headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()):
            raise BadHead(f"a record with Content-Length {length!r}")
        kind = headers.get("warc-type", "").lower()
        return Head(kind, headers, int(length))


WARC = _Warc()
