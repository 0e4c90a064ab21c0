"""Lists that somebody else publishes: files, folders, and tar archives of them."""

from __future__ import annotations

import glob
import gzip
import hashlib
import lzma
import os
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from castor.filters.errors import ConfigError, unknown_name

Stamp = tuple[tuple[str, int, int], ...]


class ListFile(NamedTuple):
    """One list: its path inside the folder or archive without .gz and .txt, and its lines."""

    name: str
    data: bytes


def checked(options: Mapping[str, object], known: set[str], where: str) -> dict[str, list[str]]:
    """The options of an annotator that are lists of texts.

    Raises:
        ConfigError: an option is unknown, or not a list of texts.
    """
    found = {}
    for key, value in options.items():
        if key not in known:
            raise unknown_name("option", key, known, where=where)
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list | tuple) or not all(isinstance(v, str) for v in values):
            raise ConfigError(f"{key} must be a list of texts", where=where, got=repr(value))
        found[key] = [str(v) for v in values]
    return found


def stamp(paths: list[str], where: str) -> Stamp:
    """Path, size and time of every file under the paths, sorted: the key of a cache.

    Args:
        paths: files, folders and globs.
        where: the option that names them, for the error.

    Raises:
        ConfigError: a path does not exist, or there is no file in it.
    """
    found = set()
    for path in paths:
        matched = [path] if os.path.exists(path) else glob.glob(path)
        files = [f for m in matched for f in _under(m)]
        if not files:
            raise ConfigError("no list there", where=where, got=path, fix="check the path")
        found |= set(files)
    return tuple((f, os.stat(f).st_size, os.stat(f).st_mtime_ns) for f in sorted(found))


def read(files: Stamp, where: str) -> Iterator[ListFile]:
    """Every list in the files, archives opened, in order of their paths.

    Raises:
        ConfigError: a file cannot be read or unpacked.
    """
    for path, _, _ in files:
        try:
            yield from _read(path)
        except (OSError, EOFError, tarfile.TarError, lzma.LZMAError, zlib.error) as error:
            raise ConfigError(
                "the list cannot be read", where=where, got=f"{path}: {error}"
            ) from error


def digest(paths: list[str], where: str) -> str:
    """Digest of the names and contents of all lists, wherever they lie: 32 hex digits."""
    hasher = hashlib.blake2b(digest_size=16)
    entries = ((f.name.encode(), f.data) for f in read(stamp(paths, where), where))
    for name, data in sorted(entries):
        hasher.update(b"%d %d\0%b%b" % (len(name), len(data), name, data))
    return hasher.hexdigest()


def _under(path: str) -> list[str]:
    if not os.path.isdir(path):
        return [path]
    found = [os.path.join(folder, f) for folder, _, files in os.walk(path) for f in files]
    return [f for f in found if not os.path.basename(f).startswith(".")]


def _read(path: str) -> Iterator[ListFile]:
    if path.endswith((".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")):
        with tarfile.open(path) as archive:
            members = sorted((m for m in archive if m.isfile()), key=lambda m: m.name)
            for member in members:
                stream = archive.extractfile(member)
                if stream is not None:
                    yield ListFile(_name(member.name), stream.read())
        return
    with open(path, "rb") as file:
        data = file.read()
    parent = os.path.basename(os.path.dirname(path))
    is_gzip = path.endswith(".gz")
    yield ListFile(_name(f"{parent}/{os.path.basename(path)}"), gzip.decompress(data)
                   if is_gzip else data)  # fmt: skip


def _name(path: str) -> str:
    return path.removesuffix(".gz").removesuffix(".txt")
