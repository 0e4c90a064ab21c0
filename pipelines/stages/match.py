"""Match: which rows duplicate which, from packed signatures; documents never cross a shuffle.

Sign reads the signature columns of a measured shard and cuts them by the prefix of their
hash; whatever shares a prefix meets in one place. Only rows that share a MinHash band are
read again, by their own shard, as sets of word n-grams; Resolve compares those exactly.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterable, Iterator

import apache_beam as beam
import numpy as np

from castor.pipelines import progress
from castor.pipelines.dataset import read_shard
from castor.pipelines.dedup import candidates, exact, resolve, shingles, signatures
from castor.pipelines.job import BANDS
from castor.pipelines.stages.decisions import alive_of, columns_of
from castor.pipelines.stages.step import Step

PREFIXES = 16  # a prefix must fit in memory; packed pieces shuffle best when they are few
EXACT, BANDED = "exact", "banded"
FIRST = np.iinfo(np.uint64).max  # size of a reference row: it is kept before all others


class Sign(Step):
    """Shard number -> (prefix, packed signatures), exact as main output, bands tagged."""

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
        dedup = self.job.recipe.dedup
        if dedup is None:
            return
        source = self.source_of(number)
        columns = {"content_hash", "text", "media", "modality", *columns_of(self.tools, source)}
        columns |= {BANDS} if dedup.near else set()
        hashes, bands, first_row = [], [], 0
        for batch in read_shard(self.job.measured(number), sorted(columns)):
            alive = alive_of(batch, self.tools, source)
            hashes.append(signatures.pack_exact(batch, number, first_row, alive))
            if dedup.near:
                column = batch.column(BANDS)
                bands.append(signatures.pack_bands(batch, column, number, first_row, alive))
            if number in self._reference:
                for packed in (hashes[-1], *bands[-1:]):
                    packed["n_bytes"] = FIRST
            first_row += batch.num_rows
        if dedup.exact and hashes:
            yield from signatures.by_prefix(np.concatenate(hashes), PREFIXES)
        if bands:
            for item in signatures.by_prefix(np.concatenate(bands), PREFIXES):
                yield beam.pvalue.TaggedOutput(BANDED, item)


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


def rows_to_read(element: tuple[int, bytes]) -> Iterator[tuple[int, bytes]]:
    """Packed groups -> (shard number, packed row numbers)."""
    found = signatures.unpack([element[1]], signatures.BAND)
    for shard, rows in candidates.rows_to_read(found).items():
        yield shard, rows.astype("<u4").tobytes()


class Shingle(Step):
    """(shard number, its candidate rows) -> (0, shard number), a file of n-gram sets made."""

    def process(self, element: tuple[int, Iterable[bytes]]) -> Iterator[tuple[int, bytes]]:
        number = element[0]
        with progress.reporting(self.job.work):
            rows = np.unique(np.frombuffer(b"".join(element[1]), "<u4"))
            path = shingle_path(self.job.work, number)
            path.parent.mkdir(parents=True, exist_ok=True)
            shingles.write_shingles(self.job.measured(number), rows, path, self.tools.near.ngram)
            yield 0, str(number).encode()


class Resolve(Step):
    """All groups, exact matches and n-gram sets -> (shard number, its packed matches)."""

    def process(self, element: tuple[int, dict]) -> Iterator[tuple[int, bytes]]:
        with progress.reporting(self.job.work):
            parts = element[1]
            matches = candidates.join_exact(parts["exact"])
            if self.tools.near:
                found = resolve.near_duplicates(
                    parts["groups"], matches, self._shingles(parts["shingles"]),
                    self.tools.near.jaccard,
                )  # fmt: skip
                matches = resolve.all_matches(matches, found)
            for shard, mine in resolve.by_shard(matches).items():
                yield shard, mine.tobytes()

    def _shingles(self, numbers: Iterable[bytes]) -> dict[int, shingles.Shingles]:
        found = sorted(int(n) for n in numbers)
        return {n: shingles.read_shingles(shingle_path(self.job.work, n)) for n in found}


def shingle_path(work: pathlib.Path, number: int) -> pathlib.Path:
    """Where the n-gram sets of a shard's candidate rows lie."""
    return work / "shingles" / f"part-{number:05d}.sets"
