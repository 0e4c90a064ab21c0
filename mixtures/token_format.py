"""What a token dataset is made of: names of files, the sidecar's schema, documents and spans."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from castor.filters.errors import CastorError
from castor.filters.record import MEDIA_TYPE, MediaRef

KIND = "tokens"
PAD_ID, EOS_ID, BOS_ID = 0, 1, 2  # fixed in the id space of every tokenizer
SPLITS = ("train", "heldout")
SOFT_MODALITIES = ("image", "audio", "video")
IDS, OFFSETS, SIDECAR, SOFT = ".ids", ".offsets", ".parquet", ".soft-"

SPAN_TYPE = pa.struct(
    [
        pa.field("modality", pa.string(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("length", pa.int64(), nullable=False),
        pa.field("soft_start", pa.int64(), nullable=False),
        pa.field("media", MEDIA_TYPE),
    ]
)
SIDECAR_SCHEMA = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("modality", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("domain", pa.string()),
        pa.field("text_bytes", pa.int64(), nullable=False),
        pa.field("tokens", pa.int64(), nullable=False),
        pa.field("spans", pa.list_(SPAN_TYPE), nullable=False),
    ],
    metadata={b"castor.tokens_version": b"1"},
)


@dataclasses.dataclass(frozen=True, slots=True)
class Span:
    """Placeholders of one medium inside a document, each standing for one soft input.

    Attributes:
        modality: `image`, `audio` or `video`.
        start: index of the first placeholder among the document's ids.
        length: number of placeholders, which is the number of its vectors.
        media: where the medium's bytes lie, or None.
    """

    modality: str
    start: int
    length: int
    media: MediaRef | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Document:
    """One document as tokens.

    Attributes:
        key, source, modality: those of its record.
        language: its language, `und` if unknown.
        ids: uint32 [tokens], beginning with bos and ending with eos.
        text_bytes: bytes of its text in UTF-8, the denominator of bits per byte.
        spans: its media, by start.
        soft: modality -> float16 [n, dim], the vectors of its spans of that modality in order.
        domain: a finer name than the source, or None.
    """

    key: str
    source: str
    modality: str
    language: str
    ids: np.ndarray
    text_bytes: int
    spans: tuple[Span, ...] = ()
    soft: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    domain: str | None = None


def damaged(path: pathlib.Path, got: object) -> CastorError:
    """The error for a file of a token dataset that is missing or not as it was written."""
    return CastorError(
        f"a file of the token dataset is {'damaged' if got else 'missing'}",
        where=path,
        got=got,
        fix="restore it, or run `castor tokenizer encode` again with --force",
    )
