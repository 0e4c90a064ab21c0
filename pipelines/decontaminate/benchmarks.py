"""A folder of benchmark files, or a list of them, as items."""

from __future__ import annotations

import dataclasses
import fnmatch
import hashlib
import os
import pathlib
from collections.abc import Mapping, Sequence

from castor.filters.errors import ConfigError
from castor.pipelines.decontaminate import fields, formats
from castor.pipelines.decontaminate.fields import Item

# Files that lie beside benchmarks and are none.
_BESIDE = ("readme*", "license*", "licence*", "notice*", "sources*", ".*")


@dataclasses.dataclass(frozen=True)
class BenchmarkFile:
    """One file that was read, as it is pinned in the manifest.

    Attributes:
        path: relative to the folder.
        benchmark: the benchmark it belongs to: its folder, or its own name without suffixes.
        n_bytes: size on disk.
        blake2b: 16-byte BLAKE2b digest of the file as it lies on disk, in hex.
        items: number of items in it.
    """

    path: str
    benchmark: str
    n_bytes: int
    blake2b: str
    items: int


@dataclasses.dataclass(frozen=True)
class Benchmarks:
    """All items, in the order of their files' paths, and the files they come from."""

    items: tuple[Item, ...]
    files: tuple[BenchmarkFile, ...]


def load_benchmarks(
    against: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    exclude: Sequence[str] = (),
    mapping: Mapping[str, str] | None = None,
) -> Benchmarks:
    """Reads every benchmark file of a folder and its subfolders, or of a list of files.

    Args:
        against: a folder, a file, or a list of these.
        exclude: fnmatch patterns of paths relative to the folder that are not read.
        mapping: role to field name, see `fields.items`.

    Raises:
        ConfigError: a file cannot be read or is of no known format; there is no file at all.
        ConfigError: the fields of a file are not known.
    """
    roots = [against] if isinstance(against, str | os.PathLike) else list(against)
    unknown = sorted(set(mapping or ()) - set(fields.ROLES))
    if unknown:
        raise ConfigError(
            "the mapping of benchmark fields names no such role",
            got=", ".join(unknown),
            fix=f"known: {', '.join(fields.ROLES)}",
        )
    items: list[Item] = []
    files: list[BenchmarkFile] = []
    for root in roots:
        for path, relative in _walk(pathlib.Path(root), exclude):
            data = _bytes(path)
            stem, _, _ = formats.format_of(path.name)
            benchmark = relative.split("/")[0] if "/" in relative else stem
            rows = formats.read_rows(str(path), data)
            try:
                found = fields.items(benchmark, stem, rows, mapping)
            except ConfigError as error:
                raise ConfigError(error.what, where=path, got=error.got, fix=error.fix) from error
            items += found
            digest = hashlib.blake2b(data, digest_size=16).hexdigest()
            files.append(BenchmarkFile(relative, benchmark, len(data), digest, len(found)))
    if not files:
        raise ConfigError(
            "there is no benchmark to decontaminate against",
            where=", ".join(map(str, roots)),
            fix="give a folder of JSON, JSONL, CSV, TSV or Parquet files",
        )
    return Benchmarks(_distinct(items), tuple(files))


def _walk(root: pathlib.Path, exclude: Sequence[str]) -> list[tuple[pathlib.Path, str]]:
    """(path, path relative to the root with slashes) of every file, sorted by the latter."""
    if not root.exists():
        raise ConfigError("there is no such folder of benchmarks", where=root, fix="check the path")
    if root.is_file():
        return [(root, root.name)]
    found = []
    for path in root.rglob("*"):
        relative = path.relative_to(root).as_posix()
        parts = relative.lower().split("/")
        beside = any(p.startswith(".") for p in parts) or any(
            fnmatch.fnmatchcase(parts[-1], p) for p in _BESIDE
        )
        left_out = any(fnmatch.fnmatchcase(relative, pattern) for pattern in exclude)
        if path.is_file() and not beside and not left_out:
            found.append((path, relative))
    return sorted(found, key=lambda pair: pair[1])


def _bytes(path: pathlib.Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(
            "a benchmark file cannot be read, so its items would not be protected",
            where=path,
            got=error.strerror,
            fix="make it readable, or leave it out with exclude",
        ) from error


def _distinct(items: Sequence[Item]) -> tuple[Item, ...]:
    """Without repeated items; of different ones with one id the later get `#2`, `#3` ..."""
    seen: dict[Item, None] = {}
    used: dict[tuple[str, str], int] = {}
    for item in items:
        if item in seen:
            continue
        name = (item.benchmark, item.item_id)
        used[name] = used.get(name, 0) + 1
        if used[name] > 1:
            item = dataclasses.replace(item, item_id=f"{item.item_id}#{used[name]}")
        seen[item] = None
    return tuple(seen)
