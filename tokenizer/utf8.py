"""Text as UTF-8, with sentencepiece's rule for bytes that are none: each is one U+FFFD."""

from __future__ import annotations

import codecs

from castor.filters.errors import CastorError

_HANDLER = "castor.each_byte"


def _each_byte(error: UnicodeError) -> tuple[str, int]:
    """One U+FFFD for one byte; Python's own `replace` takes up to three bytes for one."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\ufffd", error.start + 1


codecs.register_error(_HANDLER, _each_byte)


def decode_bytewise(data: bytes) -> str:
    """The bytes as text; each byte that is not part of a UTF-8 character becomes U+FFFD."""
    return data.decode("utf-8", _HANDLER)


def to_bytes(text: str | bytes) -> bytes:
    """The UTF-8 of a text; bytes as they are.

    Raises:
        CastorError: the string holds a lone surrogate.
    """
    if isinstance(text, bytes):
        return text
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise CastorError(
            "a string is no text: it holds half of a surrogate pair",
            where=f"character {error.start}",
            got=f"U+{ord(text[error.start]):04X}",
            fix='decode the source again, or text.encode("utf-8", "replace")',
        ) from error
