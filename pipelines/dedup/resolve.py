"""Which candidates are duplicates, and of which kept row: greedy and deterministic.

Rows are visited by priority: most bytes of text first, of equals the first in the order of
the input, (shard, row). A row is a near-duplicate if and only if some row that was *kept*
and is a candidate with it has exact Jaccard similarity >= the threshold with it; it is
matched to the most similar of these (of equals, the one of highest priority). Else, where
containment counts, it is a duplicate if and only if so large a share of its grams stands in
such a row; it is matched to the one that has most of them. Candidates share a MinHash band,
or enough of their sampled grams (`containment`). A removed row is never a reference itself,
so there are no chains: every removed row is really alike the row it names or a part of it,
and that row is really kept. Nothing depends on the order in which the candidates arrive.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np

from castor.filters.errors import CastorError
from castor.pipelines.dedup.candidates import sorted_groups, without
from castor.pipelines.dedup.containment import offsets_of, postings, ranks
from castor.pipelines.dedup.shingles import Shingles
from castor.pipelines.dedup.signatures import (
    MATCH,
    METHOD_CONTAINMENT,
    METHOD_NEAR,
    SAMPLE,
    place,
)

# Jaccard similarity of word 5-gram sets from which two documents count as the same: that of
# Lee et al. 2022 (arXiv:2107.06499, section 4.2); 14 x 8 bands find 92 % of pairs at it.
THRESHOLD = 0.8
_NEVER = 2.0  # no share of a set is as large
_NO_SHINGLES = Shingles(np.empty(0, np.uint64), np.zeros(1, np.uint64), np.empty(0, np.uint64))


def near_duplicates(
    groups: Iterable[bytes],
    exact: np.ndarray,
    shingles: Mapping[int, Shingles],
    threshold: float = THRESHOLD,
    *,
    samples: Iterable[bytes] = (),
    containment: float | None = None,
) -> np.ndarray:
    """The MATCHes by similarity and by containment, sorted by (shard, row).

    Args:
        groups: the packed results of `candidate_groups` for all prefixes, in any order.
        exact: MATCHes of exact duplicates, which take no further part.
        shingles: for each shard the sets of (at least) its candidate rows.
        threshold: Jaccard similarity from which a row is a near-duplicate.
        samples: as `groups`, of SAMPLEs.
        containment: share of a row's grams in a kept row from which it is contained in that;
            None: nothing is compared so.

    Raises:
        CastorError: a candidate's shingles are missing.
    """
    from castor.pipelines.dedup.kernels import greedy, paired

    rows = without(sorted_groups(groups), exact)
    sampled = without(sorted_groups(samples, SAMPLE), exact)
    if not len(rows) and not len(sampled):
        return np.empty(0, MATCH)
    rank, places = ranks(
        np.concatenate([place(rows), place(sampled)]),
        np.concatenate([rows["n_bytes"], sampled["n_bytes"]]),
    )
    rank, sampled_rank = np.split(rank, [len(rows)])
    pairs = np.lexsort((rows["band_hash"], rank))
    hashes, group = np.unique(rows["band_hash"], return_inverse=True)
    bands = (
        offsets_of(rank[pairs], len(places)), group[pairs], offsets_of(np.sort(group), len(hashes))
    )  # fmt: skip
    found = postings(sampled, sampled_rank, len(places), containment or 0.0)
    compared = np.zeros(len(places), bool)
    paired(found, compared)
    compared[rank] = True
    sets = _sets(places, compared, shingles)
    best, similarity = np.empty(len(places), np.int64), np.empty(len(places))
    contained = np.empty(len(places), bool)
    greedy(
        bands, found, (sets.address, sets.length), float(threshold),
        _NEVER if containment is None else float(containment), best, similarity, contained,
    )  # fmt: skip
    removed = np.flatnonzero(best >= 0)
    matches = np.empty(len(removed), MATCH)
    _put(matches, "shard", "row", places[removed])
    _put(matches, "kept_shard", "kept_row", places[best[removed]])
    matches["similarity"] = similarity[removed]
    matches["method"] = np.where(contained[removed], METHOD_CONTAINMENT, METHOD_NEAR)
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


@dataclasses.dataclass
class _Sets:
    """The candidates' sets where they lie in memory, by rank; `files` keeps them mapped.

    The other rows' are empty.
    """

    files: list[np.ndarray]
    address: np.ndarray  # uint64[rows]
    length: np.ndarray  # int64[rows]


def _sets(places: np.ndarray, compared: np.ndarray, shingles: Mapping[int, Shingles]) -> _Sets:
    shards = (places >> np.uint64(32)).astype(np.int64)
    rows = places & np.uint64(0xFFFFFFFF)
    found = _Sets([], np.zeros(len(rows), np.uint64), np.zeros(len(rows), np.int64))
    for number in np.unique(shards[compared]).tolist():
        mine = np.flatnonzero(compared & (shards == number))
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
