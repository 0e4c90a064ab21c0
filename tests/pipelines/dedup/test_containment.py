"""Containment: which pairs are compared, which are removed, against the definitions."""

import itertools
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from sets import shingles_of

from castor.filters.kernels.words import normalised_words
from castor.pipelines.dedup import candidates, containment, resolve
from castor.pipelines.dedup.shingles import shingle_sets
from castor.pipelines.dedup.signatures import (
    BAND,
    MATCH,
    METHOD_EXACT,
    METHODS,
    SAMPLE,
    by_prefix,
    place,
)

NO_EXACT = np.empty(0, MATCH)
SPREAD = 2**57  # so that small grams fall into different prefixes


def packed(samples, sizes, order=None, n_prefixes=4):
    """The shared grams of {(shard, row): grams} as the stages in front of resolving make them."""
    rows = [(g * SPREAD, sizes[w], *w, len(gs)) for w, gs in samples.items() for g in gs]
    if order is not None:
        order.shuffle(rows)
    array = np.array(rows, SAMPLE)
    blobs = {}
    for part in (array[: len(array) // 2], array[len(array) // 2 :]):
        for prefix, blob in by_prefix(part, n_prefixes):
            blobs.setdefault(prefix, []).append(blob)
    return [candidates.candidate_groups(b, SAMPLE).tobytes() for b in blobs.values()]


def run(documents, samples, sizes, at_least, *, jaccard=0.8, exact=NO_EXACT, bands=(), order=None):
    """{removed: (kept, similarity, method)}; only the rows of candidate pairs are read."""
    shared = packed(samples, sizes, order)
    wanted = containment.rows_in_pairs(shared, exact, at_least)
    rows = [(h, sizes[w], *w) for h, w in bands]
    groups = candidates.candidate_groups([np.array(rows, BAND).tobytes()])
    read = {(s, r) for s, found in wanted.items() for r in found.tolist()}
    read |= {w for _, w in bands}
    found = resolve.near_duplicates(
        [groups.tobytes()], exact, shingles_of({w: documents[w] for w in read}), jaccard,
        samples=shared, containment=at_least,
    )  # fmt: skip
    return {m[:2]: (m[2:4], m[4], METHODS[m[5]]) for m in found.tolist()}


def test_a_part_names_the_whole_that_has_most_of_it():
    documents = {(0, 0): set(range(100)), (0, 1): {*range(5, 15), *range(100, 160)},
                 (1, 0): set(range(5, 15))}  # fmt: skip
    samples = {w: d & {5, 6, 7, 120} for w, d in documents.items()}
    sizes = {(0, 0): 9, (0, 1): 8, (1, 0): 7}
    documents[0, 0] -= {14}
    assert run(documents, samples, sizes, 0.7) == {(1, 0): ((0, 1), 1.0, "containment")}
    assert run(documents, samples, sizes | {(0, 1): 6}, 0.7) == {
        (1, 0): ((0, 0), pytest.approx(0.9), "containment")
    }


def test_what_is_alike_is_near_before_it_is_contained():
    documents = {(0, 0): set(range(100)), (0, 1): set(range(90)), (0, 2): set(range(80, 90))}
    samples = {w: {80} for w in documents}
    found = run(documents, samples, {w: 9 - w[1] for w in documents}, 0.7)
    assert found == {
        (0, 1): ((0, 0), pytest.approx(0.9), "near"),
        (0, 2): ((0, 0), 1.0, "containment"),
    }


def test_there_are_no_chains_of_parts():
    # c stands in b and b in a, but of c only a part stands in a: b is removed, c stays
    documents = {(0, 0): set(range(100)), (0, 1): {*range(60, 100), *range(100, 110)},
                 (0, 2): {*range(95, 110)}}  # fmt: skip
    samples = {w: d & {97, 98, 103} for w, d in documents.items()}
    found = run(documents, samples, {w: 9 - w[1] for w in documents}, 0.7)
    assert found == {(0, 1): ((0, 0), pytest.approx(0.8), "containment")}


def test_exact_duplicates_take_no_place_in_the_lists(monkeypatch):
    monkeypatch.setattr(containment, "MOST", 2)
    documents = {(0, r): set(range(50)) for r in range(4)}
    documents |= {(0, 4): set(range(20, 80)), (0, 5): {25, *range(60, 70)}}
    samples = {w: d & {25, 65} for w, d in documents.items()} | {(0, 5): {25}}
    exact = np.array([(0, r, 0, 0, 1.0, METHOD_EXACT) for r in (1, 2, 3)], MATCH)
    found = run(documents, samples, {w: 9 - w[1] for w in documents}, 0.7, exact=exact)
    assert found == {(0, 5): ((0, 4), 1.0, "containment")}


def test_a_gram_that_many_rows_have_costs_no_quadratic_time(monkeypatch):
    monkeypatch.setattr(containment, "MOST", 3)
    rows = np.zeros(50, SAMPLE)
    rows["gram"], rows["n_bytes"], rows["row"], rows["n_grams"] = 5, 1, np.arange(50), 1
    rank, places = containment.ranks(place(rows), rows["n_bytes"])
    found = containment.postings(rows, rank, len(places), 0.5)
    assert found.members.tolist() == [0, 1, 2]
    assert found.list_offsets.tolist() == [0, 3]
    assert np.diff(found.row_offsets).tolist() == [1] * 50


# --- the rule, by definition ---------------------------------------------------------------


def candidate_pairs(samples, sizes, at_least, most):
    """{(part, whole)} of the rule that the module's docstring states."""
    order = sorted(samples, key=lambda w: (-sizes[w], w))
    listed = {}
    for where in order:
        for gram in samples[where]:
            listed.setdefault(gram, []).append(where)
    found = set()
    for part, whole in itertools.product(order, order):
        common = sum(whole in listed[g][:most] for g in samples[part])
        need = max(1, math.floor(containment.SHARE * at_least * len(samples[part])))
        if order.index(whole) < order.index(part) and common >= need:
            found.add((part, whole))
    return found


def expected(documents, samples, sizes, at_least, jaccard, most):
    pairs = candidate_pairs(samples, sizes, at_least, most)
    found = {}
    for row in sorted(documents, key=lambda w: (-sizes[w], w)):
        best = []
        for other in (w for w in documents if (row, w) in pairs and w not in found):
            common = len(documents[row] & documents[other])
            alike = common / len(documents[row] | documents[other])
            inside = common / len(documents[row])
            rank = (-sizes[other], other)
            if alike >= jaccard:
                best.append(((0, -alike, rank), (other, alike, "near")))
            elif inside >= at_least:
                best.append(((1, -inside, rank), (other, inside, "containment")))
        if best:
            found[row] = min(best)[1]
    return found


@st.composite
def corpora(draw):
    """Parts of few works, with changes; every third gram is sampled."""
    documents, sizes = {}, {}
    for i in range(draw(st.integers(1, 10))):
        start = draw(st.integers(0, 20))
        length = draw(st.integers(1, 30))
        changed = draw(st.sets(st.integers(0, 50), max_size=6))
        grams = set(range(start, start + length)) - changed
        where = (i % 3, i // 3)
        documents[where] = grams | {60 + c for c in changed} or {99}
        sizes[where] = draw(st.integers(1, 5))
    return documents, {w: {g for g in d if g % 3 == 0} for w, d in documents.items()}, sizes


@settings(max_examples=70, deadline=None)
@given(
    corpora(), st.sampled_from([0.3, 0.7, 1.0]), st.sampled_from([0.5, 0.9]),
    st.sampled_from([1, 2, 256]), st.randoms(use_true_random=False),
)  # fmt: skip
def test_what_is_removed_follows_the_rule_whatever_the_order(corpus, at_least, alike, most, order):
    documents, samples, sizes = corpus
    before, containment.MOST = containment.MOST, most
    try:
        found = run(documents, samples, sizes, at_least, jaccard=alike, order=order)
        wanted = containment.rows_in_pairs(packed(samples, sizes), NO_EXACT, at_least)
    finally:
        containment.MOST = before
    pairs = candidate_pairs(samples, sizes, at_least, most)
    assert {(s, r) for s, rows in wanted.items() for r in rows.tolist()} == {*sum(pairs, ())}
    right = expected(documents, samples, sizes, at_least, alike, most)
    assert {w: (f[0], pytest.approx(f[1]), f[2]) for w, f in found.items()} == right


# --- samples -------------------------------------------------------------------------------


def test_a_sample_is_what_the_sets_have_of_divisible_hashes():
    texts = [" ".join(f"{a}{b}" for b in range(3000)) for a in "xy"] + ["", "one two"] * 200
    column = pa.array(texts, pa.large_string())
    hashes, _, _, offsets = normalised_words(column)
    samples = containment.samples_of(hashes, offsets, 5).to_pylist()
    values, ends = shingle_sets(column)
    sets = [values[a:b] for a, b in itertools.pairwise(ends)]
    assert samples == [s[s % containment.EVERY == 0].tolist() for s in sets]
    assert len(samples[0]) > 10


@pytest.mark.parametrize("inside", [0.5, 0.7, 0.9])
@pytest.mark.parametrize("n_grams", [100, 1000])
def test_candidate_rate(inside, n_grams):
    """Pairs of which a share of the smaller stands in the larger become candidates as stated."""
    threshold, n_pairs, common = 0.7, 1000, round(inside * n_grams)
    draw = np.random.default_rng(n_grams)
    words, sizes = [], []
    for _ in range(n_pairs):
        part = draw.integers(0, 2**64, n_grams, np.uint64)
        whole = np.concatenate([part[:common], draw.integers(0, 2**64, n_grams, np.uint64)])
        words += [part, whole]
        sizes += [len(part), len(whole)]
    offsets = np.cumsum([0, *sizes]).astype(np.int64)
    samples = containment.samples_of(np.concatenate(words), offsets, 1)
    counts = np.diff(samples.offsets.to_numpy())
    rows = np.zeros(len(samples.values), SAMPLE)
    rows["gram"] = samples.values.to_numpy()
    rows["row"] = np.repeat(np.arange(len(counts)), counts)
    rows["n_bytes"], rows["n_grams"] = np.array(sizes)[rows["row"]], counts[rows["row"]]
    shared = candidates.candidate_groups([rows.tobytes()], SAMPLE)
    found = len(containment.rows_in_pairs([shared.tobytes()], NO_EXACT, threshold)[0]) // 2
    low, high = binom.interval(0.999, n_pairs, rate(n_grams, common, threshold))
    assert low <= found <= high


def rate(n_grams, common, threshold):
    """Of the sampled grams of a part, enough are common: two independent binomial numbers."""
    p = 1 / containment.EVERY
    most = int(8 + n_grams * p + 8 * math.sqrt(n_grams * p))
    total = 0.0
    for both, alone in itertools.product(range(1, most), range(most)):
        if both >= max(1, math.floor(containment.SHARE * threshold * (both + alone))):
            total += binom.pmf(both, common, p) * binom.pmf(alone, n_grams - common, p)
    return total
