"""The scan of a corpus for indexed n-grams: fast, by hash, so its hits are only candidates."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from castor.pipelines.decontaminate.index import Index
from castor.pipelines.decontaminate.units import word_hashes

# An indexed gram in a row of the corpus, once however often it stands there.
HIT = np.dtype([("shard", "<u4"), ("row", "<u4"), ("gram", "<u4")])
# Documents above which a gram counts as common: GPT-3 (Brown et al. 2020, appendix C)
# ignores grams that hit more than 10 training documents.
COMMON = 10


def scan(texts: pa.LargeStringArray, index: Index) -> np.ndarray:
    """Every place where an indexed gram stands, as int64[hits, 3]: row, gram, unit.

    Sorted by row and unit; `unit` is the first of the gram.
    """
    from castor.pipelines.decontaminate.kernels import scan_words

    hashes, offsets = word_hashes(texts)
    if not len(index.grams):
        return np.empty((0, 3), np.int64)
    room = max(1024, len(hashes) // 16)
    while True:
        row, gram, unit = (np.empty(room, np.int64) for _ in range(3))
        n = scan_words(
            hashes, offsets, index.lengths, index.grams, index.starts, index.bitmaps,
            index.bitmap_starts, row, gram, unit,
        )  # fmt: skip
        if n <= room:
            order = np.lexsort((gram[:n], unit[:n], row[:n]))
            return np.stack([row[:n], gram[:n], unit[:n]], axis=1)[order]
        room = n


def pack_hits(
    texts: pa.LargeStringArray,
    index: Index,
    shard: int,
    first_row: int,
    alive: np.ndarray | None = None,
) -> np.ndarray:
    """The HITs of a batch of rows, sorted by row and gram.

    Args:
        texts: the text of each row; null has none.
        index: what is looked for.
        shard: number of the shard.
        first_row: number in the shard of the batch's first row.
        alive: bool[rows]; rows that were rejected or dropped are False and take no part.
    """
    found = np.unique(scan(texts, index)[:, :2], axis=0)
    if alive is not None:
        found = found[alive[found[:, 0]]]
    hits = np.empty(len(found), HIT)
    hits["shard"], hits["row"], hits["gram"] = shard, found[:, 0] + first_row, found[:, 1]
    return hits


def common_grams(
    blobs: Iterable[bytes], n_grams: int, removed: np.ndarray, limit: int = COMMON
) -> np.ndarray:
    """Whether each gram stands in more than `limit` documents of the corpus (bool[n_grams]).

    Args:
        blobs: packed HITs of all shards, in any order.
        n_grams: grams in the index.
        removed: places `shard << 32 | row` of rows that do not count: the duplicates, of
            which a leak that was copied often would otherwise look common.
        limit: documents.
    """
    hits = np.frombuffer(b"".join(blobs), HIT)
    place = (hits["shard"].astype(np.uint64) << np.uint64(32)) | hits["row"].astype(np.uint64)
    counted = hits["gram"][~np.isin(place, removed)]
    return np.bincount(counted, minlength=n_grams) > limit
