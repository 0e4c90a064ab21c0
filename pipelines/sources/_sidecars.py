"""The words that lie beside a picture, sound or clip.

Two places are looked at: files of the same stem in the same folder (`a.txt`, `a.caption`,
`a.json`, `a.srt`, `a.vtt`, `a.ttml`, with a language as in `a.en.vtt`), and tables: files
named in TABLES, in the folder or any folder above it up to the root, with one JSON object
per line: `file` (or `file_name`), `text`, and where they apply `kind`, `caption`, `lang`.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import pathlib
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from castor.filters.record import Part
from castor.pipelines.source import InputFile
from castor.pipelines.sources import _cues

TABLES = ("captions.jsonl", "transcripts.jsonl", "metadata.jsonl")
UNTIMED = (".txt", ".caption", ".json")
SUFFIXES = (*_cues.SUFFIXES, *UNTIMED)
MAX_BYTES = 8_000_000
MAX_TABLE_BYTES = 256_000_000
# The names of these kinds of words in `parts`, and how tables spell them.
KINDS = {"alt text": "alt", "class label": "label"}
JSON_FIELDS = ("caption", "text", "alt", "transcript")
# A sidecar's language: BCP 47, as in `clip.en.vtt` or `clip.pt-BR.srt`.
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")


@dataclasses.dataclass(frozen=True)
class Words:
    """Words of one kind beside a medium.

    Attributes:
        kind: `caption`, `alt`, `label`, `transcript` or `subtitle`.
        language: BCP 47, or None where nothing says it.
        cues: the words; times are None for untimed text.
        origin: the file that holds them.
        speaker: who says them, where a table names one.
    """

    kind: str
    language: str | None
    cues: Sequence[tuple[float | None, float | None, str]]
    origin: str
    speaker: str | None = None


class Kinds(NamedTuple):
    """What timed and untimed words beside a medium are, where the words do not say it."""

    timed: str
    untimed: str


def stem_of(name: str) -> str:
    """The path without its last suffix."""
    return posixpath.splitext(name)[0]


def of_stem(
    names: Iterable[str], stem: str, read: Callable[[str], bytes], kinds: Kinds
) -> tuple[list[Words], list[str]]:
    """What the same-stem files among `names` hold.

    Args:
        names: paths of the files that may be sidecars.
        stem: path of the medium without its suffix.
        read: the bytes of one of those files.
        kinds: what words beside this medium are.

    Returns:
        The words, timed ones first, and a line for each sidecar that could not be read.
    """
    found: list[tuple[int, str, str | None]] = []
    for name in names:
        base, suffix = posixpath.splitext(name)
        suffix = suffix.lower()
        if suffix not in SUFFIXES:
            continue
        language = base[len(stem) + 1 :] if base.startswith(stem + ".") else None
        if base == stem or (language and _LANGUAGE.fullmatch(language)):
            found.append((SUFFIXES.index(suffix), name, language))
    words, faults = [], []
    for rank, name, language in sorted(found, key=lambda f: (f[0], f[1])):
        try:
            words += _read_one(read(name), SUFFIXES[rank], language, kinds, name)
        except (ValueError, OSError) as error:
            faults.append(f"{posixpath.basename(name)}: {' '.join(str(error).split())}"[:200])
    return words, faults


def in_folder(file: InputFile, kinds: Kinds) -> tuple[list[Words], list[str]]:
    """What lies beside a file of a folder."""

    def read(name: str) -> bytes:
        path = file.beside(name)
        if path is None:
            raise ValueError("it leads out of the root")
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"over {MAX_BYTES} bytes")
        return path.read_bytes()

    folder, name = posixpath.split(file.path)
    stem = stem_of(name)
    names = _names_like(os.path.join(file.root, folder), stem)
    return of_stem((n for n in names if n != name), stem, read, kinds)


def in_tables(file: InputFile, member: str | None, kinds: Kinds) -> tuple[list[Words], list[str]]:
    """What the tables of the file's folder and the folders above it say, nearest first.

    A table may count its paths from a folder above its own: the fewest leading folders
    are dropped with which one of its first entries names a file that is there.
    """
    words: list[Words] = []
    faults: list[str] = []
    folder = posixpath.dirname(file.path)
    while True:
        for name in TABLES:
            path = pathlib.Path(file.root, folder, name)
            if not path.is_file():
                continue
            state = path.stat()
            try:
                entries = _table(str(path), state.st_size, state.st_mtime_ns)
            except (ValueError, OSError) as error:
                faults.append(f"{name}: {' '.join(str(error).split())}"[:200])
                continue
            key = posixpath.relpath(file.path, folder or ".")
            key = f"{key}::{member}" if member is not None else key
            of_table = "transcript" if name == "transcripts.jsonl" else kinds.untimed
            for row in entries.get(key, ()):
                words += _of_row(row, of_table, name)
        if not folder:
            return words, faults
        folder = posixpath.dirname(folder)


def is_sidecar(file: InputFile) -> bool:
    """Whether a file is read together with a medium beside it, or is a table."""
    folder, name = posixpath.split(file.path)
    suffix = posixpath.splitext(name)[1].lower()
    if name in TABLES or suffix in _cues.SUFFIXES:
        return True
    names = _names_like(os.path.join(file.root, folder), name)
    return suffix in UNTIMED and any(belongs(name, other) for other in names)


def belongs(sidecar: str, medium: str) -> bool:
    """Whether `a.txt` or `a.en.txt` has the stem of `a.jpg`; two sidecars belong to neither."""
    if medium.lower().endswith(SUFFIXES):
        return False
    stem, base = stem_of(medium), stem_of(sidecar)
    language = base[len(stem) + 1 :] if base.startswith(stem + ".") else ""
    return base == stem or _LANGUAGE.fullmatch(language) is not None


def merged(words: Sequence[Words]) -> list[Words]:
    """One text per kind and language: the first of them; timed and nearer ones come first."""
    chosen: list[Words] = []
    for candidate in words:
        same = [w for w in chosen if w.kind == candidate.kind]
        known = {w.language for w in same}
        if not same or not ({None, candidate.language} & known or candidate.language is None):
            chosen.append(candidate)
    return chosen


def as_text(words: Sequence[Words]) -> tuple[str | None, tuple[Part, ...]]:
    """All words as one text, a line each, and the parts that say what is where (bytes)."""
    lines: list[str] = []
    parts: list[Part] = []
    at = 0
    for group in words:
        for t0_s, t1_s, text in group.cues:
            n_bytes = len(text.encode("utf-8"))
            parts.append(Part(group.kind, at, at + n_bytes, None, t0_s, t1_s))
            lines.append(text)
            at += n_bytes + 1
    return ("\n".join(lines) if lines else None), tuple(parts)


def decode(data: bytes) -> str:
    """Text of a sidecar: UTF-8, or UTF-16 with a byte order mark.

    Raises:
        ValueError: it is neither.
    """
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    return data.decode(encoding).replace("\r\n", "\n").replace("\0", "")


def _read_one(
    data: bytes, suffix: str, language: str | None, kinds: Kinds, name: str
) -> list[Words]:
    text = decode(data)
    if suffix in _cues.SUFFIXES:
        return [Words(kinds.timed, language, _cues.parse(text, suffix), name)]
    kind = kinds.untimed
    if suffix == ".json":
        row = json.loads(text)
        if not isinstance(row, Mapping):
            raise ValueError("not a JSON object")
        field = next((f for f in JSON_FIELDS if isinstance(row.get(f), str)), None)
        text, language = (row[field] if field else ""), language or _string(row.get("lang"))
        kind = "alt" if field == "alt" else kind
    text = text.strip()
    return [Words(kind, language, [(None, None, text)], name)] if text else []


def _of_row(row: Mapping[str, object], kind: str, origin: str) -> list[Words]:
    """The words of one row of a table: its text, and a caption beside an alt text."""
    language = _string(row.get("lang"))
    named = _string(row.get("kind"))
    named = KINDS.get(named, named) if named else kind
    found = [(named, row.get("text"))]
    if named != "caption":
        found.append(("caption", row.get("caption")))
    return [
        Words(k, language, [(None, None, text.strip())], origin, _string(row.get("speaker")))
        for k, text in found
        if isinstance(text, str) and text.strip()
    ]


@functools.lru_cache(maxsize=8)
def _table(path: str, size: int, mtime_ns: int) -> dict[str, list[dict[str, object]]]:
    """Rows of a table by path relative to its folder; size and time say when to reread it."""
    if size > MAX_TABLE_BYTES:
        raise ValueError(f"over {MAX_TABLE_BYTES} bytes")
    rows: dict[str, list[dict[str, object]]] = {}
    with open(path, encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            row = json.loads(line)
            name = row.get("file", row.get("file_name")) if isinstance(row, dict) else None
            if not isinstance(name, str):
                raise ValueError(f"line {number} has no 'file'")
            rows.setdefault(name, []).append(row)
    folder = os.path.dirname(path)
    n_dropped = _leading_folders(folder, list(rows)[:100])
    return {_without(name, n_dropped): found for name, found in rows.items()}


def _leading_folders(folder: str, names: Sequence[str]) -> int:
    for n_dropped in range(8):
        for name in names:
            path = _without(name, n_dropped).partition("::")[0]
            if path and os.path.isfile(os.path.join(folder, path)):
                return n_dropped
    return 0


def _without(name: str, n_folders: int) -> str:
    path, mark, member = name.partition("::")
    return "/".join(posixpath.normpath(path).split("/")[n_folders:]) + mark + member


def _names_like(folder: str, name: str) -> tuple[str, ...]:
    """Names in a folder that agree with a name up to its first dot, sorted."""
    return _listing(folder, os.stat(folder).st_mtime_ns).get(name.split(".")[0], ())


@functools.lru_cache(maxsize=64)
def _listing(folder: str, mtime_ns: int) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            found.setdefault(entry.name.split(".")[0], []).append(entry.name)
    return {stem: tuple(sorted(names)) for stem, names in found.items()}


def _string(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
