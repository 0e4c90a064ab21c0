"""The rate at which pairs of known similarity become candidates follows 1 - (1 - J^8)^14."""

import numpy as np
import pytest
from scipy.stats import binom

from castor.filters.kernels.minhash import BANDS, ROWS, bands, minhash
from castor.pipelines.dedup.candidates import candidate_groups
from castor.pipelines.dedup.signatures import BAND

GRAMS = 100  # in the union of a pair


def pairs(similarity, n, seed):
    """Word hashes and offsets of 2n rows; rows 2i and 2i + 1 have that Jaccard similarity."""
    rng = np.random.default_rng(seed)
    common = round(similarity * GRAMS)
    only = (GRAMS - common) // 2
    rows = []
    for _ in range(n):
        grams = rng.integers(0, 2**64, common + 2 * only, np.uint64)
        rows.append(grams[: common + only])
        rows.append(np.concatenate([grams[:common], grams[common + only :]]))
    offsets = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    return np.concatenate(rows), offsets, common / (common + 2 * only)


def candidate_rate(similarity, n, seed):
    """(candidates among n pairs, the exact similarity of the pairs), through the grouping."""
    hashes, offsets, exact = pairs(similarity, n, seed)
    keys = bands(minhash(hashes, offsets, ngram=1))
    rows = np.empty(keys.shape, BAND)
    rows["band_hash"], rows["n_bytes"], rows["shard"] = keys, 1, 0
    rows["row"] = np.arange(len(keys))[:, None]
    groups = candidate_groups([rows.tobytes()])
    same = groups["band_hash"][1:] == groups["band_hash"][:-1]
    pair = groups["row"] // 2
    return len(np.unique(pair[1:][same & (pair[1:] == pair[:-1])])), exact


def check(similarity, n):
    found, exact = candidate_rate(similarity, n, seed=round(100 * similarity))
    expected = 1 - (1 - exact**ROWS) ** BANDS
    low, high = binom.interval(0.999, n, expected)
    assert low <= found <= high, f"{found} of {n} at J = {exact}, expected {expected:.4f}"


@pytest.mark.parametrize("similarity", [0.5, 0.6, 0.7, 0.76, 0.8, 0.86, 0.9])
def test_candidate_rate(similarity):
    check(similarity, 10_000)


def test_the_check_notices_another_number_of_bands(monkeypatch):
    monkeypatch.setitem(globals(), "BANDS", 13)
    with pytest.raises(AssertionError, match="expected"):
        check(0.7, 10_000)
