"""The pieces of a text, one by one: ids, raw bytes, kinds, and where they stand."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from castor.tokenizer.kinds import Kind, kinds

if TYPE_CHECKING:
    from castor.tokenizer.processor import Tokenizer


@dataclasses.dataclass(frozen=True, slots=True)
class Piece:
    """One token of a text.

    Attributes:
        id: its id.
        piece: its name in the vocabulary, such as `▁the`.
        kind: `normal`, `user-defined`, `byte`, `control` or `unknown`.
        bytes: the bytes that it stands for.
        start, end: where they stand in the text, in bytes.
    """

    id: int
    piece: str
    kind: str
    bytes: bytes
    start: int
    end: int

    def to_json(self) -> dict[str, Any]:
        """As JSON: bytes in hexadecimal, and as text where they are UTF-8 by themselves."""
        try:
            text: str | None = self.bytes.decode()
        except UnicodeDecodeError:
            text = None
        return {**dataclasses.asdict(self), "bytes": self.bytes.hex(), "text": text}


def pieces(tokenizer: Tokenizer, text: str | bytes) -> list[Piece]:
    """The tokens of a text in order, without <bos> and <eos>.

    Their bytes, one after another, are the text as it comes back from its ids: U+2581 comes back
    as a space, and a byte that is no UTF-8 as U+FFFD.

    Raises:
        CastorError: the text holds a lone surrogate.
    """
    own = kinds(tokenizer)
    found = []
    at = 0
    for i in tokenizer.encode(text).tolist():
        data = tokenizer.decode_bytes([i])
        kind = Kind(int(own[i])).label
        found.append(Piece(i, tokenizer.piece(i), kind, data, at, at + len(data)))
        at += len(data)
    return found
