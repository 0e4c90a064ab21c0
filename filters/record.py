"""The record: one document of any modality, and its Arrow form.

Schema version 1. A reader refuses a newer version and migrates an older one
(`check_schema`). Every other file depends on what is written here; see docs/record.md.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Iterator, Mapping

import pyarrow as pa

from castor.filters.errors import CastorError

SCHEMA_VERSION = 1
VERSION_KEY = b"castor.schema_version"
MAX_ROWS = 1024  # rows a batch holds at most
MAX_BYTES = 5_000_000  # bytes a batch holds at most, unless a single row is larger


class Modality(enum.StrEnum):
    """What a document is made of."""

    TEXT = "text"
    CODE = "code"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    INTERLEAVED = "interleaved"


@dataclasses.dataclass(frozen=True, slots=True)
class MediaRef:
    """Where the bytes of one picture, sound or clip lie; the bytes never travel.

    Attributes:
        uri: `<root>:<path>`, the path relative to the input root of that name.
        member: name of the entry when the file is a container (tar, zip, WARC), else None.
        offset: first byte inside the uncompressed container, or inside the file (bytes).
        length: number of bytes.
        mime: media type by magic bytes, such as `image/png`.
        blake2b: 16-byte BLAKE2b digest of those bytes.
    """

    uri: str
    member: str | None
    offset: int
    length: int
    mime: str
    blake2b: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """One step in the order of a document: a span of its text, or one of its media.

    Attributes:
        kind: `text`, `image`, `audio`, `video`, or a structural name such as `chapter`,
            `caption`, `transcript`, `subtitle`.
        start_byte, end_byte: half-open span of the UTF-8 text, None for media.
        media_index: index into `Record.media`, None for text.
        t0_s, t1_s: start and end in seconds on the clock of the medium, or None.
    """

    kind: str
    start_byte: int | None = None
    end_byte: int | None = None
    media_index: int | None = None
    t0_s: float | None = None
    t1_s: float | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """One document.

    Attributes:
        key: stable and unique: source name, place in the source (`web:a.warc.gz@1234`).
        source: the name of the source in the recipe.
        modality: what the document is made of.
        text: the text, or None for media without words.
        media: what the document shows or plays, in order.
        parts: the order of text spans and media; empty means one span of all text.
        meta: facts about it, as strings (`url`, `licence`, `language`, `title`, `date` ...).
        content_hash: 16 bytes, equal for exact duplicates; filled by the run.
    """

    key: str
    source: str
    modality: Modality
    text: str | None = None
    media: tuple[MediaRef, ...] = ()
    parts: tuple[Part, ...] = ()
    meta: Mapping[str, str] = dataclasses.field(default_factory=dict)
    content_hash: bytes | None = None


MEDIA_TYPE = pa.struct(
    [
        pa.field("uri", pa.string(), nullable=False),
        pa.field("member", pa.string()),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("length", pa.int64(), nullable=False),
        pa.field("mime", pa.string(), nullable=False),
        pa.field("blake2b", pa.binary(16), nullable=False),
    ]
)
PART_TYPE = pa.struct(
    [
        pa.field("kind", pa.string(), nullable=False),
        pa.field("start_byte", pa.int64()),
        pa.field("end_byte", pa.int64()),
        pa.field("media_index", pa.int32()),
        pa.field("t0_s", pa.float64()),
        pa.field("t1_s", pa.float64()),
    ]
)
RECORD_SCHEMA = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("content_hash", pa.binary(16)),
        pa.field("source", pa.string(), nullable=False),
        pa.field("modality", pa.string(), nullable=False),
        pa.field("text", pa.large_string()),
        pa.field("media", pa.list_(MEDIA_TYPE), nullable=False),
        pa.field("parts", pa.list_(PART_TYPE), nullable=False),
        pa.field("meta", pa.map_(pa.string(), pa.string()), nullable=False),
    ],
    metadata={VERSION_KEY: str(SCHEMA_VERSION).encode()},
)


def to_batch(records: Iterable[Record]) -> pa.RecordBatch:
    """The records as one RecordBatch of RECORD_SCHEMA, rows in the order given."""
    rows = list(records)
    columns = [
        pa.array([r.key for r in rows], pa.string()),
        pa.array([r.content_hash for r in rows], pa.binary(16)),
        pa.array([r.source for r in rows], pa.string()),
        pa.array([str(r.modality) for r in rows], pa.string()),
        pa.array([r.text for r in rows], pa.large_string()),
        pa.array([[_as_dict(m) for m in r.media] for r in rows], pa.list_(MEDIA_TYPE)),
        pa.array([[_as_dict(p) for p in r.parts] for r in rows], pa.list_(PART_TYPE)),
        pa.array([sorted(r.meta.items()) for r in rows], pa.map_(pa.string(), pa.string())),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=RECORD_SCHEMA)


def from_batch(batch: pa.RecordBatch) -> Iterator[Record]:
    """The rows of a batch as records; columns beyond the record's own are ignored."""
    columns = {name: batch.column(name).to_pylist() for name in RECORD_SCHEMA.names}
    for i in range(batch.num_rows):
        yield Record(
            key=columns["key"][i],
            source=columns["source"][i],
            modality=Modality(columns["modality"][i]),
            text=columns["text"][i],
            media=tuple(MediaRef(**m) for m in columns["media"][i]),
            parts=tuple(Part(**p) for p in columns["parts"][i]),
            meta=dict(columns["meta"][i]),
            content_hash=columns["content_hash"][i],
        )


def size_of(record: Record) -> int:
    """About how many bytes the record takes in Arrow form."""
    n_bytes = 64 + len(record.key) + 96 * len(record.media) + 48 * len(record.parts)
    n_bytes += sum(len(k) + len(v) for k, v in record.meta.items())
    return n_bytes + utf8_length(record.text)


def utf8_length(text: str | None) -> int:
    """Bytes of the text in UTF-8, without encoding ASCII text.

    Raises:
        UnicodeEncodeError: the text holds a lone surrogate, which UTF-8 cannot express.
    """
    if not text:
        return 0
    return len(text) if text.isascii() else len(text.encode())


def batched(
    records: Iterable[Record], *, max_rows: int = MAX_ROWS, max_bytes: int = MAX_BYTES
) -> Iterator[pa.RecordBatch]:
    """Groups records into batches of at most `max_rows` rows and `max_bytes` bytes.

    A record that is larger than `max_bytes` travels alone.
    """
    rows: list[Record] = []
    n_bytes = 0
    for record in records:
        size = size_of(record)
        if rows and (len(rows) >= max_rows or n_bytes + size > max_bytes):
            yield to_batch(rows)
            rows, n_bytes = [], 0
        rows.append(record)
        n_bytes += size
    if rows:
        yield to_batch(rows)


def check_schema(schema: pa.Schema, *, where: object) -> None:
    """Refuses a schema that this version cannot read.

    Raises:
        CastorError: the schema has no version, or a newer one.
    """
    version = (schema.metadata or {}).get(VERSION_KEY)
    if version is None:
        raise CastorError(
            "this Parquet file is not a shard of a Castor dataset",
            where=where,
            got=f"no {VERSION_KEY.decode()} in its schema",
            fix="read foreign Parquet with the recipe 'rows'",
        )
    if int(version) > SCHEMA_VERSION:
        raise CastorError(
            f"the dataset has record schema version {int(version)}, this Castor reads up to "
            f"{SCHEMA_VERSION}",
            where=where,
            fix="install a newer Castor",
        )


def _as_dict(part: MediaRef | Part) -> dict[str, object]:
    return {name: getattr(part, name) for name in part.__slots__}
