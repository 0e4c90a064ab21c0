"""Reads sentences that say the same in several languages, from a file or a folder.

- JSON lines, one sentence a line, by language: `{"en": "...", "de": "..."}`
- JSON lines, one language a line: `{"id": 7, "lang": "en", "text": "..."}`; equal ids are one
- tables with a header of languages: .tsv (tabs) or .csv
- a folder with one text file for each language (FLORES: `eng_Latn.dev`), line i of all the same

A file may be packed with gzip. An empty sentence, or one that is not there, is no sentence.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import pathlib
import zlib
from collections.abc import Mapping
from typing import Any

from castor.filters.errors import ConfigError

LANGUAGE_FIELDS = ("lang", "language")
Sentences = dict[str, list[str | None]]


def read(path: str | os.PathLike[str]) -> Sentences:
    """The sentences of each language, sentence i of all languages being the same.

    Raises:
        ConfigError: the file is absent, of no known form, or holds fewer than two languages.
    """
    place = pathlib.Path(path)
    if place.is_dir():
        found = _folder(place)
    else:
        found = _file(place)
    found = {name: texts for name, texts in sorted(found.items()) if any(texts)}
    if len(found) < 2:
        raise ConfigError(
            "parallel sentences need two languages",
            where=place,
            got=", ".join(found) or "none",
            fix=_FORMS,
        )
    return found


_FORMS = 'give JSON lines such as {"en": "...", "de": "..."}, a .tsv, or a folder of text files'


def _file(path: pathlib.Path) -> Sentences:
    text = _text(path)
    suffix = next((s for s in reversed(path.suffixes) if s != ".gz"), "")
    if suffix in (".tsv", ".csv"):
        rows = list(csv.reader(io.StringIO(text), delimiter="\t" if suffix == ".tsv" else ","))
        return _wide([dict(zip(rows[0], row)) for row in rows[1:]] if rows else [])
    objects = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise _wrong(path, f"line {number}: {error}") from error
        if not isinstance(row, dict):
            raise _wrong(path, f"line {number} is no object")
        objects.append(row)
    long = [_language(row) for row in objects]
    if objects and all(long):
        return _long(path, objects)
    if any(isinstance(v, str) for row in objects for v in row.values()):
        return _wide(objects)
    raise _wrong(path, "no line with sentences")


def _language(row: Mapping[str, Any]) -> str | None:
    """The language that a row of one language names, None if it is no such row."""
    if not isinstance(row.get("text"), str):
        return None
    return next((row[f] for f in LANGUAGE_FIELDS if isinstance(row.get(f), str)), None)


def _long(path: pathlib.Path, rows: list[dict[str, Any]]) -> Sentences:
    place: dict[str, int] = {}
    found: Sentences = {}
    for number, row in enumerate(rows, 1):
        if "id" not in row:
            raise _wrong(path, f"row {number} names a language but no id of its sentence")
        name = _language(row)
        assert name is not None
        at = place.setdefault(str(row["id"]), len(place))
        own = found.setdefault(name, [])
        own += [None] * (at + 1 - len(own))
        own[at] = row["text"] or None
    return {name: own + [None] * (len(place) - len(own)) for name, own in found.items()}


def _wide(rows: list[dict[str, Any]]) -> Sentences:
    """Columns of text by name; `id` and what is no text are no languages."""
    names = {
        name
        for row in rows
        for name, value in row.items()
        if isinstance(value, str) and name and name not in ("id", "url", "domain", "topic")
    }
    return {
        name: [
            row.get(name) if isinstance(row.get(name), str) and row[name] else None for row in rows
        ]
        for name in names
    }


def _folder(folder: pathlib.Path) -> Sentences:
    found: Sentences = {}
    for path in sorted(p for p in folder.iterdir() if p.is_file() and p.name[0] != "."):
        name = path.name.split(".")[0]
        if name in found:
            raise _wrong(folder, f"two files of {name}")
        lines = _text(path).removesuffix("\n").split("\n")
        found[name] = [line.rstrip("\r") or None for line in lines]
    lengths = {name: len(lines) for name, lines in found.items()}
    if len(set(lengths.values())) > 1:
        few, many = min(lengths, key=lengths.__getitem__), max(lengths, key=lengths.__getitem__)
        raise _wrong(folder, f"{lengths[few]} lines of {few}, {lengths[many]} of {many}")
    return found


def _text(path: pathlib.Path) -> str:
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        return data.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(
            "cannot read the parallel sentences", where=path, got=error.strerror or str(error)
        ) from error
    except (UnicodeDecodeError, EOFError, zlib.error) as error:
        raise _wrong(path, f"no text in UTF-8, or a packed file that is broken: {error}") from error


def _wrong(path: pathlib.Path, got: str) -> ConfigError:
    return ConfigError("these are no parallel sentences", where=path, got=got[:200], fix=_FORMS)
