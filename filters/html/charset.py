"""Bytes of a page as text: which charset, by a stated rule.

1. A byte order mark.
2. UTF-8, if the bytes are valid UTF-8: text in another charset that happens to be so is
   next to unknown, while pages whose header or meta states a wrong charset are common.
   Not for bytes with escape or null characters, which 7-bit and 16-bit charsets look like.
3. What the HTTP header states, then what the page's head states, then what detection finds;
   the names as browsers read them (https://encoding.spec.whatwg.org/#names-and-labels).

The first that decodes without an error is taken. If none does, the one that replaces the fewest
characters, up to MAX_REPLACED of them; the replacements stay visible as U+FFFD.
"""

from __future__ import annotations

import codecs
import re

import numpy as np
import pyarrow as pa

from castor.filters.errors import CastorError
from castor.filters.reasons import Reason

# A page that mixes charsets or was cut has a few such characters; one decoded wrongly has them
# in every word.
MAX_REPLACED = 0.01

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_MARKS = tuple(mark for mark, _ in _BOMS)
_META_BYTES = 4096  # browsers look at 1,024; long heads put it later
_META = re.compile(rb"<meta[^>]{0,300}?charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.I)
_XML = re.compile(rb"^\s*<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([\w.:-]{2,40})", re.I)
# Python's strict readings of names that browsers read as their supersets.
_SUPERSETS = {
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "big5": "big5hkscs",
    "iso2022_jp": "iso2022_jp_ext",
}


class UnreadableError(CastorError):
    """A page could not be read; `reason` says why."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple[object, ...]:
        """Pickles by parts, so that the error crosses from a worker to the driver whole."""
        return UnreadableError, (self.reason, self.what)


def as_utf8(body: bytes, stated: str | None) -> tuple[bytes, str]:
    """A page as UTF-8 and the charset that it was in; arguments and errors as of `decode`."""
    plain = not body.startswith(_MARKS) and b"\0" not in body and b"\x1b" not in body
    if plain and _is_utf8(body):
        return body, "utf-8"
    text, used = decode(body, stated, html=True)
    return text.encode("utf-8", "replace"), used


def _is_utf8(body: bytes) -> bool:
    """Whether bytes are valid UTF-8: asked of Arrow, which makes no text of them."""
    ends = pa.py_buffer(np.array([0, len(body)], np.int64))
    column = pa.Array.from_buffers(pa.large_string(), 1, [None, ends, pa.py_buffer(body)])
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def decode(body: bytes, stated: str | None, *, html: bool) -> tuple[str, str]:
    """The text of a body and the charset that was used (Python's name for it).

    Args:
        body: the decoded body.
        stated: the charset of the HTTP header, if any.
        html: whether to look for a charset in the page itself.

    Raises:
        UnreadableError: BAD_ENCODING, if no charset decodes it.
    """
    for mark, wide in _BOMS:
        if body.startswith(mark):
            return _replaced(body[len(mark) :], [wide])
    plain = b"\0" not in body and b"\x1b" not in body
    if plain and (valid := _strict(body, "utf-8")) is not None:
        return valid, "utf-8"
    names = [_python_name(stated)] if stated else []
    if html and (label := _stated_in(body)) is not None:
        name = _python_name(label)
        # A page whose head can be read as ASCII is not what it says here.
        names.append("utf-8" if name is not None and name.startswith("utf-16") else name)
    if not plain:
        names = [*(n for n in names if n and n.startswith(("iso2022", "utf-16"))), "utf-8", *names]
    tried: list[str] = []
    for name in (*names, _detected(body)):
        if name is None or name in tried:
            continue
        text = _strict(body, name)
        if text is not None and "\0" not in text:
            return text, name
        tried.append(name)
    return _replaced(body, tried if "utf-8" in tried else [*tried, "utf-8"])


def _strict(body: bytes, name: str) -> str | None:
    try:
        return body.decode(name)
    except UnicodeError:
        # Browsers read the five bytes that windows-1252 leaves open as control characters.
        return body.decode("cp1252", "castor.c1") if name == "cp1252" else None


def _replaced(body: bytes, names: list[str]) -> tuple[str, str]:
    """The reading with the fewest replacement characters, the first of equals."""
    read = [(body.decode(name, "replace"), name) for name in names]
    text, name = min(read, key=lambda pair: pair[0].count("\ufffd") + pair[0].count("\0"))
    bad = text.count("\ufffd") + text.count("\0")
    if bad > MAX_REPLACED * len(text):
        message = f"{bad} of {len(text)} characters cannot be decoded as {', '.join(names)}"
        raise UnreadableError(Reason.BAD_ENCODING, message)
    return text.replace("\0", "\ufffd"), name


def _stated_in(body: bytes) -> str | None:
    head = body[:_META_BYTES]
    found = _META.search(head) or _XML.search(head)
    return found[1].decode("ascii") if found else None


def _python_name(label: str) -> str | None:
    from resiliparse.parse.encoding import map_encoding_to_html5

    name = map_encoding_to_html5(label.strip().lower(), fallback_utf8=False)
    return None if name is None else _SUPERSETS.get(name, name)


def _detected(body: bytes) -> str | None:
    from resiliparse.parse.encoding import detect_encoding

    name = detect_encoding(body)
    return None if name is None else _SUPERSETS.get(name, name)


def _as_control(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(map(chr, error.object[error.start : error.end])), error.end


codecs.register_error("castor.c1", _as_control)
