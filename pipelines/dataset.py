"""A dataset: a folder of Parquet shards and the manifest that says what they are.

A folder without a manifest is not a dataset: the manifest is written last. It holds only
what determines the bytes; see docs/dataset.md.
"""

from __future__ import annotations

import contextlib
import dataclasses
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from castor.filters import storage
from castor.filters.errors import CastorError, ConfigError
from castor.filters.record import MAX_ROWS, RECORD_SCHEMA, SCHEMA_VERSION, VERSION_KEY, check_schema

MANIFEST = "manifest.json"
OUTCOMES = ("kept", "dropped", "rejected", "duplicate", "contaminated")
FINDINGS = "findings"  # what was found of which benchmark item; no rows of the input


@dataclasses.dataclass(frozen=True)
class Shard:
    """One Parquet file of a dataset: path relative to it, rows, bytes, BLAKE2b-128 hex."""

    path: str
    rows: int
    bytes: int
    blake2b: str


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A dataset on disk that has a manifest.

    Attributes:
        path: its folder.
        manifest: the manifest as read.
        shards: its shards, in order.
    """

    path: pathlib.Path
    manifest: Mapping[str, Any]
    shards: tuple[Shard, ...]

    @property
    def rows(self) -> int:
        """Rows of all shards."""
        return sum(s.rows for s in self.shards)

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of the shards; an error if there is none."""
        if not self.shards:
            raise CastorError("the dataset has no rows, hence no schema", where=self.path)
        return read_schema(self.path / self.shards[0].path)

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """All rows in order, in batches of at most 1,024; only the columns asked for.

        Raises:
            CastorError: a shard is missing or damaged.
        """
        for shard in self.shards:
            yield from read_shard(self.path / shard.path, columns)

    def table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows as one Arrow table."""
        batches = list(self.batches(columns))
        if not batches:
            raise CastorError("the dataset has no rows", where=self.path)
        return pa.Table.from_batches(batches)


def is_ours(path: pathlib.Path) -> bool:
    """Whether a path is an output folder of Castor's, finished or not, and not rows of others."""
    return (path / MANIFEST).is_file() or (path / ".work").is_dir()


def open_folder(path: str | pathlib.Path) -> Dataset:
    """Opens the dataset in a folder (`OUT/kept`, or `OUT` of a run for its kept rows).

    Raises:
        CastorError: there is no finished dataset, something else is there (a tokenizer), or it
            is of a newer schema version.
    """
    folder = pathlib.Path(path)
    if not (folder / MANIFEST).is_file():
        unfinished = (folder / ".work").is_dir()
        raise CastorError(
            "no finished dataset here" if unfinished else "no dataset here",
            where=folder,
            got="a run that did not finish" if unfinished else f"no {MANIFEST}",
            fix="run the same command again: it resumes" if unfinished else "check the path",
        )
    manifest = read_manifest(folder)
    if "kind" in manifest:
        raise CastorError(
            "this is no dataset", where=folder, got=f"a {manifest['kind']}", fix="check the path"
        )
    if "shards" not in manifest and (folder / "kept" / MANIFEST).is_file():
        return open_folder(folder / "kept")
    try:
        shards = tuple(Shard(**s) for s in manifest["shards"])
    except (KeyError, TypeError) as error:
        raise _no_manifest(folder, f"shards that are none: {error}") from error
    return Dataset(folder, manifest, shards)


def open_rows(path: str | pathlib.Path) -> Dataset:
    """Opens a dataset whose rows are whole records, to be read again: kept ones.

    Raises:
        ConfigError: its rows are others, such as dropped ones, which hold no text.
        CastorError: as of `open_folder`, or there are no rows.
    """
    found = open_folder(path)
    name = found.manifest.get("dataset", "it")
    if not found.shards:
        raise CastorError(
            "the dataset is empty",
            where=path,
            got=f"no rows in {name}",
            fix="`castor inspect` shows where the rows of its run went",
        )
    lacking = [n for n in RECORD_SCHEMA.names if n not in found.schema.names]
    if lacking:
        raise ConfigError(
            "only kept rows can be read again",
            where=path,
            got=f"{name} rows without {', '.join(lacking)}",
            fix="give the output folder of a run, or kept/ in it",
        )
    return found


def read_manifest(folder: pathlib.Path) -> dict[str, Any]:
    """The manifest in a folder, whole and of a version that this Castor reads.

    Raises:
        CastorError: it is absent, no JSON, no manifest, changed, or of a newer version.
    """
    manifest = storage.read_json(folder / MANIFEST)
    version = manifest.get("schema_version") if isinstance(manifest, dict) else None
    if not isinstance(version, int):
        raise _no_manifest(folder, "no schema_version")
    if version > SCHEMA_VERSION:
        raise CastorError(
            f"the dataset has schema version {version}, this Castor reads up to {SCHEMA_VERSION}",
            where=folder,
            fix="install a newer Castor",
        )
    own = storage.digest_of({k: v for k, v in manifest.items() if k != "blake2b"})
    if manifest.get("blake2b", own) != own:
        raise CastorError(
            "the manifest was changed",
            where=folder / MANIFEST,
            got="content that does not fit its own digest",
            fix="restore it, or delete it and run the command that made it again",
        )
    return manifest


def _no_manifest(folder: pathlib.Path, got: str) -> CastorError:
    return CastorError(
        "this is no manifest of a dataset",
        where=folder / MANIFEST,
        got=got,
        fix="give a dataset of Castor's, or run the command that made it again",
    )


def read_schema(path: pathlib.Path) -> pa.Schema:
    """The schema of one shard.

    Raises:
        CastorError: as of `read_shard`, or the schema is none that this version reads.
    """
    with opened_shard(path) as file:
        schema = file.schema_arrow
    check_schema(schema, where=path)
    return schema


def read_shard(
    path: pathlib.Path, columns: Sequence[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """The rows of one Parquet shard, in the batches that it was written in.

    Raises:
        CastorError: the file is missing, truncated or no Parquet; it names the file.
    """
    with opened_shard(path) as file:
        for group in range(file.num_row_groups):
            yield from file.iter_batches(MAX_ROWS, row_groups=[group], columns=columns)


@contextlib.contextmanager
def opened_shard(path: pathlib.Path) -> Iterator[pq.ParquetFile]:
    """Opens a Parquet shard; the checksum of every page that is read is compared.

    Raises:
        CastorError: inside the block too: the file is missing, truncated, changed or no Parquet.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            yield file
    except (pa.ArrowException, OSError) as error:
        raise damaged(path, error) from error


def damaged(path: pathlib.Path, got: object) -> CastorError:
    """The error for a shard that is missing or not as it was written."""
    absent = isinstance(got, FileNotFoundError)
    if ".work" in path.parts:
        fix = "delete the folder .work and run the same command again"
    else:
        fix = (
            "`castor verify` lists what is wrong; delete the output folder's manifest.json and "
            "run the command that made it again to rebuild it"
        )
    return CastorError(
        "a shard is missing" if absent else "a shard is damaged",
        where=path,
        got=None if absent else " ".join(str(got).split())[:200],
        fix=fix,
    )


class ShardWriter:
    """A Parquet shard that grows batch by batch under a temporary name.

    `close` gives it its name, or removes it if it has no rows; `abandon` removes it.

    Args:
        path: the final name.
        schema: columns of a batch that it lacks are dropped, columns that a batch lacks are null.
        level: zstd level.

    Raises:
        CastorError: the operating system refuses to write.
    """

    def __init__(self, path: pathlib.Path, schema: pa.Schema, *, level: int = 3) -> None:
        self._path = path
        self._schema = schema.with_metadata({VERSION_KEY: str(SCHEMA_VERSION).encode()})
        self._level = level
        self._replacing = storage.replacing(path)
        self._temporary = self._replacing.__enter__()
        self._file: pq.ParquetWriter | None = None
        self.rows = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Appends the rows of a batch."""
        if batch.num_rows == 0:
            return
        names = set(batch.schema.names)
        columns = [
            batch.column(f.name) if f.name in names else pa.nulls(batch.num_rows, f.type)
            for f in self._schema
        ]
        try:
            if self._file is None:
                self._file = self._opened()
            self._file.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))
        except BaseException as error:
            self.abandon(error)
            raise
        self.rows += batch.num_rows

    def _opened(self) -> pq.ParquetWriter:
        return pq.ParquetWriter(
            self._temporary,
            self._schema,
            compression="zstd",
            compression_level=self._level,
            write_page_checksum=True,
        )

    def close(self, *, keep_empty: bool = False) -> int:
        """Gives the shard its name; returns its rows. Without rows there is no file, unless
        `keep_empty`.
        """
        try:
            if self._file is None:
                self._file = self._opened()
            self._file.close()
        except BaseException as error:
            self.abandon(error)
            raise
        self._replacing.__exit__(None, None, None)
        if self.rows == 0 and not keep_empty:
            self._path.unlink()
        return self.rows

    def abandon(self, error: BaseException | None = None) -> None:
        """Removes what was written. An OSError is raised again as the error for the user."""
        with contextlib.suppress(Exception):
            if self._file is not None:
                self._file.close()
        reason = error or _AbandonedError()
        with contextlib.suppress(_AbandonedError):
            self._replacing.__exit__(type(reason), reason, reason.__traceback__)


class _AbandonedError(Exception):
    """Ends the writing of a shard that nobody wants any more."""


def describe_shard(path: pathlib.Path, rows: int) -> Shard:
    """The manifest's line for a shard that was just written."""
    return Shard(path.name, rows, path.stat().st_size, storage.digest(path))
