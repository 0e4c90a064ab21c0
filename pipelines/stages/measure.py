"""Measure: a shard of raw input becomes measured rows, once.

Read -> Rewrite -> Annotate -> Store, each a step over `(shard number, RecordBatch)`. The
batches of a shard follow one another through the fused steps; the last one is empty and
carries, in its schema's metadata, the note that closes the shard.
"""

from __future__ import annotations

import contextlib
import functools
import json
import pathlib
from collections import Counter
from collections.abc import Generator, Iterator

import pyarrow as pa

from castor.filters import storage
from castor.filters.content_hash import content_hashes
from castor.filters.errors import CastorError
from castor.filters.reasons import Reason
from castor.filters.record import (
    RECORD_SCHEMA,
    Record,
    batched,
    size_of,
    to_batch,
)
from castor.pipelines import coders, progress
from castor.pipelines.dataset import (
    ShardWriter,
    damaged,
    open_folder,
    read_schema,
    read_shard,
)
from castor.pipelines.inputs import File, ShardInput
from castor.pipelines.job import Job, Tools, measure_fingerprint, read_fingerprint
from castor.pipelines.signatures import COLUMNS, with_signatures
from castor.pipelines.source import InputFile, Item, Rejected, RejectError, Skipped
from castor.pipelines.stages.step import Step

assert coders  # importing it registers the coder of RecordBatch

Batch = tuple[int, pa.RecordBatch]
END = b"castor.shard_end"
REJECTED_SCHEMA = pa.schema(
    [
        pa.field(name, pa.string(), nullable=False)
        for name in ("key", "source", "place", "reason", "message")
    ]
)


class Read(Step):
    """Shard number -> batches of records; the rejections go to a file of their own."""

    def process(self, element: tuple[int, int]) -> Iterator[Batch]:
        """Reads one shard; the last batch is empty and carries its note."""
        number = element[0]
        with progress.reporting(self.job.work):
            rejections = ShardWriter(self.job.rejected(number), REJECTED_SCHEMA, level=1)
            try:
                reader = ShardReader(self.job, self.tools, self.job.shards[number], rejections)
                for batch in reader.batches():
                    yield number, batch
                note = reader.note() | {"rejected": rejections.close()}
            except BaseException:
                rejections.abandon()
                raise
            end = {**RECORD_SCHEMA.metadata, END: json.dumps(note).encode()}
            yield number, to_batch([]).replace_schema_metadata(end)


class ShardReader:
    """Reads the files of one shard: records, and beside them rejections, skips, digests."""

    def __init__(self, job: Job, tools: Tools, shard: ShardInput, rejections: ShardWriter) -> None:
        self._job, self._tools, self._shard = job, tools, shard
        self._rejections = rejections
        self._skipped: Counter[str] = Counter()
        self._digests: list[tuple[str, int, str]] = []
        self._records = 0

    def _reject(self, item: Rejected) -> None:
        row = {
            "key": _printable(item.key),
            "source": self._shard.source,
            "place": _printable(item.place),
            "reason": str(item.reason),
            "message": _printable(item.message)[:1000],
        }
        self._rejections.write(pa.RecordBatch.from_pylist([row], schema=REJECTED_SCHEMA))

    def note(self) -> dict[str, object]:
        """What is known once the shard was read."""
        fingerprint = read_fingerprint if self._job.recipe.boilerplate else measure_fingerprint
        return {
            "fingerprint": fingerprint(self._job, self._shard),
            "source": self._shard.source,
            "inputs": self._digests,
            "mtimes_ns": [f.mtime_ns for f in self._shard.files],
            "skipped": dict(sorted(self._skipped.items())),
        }

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The documents of all files, in order; of a dataset with its signal columns."""
        if self._tools.sources[self._shard.source].name == "dataset":
            yield from self._dataset_batches()
        else:
            yield from batched(self.records())

    def _dataset_batches(self) -> Iterator[pa.RecordBatch]:
        folder = self._job.roots[self._shard.source]
        known = {s.path: s.blake2b for s in open_folder(folder).shards}
        own = {*COLUMNS, *(f.name for _, a in self._tools.annotators for f in a.columns)}
        for file in self._shard.files:
            path = pathlib.Path(folder, file.path)
            digest = storage.digest(path)
            if digest != known[file.path]:
                raise damaged(path, f"digest {digest}, not the manifest's {known[file.path]}")
            read_schema(path)  # refuses what is of a newer version
            self._digests.append((file.path, file.n_bytes, digest))
            for batch in read_shard(path):
                left = (
                    batch.num_rows if self._job.limit is None else self._job.limit - self._records
                )
                batch = batch.slice(0, max(0, left))
                self._records += batch.num_rows
                yield batch.drop_columns([n for n in batch.schema.names if n in own])
            progress.tell(self._job.work, "measure", n_bytes=file.n_bytes)

    def records(self) -> Iterator[Record]:
        """The records of all files, in order."""
        for file in self._shard.files:
            if self._full():
                return
            tell = functools.partial(progress.tell, self._job.work, "measure")
            told = progress.BytesRead(tell, file.n_bytes)
            yield from self._records_of(file, told)
            told.end()

    def _full(self) -> bool:
        return self._job.limit is not None and self._records >= self._job.limit

    def _records_of(self, file: File, told: progress.BytesRead) -> Iterator[Record]:
        name = self._shard.source
        limits = self._job.recipe.limits
        opened = InputFile(
            name, self._job.roots[name], file.path, limits.max_document_bytes, told.add
        )
        try:
            self._digests.append((file.path, file.n_bytes, storage.digest(opened.local_path)))
        except OSError as error:
            message = error.strerror or str(error)
            self._reject(Rejected(opened.key(), "", Reason.UNREADABLE, message))
            return
        source, options = self._tools.sources[name], self._tools.options[name]
        with contextlib.closing(self._guarded(opened, source(opened, options))) as items:
            for item in items:
                if isinstance(item, Skipped):
                    self._skipped[str(item.reason)] += item.count
                elif isinstance(item, Rejected):
                    self._reject(item)
                elif fault := _fault(item, limits.max_document_bytes):
                    self._reject(fault)
                else:
                    self._records += 1
                    yield item
                    if self._full():
                        return

    def _guarded(self, file: InputFile, items: Iterator[Item]) -> Generator[Item]:
        """The items of a file; what its reader raises becomes one rejection."""
        try:
            yield from items
        except RejectError as error:
            yield Rejected(file.key(error.place), error.place, error.reason, str(error))
        except CastorError:
            raise
        except ImportError as error:  # the installation is at fault, not the input
            raise CastorError(
                "a package that a source needs cannot be imported",
                where=f"source {self._shard.source!r}",
                got=str(error),
                fix="`castor doctor` says what is missing; on workers, install castor[all]",
            ) from error
        except OSError as error:
            yield Rejected(file.key(), "", Reason.UNREADABLE, str(error))
        except Exception as error:  # noqa: BLE001 - a reader may raise anything on hostile input
            message = f"{type(error).__name__}: {error}"
            yield Rejected(file.key(), "", Reason.READER_FAILED, message)


class Rewrite(Step):
    """Edits the text, and adds one column of edit counts per rewriter."""

    def process(self, element: Batch) -> Iterator[Batch]:
        """Rewrites one batch by the rewriters of its source, in the order of the recipe."""
        number, batch = element
        with progress.reporting(self.job.work):
            for step, rewriter in self.tools.rewriters_of(self.source_of(number)):
                batch, edits = rewriter.rewrite(batch, step.options)
                batch = batch.append_column(rewriter.column, edits)
            yield number, batch


class Annotate(Step):
    """Adds the columns of every annotator, the content hash and the signatures."""

    def process(self, element: Batch) -> Iterator[Batch]:
        """Measures one batch, which keeps the note that its schema may carry."""
        number, batch = element
        with progress.reporting(self.job.work):
            end = batch.schema.metadata
            for step, annotator in self.tools.annotators_of(self.source_of(number)):
                signals = annotator.annotate(batch, self.tools.context(self.job.roots, step))
                for field, column in zip(signals.schema, signals.columns, strict=True):
                    batch = batch.append_column(field, column)
            place = batch.schema.get_field_index("content_hash")
            hashes = content_hashes(batch)
            batch = batch.set_column(place, RECORD_SCHEMA.field("content_hash"), hashes)
            if self.tools.near:
                batch = with_signatures(batch, self.tools.near)
            yield number, batch.replace_schema_metadata(end)


class Store(Step):
    """Writes the batches of a shard to its measured file; says when the shard is whole.

    Args:
        path: of the job.
        read: it is the file of rows that were read and are not measured yet.
    """

    def __init__(self, path: str, *, read: bool = False) -> None:
        super().__init__(path)
        self._read = read

    def setup(self) -> None:
        """No shard is open yet."""
        super().setup()
        self._open: dict[int, ShardWriter] = {}

    def process(self, element: Batch) -> Iterator[tuple[int, int]]:
        """Writes one batch; yields (shard number, 0) once the shard's file is whole."""
        number, batch = element
        with progress.reporting(self.job.work):
            writer = self._open.get(number)
            if writer is None:
                writer = self._open[number] = self._writer(number)
            end = (batch.schema.metadata or {}).get(END)
            if end is None:
                writer.write(batch)
                if not self._read:
                    progress.tell(self.job.work, "measure", rows=batch.num_rows)
                return
            del self._open[number]
            rows = writer.close(keep_empty=True)
            note = json.loads(end) | {"rows": rows}
            if self._read:
                storage.write_json(self.job.read_note(number), note)
            else:
                storage.write_json(self.job.note(number), note)
                progress.tell(self.job.work, "measure", shards=1)
            yield number, 0

    def _writer(self, number: int) -> ShardWriter:
        if self._read:
            return ShardWriter(self.job.read(number), self.tools.read_schema, level=1)
        return ShardWriter(self.job.measured(number), self.tools.measured_schema, level=1)

    def teardown(self) -> None:
        """Leaves no half of a shard behind when the bundle failed."""
        for writer in self._open.values():
            writer.abandon()
        self._open.clear()


def _fault(record: Record, max_document_bytes: int) -> Rejected | None:
    try:
        size = size_of(record)
        "".join([record.key, *record.meta, *record.meta.values()]).encode()
    except UnicodeEncodeError as error:
        message = f"lone surrogate {error.object[error.start]!r}: not valid Unicode text"
        return Rejected(_printable(record.key), "", Reason.BAD_ENCODING, message)
    if size > max_document_bytes:
        message = f"{size} bytes, over max_document_bytes = {max_document_bytes}"
        return Rejected(record.key, "", Reason.TOO_LARGE, message)
    return None


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
