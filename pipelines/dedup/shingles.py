"""The word 5-gram sets of candidate rows: what is compared exactly.

One file per shard, written row group by row group and mapped into memory when it is read,
so neither costs memory in proportion to the shard. The hashes have 64 bits: the chance that
two different grams of a pair of 10,000-word documents share one is under 1e-11.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from castor.filters.errors import CastorError
from castor.pipelines.dataset import opened_shard

NGRAM = 5  # words, as in FineWeb's MinHash (arXiv:2406.17557, section 3.4)
_MAGIC = 0x31474E494853  # "SHING1"
_HEAD = 3  # magic, rows, values


@dataclasses.dataclass(frozen=True)
class Shingles:
    """The sets of some rows of one shard.

    Attributes:
        rows: numbers of the rows, ascending (uint64[n]).
        offsets: where each row's set lies in `values` (uint64[n + 1]).
        values: the sets, each sorted and without repetition (uint64).
    """

    rows: np.ndarray
    offsets: np.ndarray
    values: np.ndarray


def shingle_sets(column: pa.LargeStringArray, ngram: int = NGRAM) -> tuple[np.ndarray, np.ndarray]:
    """(values, offsets) of the n-gram sets of each text of a column.

    Words are those of `castor.filters.kernels.words.normalised_words`; a null text has no words
    and an empty set; a text of fewer than `ngram` words has one gram, all of them.
    """
    from castor.filters.kernels.words import normalised_words
    from castor.pipelines.dedup.kernels import shingle_hashes

    hashes, _, _, offsets = normalised_words(column)
    values = np.empty(len(hashes), np.uint64)
    ends = np.empty(len(offsets), np.int64)
    n = shingle_hashes(hashes, offsets, ngram, np.uint64(0), values, ends)
    return values[:n], ends


def write_shingles(
    parquet: str | os.PathLike[str],
    rows: np.ndarray,
    out: str | os.PathLike[str],
    ngram: int = NGRAM,
) -> int:
    """Writes the sets of the given rows of a measured shard; returns bytes written.

    Args:
        parquet: the shard; its column `text` is read, row group by row group.
        rows: numbers of rows in the shard, ascending, without repetition.
        out: the file that is made, under a temporary name until it is whole.
        ngram: words per gram.

    Raises:
        CastorError: a row lies beyond the end of the shard.
    """
    out = pathlib.Path(out)
    temporary = out.with_name(out.name + ".tmp")
    rows = np.asarray(rows, np.uint64)
    offsets = np.zeros(len(rows) + 1, np.uint64)
    done = n_values = 0
    with temporary.open("wb") as file:
        file.seek(8 * (_HEAD + len(rows) + len(offsets)))
        for texts in _texts(parquet, rows):
            values, ends = shingle_sets(texts, ngram)
            file.write(values.astype("<u8", copy=False).tobytes())
            offsets[done + 1 : done + len(ends)] = ends[1:].astype(np.uint64) + np.uint64(n_values)
            done, n_values = done + len(ends) - 1, n_values + len(values)
        if done != len(rows):
            temporary.unlink()
            raise CastorError(
                "the shard has fewer rows than its signatures",
                where=parquet,
                got=f"{len(rows) - done} rows beyond its end",
                fix="delete the folder .work of the run and run it again",
            )
        file.seek(0)
        head = np.array([_MAGIC, len(rows), n_values], "<u8")
        file.write(np.concatenate([head, rows, offsets]).astype("<u8", copy=False).tobytes())
    os.replace(temporary, out)
    return 8 * (_HEAD + len(rows) + len(offsets) + n_values)


def read_shingles(path: str | os.PathLike[str]) -> Shingles:
    """The sets in a file of `write_shingles`, mapped, not loaded.

    Raises:
        CastorError: it is not such a file, or not a whole one.
    """
    size = os.path.getsize(path)
    data = np.memmap(path, "<u8", mode="r") if size >= 8 * _HEAD and size % 8 == 0 else None
    n = int(data[1]) if data is not None and data[0] == _MAGIC else -1
    if data is None or n < 0 or len(data) != _HEAD + 2 * n + 1 + int(data[2]):
        raise CastorError(
            "not a whole file of shingles",
            where=path,
            got=f"{size} bytes",
            fix="delete it and run again",
        )
    plain = np.asarray(data)
    rows, offsets, values = np.split(plain[_HEAD:], [n, 2 * n + 1])
    return Shingles(rows, offsets, values)


def _texts(parquet: str | os.PathLike[str], rows: np.ndarray) -> Iterator[pa.LargeStringArray]:
    """The texts of the given rows, a chunk for every row group that holds some."""
    with opened_shard(pathlib.Path(parquet)) as file:
        first = 0
        for i in range(file.metadata.num_row_groups):
            last = first + file.metadata.row_group(i).num_rows
            wanted = rows[np.searchsorted(rows, first) : np.searchsorted(rows, last)]
            if len(wanted):
                table = file.read_row_group(i, columns=["text"])
                column = table.column("text").take(pa.array(wanted - np.uint64(first)))
                yield column.combine_chunks().cast(pa.large_string())
            first = last
