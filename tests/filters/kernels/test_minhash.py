"""MinHash signatures and bands: equal to datasketch's, and good estimates."""

import datasketch
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters.kernels import minhash, words


def hashed(*texts):
    hashes, _, _, offsets = words.normalised_words(pa.array(texts, pa.large_string()))
    return hashes, offsets


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text("ab c", max_size=40), max_size=4), st.integers(1, 9))
def test_signatures_are_those_of_datasketch(texts, seed):
    hashes, offsets = hashed(*texts)
    signatures = minhash.minhash(hashes, offsets, permutations=16, seed=seed)
    for grams, signature in zip(minhash.gram_hashes(hashes, offsets), signatures, strict=True):
        theirs = datasketch.MinHash(16, seed=seed, hashfunc=int)
        theirs.update_batch(grams.tolist())
        assert theirs.hashvalues.tolist() == signature.tolist()


def test_number_of_shingles():
    grams = minhash.gram_hashes(*hashed("a b c d e f g", "a b c d e", "a b", "", None))
    assert [len(g) for g in grams] == [3, 1, 1, 0, 0]


def test_rows_without_words_have_no_signature():
    signatures = minhash.minhash(*hashed("", "…", "a b"))
    assert (signatures[:2] == minhash.EMPTY).all()
    assert (minhash.bands(signatures)[:2] == 0).all()
    assert (minhash.bands(signatures)[2] != 0).all()


def test_order_and_length_of_shingles_matter():
    hashes, offsets = hashed("a b c d e f", "b a c d e f", "A b, c d e. f")
    signatures = minhash.minhash(hashes, offsets)
    assert not (signatures[0] == signatures[1]).any()
    assert (signatures[0] == signatures[2]).all()


@pytest.mark.parametrize("overlap", [0.25, 0.5, 0.8, 0.95])
def test_equal_values_estimate_jaccard(overlap):
    random = np.random.default_rng(0)
    size, pairs = 400, 40
    shared = round(size * overlap)
    rows = []
    for _ in range(pairs):
        pool = random.integers(0, 2**63, 2 * size - shared, np.uint64)
        rows += [pool[:size], pool[size - shared :]]
    offsets = np.arange(0, 2 * pairs * size + 1, size)
    signatures = minhash.minhash(np.concatenate(rows), offsets, ngram=1)
    estimate = (signatures[::2] == signatures[1::2]).mean()
    jaccard = shared / (2 * size - shared)
    error = 4 * np.sqrt(jaccard * (1 - jaccard) / (pairs * minhash.PERMUTATIONS))
    assert abs(estimate - jaccard) < error + 0.005


def test_bands_are_equal_where_their_rows_are():
    random = np.random.default_rng(1)
    signatures = random.integers(0, 2**32, (2, 112), np.uint32)
    signatures[1, 24:32] = signatures[0, 24:32]
    keys = minhash.bands(signatures)
    assert np.flatnonzero(keys[0] == keys[1]).tolist() == [3]
    assert keys.shape == (2, 14)
    repeated = np.tile(signatures[:1, :8], 14)
    assert len(set(minhash.bands(repeated)[0].tolist())) == 14
    with pytest.raises(ValueError, match="need 160 permutations, got 112"):
        minhash.bands(signatures, bands=20)
