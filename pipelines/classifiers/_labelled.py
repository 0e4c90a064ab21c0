"""Labelled rows from JSON lines, Parquet, CSV and TSV files, packed or not."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from castor.filters.errors import CastorError, ConfigError
from castor.pipelines.classifiers._verb import files_under
from castor.pipelines.source import RejectError
from castor.pipelines.sources import _compression, _jsonl, _parquet

PACKED = (".gz", ".zst", ".lz4", ".xz", ".bz2")
LINES, TABLES, COLUMNS = (".jsonl", ".ndjson", ".jsonlines", ".json"), (".csv", ".tsv"), ".parquet"
MAX_UNPACKED = 64 << 30
MAX_ROW_BYTES = 64 << 20
LABEL_FIELDS = ("label", "Label", "class", "labels")
TEXT_FIELDS = ("text", "content", "raw_content", "body", "tweet", "SMS", "message")


class Row(NamedTuple):
    """One labelled text.

    Attributes:
        labels: one, or as many as the list in its field holds; none where none were asked for.
        is_list: whether the field holds a list.
        file: the name of the file that it is from.
    """

    text: str
    labels: tuple[str, ...]
    is_list: bool
    file: str


def read(
    data: Sequence[Path],
    *,
    text: str | None,
    label: str | None = None,
    need_label: bool = True,
    separator: str | None = None,
) -> Iterator[Row]:
    """Every row that has a text, in order of files and rows; others (null, empty) are passed over.

    Args:
        data: files; folders, for every file of these kinds in them; outputs of runs, for what
            they kept.
        text, label: names of the fields, `meta.<key>` for a row's facts; by default the first
            of TEXT_FIELDS and of LABEL_FIELDS that the first row of a file has.
        need_label: whether a row without a label is an error.
        separator: what stands between the labels of a field that is text, where it holds a list.

    Raises:
        ConfigError: a file of another kind, or no such field.
        CastorError: a file is damaged, a text is a number, say, or has no label.
    """
    for file in _files(data):
        names: tuple[str, str | None] | None = None
        for number, row in _rows(file):
            names = names or (
                _field(row, text, TEXT_FIELDS, file, "text"),
                _field(row, label, LABEL_FIELDS, file, "label") if need_label else None,
            )
            value = _value(row, names[0])
            if value is not None and not isinstance(value, str):
                raise CastorError(
                    "a row's text is no text", where=file,
                    got=f"row {number}, {names[0]} is {type(value).__name__}",
                    fix="mend the row, or name another field with --set text=",
                )  # fmt: skip
            if not value or not value.strip():
                continue
            labels: tuple[str, ...] = ()
            is_list = False
            if names[1] is not None:
                labels, is_list = _labels(_value(row, names[1]), separator)
                if not labels and not is_list:
                    raise CastorError(
                        "a row has no label", where=file, got=f"row {number}, {names[1]} empty",
                        fix="remove the row, or name another field with --set label=",
                    )  # fmt: skip
            yield Row(value, labels, is_list, file.name)


def _labels(value: Any, separator: str | None) -> tuple[tuple[str, ...], bool]:
    """The labels that a field holds, each once, and whether it holds a list."""
    is_list = isinstance(value, list | tuple)
    if isinstance(value, str) and separator:
        value, is_list = value.split(separator), True
    values = value if is_list else [value]
    names = [str(int(v)) if isinstance(v, bool) else str(v) for v in values if v is not None]
    words = ("_".join(name.split()) for name in names)  # as fastText's format needs them
    return tuple(dict.fromkeys(w for w in words if w)), is_list


def _files(data: Iterable[Path]) -> Iterator[Path]:
    known = (*LINES, *TABLES, COLUMNS)
    for path in data:
        inside = path / "kept" if (path / "kept").is_dir() else path
        some = [f for f in files_under(inside) if not path.is_dir() or _kind(f) in known]
        if not some:
            raise ConfigError("no rows there", where=path, fix=f"give {', '.join(known)} files")
        for file in some:
            if _kind(file) not in known:
                raise ConfigError(
                    "no reader for this file",
                    got=file,
                    fix=f"give {', '.join(known)}, packed or not",
                )
            yield file


def _kind(file: Path) -> str:
    name = file.name.lower()
    for ending in PACKED:
        name = name.removesuffix(ending)
    return os.path.splitext(name)[1]


def _rows(file: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        with file.open("rb") as raw:
            if _kind(file) == COLUMNS:
                yield from _parquet.read_parquet(raw, file.stat().st_size)
                return
            stream = _compression.open_stream(raw, file.name, limit_bytes=MAX_UNPACKED)
            if _kind(file) in TABLES:
                yield from _table(stream, "," if _kind(file) == ".csv" else "\t")
                return
            for number, row in _jsonl.read_jsonl(stream, max_bytes=MAX_ROW_BYTES):
                if isinstance(row, RejectError):
                    raise row
                yield number, row
    except (RejectError, OSError, UnicodeDecodeError, csv.Error) as error:
        raise CastorError("the data cannot be read", where=file, got=error) from error


def _table(stream: Any, separator: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The rows of a table, by the names in its first line. Quotes count in CSV only."""
    text = io.TextIOWrapper(stream, "utf-8-sig", newline="")
    before = csv.field_size_limit(MAX_ROW_BYTES)
    try:
        if separator == ",":
            table = csv.DictReader(text)
        else:
            table = csv.DictReader(text, delimiter=separator, quoting=csv.QUOTE_NONE)
        for number, row in enumerate(table, 1):
            yield number, {str(k): v for k, v in row.items() if k is not None}
    finally:
        csv.field_size_limit(before)


def _field(
    row: Mapping[str, Any], wanted: str | None, usual: Sequence[str], file: Path, kind: str
) -> str:
    if wanted is not None:
        if _value(row, wanted) is None and wanted not in row and not wanted.startswith("meta."):
            raise ConfigError(
                f"the rows have no field {wanted!r}", where=file,
                got=", ".join(map(str, row)), fix=f"name one with --set {kind}=",
            )  # fmt: skip
        return wanted
    for name in usual:
        if name in row:
            return name
    raise ConfigError(
        f"none of the usual fields of a {kind} is there", where=file,
        got=", ".join(map(str, row)), fix=f"name one with --set {kind}=",
    )  # fmt: skip


def _value(row: Mapping[str, Any], name: str) -> Any:
    if name in row:
        return row[name]
    if name.startswith("meta.") and row.get("meta"):
        return dict(row["meta"]).get(name[5:])
    return None
