"""The sample depends on keys, sizes and caps alone."""

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters.errors import CastorError, ConfigError
from castor.tokenizer.sample import Selection, choose, key_hashes, salt_of

NAMES = [("en", "web"), ("de", "web"), ("en", "books")]
DOCUMENTS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 40), st.integers(0, 30)), min_size=1, max_size=40
).filter(lambda rows: any(size for _, _, size in rows))
CAP = st.none() | st.integers(1, 200)


def columns(rows):
    strata, hashes, sizes = zip(*rows)
    return np.array(strata), np.array(hashes, np.uint64) << np.uint64(58), np.array(sizes)


@settings(max_examples=300, deadline=None)
@given(DOCUMENTS, CAP, CAP, st.randoms(use_true_random=False))
def test_order_does_not_matter_and_caps_hold(rows, stratum_cap, total_cap, random):
    chosen = choose(NAMES, *columns(rows), stratum_cap=stratum_cap, total_cap=total_cap)
    random.shuffle(rows)
    strata, hashes, sizes = columns(rows)
    assert chosen == choose(
        NAMES, strata, hashes, sizes, stratum_cap=stratum_cap, total_cap=total_cap
    )
    taken = chosen.taken(strata, hashes)
    for i, stratum in enumerate(chosen.strata):
        own = strata == i
        assert stratum.documents == own.sum()
        assert stratum.taken_documents == (own & taken).sum()
        assert stratum.taken_bytes == sizes[own & taken].sum()
        if own.any():  # the lowest hashes, at least the first
            assert stratum.taken_documents >= 1
            assert hashes[own & taken].max() < hashes[own & ~taken].min(initial=2**64 - 1)
        first = hashes[own].min(initial=2**64 - 1)
        if stratum_cap is not None and (hashes[own & taken] != first).any():
            assert stratum.taken_bytes <= stratum_cap
    if total_cap is None and stratum_cap is None:
        assert taken.all()


@settings(max_examples=200, deadline=None)
@given(DOCUMENTS, st.integers(1, 300))
def test_a_total_cap_is_one_level_for_all_strata(rows, total):
    strata, hashes, sizes = columns(rows)
    chosen = choose(NAMES, strata, hashes, sizes, total_cap=total)
    available = np.bincount(strata, sizes, 3)
    level = chosen.cap
    if available.sum() <= total:
        assert chosen.taken(strata, hashes).all()
    else:
        assert np.minimum(available, level).sum() <= total or level == 1
        assert np.minimum(available, level + 1).sum() > total


def test_a_part_of_the_corpus_is_sampled_as_the_whole():
    rng = np.random.default_rng(0)
    strata = rng.integers(0, 3, 10_000)
    hashes = key_hashes((f"doc:{i}" for i in range(10_000)), salt_of(1))
    sizes = rng.integers(1, 5000, 10_000)
    chosen = choose(NAMES, strata, hashes, sizes, stratum_cap=1_000_000)
    whole = chosen.taken(strata, hashes)
    parts = [chosen.taken(strata[i : i + 999], hashes[i : i + 999]) for i in range(0, 10_000, 999)]
    assert np.array_equal(np.concatenate(parts), whole)
    assert 990_000 < sizes[whole & (strata == 0)].sum() <= 1_000_000


def test_a_larger_cap_only_adds_documents():
    hashes = key_hashes(map(str, range(500)), salt_of(0))
    strata, sizes = np.zeros(500, int), np.arange(500) % 90
    taken = [
        choose([("en", "w")], strata, hashes, sizes, stratum_cap=cap).taken(strata, hashes)
        for cap in (100, 1000, 5000, 10**6)
    ]
    for smaller, larger in itertools.pairwise(taken):
        assert not (smaller & ~larger).any()
        assert larger.sum() > smaller.sum()


def test_the_digest_tells_samples_apart():
    hashes = key_hashes(map(str, range(100)), salt_of(0))
    other = key_hashes(map(str, range(100)), salt_of(1))
    strata, sizes = np.zeros(100, int), np.full(100, 10)
    digests = {
        choose([("en", "w")], strata, hashes, sizes, stratum_cap=500).digest,
        choose([("en", "w")], strata, hashes, sizes, stratum_cap=510).digest,
        choose([("en", "w")], strata, hashes, sizes + 1, stratum_cap=550).digest,
        choose([("de", "w")], strata, hashes, sizes, stratum_cap=500).digest,
        choose([("en", "w")], strata, other, sizes, stratum_cap=500).digest,
    }
    assert len(digests) == 5


def test_hashes_of_keys_are_stable():
    # hashlib.blake2b(b"web:a@1", key=b"salt", digest_size=8), read as a little-endian number.
    assert [f"{h:016x}" for h in key_hashes(["web:a@1", ""], "salt")] == [
        "349b5e12ec825d8c",
        "ff037ce4fe280ba9",
    ]


def test_a_selection_survives_json():
    hashes = key_hashes(map(str, range(50)), salt_of(0))
    strata, sizes = np.arange(50) % 2, np.full(50, 10)
    chosen = choose(NAMES, strata, hashes, sizes, stratum_cap=60)
    assert chosen.strata[2].threshold is None
    assert Selection.from_json(json.loads(json.dumps(chosen.to_json()))) == chosen
    with pytest.raises(CastorError, match="no sample"):
        Selection.from_json({"strata": [{}]})


def test_no_text_and_wrong_caps_are_errors():
    none = np.array([], np.int64)
    with pytest.raises(CastorError, match="no text to train"):
        choose(NAMES, none, none.astype(np.uint64), none)
    with pytest.raises(CastorError, match="no text to train"):
        choose(NAMES, np.array([0]), np.array([1], np.uint64), np.array([0]))
    with pytest.raises(ConfigError, match="must be positive"):
        choose(NAMES, np.array([0]), np.array([1], np.uint64), np.array([5]), total_cap=0)
