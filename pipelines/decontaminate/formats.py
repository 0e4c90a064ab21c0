"""Benchmark files as rows: JSON, JSON Lines, CSV, TSV and Parquet, plain or compressed."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from castor.filters.errors import ConfigError

Row = Mapping[str, Any]

_SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
_COMPRESSED = (".gz", ".zst", ".xz", ".bz2")
# A table without a header has numbered columns; these layouts of such tables are known.
_HEADERLESS = {
    2: ("question", "answer"),  # MGSM (Shi et al. 2022)
    6: ("question", "A", "B", "C", "D", "answer"),  # MMLU (Hendrycks et al. 2021)
}


def format_of(name: str) -> tuple[str, str, str]:
    """(name without suffixes, suffix of the format, suffix of the compression or empty).

    Raises:
        ConfigError: the suffix is that of no format we read.
    """
    stem, packed = name, ""
    for suffix in _COMPRESSED:
        if stem.lower().endswith(suffix):
            stem, packed = stem[: -len(suffix)], suffix
    for suffix in _SUFFIXES:
        if stem.lower().endswith(suffix):
            return stem[: -len(suffix)], suffix, packed
    raise ConfigError(
        "a file among the benchmarks is none that can be read",
        where=name,
        got=f"formats read: {', '.join(_SUFFIXES)}, each also {', '.join(_COMPRESSED)}",
        fix="move it elsewhere, or leave it out with exclude",
    )


def read_rows(name: str, data: bytes) -> Sequence[Row]:
    """All rows of a benchmark file, in order.

    Args:
        name: the file's name, which tells the format and is named in errors.
        data: the whole file as it lies on disk.

    Raises:
        ConfigError: the file cannot be read.
    """
    _, suffix, packed = format_of(name)
    try:
        plain = _decompress(data, packed)
        rows = _READERS[suffix](plain)
    except (OSError, EOFError, lzma.LZMAError, zlib.error, ValueError, csv.Error) as error:
        raise ConfigError(
            "a benchmark file cannot be read, so its items would not be protected",
            where=name,
            got=f"{type(error).__name__}: {error}",
            fix="fetch the file again, or leave it out with exclude",
        ) from error
    if not rows:
        raise ConfigError("a benchmark file has no items", where=name, fix="exclude it")
    return rows


def _decompress(data: bytes, packed: str) -> bytes:
    if packed == ".gz":
        return gzip.decompress(data)
    if packed == ".bz2":
        return bz2.decompress(data)
    if packed == ".xz":
        return lzma.decompress(data)
    if packed == ".zst":
        import zstandard

        try:
            with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)) as stream:
                return stream.read()
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from error
    return data


def _text(data: bytes) -> str:
    return data.decode("utf-8-sig")


def _json_lines(data: bytes) -> list[Row]:
    rows: list[Row] = []
    # Not splitlines(): JSON strings may hold U+2028 and its like, which end no JSON line.
    for number, line in enumerate(_text(data).split("\n"), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"line {number}: {error}") from error
            if not isinstance(row, dict):
                raise ValueError(f"line {number} is no object but {type(row).__name__}")
            rows.append(row)
    return rows


def _json(data: bytes) -> Sequence[Row]:
    """A list of objects, or an object that holds one: BIG-Bench's `examples`, SQuAD's `data`."""
    whole = json.loads(_text(data))
    if isinstance(whole, dict):
        rows = _from_object(whole)
    elif isinstance(whole, list):
        rows = whole
    else:
        raise ValueError(f"neither a list nor an object but {type(whole).__name__}")
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("the list holds more than objects")
    return rows


def _from_object(whole: dict[str, Any]) -> Sequence[Row]:
    squad = whole.get("data")
    if isinstance(squad, list) and all(isinstance(a, dict) and "paragraphs" in a for a in squad):
        return [
            {**question, "context": paragraph["context"]}
            for article in squad
            for paragraph in article["paragraphs"]
            for question in paragraph["qas"]
        ]
    canary = [{"canary": whole["canary"]}] if isinstance(whole.get("canary"), str) else []
    lists = [v for v in whole.values() if isinstance(v, list) and v and isinstance(v[0], dict)]
    if len(lists) == 1:
        return canary + lists[0]
    columns = [v for v in whole.values() if isinstance(v, list)]
    if columns and len(columns) == len(whole) and len({len(c) for c in columns}) == 1:
        return [dict(zip(whole, values, strict=True)) for values in zip(*columns, strict=True)]
    if whole and all(isinstance(v, dict) for v in whole.values()):
        return [{"id": key, **value} for key, value in whole.items()]
    raise ValueError(f"an object in which no list of items is found, keys: {sorted(whole)[:12]}")


def _table(data: bytes, delimiter: str) -> list[Row]:
    from castor.pipelines.decontaminate.fields import is_header

    # Quotes in TSV are plain characters (MGSM has some that never close), in CSV they quote.
    text = io.StringIO(_text(data), newline="")
    csv.field_size_limit(1 << 27)
    if delimiter == "\t":
        reader = csv.reader(text, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(text, delimiter=delimiter)
    lines = [row for row in reader if row]
    if not lines:
        return []
    names: tuple[str, ...] | None = tuple(lines[0])
    if is_header(lines[0]):
        lines = lines[1:]
    else:
        names = _HEADERLESS.get(len(lines[0]))
    if names is None:
        raise ValueError(
            f"no known name among the first row's {len(lines[0])} columns, and a table without "
            f"a header has one of {sorted(_HEADERLESS)} columns: {lines[0]!r:.200}"
        )
    wrong = next((i for i, row in enumerate(lines) if len(row) != len(names)), None)
    if wrong is not None:
        raise ValueError(f"row {wrong} has {len(lines[wrong])} columns, not {len(names)}")
    rows: list[Row] = [dict(zip(names, row, strict=True)) for row in lines]
    return rows


def _parquet(data: bytes) -> list[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    return pq.read_table(pa.BufferReader(data)).to_pylist()


_READERS: dict[str, Callable[[bytes], Sequence[Row]]] = {
    ".json": _json,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".csv": lambda data: _table(data, ","),
    ".tsv": lambda data: _table(data, "\t"),
    ".parquet": _parquet,
}
