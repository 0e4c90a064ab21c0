"""One space of ids for text, image codes and soft inputs.

    [0, text_size)                 pieces of the SentencePiece model, control pieces among them
    [text_size, text_size + K)     K discrete image codes, which have no strings
    the next three                 placeholders where soft inputs of an image, a sound, a clip go
    up to `size`                   nothing; the size is a multiple of 256

Gemma keeps soft inputs out of the vocabulary in the same way; the padding lets an embedding
table be split over devices.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from castor.filters.errors import CastorError, ConfigError
from castor.tokenizer import reserved

MULTIPLE = 256  # of which the size of the space is one
IMAGE_CODES = 8192  # default number of discrete image codes
MAX_SIZE = 1 << 31  # ids fit an int32 everywhere


@dataclasses.dataclass(frozen=True)
class IdSpace:
    """What every id means.

    Attributes:
        text_size: ids below it are pieces of the SentencePiece model.
        control: literal -> id of every piece that text can never give (pad, eos, bos, unk, mask,
            turns, begin and end of media, unused ones).
        image_codes: half-open range of ids of discrete image codes.
        soft: `image`, `audio`, `video` -> id of the placeholder of a soft input.
        size: number of ids, a multiple of 256; the size of an embedding table.
    """

    text_size: int
    control: Mapping[str, int]
    image_codes: tuple[int, int]
    soft: Mapping[str, int]
    size: int

    @property
    def pad(self) -> int:
        """Fills a row that is too short."""
        return self.control[reserved.PAD]

    @property
    def eos(self) -> int:
        """Ends a document."""
        return self.control[reserved.EOS]

    @property
    def bos(self) -> int:
        """Begins a document."""
        return self.control[reserved.BOS]

    @property
    def unk(self) -> int:
        """Never occurs in encoded text: what has no piece is written in bytes."""
        return self.control[reserved.UNK]

    def begin(self, modality: str) -> int:
        """The id before the codes or placeholders of an `image`, `audio` or `video`."""
        return self._of(reserved.begin_of, modality)

    def end(self, modality: str) -> int:
        """The id after the codes or placeholders of an `image`, `audio` or `video`."""
        return self._of(reserved.end_of, modality)

    def _of(self, name: Any, modality: str) -> int:
        if modality not in self.soft:
            raise ConfigError(
                "no ids for this modality", got=repr(modality), fix=f"one of {', '.join(self.soft)}"
            )
        return self.control[name(modality)]

    def to_json(self) -> dict[str, Any]:
        """The space as JSON, for manifests."""
        return {
            "text_size": self.text_size,
            "control": dict(self.control),
            "image_codes": list(self.image_codes),
            "soft": dict(self.soft),
            "size": self.size,
        }

    @classmethod
    def from_json(cls, value: Any, *, where: object = None) -> IdSpace:
        """The space that `to_json` wrote.

        Raises:
            CastorError: a key is missing, or the ranges do not follow one another.
        """
        try:
            first, stop = value["image_codes"]
            found = cls(
                text_size=int(value["text_size"]),
                control={str(k): int(v) for k, v in value["control"].items()},
                image_codes=(int(first), int(stop)),
                soft={str(k): int(v) for k, v in value["soft"].items()},
                size=int(value["size"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CastorError("this is no id space", where=where, got=repr(error)) from error
        if found != make(found.text_size, found.control, stop - first):
            raise CastorError(
                "the ranges of the id space do not follow one another",
                where=where,
                got=str(value)[:200],
            )
        return found


def make(text_size: int, control: Mapping[str, int], image_codes: int = IMAGE_CODES) -> IdSpace:
    """Lays out the space of a vocabulary.

    Args:
        text_size: pieces of the SentencePiece model.
        control: literal -> id of its control pieces.
        image_codes: how many discrete image codes there are; 0 for none.

    Raises:
        ConfigError: the number of pieces or of image codes is negative or too large.
    """
    for what, number in (("pieces", text_size), ("image codes", image_codes)):
        if not 0 <= number < MAX_SIZE // 2:
            raise ConfigError(
                f"the number of {what} is out of range", got=number,
                fix=f"give less than {MAX_SIZE // 2}: ids fit an int32",
            )  # fmt: skip
    stop = text_size + image_codes
    soft = {modality: stop + i for i, modality in enumerate(reserved.MODALITIES)}
    used = stop + len(soft)
    return IdSpace(
        text_size=text_size,
        control=dict(control),
        image_codes=(text_size, stop),
        soft=soft,
        size=-(-used // MULTIPLE) * MULTIPLE,
    )
