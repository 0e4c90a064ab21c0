"""Sets of grams as the comparison of duplicates reads them."""

import itertools

import numpy as np

from castor.pipelines.dedup.shingles import Shingles


def shingles_of(documents):
    """{shard: Shingles} of {(shard, row): set}."""
    found = {}
    for shard in {s for s, _ in documents}:
        rows = sorted(r for s, r in documents if s == shard)
        sets = [sorted(documents[shard, r]) for r in rows]
        ends = np.cumsum([0, *map(len, sets)]).astype(np.uint64)
        values = np.array(list(itertools.chain(*sets)), np.uint64)
        found[shard] = Shingles(np.array(rows, np.uint64), ends, values)
    return found
