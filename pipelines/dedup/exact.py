"""Exact duplicates: rows with equal content hash, all but one removed.

The kept row of a group is the one with most bytes; of equals the first in the order of the
input, (shard, row).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from castor.pipelines.dedup.signatures import EXACT, MATCH, METHOD_EXACT, unpack


def exact_duplicates(blobs: Iterable[bytes]) -> np.ndarray:
    """The MATCHes among the EXACT signatures of one prefix, sorted by (shard, row).

    Args:
        blobs: packed EXACT signatures of one prefix from all shards, in any order. All
            signatures with that prefix must be there.
    """
    rows = unpack(blobs, EXACT)
    order = np.lexsort(
        (rows["row"], rows["shard"], ~rows["n_bytes"], rows["hash_lo"], rows["hash_hi"])
    )
    rows = rows[order]
    same = np.zeros(len(rows), bool)
    same[1:] = (rows["hash_hi"][1:] == rows["hash_hi"][:-1]) & (
        rows["hash_lo"][1:] == rows["hash_lo"][:-1]
    )
    first = np.maximum.accumulate(np.where(same, 0, np.arange(len(rows))))
    removed, kept = rows[same], rows[first[same]]
    matches = np.empty(len(removed), MATCH)
    matches["shard"], matches["row"] = removed["shard"], removed["row"]
    matches["kept_shard"], matches["kept_row"] = kept["shard"], kept["row"]
    matches["similarity"], matches["method"] = 1.0, METHOD_EXACT
    return matches[np.lexsort((matches["row"], matches["shard"]))]
