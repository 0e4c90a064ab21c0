"""The nearest licence above a source file: its folder's, else the next folder's up.

In each folder licence files speak first, package metadata where there is none. What is
nearest wins, so that a copyleft library in a permissive repository keeps its own terms; a
licence file whose words are not known says nothing, and nothing above it speaks instead.
"""

from __future__ import annotations

import configparser
import dataclasses
import functools
import json
import os
import posixpath
import re
import tomllib
from collections.abc import Iterable
from typing import Any

from castor.filters import spdx
from castor.filters.code import vendored
from castor.pipelines.sources import _code_language, _licence
from castor.pipelines.sources._licence_names import of_name

MAX_BYTES = 1_000_000  # of a licence file or of package metadata; the longest licences have 40 kB
_MAX_POINTER_CHARS = 300  # "see LICENSE for the terms" and a copyright line
_PROSE = frozenset({"txt", "text", "md", "markdown", "mdown", "rst", "html", "htm", "adoc", "org"})
_PRIMARY = re.compile(r"(licen[cs]e|copying|unlicense)(\.(txt|text|md|markdown|rst|html?))?", re.I)
_LICENCE_NAME = re.compile(
    r"(licen[cs]es?|copying|unlicense|copyright)([-._ ].*)?|[a-z0-9.]+[-_]licen[cs]e(\.\w+)?", re.I
)
_METADATA = frozenset(
    {"package.json", "bower.json", "composer.json", "Cargo.toml", "pyproject.toml", "setup.cfg"}
)
_FIELDS = {
    ".cabal": re.compile(r"^license:[ \t]*(.+)$", re.M | re.I),
    ".gemspec": re.compile(r"\.licenses?\s*=\s*\[?\s*[\"']([^\"']+)"),
    "DESCRIPTION": re.compile(r"^License:[ \t]*(.+)$", re.M),
}
_CLASSIFIER = re.compile(r"License :: (?:OSI Approved :: )?(.+)")


@dataclasses.dataclass(frozen=True)
class Stated:
    """What a folder states: the SPDX expression, None if not understood, and where."""

    licence: str | None
    path: str


def is_licence_file(path: str) -> bool:
    """Whether the file's name is that of a licence: LICENSE-MIT, COPYING.LESSER, licence.txt."""
    name = posixpath.basename(path)
    if not _LICENCE_NAME.fullmatch(name):
        return False
    suffix = posixpath.splitext(name)[1][1:].lower()
    return suffix in _PROSE or suffix not in _code_language.SUFFIXES


def states_licence(path: str) -> bool:
    """Whether a file may state the licence of its folder: a licence file or metadata."""
    name = posixpath.basename(path)
    suffix = posixpath.splitext(name)[1]
    return is_licence_file(path) or name in _METADATA or name in _FIELDS or suffix in _FIELDS


class LicenceTree:
    """Licences by folder, from the files that may state them."""

    def __init__(self) -> None:
        self._folders: dict[str, dict[str, str]] = {}
        self._stated: dict[str, Stated | None] = {}

    def add(self, path: str, data: bytes) -> None:
        """Takes a file for which `states_licence` is true."""
        folder, name = posixpath.split(path)
        self._folders.setdefault(folder, {})[name] = data.decode("utf-8", "replace")
        self._stated.pop(folder, None)

    def nearest(self, path: str) -> Stated | None:
        """What the nearest folder above a file states, or None if none does.

        The search ends at a folder that is kept for other people's code: the licence of the
        repository around it does not cover what lies in it.
        """
        folder, last = posixpath.dirname(path), vendored.folder_of(path) or ""
        while True:
            if folder in self._folders:
                if folder not in self._stated:
                    self._stated[folder] = of_folder(folder, self._folders[folder])
                if self._stated[folder] is not None:
                    return self._stated[folder]
            if folder in ("", "/", last):
                return None
            folder = posixpath.dirname(folder)


def of_folder(folder: str, files: dict[str, str]) -> Stated | None:
    """What the files of one folder state together, or None if nothing."""
    licences = {n: _licence.of_licence_file(files[n]) for n in sorted(files) if is_licence_file(n)}
    for name in [n for n, e in licences.items() if e is None and _points(files[n], n, licences)]:
        del licences[name]
    for name in [n for n in licences if n.lower().startswith("copyright") and not licences[n]]:
        del licences[name]  # a list of holders states no terms
    if licences:
        return _of_files(folder, licences)
    for name in (n for n in sorted(files) if not is_licence_file(n)):
        stated, expression = of_metadata(name, files[name])
        if stated:
            text = None if expression is None else spdx.render(expression)
            return Stated(text, posixpath.join(folder, name))
    return None


def _of_files(folder: str, licences: dict[str, spdx.Expression | None]) -> Stated:
    """The LGPL's two files are one licence; LICENSE-A beside LICENSE-B offers a choice.

    Where LICENSE or COPYING is not understood, no other file speaks for it.
    """
    lesser = [n for n, e in licences.items() if isinstance(e, str) and e.startswith("LGPL")]
    primary = [n for n in licences if _PRIMARY.fullmatch(n)]
    unknown = next((n for n in primary if licences[n] is None), None)
    if unknown is not None:
        return Stated(None, posixpath.join(folder, unknown))
    chosen = lesser or primary
    operator = "AND"
    if not chosen:
        chosen, operator = [n for n in licences if licences[n]], "OR"
    if not chosen:
        return Stated(None, posixpath.join(folder, next(iter(licences))))
    found = [e for n in chosen if (e := licences[n]) is not None]
    return Stated(spdx.render(spdx.combine(operator, found)), posixpath.join(folder, chosen[0]))


def _points(text: str, name: str, licences: Iterable[str]) -> bool:
    """Whether a licence file only says in which other file the terms stand."""
    others = (n for n in licences if n != name)
    return len(text) < _MAX_POINTER_CHARS and any(n in text for n in others)


def of_metadata(name: str, text: str) -> tuple[bool, spdx.Expression | None]:
    """Whether package metadata states a licence, and which (None if not understood)."""
    try:
        values = _values(name, text)
    except (ValueError, configparser.Error, RecursionError):
        return False, None  # not readable as metadata: the file is a source like others
    values = [v for v in values if v and not v.upper().startswith("SEE LICEN")]
    if not values:
        return False, None
    found = [of_name(v.replace("/", " OR ")) or of_name(v) for v in values]
    known = [e for e in found if e is not None]
    return True, spdx.combine("OR", known) if len(known) == len(values) else None


def _values(name: str, text: str) -> list[str]:
    if name.endswith(".json"):
        return _json_values(json.loads(text))
    if name.endswith(".toml"):
        return _toml_values(tomllib.loads(text))
    if name == "setup.cfg":
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        parser.read_string(text)
        metadata = parser["metadata"] if parser.has_section("metadata") else {}
        return [metadata.get("license", "")] if metadata.get("license") else []
    pattern = _FIELDS.get(name) or _FIELDS[posixpath.splitext(name)[1]]
    match = pattern.search(text)
    return [match[1].strip()] if match else []


def _json_values(data: Any) -> list[str]:
    """In npm and Composer: a string, `{type}`, or a list of either."""
    if not isinstance(data, dict):
        return []
    stated = data.get("license", data.get("licenses"))
    entries = stated if isinstance(stated, list) else [stated]
    types = (e.get("type") if isinstance(e, dict) else e for e in entries)
    return [t for t in types if isinstance(t, str)]


def _toml_values(data: dict[str, Any]) -> list[str]:
    """Cargo, its workspaces, PEP 621, Poetry."""
    tables = [data.get("package"), data.get("project")]
    for outer, inner in (("workspace", "package"), ("tool", "poetry")):
        table = data.get(outer)
        tables.append(table.get(inner) if isinstance(table, dict) else None)
    for table in tables:
        if not isinstance(table, dict):
            continue
        stated = table.get("license")
        stated = stated.get("text") if isinstance(stated, dict) else stated
        if isinstance(stated, str):
            return [stated]
        classifiers = table.get("classifiers")
        named = (
            [c for c in classifiers if isinstance(c, str)] if isinstance(classifiers, list) else []
        )
        found = [m[1] for c in named if (m := _CLASSIFIER.fullmatch(c))]
        if found:
            return found
    return []


def nearest_on_disk(root: str, path: str) -> Stated | None:
    """As `LicenceTree.nearest`, for a file at `path` under the folder `root`."""
    folder, last = posixpath.dirname(path), vendored.folder_of(path) or ""
    while True:
        absolute = os.path.join(root, folder)
        stated = _on_disk(absolute, os.stat(absolute).st_mtime_ns)
        if stated is not None:
            return Stated(stated.licence, posixpath.join(folder, stated.path))
        if folder in ("", last):
            return None
        folder = posixpath.dirname(folder)


@functools.lru_cache(maxsize=4096)
def _on_disk(folder: str, changed_ns: int) -> Stated | None:
    """What a folder states, read once per state of the folder."""
    with os.scandir(folder) as entries:
        names = sorted(_eligible(entries))
    files = {}
    for name in names:
        with open(os.path.join(folder, name), "rb") as file:
            files[name] = file.read(MAX_BYTES).decode("utf-8", "replace")
    return of_folder("", files) if files else None


def _eligible(entries: Iterable[os.DirEntry[str]]) -> list[str]:
    return [
        e.name
        for e in entries
        if states_licence(e.name)
        and e.is_file(follow_symlinks=False)
        and e.stat(follow_symlinks=False).st_size <= MAX_BYTES
    ]
