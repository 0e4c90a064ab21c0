"""Which candidates are near-duplicates, and of which kept row: greedy and deterministic.

Rows are visited by priority: most bytes of text first, of equals the first in the order of
the input, (shard, row). A row is a near-duplicate if and only if some row that was *kept*
and shares a MinHash band with it has exact Jaccard similarity >= the threshold with it; it
is matched to the most similar of these (of equals, the one of highest priority). A removed
row is never a reference itself, so there are no chains: every removed row is really alike
the row it names, and that row is really kept. Nothing depends on the order in which the
candidates arrive.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np

from castor.filters.errors import CastorError
from castor.pipelines.dedup.candidates import sorted_groups, without
from castor.pipelines.dedup.shingles import Shingles
from castor.pipelines.dedup.signatures import MATCH, METHOD_NEAR, place

# Jaccard similarity of word 5-gram sets from which two documents count as the same: that of
# Lee et al. 2022 (arXiv:2107.06499, section 4.2); 14 x 8 bands find 92 % of pairs at it.
THRESHOLD = 0.8
_NO_SHINGLES = Shingles(np.empty(0, np.uint64), np.zeros(1, np.uint64), np.empty(0, np.uint64))


def near_duplicates(
    groups: Iterable[bytes],
    exact: np.ndarray,
    shingles: Mapping[int, Shingles],
    threshold: float = THRESHOLD,
) -> np.ndarray:
    """The near-duplicate MATCHes, sorted by (shard, row).

    Args:
        groups: the packed results of `candidate_groups` for all prefixes, in any order.
        exact: MATCHes of exact duplicates, which take no further part.
        shingles: for each shard the sets of (at least) its candidate rows.
        threshold: Jaccard similarity from which a row is a near-duplicate.

    Raises:
        CastorError: a candidate's shingles are missing.
    """
    from castor.pipelines.dedup.kernels import greedy

    rows = without(sorted_groups(groups), exact)
    if not len(rows):
        return np.empty(0, MATCH)
    rank, places = _ranks(rows)
    pairs = np.lexsort((rows["band_hash"], rank))
    group = np.unique(rows["band_hash"], return_inverse=True)[1]
    group_offsets = _offsets(np.sort(group), int(group.max()) + 1)
    row_offsets = _offsets(rank[pairs], len(places))
    sets = _sets(places, shingles)
    best, similarity = np.empty(len(places), np.int64), np.empty(len(places))
    greedy(
        row_offsets, group[pairs], group_offsets, sets.address, sets.length,
        float(threshold), best, similarity,
    )  # fmt: skip
    removed = np.flatnonzero(best >= 0)
    matches = np.empty(len(removed), MATCH)
    _put(matches, "shard", "row", places[removed])
    _put(matches, "kept_shard", "kept_row", places[best[removed]])
    matches["similarity"], matches["method"] = similarity[removed], METHOD_NEAR
    return matches[np.argsort(place(matches), kind="stable")]


def all_matches(exact: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Exact and near MATCHes together, sorted by (shard, row), each naming a kept row.

    Where the kept row of exact duplicates is itself a near-duplicate, they name the row that
    it duplicates: their words are equal (but for the Unicode normal form), so the similarity
    is the same.
    """
    exact, near = exact.copy(), near[np.argsort(place(near), kind="stable")]
    kept = place(exact, kept=True)
    at = np.searchsorted(place(near), kept)
    at[at == len(near)] = 0
    moved = (place(near)[at] == kept) if len(near) else np.zeros(len(exact), bool)
    for field in ("kept_shard", "kept_row", "similarity", "method"):
        exact[field][moved] = near[field][at[moved]]
    matches = np.concatenate([exact, near])
    return matches[np.argsort(place(matches), kind="stable")]


def by_shard(matches: np.ndarray) -> dict[int, np.ndarray]:
    """The matches of each shard that has some, sorted by row."""
    matches = matches[np.argsort(place(matches), kind="stable")]
    shards, starts = np.unique(matches["shard"], return_index=True)
    return dict(zip(shards.tolist(), np.split(matches, starts[1:]), strict=False))


def _ranks(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rank of each element's row, place of the row of each rank), rank 0 the highest."""
    places, first, inverse = np.unique(place(rows), return_index=True, return_inverse=True)
    order = np.lexsort((places, ~rows["n_bytes"][first]))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank[inverse], places[order]


def _offsets(sorted_ids: np.ndarray, n: int) -> np.ndarray:
    return np.searchsorted(sorted_ids, np.arange(n + 1)).astype(np.int64)


@dataclasses.dataclass
class _Sets:
    """The candidates' sets where they lie in memory, by rank; `files` keeps them mapped."""

    files: list[np.ndarray]
    address: np.ndarray  # uint64[rows]
    length: np.ndarray  # int64[rows]


def _sets(places: np.ndarray, shingles: Mapping[int, Shingles]) -> _Sets:
    shards = (places >> np.uint64(32)).astype(np.int64)
    rows = places & np.uint64(0xFFFFFFFF)
    found = _Sets([], np.empty(len(rows), np.uint64), np.empty(len(rows), np.int64))
    for number in np.unique(shards).tolist():
        mine = np.flatnonzero(shards == number)
        sets = shingles.get(number, _NO_SHINGLES)
        at = np.searchsorted(sets.rows, rows[mine])
        if at.max() >= len(sets.rows) or (sets.rows[at] != rows[mine]).any():
            raise CastorError(
                "candidates for near-duplicates have no shingles",
                where=f"shard {number}",
                fix="delete the folder .work of the run and run it again",
            )
        values = np.ascontiguousarray(sets.values, np.uint64)
        found.files.append(values)
        found.address[mine] = values.ctypes.data + 8 * sets.offsets[at].astype(np.int64)
        found.length[mine] = sets.offsets[at + 1] - sets.offsets[at]
    return found


def _put(matches: np.ndarray, shard: str, row: str, places: np.ndarray) -> None:
    matches[shard] = places >> np.uint64(32)
    matches[row] = places & np.uint64(0xFFFFFFFF)
