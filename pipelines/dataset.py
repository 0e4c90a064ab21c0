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

from castor.filters.errors import CastorError
from castor.filters.record import MAX_ROWS, SCHEMA_VERSION, VERSION_KEY
from castor.pipelines import storage

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
        with _shard_errors(self.path / self.shards[0].path):
            return pq.read_schema(self.path / self.shards[0].path)

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


def open_folder(path: str | pathlib.Path) -> Dataset:
    """Opens the dataset in a folder (`OUT/kept`, or `OUT` of a run for its kept rows).

    Raises:
        CastorError: there is no finished dataset, or it is of a newer schema version.
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
    manifest = storage.read_json(folder / MANIFEST)
    if manifest.get("schema_version", 0) > SCHEMA_VERSION:
        raise CastorError(
            f"the dataset has schema version {manifest['schema_version']}, this Castor reads up "
            f"to {SCHEMA_VERSION}",
            where=folder,
            fix="install a newer Castor",
        )
    if "shards" not in manifest and (folder / "kept" / MANIFEST).is_file():
        return open_folder(folder / "kept")
    return Dataset(folder, manifest, tuple(Shard(**s) for s in manifest.get("shards", ())))


def read_shard(
    path: pathlib.Path, columns: Sequence[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """The rows of one Parquet shard, in the batches that it was written in.

    Raises:
        CastorError: the file is missing, truncated or no Parquet; it names the file.
    """
    with _shard_errors(path), pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            yield from file.iter_batches(MAX_ROWS, row_groups=[group], columns=columns)


@contextlib.contextmanager
def _shard_errors(path: pathlib.Path) -> Iterator[None]:
    """Turns what Arrow says of a shard that is missing or damaged into one clear error."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        absent = isinstance(error, FileNotFoundError)
        raise CastorError(
            "a shard is missing" if absent else "a shard is damaged",
            where=path,
            got=None if absent else " ".join(str(error).split())[:200],
            fix="`castor verify` lists what is wrong; delete the output folder's manifest.json "
            "and run the same command again to rebuild it",
        ) from error


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
                self._file = pq.ParquetWriter(
                    self._temporary, self._schema, compression="zstd", compression_level=self._level
                )
            self._file.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))
        except BaseException as error:
            self.abandon(error)
            raise
        self.rows += batch.num_rows

    def close(self, *, keep_empty: bool = False) -> int:
        """Gives the shard its name; returns its rows. Without rows there is no file, unless
        `keep_empty`.
        """
        try:
            if self._file is None:
                self._file = pq.ParquetWriter(self._temporary, self._schema)
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
