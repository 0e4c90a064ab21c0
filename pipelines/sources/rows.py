"""Rows of text that somebody already has: JSON lines, Parquet and TFRecord.

A row has a text, and may have an id, a language, an address; everything else that it holds
becomes meta. Keys are `<source>:<path>@<id>`, or the number of the row (from 1; of a JSONL file
the number of the line) where it brings no id.
"""

from __future__ import annotations

import base64
import dataclasses
import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, cast

from castor.filters.reasons import Reason
from castor.filters.record import Modality, Record, utf8_length
from castor.pipelines.source import InputFile, Item, Rejected, RejectError, source
from castor.pipelines.sources import _compression, _jsonl, _languages, _parquet, _tfrecord
from castor.pipelines.sources._seen import Seen

TEXT_FIELDS = ("text", "content", "raw_content", "body")
ID_FIELDS = ("id", "key", "doc_id")
LANGUAGE_FIELDS = ("lang", "language")
MAX_META_CHARS = 4096  # of one value; longer ones are named in the meta `left_out`
# JSON repeats itself; rows that unpack to more than this many times their size are a bomb.
MAX_RATIO = 1000
FREE_BYTES = 1 << 30

_PACKED = ("", ".gz", ".zst", ".lz4", ".xz", ".bz2")
_LINES = [f"*.{k}{p}" for k, p in itertools.product(("jsonl", "ndjson", "jsonlines"), _PACKED)]
_RECORDS = [f"*.tfrecord{s}{p}" for s, p in itertools.product(("", "s", "-*-of-*"), ("", ".gz"))]
# Named so that a folder with such files says so instead of leaving them out.
_TABLES = [f"*.{k}{p}" for k, p in itertools.product(("csv", "tsv"), _PACKED)]


@dataclasses.dataclass(frozen=True)
class Options:
    """Options of the source.

    Attributes:
        text_field: the field that holds the text; the first of TEXT_FIELDS that a row has.
        id_field: the field that names the row; the first of ID_FIELDS that a row has.
        language_field: the first of LANGUAGE_FIELDS that a row has.
    """

    text_field: str | None = None
    id_field: str | None = None
    language_field: str | None = None


@source(version=1, files=[*_LINES, "*.parquet", *_RECORDS, *_TABLES], options=Options)
def rows(file: InputFile, options: Options) -> Iterator[Item]:
    """Rows of text as JSON lines, Parquet or TFRecord, packed or not."""
    with file.open() as raw:
        seen = Seen()
        number = 0
        try:
            for number, row in _read(file, raw):
                try:
                    if isinstance(row, RejectError):
                        raise row
                    yield _record(file, number, row, options, seen)
                except RejectError as error:
                    place = f"row {number}"
                    yield Rejected(_key_of(error, file, number), place, error.reason, str(error))
        except RejectError as error:
            # The file ends here: one row for what could not be read of it.
            place = error.place or (f"after row {number}" if number else "")
            key = file.key(f"{number + 1}" if number else "")
            yield Rejected(key, place, error.reason, str(error))


def _read(file: InputFile, raw: BinaryIO) -> Iterator[tuple[int, Mapping[str, Any] | RejectError]]:
    """The rows of a file of any of the formats, told by its first bytes."""
    head = raw.read(4)
    raw.seek(0)
    if not head:
        raise RejectError(Reason.EMPTY, "the file has no bytes")
    if head in (_parquet.MAGIC, _parquet.ENCRYPTED):
        yield from _parquet.read_parquet(raw, file.size)
        return
    base = file.path.lower().rpartition("/")[2]
    if ".csv" in base or ".tsv" in base:
        raise RejectError(Reason.UNSUPPORTED_FORMAT, "no reader for CSV and TSV; use JSON lines")
    limit = FREE_BYTES + MAX_RATIO * file.size
    stream = _compression.open_stream(raw, file.path, limit_bytes=limit)
    head = cast(Any, stream).peek(_tfrecord.HEAD_BYTES)[: _tfrecord.HEAD_BYTES]
    if ".tfrecord" in base or _tfrecord.is_head(head):
        for number, row in _tfrecord.read_tfrecord(stream, max_bytes=file.max_document_bytes):
            yield number, {"text": row} if isinstance(row, str) else row
        return
    yield from _jsonl.read_jsonl(stream, max_bytes=file.max_document_bytes)


class _DuplicateError(RejectError):
    """The key of the row is taken; carries a free one."""

    def __init__(self, message: str, key: str) -> None:
        super().__init__(Reason.DUPLICATE_KEY, message)
        self.key = key


def _key_of(error: RejectError, file: InputFile, number: int) -> str:
    return error.key if isinstance(error, _DuplicateError) else file.key(str(number))


def _record(
    file: InputFile, number: int, row: Mapping[str, Any], options: Options, seen: Seen
) -> Record:
    """One row as a record.

    Raises:
        RejectError: NO_TEXT, CORRUPT for a text or id of another type, BAD_ENCODING,
            TOO_LARGE, DUPLICATE_KEY.
    """
    text_field = _field(row, options.text_field, TEXT_FIELDS)
    text = _text(row, text_field, options)
    n_bytes = utf8_length(text)
    if n_bytes > file.max_document_bytes:
        message = f"a text of {n_bytes} bytes, the limit is {file.max_document_bytes}"
        raise RejectError(Reason.TOO_LARGE, message)
    id_field = _field(row, options.id_field, ID_FIELDS)
    name = _name(row, id_field) or str(number)
    language_field = _field(row, options.language_field, LANGUAGE_FIELDS)
    tag = row.get(language_field) if language_field is not None else None
    meta = _meta(
        row, leave={text_field, id_field, language_field if isinstance(tag, str) else None}
    )
    if isinstance(tag, str) and tag:
        meta["language_tag"] = tag
        if (language := _languages.primary(tag)) is not None:
            meta["language"] = language
    for value in (name, *meta, *meta.values()):
        _refuse_surrogates(value)
    if not seen.add(name):
        message = f"an earlier row has the key {name!r} too"
        raise _DuplicateError(message, file.key(f"{name}#{number}"))
    return Record(
        key=file.key(name),
        source=file.source,
        modality=Modality.TEXT,
        text=text,
        meta=dict(sorted(meta.items())),
    )


def _field(row: Mapping[str, Any], wanted: str | None, usual: tuple[str, ...]) -> str | None:
    """The field of the row to use: the wanted one, or the first usual one that is not null."""
    if wanted is not None:
        return wanted
    return next((name for name in usual if row.get(name) is not None), None)


def _text(row: Mapping[str, Any], field: str | None, options: Options) -> str:
    if field is None or row.get(field) is None:
        wanted = options.text_field or " or ".join(TEXT_FIELDS)
        has = ", ".join(sorted(map(str, row))[:20])
        raise RejectError(Reason.NO_TEXT, f"no field {wanted}; the row has: {has or 'nothing'}")
    text = row[field]
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise RejectError(Reason.BAD_ENCODING, f"{field} is not UTF-8: {error}") from error
    if not isinstance(text, str):
        raise RejectError(Reason.CORRUPT, f"{field} is a {type(text).__name__}, not a string")
    _refuse_surrogates(text)
    if not text or text.isspace():
        raise RejectError(Reason.NO_TEXT, f"{field} is empty")
    return text


def _name(row: Mapping[str, Any], field: str | None) -> str | None:
    name = row.get(field) if field is not None else None
    if name is None or name == "":
        return None
    if isinstance(name, bool) or not isinstance(name, str | int):
        raise RejectError(Reason.CORRUPT, f"{field} is a {type(name).__name__}, no id")
    return str(name)


def _meta(row: Mapping[str, Any], leave: set[str | None]) -> dict[str, str]:
    """The other fields as strings: text as it is, the rest as compact JSON; nulls left out."""
    meta: dict[str, str] = {}
    left_out: list[str] = []
    for name, value in row.items():
        if name in leave or value is None:
            continue
        text = value if isinstance(value, str) else _as_json(value)
        if len(text) > MAX_META_CHARS:
            left_out.append(str(name))
        else:
            meta[str(name)] = text
    if left_out:
        meta["left_out"] = ",".join(sorted(left_out))[:MAX_META_CHARS]
    return meta


def _as_json(value: Any) -> str:
    return json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_as_text
    )


def _as_text(value: Any) -> str:
    """What JSON has no type for: bytes in base 64; dates and decimals as they print."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _refuse_surrogates(text: str) -> None:
    """JSON may hold half a surrogate pair, which is no text and cannot be stored."""
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise RejectError(Reason.BAD_ENCODING, f"not Unicode: {error}") from error
