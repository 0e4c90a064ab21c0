"""The documents that a tokenizer is trained on or that are encoded: shard by shard, in order.

A corpus is a dataset of Castor's, or files of rows (JSON lines, Parquet, TFRecord) that are read
as they are, without a run. It is known by the digests of its files, and cut into shards, each a
JSON value that a worker reads by itself.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import os
import pathlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.compute as pc

from castor.filters import storage
from castor.filters.errors import CastorError, ConfigError
from castor.filters.reasons import Reason
from castor.filters.record import MAX_ROWS, RECORD_SCHEMA, Record, batched
from castor.pipelines import inputs
from castor.pipelines.dataset import (
    MANIFEST,
    damaged,
    is_ours,
    open_rows,
    opened_shard,
    read_schema,
    read_shard,
)
from castor.pipelines.engines.fanout import Tell
from castor.pipelines.progress import BytesRead
from castor.pipelines.recipe import Limits, SourceSpec
from castor.pipelines.source import InputFile, Item, Rejected, RejectError, Skipped, load
from castor.pipelines.sources import _languages

UNKNOWN = "und"  # BCP 47: the language is undetermined
ROWS = "rows"  # the source of rows that name none
SHARD_BYTES = (
    16_000_000  # small files of rows are grouped up to this size; a larger one stands alone
)
DIGESTS = "digests.json"  # in the work folder: what the files held when they were last read
# A source's name becomes a folder's.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclasses.dataclass(frozen=True)
class Corpus:
    """Documents by shard.

    Attributes:
        path: the dataset's folder, or the pattern that gave the files.
        shards: one JSON value for each shard, for `batches`.
        sizes: bytes of the files of each shard.
        digest: what the files hold, without their folder's name.
        roots: absolute input roots by name, for the media of the documents.
        state: times and digests of files, to be kept in the work folder.
    """

    path: pathlib.Path
    shards: tuple[dict[str, Any], ...]
    sizes: tuple[int, ...]
    digest: str
    roots: dict[str, str]
    state: dict[str, Any]

    @property
    def bytes(self) -> int:
        """Bytes of all files."""
        return sum(self.sizes)

    @property
    def items(self) -> list[dict[str, Any]]:
        """What a function over shards is given: `number` and `shard`."""
        return [{"number": n, "shard": shard} for n, shard in enumerate(self.shards)]

    def refuse_empty(self, left_out: Mapping[str, int], fault: str | None) -> NoReturn:
        """Says why there is nothing in it to read.

        Args:
            left_out: number of documents by the reason why they are not read.
            fault: one of them in words.
        """
        reasons = ", ".join(f"{n:,} {reason}" for reason, n in sorted(left_out.items()))
        raise CastorError(
            "no document of the dataset has text" if left_out else "the dataset is empty",
            where=self.path,
            got=f"{reasons} ({fault})" if fault else reasons or "no documents",
            fix="give rows with a field text, or the output of `castor run`",
        )


def open_corpus(dataset: str | os.PathLike[str], out: pathlib.Path) -> Corpus:
    """Finds the shards of a dataset or of rows, and takes the digest of what they hold.

    Args:
        dataset: the output folder of a run, `kept/` in it, or a file, glob or folder of rows.
        out: the output folder of whoever asks; digests that are known there are not taken anew.

    Raises:
        ConfigError: there is nothing to read, the dataset holds no text, or `out` is part of it.
        CastorError: the dataset is not finished, or damaged.
    """
    path = pathlib.Path(os.path.abspath(os.path.expanduser(os.fspath(dataset))))
    if is_ours(path):
        return _of_dataset(path, out)
    return _of_rows(os.fspath(dataset), path, out)


def _of_dataset(path: pathlib.Path, out: pathlib.Path) -> Corpus:
    found = open_rows(path)
    if out in (path, found.path) or out.is_relative_to(found.path):
        raise ConfigError(
            "the output folder is the dataset's own", where=out, fix="give another folder"
        )
    shards = tuple(
        {"kind": "dataset", "root": str(found.path), "file": s.path, "blake2b": s.blake2b}
        for s in found.shards
    )
    return Corpus(
        path=path,
        shards=shards,
        sizes=tuple(s.bytes for s in found.shards),
        digest=storage.digest_of([[s.path, s.rows, s.blake2b] for s in found.shards]),
        roots=roots_of(found.path),
        state={},
    )


def roots_of(folder: pathlib.Path) -> dict[str, str]:
    """The input roots that the runs behind a dataset read, by name; see run.json.

    A dataset that was made of another one (`castor dedup`) names media under that one's roots.
    """
    found: dict[str, str] = {}
    seen: set[pathlib.Path] = set()
    todo = [folder]
    while todo:
        one = todo.pop()
        for note in (one / "run.json", one.parent / "run.json"):
            if note in seen or not note.is_file():
                continue
            seen.add(note)
            for name, root in storage.read_json(note).get("roots", {}).items():
                found.setdefault(name, root)
                if pathlib.Path(root, MANIFEST).is_file():
                    todo.append(pathlib.Path(root))
    return found


def _of_rows(given: str, path: pathlib.Path, out: pathlib.Path) -> Corpus:
    spec = SourceSpec(name=ROWS, kind="rows", input=given)
    try:
        files = inputs.find(spec, load("rows"))
    except ConfigError as error:
        if error.what not in ("the input does not exist", "the input matches no file"):
            raise
        raise ConfigError(
            error.what.replace("input", "dataset"),
            got=error.got,
            fix="give the output folder of a run, or a file, folder or quoted glob of rows "
            "(JSON lines, Parquet or TFRecord)",
        ) from error
    inputs.refuse_output(spec, files, out)
    known = _known(out)
    state = _digests(files, known)
    shards = inputs.shards([files], Limits(shard_bytes=SHARD_BYTES))
    entries = [[[f.path, state[_at(f)]] for f in s.files] for s in shards]
    return Corpus(
        path=path,
        shards=tuple({"kind": "rows", "root": files.root, "files": e} for e in entries),
        sizes=tuple(sum(f.n_bytes for f in s.files) for s in shards),
        digest=storage.digest_of([e for entry in entries for e in entry]),
        roots={},
        state=state,
    )


def _known(out: pathlib.Path) -> dict[str, str]:
    path = out / ".work" / DIGESTS
    return dict(storage.read_json(path)) if path.is_file() else {}


def _at(file: inputs.File) -> str:
    return f"{file.path}\t{file.n_bytes}\t{file.mtime_ns}"


def _digests(files: inputs.Inputs, known: dict[str, str]) -> dict[str, str]:
    """The digest of every file, by its path, size and time."""

    def digest(file: inputs.File) -> str:
        return known.get(_at(file)) or _digest(pathlib.Path(files.root, file.path))

    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return {_at(f): d for f, d in zip(files.files, pool.map(digest, files.files), strict=True)}


def _digest(path: pathlib.Path) -> str:
    try:
        return storage.digest(path)
    except OSError as error:
        raise CastorError(
            "cannot read an input file", where=path, got=error.strerror, fix="mend or move it"
        ) from error


class Reader:
    """Reads one shard; afterwards says what could not be read of it.

    Attributes:
        rejected: number of rows by typed reason, as a run would reject them.
        fault: the first of them in words.
    """

    def __init__(self, shard: dict[str, Any], tell: Tell) -> None:
        self._shard, self._tell = shard, tell
        self.rejected: Counter[str] = Counter()
        self.fault: str | None = None

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The records in order, in batches of RECORD_SCHEMA or some of its columns.

        Raises:
            CastorError: a shard of a dataset is damaged, or a file of rows is another by now.
        """
        names = list(columns or RECORD_SCHEMA.names)
        if self._shard["kind"] == "dataset":
            yield from self._dataset(names)
            return
        for batch in batched(self._rows()):
            yield batch.select(names)

    def _dataset(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        path = pathlib.Path(self._shard["root"], self._shard["file"])
        check(path, self._shard["blake2b"])
        told = BytesRead(self._tell, path.stat().st_size)
        with opened_shard(path) as file:
            per_row = path.stat().st_size / max(1, file.metadata.num_rows)
        for batch in read_shard(path, columns):
            yield batch.select(columns)
            self._tell(rows=batch.num_rows)
            told.add(int(per_row * batch.num_rows))
        told.end()

    def _rows(self) -> Iterator[Record]:
        source = load("rows")
        for path, blake2b in self._shard["files"]:
            place = pathlib.Path(self._shard["root"], path)
            if _digest(place) != blake2b:
                raise CastorError(
                    "an input file was changed while it was read", where=place,
                    fix="run the same command again when it is whole",
                )  # fmt: skip
            told = BytesRead(self._tell, place.stat().st_size)
            file = InputFile(ROWS, self._shard["root"], path, on_read=told.add)
            n_rows = 0
            for item in self._items(file, source(file)):
                record = self._record(item)
                if record is not None:
                    yield record
                    n_rows += 1
                if n_rows == MAX_ROWS:
                    self._tell(rows=n_rows)
                    n_rows = 0
            self._tell(rows=n_rows)  # before the last bytes, which end the pass
            told.end()

    def _items(self, file: InputFile, items: Iterator[Item]) -> Iterator[Item]:
        try:
            yield from items
        except RejectError as error:
            yield Rejected(file.key(error.place), error.place, error.reason, str(error))
        except OSError as error:
            yield Rejected(file.key(), "", Reason.UNREADABLE, str(error))

    def _record(self, item: Item) -> Record | None:
        if isinstance(item, Skipped):
            return None
        if isinstance(item, Rejected):
            self.rejected[str(item.reason)] += 1
            self.fault = self.fault or f"{item.key}: {item.message}"
            return None
        named = item.meta.get("source", "")
        if NAME.fullmatch(named):
            return dataclasses.replace(item, source=named)
        return item


def check(path: pathlib.Path, blake2b: str) -> None:
    """Refuses a shard whose bytes are not those of the manifest.

    Raises:
        CastorError: it is missing, or of another digest or a newer version.
    """
    try:
        digest = storage.digest(path)
    except OSError as error:
        raise damaged(path, error) from error
    if digest != blake2b:
        raise damaged(path, f"digest {digest}, not the manifest's {blake2b}")
    read_schema(path)


def languages_of(meta: pa.Array) -> list[str]:
    """The primary language subtag of each row, `und` where none is known.

    Args:
        meta: the column `meta` of a batch.
    """
    tags = pc.map_lookup(meta, pa.scalar("language"), "first").to_pylist()
    return [language_of(tag) for tag in tags]


@functools.lru_cache(maxsize=4096)
def language_of(tag: str | None) -> str:
    """The primary subtag of what a document's meta says of its language."""
    return _languages.primary(tag) or UNKNOWN


def text_bytes(text: pa.Array) -> pa.Array:
    """Bytes of UTF-8 of each row's text, 0 for null; int64 [rows]."""
    return pc.fill_null(pc.binary_length(text), 0).cast(pa.int64())
