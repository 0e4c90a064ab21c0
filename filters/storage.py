"""Files that appear whole or not at all.

Every file of a dataset is written under a temporary name in its own folder and renamed.
What the operating system refuses (a full disk, no permission) becomes one clear error.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import pathlib
import shutil
from collections.abc import Iterator
from typing import Any

from castor.filters.errors import CastorError

TEMPORARY = ".tmp-"  # prefix of names that a reader must never look at


@contextlib.contextmanager
def writing(path: pathlib.Path) -> Iterator[None]:
    """Makes the operating system's refusal to write `path` one clear error.

    Raises:
        CastorError: the disk is full, or the file may not be written.
    """
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from error


@contextlib.contextmanager
def replacing(path: pathlib.Path) -> Iterator[pathlib.Path]:
    """Gives a temporary name beside `path`; on success it is renamed to `path`.

    Raises:
        CastorError: the operating system refuses; nothing is left behind.
    """
    temporary = path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")
    with writing(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def write_bytes(path: pathlib.Path, data: bytes) -> None:
    """Writes a small file whole."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: pathlib.Path, value: Any) -> None:
    """Writes JSON with sorted keys, one item a line, UTF-8, a final newline."""
    write_bytes(path, to_json(value))


def to_json(value: Any) -> bytes:
    """The canonical bytes of a JSON value: equal values give equal bytes."""
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def read_json(path: pathlib.Path) -> Any:
    """Reads a JSON file of ours.

    Raises:
        CastorError: the file is absent, unreadable or no JSON.
    """
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise CastorError("cannot read", where=path, got=error.strerror) from error
    except ValueError as error:
        raise CastorError(
            "the file is damaged: no valid JSON",
            where=path,
            got=str(error),
            fix="restore it, or run the same command again into a new folder",
        ) from error


def digest(path: pathlib.Path) -> str:
    """Hexadecimal 128-bit BLAKE2b of the file's bytes."""
    hasher = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            hasher.update(block)
    return hasher.hexdigest()


def digest_of(value: Any) -> str:
    """Hexadecimal 128-bit BLAKE2b of a JSON value."""
    return hashlib.blake2b(to_json(value), digest_size=16).hexdigest()


def remove_temporaries(folder: pathlib.Path) -> None:
    """Removes what a killed run left under temporary names, at any depth."""
    for path in folder.rglob(f"{TEMPORARY}*"):
        path.unlink(missing_ok=True)


def cannot_write(path: pathlib.Path, error: OSError) -> CastorError:
    """The error for a refused write, with what the user can do about it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        folder = next(p for p in (path, *path.parents) if p.exists())
        free = shutil.disk_usage(folder).free
        return CastorError(
            "the disk is full",
            where=path,
            got=f"{free / 1e6:.0f} MB free",
            fix="make room and run the same command again: it resumes where it stopped",
        )
    return CastorError(
        "cannot write",
        where=path,
        got=error.strerror or str(error),
        fix="choose an output folder that you may write to",
    )
