"""A whole document as ids: text, and the places where its media stand.

    <bos> text <start_of_image> placeholder x n <end_of_image> text <eos>

Nothing is decoded here: who calls brings the soft inputs of each medium, and one placeholder
stands for each of their rows.

The order comes from `Record.parts`, and the text is cut only where a medium stands:

- Every byte of the text is encoded once, in the order of its bytes, whatever parts say. Chapters,
  captions and subtitles are no cuts, and bytes that no part names (the line feed between two
  paragraphs) belong to the text like any other.
- A medium stands right after the last byte of the text parts that come before it, or before all
  text when none does.
- Media that no part names come first, in their order. So a medium without parts is followed by
  its text.
- A medium without soft inputs (None) is left out, its begin and end too, and cuts nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from castor.filters.errors import CastorError
from castor.filters.record import Part, Record, utf8_length

MEDIA = ("image", "audio", "video")


class Ids(Protocol):
    """What is asked of the id space (`castor.tokenizer.id_space.IdSpace`)."""

    @property
    def bos(self) -> int:
        """First id of every document."""

    @property
    def eos(self) -> int:
        """Last id of every document."""

    @property
    def soft(self) -> Mapping[str, int]:
        """The placeholder of a soft input by modality."""

    def begin(self, modality: str) -> int:
        """The control id before a medium."""

    def end(self, modality: str) -> int:
        """The control id after a medium."""


class Encoder(Protocol):
    """What is asked of a tokenizer (`castor.tokenizer.Tokenizer`)."""

    @property
    def id_space(self) -> Ids:
        """Its ids."""

    def encode_batch(self, texts: list[str]) -> list[np.ndarray]:
        """The ids of each text, uint32, without <bos> and <eos>."""


@dataclasses.dataclass(frozen=True, slots=True)
class MediaSpan:
    """Where the placeholders of one medium stand.

    Attributes:
        modality: `image`, `audio` or `video`.
        start: place of the first placeholder among the document's ids.
        length: number of placeholders: rows of the medium's soft inputs.
        media_index: index into `Record.media`.
    """

    modality: str
    start: int
    length: int
    media_index: int


@dataclasses.dataclass(frozen=True)
class Encoded:
    """One document as ids.

    Attributes:
        ids: uint32 [tokens], <bos> and <eos> included.
        text_bytes: UTF-8 bytes of the text that the ids hold.
        spans: its media, in order. The soft inputs of the document are those of
            `media_index`, span by span.
    """

    ids: np.ndarray
    text_bytes: int
    spans: tuple[MediaSpan, ...] = ()


def encode_record(
    tokenizer: Encoder, record: Record, soft: Sequence[np.ndarray | None] = ()
) -> Encoded:
    """One document as ids; see the module for the order.

    Args:
        tokenizer: encodes the text.
        record: the document.
        soft: for each of `record.media`, its soft inputs [n, dim] with n > 0, or None.

    Raises:
        CastorError: the record's parts do not fit its text or media, or `soft` its media.
    """
    return encode_records(tokenizer, [record], [soft])[0]


def encode_records(
    tokenizer: Encoder,
    records: Sequence[Record],
    soft: Sequence[Sequence[np.ndarray | None]],
) -> list[Encoded]:
    """Many documents as ids with one call of the tokenizer; as `encode_record` for each."""
    if len(records) != len(soft):
        raise CastorError(
            "soft inputs do not fit the records", got=f"{len(soft)}, not {len(records)}"
        )
    layouts = [_layout(record, rows) for record, rows in zip(records, soft, strict=True)]
    texts = [step for layout in layouts for step in layout if isinstance(step, str)]
    encoded = iter(tokenizer.encode_batch(texts))
    space = tokenizer.id_space
    return [
        _joined(
            space,
            [next(encoded) if isinstance(step, str) else step for step in layout],
            utf8_length(record.text),
        )
        for record, layout in zip(records, layouts, strict=True)
    ]


def media_kinds(record: Record) -> list[str]:
    """What each of the record's media is: `image`, `audio` or `video`.

    The part that names a medium says so, else the modality of the record, else the media type.

    Raises:
        CastorError: none of them does.
    """
    named = {p.media_index: p.kind for p in record.parts if p.kind in MEDIA}
    kinds = []
    for index, ref in enumerate(record.media):
        own = record.modality.value if record.modality.value in MEDIA else None
        kind = named.get(index) or own or ref.mime.partition("/")[0]
        if kind not in MEDIA:
            raise CastorError(
                "a medium is no image, sound or clip",
                where=record.key,
                got=f"media[{index}] of type {ref.mime or 'unknown'}",
                fix=f"name it in a part of kind {', '.join(MEDIA)}",
            )
        kinds.append(kind)
    return kinds


@dataclasses.dataclass(frozen=True, slots=True)
class _Medium:
    modality: str
    length: int
    index: int


def _layout(record: Record, soft: Sequence[np.ndarray | None]) -> list[str | _Medium]:
    """Texts and media in order, without empty texts and without media that are left out."""
    if len(soft) != len(record.media):
        raise CastorError(
            "soft inputs do not fit the media of a record",
            where=record.key,
            got=f"{len(soft)} for {len(record.media)} media",
            fix="pass one array or None for each",
        )
    text = record.text or ""
    data = None if text.isascii() else text.encode()
    n_bytes = len(text) if data is None else len(data)
    kinds = media_kinds(record)
    steps: list[str | _Medium] = []
    begin = 0
    for at, index in _places(record, n_bytes):
        rows = soft[index]
        if rows is None:
            continue
        if rows.ndim != 2 or not len(rows):
            raise CastorError(
                "soft inputs are no rows",
                where=record.key,
                got=f"an array of shape {rows.shape} for media[{index}]",
                fix="pass [n, dim] with n > 0, or None to leave the medium out",
            )
        if at > begin:
            steps.append(_cut(record, text, data, begin, at))
            begin = at
        steps.append(_Medium(kinds[index], len(rows), index))
    if n_bytes > begin:
        steps.append(_cut(record, text, data, begin, n_bytes))
    return steps


def _places(record: Record, n_bytes: int) -> list[tuple[int, int]]:
    """Byte of the text before which a medium stands, and its index; in order."""
    named = {p.media_index for p in record.parts if p.media_index is not None}
    places = [(0, index) for index in range(len(record.media)) if index not in named]
    at = 0
    for part in record.parts:
        _check(part, record, n_bytes)
        if part.media_index is not None:
            places.append((at, part.media_index))
        elif part.end_byte is not None:
            at = max(at, part.end_byte)
    return places


def _check(part: Part, record: Record, n_bytes: int) -> None:
    start, end, index = part.start_byte, part.end_byte, part.media_index
    if index is not None and not 0 <= index < len(record.media):
        wrong = f"media_index {index} of {len(record.media)} media"
    elif (start is None) != (end is None) or (start is None and index is None):
        wrong = f"bytes {start} to {end}, media_index {index}"
    elif start is not None and end is not None and not 0 <= start <= end <= n_bytes:
        wrong = f"bytes {start} to {end} of {n_bytes}"
    else:
        return
    raise CastorError(
        "a part does not fit its record",
        where=record.key,
        got=f"{part.kind}: {wrong}",
        fix="castor verify tells whether the dataset is whole",
    )


def _cut(record: Record, text: str, data: bytes | None, start: int, end: int) -> str:
    if data is None:
        return text[start:end]
    try:
        return data[start:end].decode()
    except UnicodeDecodeError as error:
        raise CastorError(
            "a part cuts a character in two",
            where=record.key,
            got=f"bytes {start} to {end}: {error.reason}",
            fix="castor verify tells whether the dataset is whole",
        ) from error


def _joined(space: Ids, steps: Sequence[np.ndarray | _Medium], text_bytes: int) -> Encoded:
    pieces = [np.array([space.bos], np.uint32)]
    spans: list[MediaSpan] = []
    at = 1
    for step in steps:
        if isinstance(step, _Medium):
            ids = np.full(step.length + 2, space.soft[step.modality], np.uint32)
            ids[0], ids[-1] = space.begin(step.modality), space.end(step.modality)
            spans.append(MediaSpan(step.modality, at + 1, step.length, step.index))
        else:
            ids = step
        pieces.append(ids)
        at += len(ids)
    pieces.append(np.array([space.eos], np.uint32))
    return Encoded(np.concatenate(pieces), text_bytes, tuple(spans))
