"""Near-duplicates against brute force, on sets chosen by hypothesis."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sets import shingles_of

from castor.filters.errors import CastorError
from castor.pipelines.dedup import candidates, resolve
from castor.pipelines.dedup.kernels import common
from castor.pipelines.dedup.signatures import (
    BAND,
    MATCH,
    METHOD_EXACT,
    METHOD_NEAR,
    by_prefix,
)

NO_EXACT = np.empty(0, MATCH)


def similarity(a, b):
    return len(a & b) / len(a | b) if a | b else 0.0


def run(documents, bands, sizes, exact=NO_EXACT, threshold=0.8, order=None, n_prefixes=4):
    """The near matches as {removed: (kept, similarity)}; bands is [(hash, (shard, row))]."""
    signatures = [(h * 2**56, sizes[where], *where) for h, where in bands]
    if order is not None:
        order.shuffle(signatures)
    array = np.array(signatures, BAND) if signatures else np.empty(0, BAND)
    half = len(array) // 2
    blobs = {}
    for part in (array[:half], array[half:]):
        for prefix, blob in by_prefix(part, n_prefixes):
            blobs.setdefault(prefix, []).append(blob)
    groups = [candidates.candidate_groups(b).tobytes() for b in blobs.values()]
    found = resolve.near_duplicates(groups, exact, shingles_of(documents), threshold)
    assert found.dtype == MATCH
    assert all(m[5] == METHOD_NEAR for m in found.tolist())
    return {m[:2]: (m[2:4], m[4]) for m in found.tolist()}


def ten(*changed):
    """A set of 20 grams, some of them changed."""
    return set(range(20)) - set(changed) | {100 + c for c in changed}


def test_the_larger_document_is_kept_and_named():
    documents = {(0, 3): ten(), (1, 1): ten(4)}
    bands = [(5, (0, 3)), (5, (1, 1))]
    found = run(documents, bands, {(0, 3): 10, (1, 1): 11})
    assert found == {(0, 3): ((1, 1), pytest.approx(19 / 21))}


def test_documents_that_share_no_band_are_never_compared():
    documents = {(0, 0): ten(), (0, 1): ten()}
    assert run(documents, [(1, (0, 0)), (2, (0, 1))], {(0, 0): 1, (0, 1): 1}) == {}


def test_there_are_no_chains():
    # a ~ b and b ~ c, but a and c are not alike: c stays, as b is no reference
    documents = {(0, 0): ten(), (0, 1): ten(1, 2), (0, 2): ten(1, 2, 3, 4)}
    bands = [(1, where) for where in documents]
    found = run(documents, bands, {w: 100 - w[1] for w in documents})
    assert list(found) == [(0, 1)]
    assert similarity(documents[0, 1], documents[0, 2]) >= 0.8
    assert similarity(documents[0, 0], documents[0, 2]) < 0.8


def test_the_most_alike_of_several_kept_rows_is_named():
    documents = {(0, 0): ten(0, 1, 2), (0, 1): ten(10, 11), (0, 2): ten(10)}
    bands = [(1, (0, 0)), (1, (0, 2)), (2, (0, 1)), (2, (0, 2))]
    found = run(documents, bands, {(0, 0): 9, (0, 1): 8, (0, 2): 7})
    assert found == {(0, 2): ((0, 1), pytest.approx(19 / 21))}


def test_of_equally_alike_rows_the_one_of_highest_priority_is_named():
    documents = {(0, 0): ten(1, 2), (0, 1): ten(3, 4), (0, 2): ten()}
    bands = [(2, (0, 0)), (2, (0, 2)), (1, (0, 1)), (1, (0, 2))]
    found = run(documents, bands, {(0, 0): 9, (0, 1): 9, (0, 2): 9})
    assert list(found) == [(0, 2)]
    assert found[0, 2][0] == (0, 0)


def test_a_threshold_that_is_met_exactly_counts():
    # 16 of 20 grams: J = 0.8 exactly, which floating point must not lose
    documents = {(0, 0): set(range(20)), (0, 1): set(range(16))}
    bands = [(1, (0, 0)), (1, (0, 1))]
    assert list(run(documents, bands, {(0, 0): 2, (0, 1): 1})) == [(0, 1)]
    documents[0, 0] |= {20}
    assert run(documents, bands, {(0, 0): 2, (0, 1): 1}) == {}


def test_exact_duplicates_take_no_part():
    documents = {(0, 0): ten(), (0, 2): ten(1)}
    bands = [(1, (0, 0)), (1, (0, 1)), (1, (0, 2)), (2, (0, 1)), (2, (0, 2))]
    exact = np.array([(0, 1, 0, 0, 1.0, METHOD_EXACT)], MATCH)
    found = run(documents, bands, {(0, 0): 9, (0, 1): 9, (0, 2): 8}, exact)
    assert list(found) == [(0, 2)]


def test_missing_shingles_are_an_error():
    groups = np.array([(1, 5, 0, 0), (1, 5, 0, 1)], BAND)
    for shingles in ({}, shingles_of({(0, 0): {1}})):
        with pytest.raises(CastorError, match=r"no shingles, in shard 0"):
            resolve.near_duplicates([groups.tobytes()], NO_EXACT, shingles)


def test_exact_duplicates_of_a_near_duplicate_name_the_row_that_is_kept():
    exact = np.array([(2, 0, 1, 0, 1.0, METHOD_EXACT), (3, 3, 0, 7, 1.0, METHOD_EXACT)], MATCH)
    near = np.array([(1, 0, 0, 0, 0.875, METHOD_NEAR)], MATCH)
    assert resolve.all_matches(exact, near).tolist() == [
        (1, 0, 0, 0, 0.875, METHOD_NEAR),
        (2, 0, 0, 0, 0.875, METHOD_NEAR),
        (3, 3, 0, 7, 1.0, METHOD_EXACT),
    ]
    assert resolve.all_matches(exact, NO_EXACT).tolist() == exact.tolist()
    assert resolve.all_matches(NO_EXACT, NO_EXACT).dtype == MATCH


def test_matches_are_cut_by_shard():
    near = np.array([(4, 1, 0, 0, 0.9, 2), (1, 0, 0, 0, 0.9, 2), (4, 0, 0, 0, 0.9, 2)], MATCH)
    cut = resolve.by_shard(near)
    assert {s: m["row"].tolist() for s, m in cut.items()} == {1: [0], 4: [0, 1]}
    assert resolve.by_shard(NO_EXACT) == {}


@settings(deadline=None)
@given(
    st.sets(st.integers(0, 30), max_size=25),
    st.sets(st.integers(0, 30), max_size=25),
    st.one_of(st.integers(0, 25), st.floats(0, 25)),
)
def test_what_is_common_is_exact_where_it_matters(a, b, need):
    got = common(*(np.array(sorted(s), np.uint64) for s in (a, b)), float(need))
    assert got == (len(a & b) if len(a & b) >= need - 1e-6 else -1)


@st.composite
def corpora(draw):
    """Documents that are variants of few originals, some bands shared, sizes."""
    n = draw(st.integers(0, 14))
    places = [(i % 3, i // 3) for i in range(n)]
    documents, sizes, bands = {}, {}, []
    for where in places:
        base = draw(st.integers(0, 1)) * 1000
        changed = draw(st.sets(st.integers(0, 9), max_size=4))
        documents[where] = {base + g for g in set(range(10)) - changed}
        documents[where] |= {base + 100 + c for c in changed if draw(st.booleans())}
        sizes[where] = draw(st.integers(1, 3))
        for h in draw(st.sets(st.integers(1, 5), min_size=1, max_size=3)):
            bands.append((h, where))
    return documents, sizes, bands


@settings(max_examples=70, deadline=None)
@given(corpora(), st.sampled_from([0.5, 0.8]), st.randoms(use_true_random=False))
def test_what_is_removed_follows_the_rule_whatever_the_order(corpus, threshold, random):
    documents, sizes, bands = corpus
    found = run(documents, bands, sizes, threshold=threshold)
    shared = {
        frozenset((a, b))
        for (h, a), (g, b) in itertools.combinations(bands, 2)
        if h == g and a != b
    }
    kept = [w for w in documents if w not in found]
    for removed, (reference, alike) in found.items():
        assert reference in kept
        assert frozenset((removed, reference)) in shared
        exact = similarity(documents[removed], documents[reference])
        assert exact >= threshold
        assert alike == pytest.approx(exact)
        assert (-sizes[reference], reference) < (-sizes[removed], removed)
    for a, b in itertools.combinations(kept, 2):
        if frozenset((a, b)) in shared:
            assert similarity(documents[a], documents[b]) < threshold
    again = run(documents, bands, sizes, threshold=threshold, order=random, n_prefixes=1)
    assert again == found
