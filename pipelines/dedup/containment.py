"""Candidates for containment: what MinHash bands miss where one text is a part of another.

A chapter has a small Jaccard similarity to its book, so it shares no band with it. Instead
every row keeps a sample of its grams: those whose hash is divisible by `EVERY`, the same ones
in whatever document they stand (FracMinHash: Irber et al. 2022,
https://doi.org/10.1101/2022.01.11.475838).
Of a row of n grams, a share c of which stands in another, the two share a binomial number of
about c n / `EVERY` sampled grams.

A pair is a candidate if the row of higher priority has at least `SHARE` times the threshold
of the other's sampled grams, and at least one. What counts of a gram are the `MOST` rows of
highest priority that have it: what half of a corpus quotes costs no quadratic time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from castor.pipelines.dedup.candidates import rows_to_read, sorted_groups, without
from castor.pipelines.dedup.signatures import SAMPLE, place

EVERY = 128  # a power of two; part of every stored sample, so it never changes
SHARE = 0.5
MOST = 256


class Postings(NamedTuple):
    """Which rows have which sampled grams, rows by rank; what `kernels.holders` takes.

    Attributes:
        row_offsets, row_lists: the lists that each row stands in (int64[rows + 1], int64).
        list_offsets, members: the ranks in each list, ascending (int64[lists + 1], int64).
        need: in how many lists of a row another must stand to be a candidate (int64[rows]).
    """

    row_offsets: np.ndarray
    row_lists: np.ndarray
    list_offsets: np.ndarray
    members: np.ndarray
    need: np.ndarray


def samples_of(hashes: np.ndarray, offsets: np.ndarray, ngram: int) -> pa.ListArray:
    """The sampled gram hashes of each row, list<uint64>[rows], sorted, without repetition.

    Args:
        hashes: uint64 [n_words], as `words.normalised_words` gives them.
        offsets: int64 [rows + 1].
        ngram: words per gram.
    """
    from castor.pipelines.dedup.kernels import shingle_hashes

    values = np.empty(len(hashes), np.uint64)
    ends = np.empty(len(offsets), np.int64)
    n = shingle_hashes(hashes, offsets, ngram, np.uint64(EVERY - 1), values, ends)
    return pa.ListArray.from_arrays(ends.astype(np.int32), values[:n])


def rows_in_pairs(
    samples: Iterable[bytes], exact: np.ndarray, containment: float
) -> dict[int, np.ndarray]:
    """For each shard the rows of all candidate pairs, sorted (uint32).

    Args:
        samples: the packed results of `candidate_groups` of SAMPLEs, all prefixes.
        exact: MATCHes of exact duplicates, which take no further part.
        containment: threshold.
    """
    from castor.pipelines.dedup.kernels import paired

    rows = without(sorted_groups(samples, SAMPLE), exact)
    rank, places = ranks(place(rows), rows["n_bytes"])
    is_paired = np.zeros(len(places), bool)
    paired(postings(rows, rank, len(places), containment), is_paired)
    return rows_to_read(places[is_paired])


def ranks(where: np.ndarray, n_bytes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rank of the row of each element, place of the row of each rank), rank 0 the highest.

    Args:
        where: `place` of the row of each element (uint64).
        n_bytes: its size (uint64).
    """
    places, first, inverse = np.unique(where, return_index=True, return_inverse=True)
    order = np.lexsort((places, ~n_bytes[first]))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank[inverse], places[order]


def postings(rows: np.ndarray, rank: np.ndarray, n_rows: int, containment: float) -> Postings:
    """The lists of SAMPLEs.

    Args:
        rows: without repetition of a gram in a row.
        rank: of the row of each (int64).
        n_rows: how many ranks there are.
        containment: threshold.
    """
    grams, number = np.unique(rows["gram"], return_inverse=True)
    by_row, by_list = np.lexsort((number, rank)), np.lexsort((rank, number))
    starts = offsets_of(number[by_list], len(grams))
    position = np.arange(len(rows)) - starts[number[by_list]]
    counted = by_list[position < MOST]
    need = np.zeros(n_rows, np.int64)
    need[rank] = np.maximum(1, np.floor(SHARE * containment * rows["n_grams"]))
    return Postings(
        offsets_of(rank[by_row], n_rows), number[by_row],
        offsets_of(number[counted], len(grams)), rank[counted], need,
    )  # fmt: skip


def offsets_of(sorted_ids: np.ndarray, n: int) -> np.ndarray:
    """Where each of the ids 0 to n - 1 begins: int64[n + 1]."""
    return np.searchsorted(sorted_ids, np.arange(n + 1)).astype(np.int64)
