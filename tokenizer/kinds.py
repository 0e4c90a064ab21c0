"""What each id is: an ordinary piece, a user-defined one, a byte, a control piece, a code."""

from __future__ import annotations

import enum
from typing import Any, Protocol

import numpy as np

from castor.tokenizer import reserved
from castor.tokenizer.id_space import IdSpace


class Kind(enum.IntEnum):
    """What an id is."""

    NORMAL = 0  # learned from text
    USER_DEFINED = 1  # given before training; always one piece where its text stands
    BYTE = 2  # one byte of a character that has no piece
    CONTROL = 3  # never given by text
    UNKNOWN = 4  # <unk>
    CODE = 5  # a discrete image code
    SOFT = 6  # the place of a soft input
    PADDING = 7  # fills the space to a multiple of 256

    @property
    def label(self) -> str:
        """As people read it."""
        return self.name.lower().replace("_", "-")


class Model(Protocol):
    """What is asked of a tokenizer."""

    @property
    def id_space(self) -> IdSpace:
        """Its ids."""

    @property
    def sentencepiece(self) -> Any:
        """The processor of sentencepiece."""


def kinds(tokenizer: Model) -> np.ndarray:
    """The `Kind` of every id, uint8 [id_space.size]."""
    model, space = tokenizer.sentencepiece, tokenizer.id_space
    found = np.full(space.size, Kind.PADDING, np.uint8)
    found[: space.text_size] = Kind.NORMAL
    # sentencepiece does not tell user-defined pieces from learned ones; these are all there are.
    for symbol in reserved.USER_DEFINED_SYMBOLS:
        found[model.piece_to_id(symbol)] = Kind.USER_DEFINED
    for i in range(space.text_size):
        if model.is_unknown(i):
            found[i] = Kind.UNKNOWN
        elif model.is_control(i):
            found[i] = Kind.CONTROL
        elif model.is_byte(i):
            found[i] = Kind.BYTE
    found[slice(*space.image_codes)] = Kind.CODE
    found[list(space.soft.values())] = Kind.SOFT
    return found
