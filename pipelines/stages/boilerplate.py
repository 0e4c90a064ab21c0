"""Boilerplate: what stands on many pages of a site goes, before anything is measured.

Keep writes the rows of a shard as they were read, Lines counts what they say, Gather names the
lines that stand on many pages, and Trim gives the rows again without them. From there on they
go the way of all rows.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Iterator

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from castor.filters import storage
from castor.filters.annotators.url import ADDRESS, split
from castor.filters.html.lines.scan import lines_of
from castor.filters.html.lines.trim import lines_to_cut, without
from castor.filters.public_suffix import registered
from castor.filters.record import RECORD_SCHEMA, Modality, to_batch
from castor.pipelines import progress
from castor.pipelines.boilerplate import count
from castor.pipelines.dataset import read_shard
from castor.pipelines.job import EDITS, Job, is_measured, trimmed_fingerprint
from castor.pipelines.recipe import Boilerplate
from castor.pipelines.stages.measure import END, Batch
from castor.pipelines.stages.step import Step

READY = "ready"


class Seen(Step):
    """Shard number -> (prefix, shard number), for every prefix of lines that the shard has."""

    def process(self, element: tuple[int, int]) -> Iterator[tuple[int, bytes]]:
        """Counts one shard into a file of its own."""
        number = element[0]
        with progress.reporting(self.job.work):
            if not takes_part(self.job, number):
                return
            parts = [np.empty(0, count.SEEN)]
            for batch in read_shard(self.job.read(number), ["modality", "text", "parts", "meta"]):
                parts.append(count.seen(lines_of(batch.column("text")), _sites(batch)))
            path = self.job.seen(number)
            with storage.replacing(path) as temporary:
                prefixes = count.write(temporary, np.concatenate(parts))
            for prefix in prefixes:
                yield prefix, str(number).encode()


class Count(Step):
    """(prefix, its shards) -> (0, packed COUNT of the lines on enough pages)."""

    def process(self, element: tuple[int, Iterable[bytes]]) -> Iterator[tuple[int, bytes]]:
        """Counts one prefix over all shards."""
        prefix, shards = element
        with progress.reporting(self.job.work):
            parts = [count.read(self.job.seen(int(n)), prefix) for n in sorted(shards, key=int)]
            found = count.counts(parts, asked(self.job).pages)
            if len(found):
                yield 0, found.tobytes()


class Gather(Step):
    """(0, all counts) -> (shard number, the name of the repeated lines), for every shard."""

    def process(self, element: tuple[int, Iterable[bytes]]) -> Iterator[tuple[int, bytes]]:
        """Writes the keys of the lines that stand on a large enough share of their site."""
        with progress.reporting(self.job.work):
            counted = np.frombuffer(b"".join(element[1]), count.COUNT)
            keys = count.repeated(counted, asked(self.job).share).tobytes()
            name = hashlib.blake2b(keys, digest_size=16).hexdigest()
            storage.write_bytes(self.job.repeated(name), keys)
            for shard in self.job.shards:
                yield shard.number, name.encode()


class Trim(Step):
    """(shard number, the name of the repeated lines) -> its batches, as if they had been read.

    A shard that was measured before with the same lines taken out is READY: (number, 0).
    """

    def process(self, element: tuple[int, dict]) -> Iterator[Batch]:
        """Trims one shard."""
        number, parts = element
        with progress.reporting(self.job.work):
            name = next((n.decode() for n in parts["names"]), None)
            shard = self.job.shards[number]
            fingerprint = trimmed_fingerprint(self.job, shard, name)
            if is_measured(self.job, number, fingerprint):
                yield beam.pvalue.TaggedOutput(READY, (number, 0))
                return
            keys = np.zeros(0, np.uint64)
            if name and takes_part(self.job, number):
                keys = _load(str(self.job.repeated(name)))
            for batch in read_shard(self.job.read(number)):
                yield number, trimmed(batch, keys, asked(self.job).most)
            note = storage.read_json(self.job.read_note(number)) | {"fingerprint": fingerprint}
            end = {**RECORD_SCHEMA.metadata, END: json.dumps(note).encode()}
            yield number, to_batch([]).replace_schema_metadata(end)


def asked(job: Job) -> Boilerplate:
    """What a job says of boilerplate; there are no such steps in one that says nothing."""
    assert job.recipe.boilerplate is not None
    return job.recipe.boilerplate


def takes_part(job: Job, number: int) -> bool:
    """Whether lines of a shard are counted and taken out: not those of a reference."""
    return number in {s.number for s in job.written}


def trimmed(batch: pa.RecordBatch, keys: np.ndarray, most: float) -> pa.RecordBatch:
    """The batch without repeated lines, and how many each row lost in the column EDITS.

    Args:
        keys: sorted, as `count.repeated` gives them.
        most: share of its bytes that a text may lose; one that would lose more loses none.
    """
    lines, sites = lines_of(batch.column("text")), _sites(batch)
    n_cut = np.where(sites > 0, 0, -1)
    texts: dict[int, str] = {}
    is_repeated = count.among(keys, sites, lines)
    bounds = np.searchsorted(lines.row, np.arange(batch.num_rows + 1))
    for row in np.unique(lines.row[is_repeated]).tolist():
        own = slice(bounds[row], bounds[row + 1])
        cut = lines_to_cut(
            lines.kind[own].tolist(), (lines.end[own] - lines.start[own]).tolist(),
            is_repeated[own].tolist(), most,
        )  # fmt: skip
        if cut:
            n_cut[row] = len(cut)
            texts[row] = without(batch.column("text")[row].as_py(), cut)
    if texts:
        place, field = batch.schema.get_field_index("text"), RECORD_SCHEMA.field("text")
        values = batch.column("text").to_pylist()
        for row, text in texts.items():
            values[row] = text
        batch = batch.set_column(place, field, pa.array(values, field.type))
    return batch.append_column(EDITS, pa.array(n_cut, pa.int32(), mask=n_cut < 0))


def _sites(batch: pa.RecordBatch) -> np.ndarray:
    """The site of each row, uint64; 0 for a row of no web page, or in parts."""
    urls = pc.map_lookup(batch.column("meta"), pa.scalar("url"), "first")
    is_text = pc.equal(batch.column("modality"), Modality.TEXT.value)
    is_whole = pc.equal(pc.list_value_length(batch.column("parts")), 0)
    is_page = pc.and_(is_text, is_whole).to_pylist()
    domains = [_domain(u) if u and ok else None for u, ok in zip(urls.to_pylist(), is_page)]
    return count.sites_of(domains)


def _domain(url: str) -> str | None:
    """What somebody registered, of an address; its host where that is an address or a suffix."""
    parts = split(url)
    if parts is None:
        return None
    return parts[0] if ADDRESS.fullmatch(parts[0]) else registered(parts[0]) or parts[0]


@functools.lru_cache(maxsize=2)
def _load(path: str) -> np.ndarray:
    return np.fromfile(path, np.uint64)
