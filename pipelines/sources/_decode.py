"""Bytes of a text file as text."""

from __future__ import annotations

import codecs

from castor.filters.reasons import Reason
from castor.pipelines.source import RejectError

_BOMS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# The WHATWG Encoding Standard reads these labels as their supersets; text files mean the same.
_SUPERSETS = {
    "shift_jis": "cp932",
    "iso-8859-1": "cp1252",
    "us-ascii": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
}
_DETECT_BYTES = 1 << 20


def decode(data: bytes) -> tuple[str, str]:
    """The text with plain line ends, and the charset that explained its bytes.

    A byte order mark decides; else UTF-8 if the bytes are valid UTF-8; else the charset that
    their frequencies suggest, which must decode every byte.

    Raises:
        RejectError: `bad_encoding`.
    """
    for mark, charset in _BOMS:
        if data.startswith(mark):
            return _strict(data[len(mark) :], charset), charset
    try:
        text, charset = data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        if b"\0" in data[:_DETECT_BYTES]:
            raise RejectError(Reason.BAD_ENCODING, "binary: it has NUL bytes") from None
        charset = _detect(data)
        return _strict(data, charset), charset
    if "\0" in text:
        raise RejectError(Reason.BAD_ENCODING, "binary: it has NUL characters")
    return newlines(text), charset


def newlines(text: str) -> str:
    """The text with every line end as a line feed."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _strict(data: bytes, charset: str) -> str:
    try:
        return newlines(data.decode(charset))
    except (UnicodeDecodeError, LookupError) as error:
        raise RejectError(Reason.BAD_ENCODING, f"not valid {charset}: {error}") from error


def _detect(data: bytes) -> str:
    from resiliparse.parse.encoding import detect_encoding

    found = detect_encoding(data[:_DETECT_BYTES], max_len=_DETECT_BYTES)
    if not found:
        raise RejectError(Reason.BAD_ENCODING, "no charset explains the bytes")
    return _SUPERSETS.get(found.lower(), found)
