"""Sources: a pure generator over one input file, without Beam.

A source is one file in pipelines/sources/ with one decorated generator:

    @source(version=1, files=["*.jsonl", "*.jsonl.gz"], options=Options)
    def rows(file: InputFile, options: Options) -> Iterator[Item]:
        ...
        yield Record(key=file.key("17"), source=file.source, ...)

An item is a Record, a Rejected (it was a document, or a file, and could not be read), or a
Skipped (it is no document; counted by reason). Whatever the generator raises costs the
rest of this file only: one rejected row.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import io
import os
import pathlib
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO

from castor.filters.reasons import Reason, Skip
from castor.filters.record import Record
from castor.filters.registry import find

FOLDER = "castor.pipelines.sources"


@dataclasses.dataclass(frozen=True, slots=True)
class Rejected:
    """Something that should have become a document but could not be read.

    Attributes:
        key: the key that the document would have had.
        place: where in the file (`offset 1234`, a member's path, `row 17`), or empty.
        reason: the typed reason.
        message: what exactly was wrong, in one line.
    """

    key: str
    place: str
    reason: Reason
    message: str


@dataclasses.dataclass(frozen=True, slots=True)
class Skipped:
    """Parts of the input that are no documents; counted in the manifest by reason."""

    reason: Skip
    count: int = 1


Item = Record | Rejected | Skipped


class RejectError(Exception):
    """Raised inside a source to reject the rest of the file with a typed reason."""

    def __init__(self, reason: Reason, message: str, *, place: str = "") -> None:
        super().__init__(message)
        self.reason, self.place = reason, place


@dataclasses.dataclass(frozen=True)
class InputFile:
    """One input file, addressed by its path relative to a named root.

    Attributes:
        source: the name of the source in the recipe; keys and MediaRef.uri start with it.
        root: absolute folder of the root.
        path: posix path relative to the root.
        max_document_bytes: a single document over this is rejected as `too_large`.
        on_read: called with the number of bytes whenever some were read, for progress.
    """

    source: str
    root: str
    path: str
    max_document_bytes: int = 64_000_000
    on_read: Callable[[int], None] | None = None

    def key(self, place: str = "") -> str:
        """The key of the document at a place in this file: `<source>:<path>[@<place>]`."""
        return f"{self.source}:{self.path}" + (f"@{place}" if place else "")

    @property
    def uri(self) -> str:
        """The uri for a MediaRef into this file."""
        return f"{self.source}:{self.path}"

    @property
    def local_path(self) -> pathlib.Path:
        """Where the file lies on this machine."""
        return pathlib.Path(self.root, self.path)

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.local_path.stat().st_size

    def open(self) -> BinaryIO:
        """Opens the file's raw bytes; decompression is the source's own business."""
        if self.on_read is None:
            return self.local_path.open("rb")
        return io.BufferedReader(_Watched(self.local_path, self.on_read), 1 << 18)

    def beside(self, relative: str) -> pathlib.Path | None:
        """A file at `relative` to this file's folder, or None if absent or outside the root.

        Used for sidecars: captions, transcripts, subtitles, licence files.
        """
        root = os.path.realpath(self.root)
        path = os.path.realpath(os.path.join(root, os.path.dirname(self.path), relative))
        if os.path.commonpath([root, path]) != root or not os.path.isfile(path):
            return None
        return pathlib.Path(path)


class _Watched(io.FileIO):
    """A file that tells how much of it was read."""

    def __init__(self, path: pathlib.Path, on_read: Callable[[int], None]) -> None:
        super().__init__(path)
        self._on_read = on_read

    def readinto(self, buffer: Any) -> int | None:
        n_bytes = super().readinto(buffer)
        self._on_read(n_bytes or 0)
        return n_bytes


@dataclasses.dataclass(frozen=True)
class Source:
    """One kind of input: its name, version, the files it takes and its options.

    Its input is a dataset of Castor's if `of_dataset` is true, and its files are shards of that.
    """

    name: str
    version: int
    files: tuple[str, ...]
    options: type
    function: Callable[[InputFile, Any], Iterator[Item]]
    module: str
    doc: str
    of_dataset: bool = False

    def __call__(self, file: InputFile, options: Any = None) -> Iterator[Item]:
        """The items of one file, in the file's order."""
        return self.function(file, self.options() if options is None else options)


@dataclasses.dataclass(frozen=True)
class NoOptions:
    """A source without options."""


def source(
    *, version: int, files: Sequence[str], options: type = NoOptions, of_dataset: bool = False
) -> Callable[[Callable[[InputFile, Any], Iterator[Item]]], Source]:
    """Makes the decorated generator a Source named like its file.

    Args:
        version: raise it whenever any item it yields can change.
        files: fnmatch patterns (lower case, matched against the lower-cased base name) of
            the files that are read when the input is a folder.
        options: a frozen dataclass; its fields are the keys allowed under `options:`. Where it has
            a method `pinned`, what that returns (a JSON value) stands for them in manifests.
        of_dataset: the input is a dataset of Castor's: the shards that its manifest names are read.
    """

    def decorate(function: Callable[[InputFile, Any], Iterator[Item]]) -> Source:
        return Source(
            name=function.__module__.rpartition(".")[2],
            version=version,
            files=tuple(files),
            options=options,
            function=function,
            module=function.__module__,
            doc=(function.__doc__ or "").strip(),
            of_dataset=of_dataset,
        )

    return decorate


@functools.cache
def names() -> tuple[str, ...]:
    """The sources that ship with Castor, sorted."""
    package = importlib.import_module(FOLDER)
    found = (m.name for m in pkgutil.iter_modules(package.__path__))
    return tuple(sorted(n for n in found if not n.startswith("_")))


@functools.cache
def load(name: str) -> Source:
    """The source of that name, or of the outside module `package.module`.

    Raises:
        ConfigError: there is none of that name; the nearest one is named.
        CastorError: see `castor.filters.registry.find`.
    """
    found: Source = find("source", name, FOLDER, names(), Source)
    return found
