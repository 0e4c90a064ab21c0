"""Counts beside their quotas at every block's end: whole, never falling, never a sequence away."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from castor.mixtures.apportion import HORIZON, ROWS_PER_SOURCE, Apportionment, Shares

BLOCKS = 2000
EXACT = 1 + 1e-6  # one sequence, and what floating point adds to a quota


def chance_shares(rng, sources, kind):
    """Shares of the kinds that have broken apportionments: rare sources, and many in step."""
    frequent = max(1, sources // 3)
    made = {
        "level": lambda: rng.random(sources) + 0.01,
        "steep": lambda: rng.dirichlet(np.full(sources, 0.1)) + 1e-9,
        "rare": lambda: 10 ** rng.uniform(-8, 0, sources),
        "alike": lambda: np.ones(sources),
        "in step": lambda: np.where(rng.random(sources) < 0.5, 1.0, rng.uniform(1e-4, 1)),
        # Per block: two frequencies below one, a quick and a slow one, beside frequent sources.
        "two beats": lambda: np.where(
            np.arange(sources) < frequent,
            ROWS_PER_SOURCE * sources,
            np.where(rng.random(sources) < 0.5, rng.uniform(0.3, 1), 10 ** rng.uniform(-4, -1)),
        ),
    }[kind]()
    return made / made.sum()


KINDS = ("level", "steep", "rare", "alike", "in step", "two beats")
# What follows holds for all that was ever drawn, and is no theorem: the same is drawn every time.
DRAWN = {"deadline": None, "derandomize": True}


def start(shares, blocks, block):
    """The apportionment of a run's first stage."""
    first, last = shares if isinstance(shares, tuple) else (shares, shares)
    return Apportionment(
        Shares(first, last, blocks, block), np.zeros(len(first)), np.zeros(len(first), np.int64)
    )


def deviation(apportioned, blocks, block, total=0):
    """Greatest distance of a count from its quota; checks that counts add up and never fall."""
    ends = np.arange(blocks + 1)
    counts = apportioned.counts(ends)
    assert np.array_equal(counts.sum(1), total + ends * block)
    assert (np.diff(counts, axis=0) >= 0).all()
    return float(np.abs(counts - apportioned.quotas(ends)).max())


@given(
    st.integers(0, 2**32), st.integers(1, 40), st.sampled_from([1, 2, 17, 128]),
    st.sampled_from(KINDS),
)  # fmt: skip
@example(seed=2**32 - 1, sources=8, times=17, kind="rare")
@settings(max_examples=60, **DRAWN)
def test_never_a_sequence_away(seed, sources, times, kind):
    block = ROWS_PER_SOURCE * sources * times
    shares = chance_shares(np.random.default_rng(seed), sources, kind)
    assert deviation(start(shares, BLOCKS, block), BLOCKS, block) <= EXACT


@given(st.integers(0, 2**32), st.integers(2, 30), st.sampled_from(KINDS), st.sampled_from(KINDS))
@settings(max_examples=30, **DRAWN)
def test_neither_on_a_ramp(seed, sources, one, other):
    rng = np.random.default_rng(seed)
    block = ROWS_PER_SOURCE * sources * 4
    shares = chance_shares(rng, sources, one), chance_shares(rng, sources, other)
    assert deviation(start(shares, BLOCKS, block), BLOCKS, block) <= EXACT


@given(st.integers(0, 2**32), st.integers(2, 30), st.lists(st.sampled_from(KINDS), max_size=4))
@settings(max_examples=30, **DRAWN)
def test_nor_over_stages_in_which_all_sources_stay(seed, sources, kinds):
    rng = np.random.default_rng(seed)
    block = ROWS_PER_SOURCE * sources * 2
    quota, count, total = np.zeros(sources), np.zeros(sources, np.int64), 0
    for kind in [*kinds, "level"]:
        blocks = int(rng.integers(1, 400))
        shares = chance_shares(rng, sources, kind)
        stage = Apportionment(Shares(shares, shares, blocks, block), quota, count)
        assert deviation(stage, blocks, block, total) <= EXACT
        end = np.array([blocks])
        quota, count = stage.quotas(end)[0], stage.counts(end)[0]
        total += blocks * block


@given(st.integers(0, 2**32), st.integers(2, 20))
@settings(max_examples=40, deadline=None)
def test_a_stage_without_some_sources_keeps_their_counts(seed, sources):
    rng = np.random.default_rng(seed)
    block = ROWS_PER_SOURCE * sources
    stage = start(chance_shares(rng, sources, "level"), 7, block)
    end = np.array([7])
    quota, count = stage.quotas(end)[0], stage.counts(end)[0]
    gone = rng.random(sources) < 0.5
    gone[rng.integers(sources)] = False
    shares = np.where(gone, 0, chance_shares(rng, sources, "level"))
    shares /= shares.sum()
    after = Apportionment(Shares(shares, shares, 100, block), quota, count)
    found = after.counts(np.arange(101))
    assert (found[:, gone] == count[gone]).all()
    assert np.array_equal(found.sum(1), (7 + np.arange(101)) * block)
    # What those that left were rounded by stays; the others share it.
    assert np.abs(found - after.quotas(np.arange(101))).max() < 2


def test_largest_remainders_alone_would_take_sequences_back():
    """What this module is for: rounding afresh at every end lets a rare source's count fall."""
    shares = np.array([0.4405, 0.5571, 0.0024])
    ends, block = np.arange(200), 24
    quota = ends[:, None] * block * shares
    counts = np.floor(quota).astype(int)
    for row, real in zip(counts, quota):
        missing = round(real.sum()) - row.sum()
        row[np.argsort(row - real, kind="stable")[:missing]] += 1
    assert (np.diff(counts, axis=0) < 0).any()
    assert deviation(start(shares, 200, block), 200, block) <= EXACT


@given(st.integers(0, 2**32), st.lists(st.integers(0, BLOCKS), min_size=1, max_size=30))
@settings(max_examples=25, deadline=None)
def test_any_ends_alone_are_as_among_all(seed, ends):
    shares = chance_shares(np.random.default_rng(seed), 12, "rare")
    apportioned = start(shares, BLOCKS, 96)
    wanted = np.unique(ends)
    assert np.array_equal(
        apportioned.counts(wanted), apportioned.counts(np.arange(BLOCKS + 1))[wanted]
    )


def test_a_longer_stage_begins_alike():
    shares = chance_shares(np.random.default_rng(3), 20, "rare")
    ends = np.arange(101)
    short, long = start(shares, 100, 256), start(shares, 100_000, 256)
    assert np.array_equal(short.counts(ends), long.counts(ends))


def test_far_blocks_cost_no_table():
    shares = chance_shares(np.random.default_rng(4), 10, "level")
    apportioned = start(shares, 1 << HORIZON, 1024)
    for first in (10**6, 10**9, (1 << HORIZON) - 50):
        ends = np.arange(first, first + 51)
        counts = apportioned.counts(ends)
        assert np.array_equal(counts.sum(1), ends * 1024)
        assert (np.diff(counts, axis=0) >= 0).all()
        # A quota of 10^12 has four digits behind the point in float64.
        assert np.abs(counts - apportioned.quotas(ends)).max() <= 1.01


def test_ties_go_to_the_first():
    apportioned = start(np.full(3, 1 / 3), 10, 25)
    assert apportioned.counts(np.array([1]))[0].tolist() == [9, 8, 8]


@pytest.mark.parametrize("sources", [1, 2])
def test_few_sources(sources):
    block = ROWS_PER_SOURCE * sources
    assert deviation(start(np.full(sources, 1 / sources), 50, block), 50, block) <= EXACT
