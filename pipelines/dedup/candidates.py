"""Candidates for near-duplicates: rows that share a band of their MinHash signatures."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from castor.pipelines.dedup.signatures import BAND, MATCH, place, unpack


def candidate_groups(blobs: Iterable[bytes]) -> np.ndarray:
    """The BAND signatures of one prefix that at least two different rows share.

    Sorted by band hash, then by priority (most bytes, then smallest (shard, row)), each
    row once per band: neighbours with equal `band_hash` are one group.

    Args:
        blobs: packed BAND signatures of one prefix from all shards, in any order. All
            signatures with that prefix must be there.
    """
    rows = unpack(blobs, BAND)
    order = np.lexsort((rows["row"], rows["shard"], ~rows["n_bytes"], rows["band_hash"]))
    rows = rows[order]
    hashes, where = rows["band_hash"], place(rows)
    repeated = np.zeros(len(rows), bool)
    repeated[1:] = (hashes[1:] == hashes[:-1]) & (where[1:] == where[:-1])
    rows = rows[~repeated]
    return rows[_shared(rows["band_hash"])]


def sorted_groups(blobs: Iterable[bytes]) -> np.ndarray:
    """The results of `candidate_groups` of all prefixes as one, sorted by band hash."""
    rows = unpack(blobs, BAND)
    return rows[np.argsort(rows["band_hash"], kind="stable")]


def without(groups: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """The sorted groups without rows that are exact duplicates, groups of one left out."""
    rows = groups[~np.isin(place(groups), place(exact))]
    return rows[_shared(rows["band_hash"])]


def rows_to_read(groups: np.ndarray) -> dict[int, np.ndarray]:
    """For each shard the rows whose shingles are needed, sorted (uint32)."""
    found = np.unique(place(groups))
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
