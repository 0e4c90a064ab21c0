"""Match: which rows duplicate which, from packed signatures; documents never cross a shuffle.

Sign reads the signature columns of a measured shard and cuts them by the prefix of their
hash; whatever shares a prefix meets in one place. Only rows that share a MinHash band, or
enough sampled grams where containment counts, are read again, by their own shard, as sets of
word n-grams; Resolve compares those exactly.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Iterator

import apache_beam as beam
import numpy as np

from castor.filters import storage
from castor.pipelines import leaks, progress
from castor.pipelines.dataset import read_shard
from castor.pipelines.decontaminate.scan import common_grams, pack_hits
from castor.pipelines.dedup import candidates, containment, exact, resolve, shingles, signatures
from castor.pipelines.signatures import BANDS, SAMPLE, as_lists, fields_of
from castor.pipelines.stages.decisions import alive_of, columns_of
from castor.pipelines.stages.step import Step

PREFIXES = 16  # a prefix must fit in memory; packed pieces shuffle best when they are few
EXACT, BANDED, SAMPLED, HITS = "exact", "banded", "sampled", "hits"
FIRST = np.iinfo(np.uint64).max  # size of a reference row: it is kept before all others


class Sign(Step):
    """Shard number -> (prefix, packed signatures): exact as main output, the others tagged.

    And (shard number, places where grams of benchmarks stand), tagged too.
    """

    def setup(self) -> None:
        """Knows which shards are references."""
        super().setup()
        written = {s.number for s in self.job.written}
        self._reference = {s.number for s in self.job.shards} - written

    def process(self, element: tuple[int, int]) -> Iterator[tuple[int, bytes]]:
        """Signs one shard."""
        number = element[0]
        with progress.reporting(self.job.work):
            yield from self._signatures(number)
            progress.tell(self.job.work, "match", shards=1)

    def _signatures(self, number: int) -> Iterator:
        source = self.source_of(number)
        dedup, first_row = self.job.recipe.dedup, 0
        hashes, bands, samples, hits = [], [], [], []
        for batch in read_shard(self.job.measured(number), self._columns(source)):
            alive = alive_of(batch, self.tools, source)
            if dedup and dedup.exact:
                hashes.append(signatures.pack_exact(batch, number, first_row, alive))
            if dedup and dedup.near:
                column = as_lists(batch.column(BANDS))
                bands.append(signatures.pack_bands(batch, column, number, first_row, alive))
            if dedup and dedup.near and dedup.near.containment is not None:
                column = batch.column(SAMPLE)
                samples.append(signatures.pack_samples(batch, column, number, first_row, alive))
            if self.job.against and number not in self._reference:
                index = leaks.index_of(self.job.work, self.job.against)
                hits.append(pack_hits(batch.column("text"), index, number, first_row, alive))
            first_row += batch.num_rows
        if number in self._reference:
            for packed in (*hashes, *bands, *samples):
                packed["n_bytes"] = FIRST
        if hashes:
            yield from signatures.by_prefix(np.concatenate(hashes), PREFIXES)
        for tag, signed in ((BANDED, bands), (SAMPLED, samples)):
            for item in signatures.by_prefix(np.concatenate(signed), PREFIXES) if signed else ():
                yield beam.pvalue.TaggedOutput(tag, item)
        if hits:
            yield beam.pvalue.TaggedOutput(HITS, (number, np.concatenate(hits).tobytes()))

    def _columns(self, source: str) -> list[str]:
        columns = {"content_hash", "text", "media", "modality", *columns_of(self.tools, source)}
        return sorted(columns.union(f.name for f in fields_of(self.tools.near)))


def exact_matches(element: tuple[int, Iterable[bytes]]) -> Iterator[tuple[int, bytes]]:
    """One prefix of exact signatures -> (0, packed matches)."""
    matches = exact.exact_duplicates(element[1])
    if len(matches):
        yield 0, matches.tobytes()


def groups(element: tuple[int, Iterable[bytes]]) -> Iterator[tuple[int, bytes]]:
    """One prefix of band signatures -> (0, packed groups of rows that share a band)."""
    found = candidates.candidate_groups(element[1])
    if len(found):
        yield 0, found.tobytes()


def shared_grams(element: tuple[int, Iterable[bytes]]) -> Iterator[tuple[int, bytes]]:
    """One prefix of sampled grams -> (0, packed grams that several rows have)."""
    found = candidates.candidate_groups(element[1], signatures.SAMPLE)
    if len(found):
        yield 0, found.tobytes()


def rows_to_read(element: tuple[int, bytes]) -> Iterator[tuple[int, bytes]]:
    """Packed groups -> (shard number, packed row numbers)."""
    found = signatures.unpack([element[1]], signatures.BAND)
    yield from _packed(candidates.rows_to_read(signatures.place(found)))


class Contain(Step):
    """All shared grams and exact matches -> (shard number, packed rows that may be parts)."""

    def process(self, element: tuple[int, dict]) -> Iterator[tuple[int, bytes]]:
        """Finds the pairs of which one may contain the other."""
        with progress.reporting(self.job.work):
            parts = element[1]
            matches = candidates.join_exact(parts["exact"])
            found = containment.rows_in_pairs(
                parts["samples"], matches, self.tools.near.containment
            )
            yield from _packed(found)


class Shingle(Step):
    """(shard number, its candidate rows) -> (0, shard number), a file of n-gram sets made."""

    def process(self, element: tuple[int, Iterable[bytes]]) -> Iterator[tuple[int, bytes]]:
        """Writes the sets of one shard."""
        number = element[0]
        with progress.reporting(self.job.work):
            rows = np.unique(np.frombuffer(b"".join(element[1]), "<u4"))
            path = shingle_path(self.job.work, number)
            with storage.writing(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                measured = self.job.measured(number)
                shingles.write_shingles(measured, rows, path, self.tools.near.ngram)
            yield 0, str(number).encode()


class Resolve(Step):
    """All groups, exact matches and n-gram sets -> (shard number, its packed matches)."""

    def process(self, element: tuple[int, dict]) -> Iterator[tuple[int, bytes]]:
        """Compares the candidates exactly, and gives each shard its own matches."""
        with progress.reporting(self.job.work):
            parts = element[1]
            matches = candidates.join_exact(parts["exact"])
            if self.tools.near:
                found = resolve.near_duplicates(
                    parts["groups"], matches, self._shingles(parts["shingles"]),
                    self.tools.near.jaccard, samples=parts.get("samples", ()),
                    containment=self.tools.near.containment,
                )  # fmt: skip
                matches = resolve.all_matches(matches, found)
            for shard, mine in resolve.by_shard(matches).items():
                yield shard, mine.tobytes()

    def _shingles(self, numbers: Iterable[bytes]) -> dict[int, shingles.Shingles]:
        found = sorted(int(n) for n in numbers)
        return {n: shingles.read_shingles(shingle_path(self.job.work, n)) for n in found}


class Common(Step):
    """All places of grams and all matches -> (shard number, the name of the common grams)."""

    def process(self, element: tuple[int, dict]) -> Iterator[tuple[int, bytes]]:
        """Finds the grams of benchmarks that many documents of the corpus have."""
        with progress.reporting(self.job.work):
            parts = element[1]
            index = leaks.index_of(self.job.work, self.job.against)
            removed = signatures.place(signatures.unpack(parts["matches"], signatures.MATCH))
            common = common_grams(parts["hits"], len(index.grams), removed)
            name = leaks.save_common(self.job.work, common)
            for shard in self.job.written:
                yield shard.number, name.encode()


def _packed(rows: dict[int, np.ndarray]) -> Iterator[tuple[int, bytes]]:
    for shard, mine in rows.items():
        yield shard, mine.astype("<u4").tobytes()


def to_one_place(element: tuple[int, bytes]) -> tuple[int, bytes]:
    """(shard number, packed) -> (0, packed)."""
    return 0, element[1]


def shingle_path(work: pathlib.Path, number: int) -> pathlib.Path:
    """Where the n-gram sets of a shard's candidate rows lie."""
    return work / "shingles" / f"part-{number:05d}.sets"
