"""Candidates for near-duplicates: rows that share a band, or grams of their samples."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from castor.pipelines.dedup.signatures import BAND, MATCH, first_hash, place, unpack


def candidate_groups(blobs: Iterable[bytes], dtype: np.dtype = BAND) -> np.ndarray:
    """The signatures of one prefix that at least two different rows share.

    Sorted by hash, then by priority (most bytes, then smallest (shard, row)), each row once
    per hash: neighbours with equal hash are one group.

    Args:
        blobs: packed signatures of one prefix from all shards, in any order. All signatures
            with that prefix must be there.
        dtype: BAND or SAMPLE.
    """
    rows = unpack(blobs, dtype)
    by = first_hash(dtype)
    rows = rows[np.lexsort((rows["row"], rows["shard"], ~rows["n_bytes"], rows[by]))]
    hashes, where = rows[by], place(rows)
    repeated = np.zeros(len(rows), bool)
    repeated[1:] = (hashes[1:] == hashes[:-1]) & (where[1:] == where[:-1])
    rows = rows[~repeated]
    return rows[_shared(rows[by])]


def sorted_groups(blobs: Iterable[bytes], dtype: np.dtype = BAND) -> np.ndarray:
    """The results of `candidate_groups` of all prefixes as one, sorted by hash."""
    rows = unpack(blobs, dtype)
    return rows[np.argsort(rows[first_hash(dtype)], kind="stable")]


def without(groups: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """The sorted groups without rows that are exact duplicates, groups of one left out."""
    rows = groups[~np.isin(place(groups), place(exact))]
    return rows[_shared(rows[first_hash(rows.dtype)])]


def rows_to_read(places: np.ndarray) -> dict[int, np.ndarray]:
    """For each shard the rows of these places, sorted (uint32)."""
    found = np.unique(places)
    shards = (found >> np.uint64(32)).astype(np.int64)
    rows = (found & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    numbers, starts = np.unique(shards, return_index=True)
    return dict(zip(numbers.tolist(), np.split(rows, starts[1:]), strict=True)) if len(rows) else {}


def join_exact(blobs: Iterable[bytes]) -> np.ndarray:
    """The MATCHes of all prefixes as one array, sorted by (shard, row)."""
    matches = unpack(blobs, MATCH)
    return matches[np.argsort(place(matches), kind="stable")]


def _shared(hashes: np.ndarray) -> np.ndarray:
    """Whether each of the sorted hashes equals a neighbour."""
    same = hashes[1:] == hashes[:-1]
    shared = np.zeros(len(hashes), bool)
    shared[1:] |= same
    shared[:-1] |= same
    return shared
