"""The plan: a pure function of its index; what stands where, in which epoch, and what moves it."""

import concurrent.futures
import hashlib
import itertools
import json
import pathlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters.configuration import typed
from castor.filters.errors import CastorError, ConfigError
from castor.mixtures.plan import PLAN_VERSION, Plan, PlanStage
from castor.mixtures.resolve import resolve
from castor.mixtures.spec import MixtureSpec

GOLDEN = pathlib.Path(__file__).parents[1] / "data" / "mixtures" / "plan.json"
NAMES, ROWS = ("web", "books", "code", "wiki"), (1000, 100, 240, 77)
EARLY, LATE = (0.7, 0.1, 0.2, 0.0), (0.4, 0.3, 0.2, 0.1)


def plan(stages=((20, EARLY, EARLY), (10, EARLY, LATE), (15, LATE, LATE)), **changes):
    """A plan of three stages: constant, a ramp, constant; a source comes in with the ramp."""
    given = {"names": NAMES, "rows": ROWS, "seed": 7, "block": 64} | changes
    return Plan(
        given["names"], given["rows"], [PlanStage(*s) for s in stages],
        seed=given["seed"], block=given["block"],
    )  # fmt: skip


def everything(made):
    return np.stack([x.astype(np.int64) for x in made.locate(np.arange(made.sequences))])


def named(made, index):
    """(name, epoch, row) of each place."""
    source, epoch, row = made.locate(index)
    return [(made.names[s], int(e), int(r)) for s, e, r in zip(source, epoch, row)]


def test_types_and_length():
    made = plan()
    assert made.sequences == 45 * 64
    source, epoch, row = made.locate(np.arange(10))
    assert (source.dtype, epoch.dtype, row.dtype) == (np.int32, np.int32, np.int64)
    assert all(len(x) == 0 for x in made.locate(np.zeros(0, np.int64)))


def test_every_epoch_reads_every_row_once():
    made = plan()
    source, epoch, row = everything(made)
    assert epoch.max() >= 2
    for number, rows in enumerate(ROWS):
        mine = source == number
        assert row[mine].max() < rows
        for one in range(int(epoch[mine].max())):  # the last epoch may be cut short
            found = np.sort(row[mine & (epoch == one)])
            assert np.array_equal(found, np.arange(rows))
        last = row[mine & (epoch == epoch[mine].max())]
        assert len(np.unique(last)) == len(last)


def test_epochs_come_in_order_of_blocks():
    """In a block places are permuted; the epochs of a source still follow each other."""
    source, epoch, _ = everything(plan())
    for number in range(len(ROWS)):
        by_block = [
            epoch[i : i + 64][source[i : i + 64] == number] for i in range(0, len(source), 64)
        ]
        ends = [(e.min(), e.max()) for e in by_block if len(e)]
        assert all(after[0] >= before[1] for before, after in itertools.pairwise(ends))


def rows_of_block(made, block):
    return set(made.locate(np.arange(64) + block * 64)[2].tolist())


def test_every_epoch_is_shuffled_anew():
    """Not only within blocks: other rows come together."""
    alone = ((40, (1.0,), (1.0,)),)
    made = plan(alone, names=("web",), rows=(640,))
    first, again = rows_of_block(made, 0), rows_of_block(made, 10)  # ten blocks are an epoch
    assert len(first) == len(again) == 64
    assert len(first & again) < 20  # 6.4 by chance
    assert max(first) > 500
    other = rows_of_block(plan(alone, names=("web",), rows=(640,), seed=8), 0)
    assert len(first & other) < 20
    renamed = rows_of_block(plan(alone, names=("books",), rows=(640,)), 0)
    assert len(first & renamed) < 20


def test_blocks_hold_what_the_counts_say():
    made = plan()
    source, _, _ = everything(made)
    ends = np.arange(made.blocks + 1)
    counts = made.counts(ends)
    for block in range(made.blocks):
        found = np.bincount(source[block * 64 : block * 64 + 64], minlength=4)
        assert np.array_equal(found, counts[block + 1] - counts[block])
    assert np.abs(counts - made.quotas(ends)).max() <= 1


def test_places_in_a_block_are_mixed():
    source, _, _ = everything(plan())
    for block in range(10):
        places = np.flatnonzero(source[block * 64 : block * 64 + 64] == 0)
        assert len(places) > 30
        assert len(places) < places.max() - places.min() + 1


@given(st.integers(0, 45 * 64 - 1), st.integers(1, 300))
@settings(max_examples=15, deadline=None)
def test_resumed_anywhere_it_is_the_same(start, n):
    made = plan()
    index = np.arange(start, min(start + n, made.sequences))
    assert np.array_equal(np.stack([x.astype(np.int64) for x in made.locate(index)]), ALL[:, index])


@given(st.lists(st.integers(0, 45 * 64 - 1), max_size=200))
@settings(max_examples=50, deadline=None)
def test_any_indices_in_any_order(index):
    index = np.array(index, np.int64)
    found = np.stack([x.astype(np.int64) for x in MADE.locate(index)])
    assert np.array_equal(found, ALL[:, index])


MADE = plan()
ALL = everything(MADE)


def test_hosts_get_parts_of_one_order():
    batch = 64
    for hosts in (1, 2, 8):
        rows = batch // hosts
        for step in (0, 7, 44):
            parts = [
                MADE.locate(np.arange(rows) + step * batch + host * rows) for host in range(hosts)
            ]
            found = np.stack([np.concatenate(x) for x in zip(*parts)])
            assert np.array_equal(found, ALL[:, step * batch : (step + 1) * batch])


def test_threads_may_read_at_once():
    made = plan()
    starts = list(range(0, made.sequences, 32)) * 4

    def read(start):
        return np.stack([x.astype(np.int64) for x in made.locate(np.arange(start, start + 32))])

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for start, found in zip(starts, pool.map(read, starts)):
            assert np.array_equal(found, ALL[:, start : start + 32])


@pytest.mark.parametrize(
    "stages",
    [
        ((20, EARLY, EARLY), (10, EARLY, (0.1, 0.1, 0.1, 0.7)), (3, LATE, LATE)),
        ((20, EARLY, EARLY), (400, LATE, LATE)),
        ((20, EARLY, EARLY),),
        ((900, EARLY, EARLY),),  # an end that comes later moves nothing either
    ],
)
def test_a_later_stage_moves_nothing_before_it(stages):
    other = plan(stages)
    index = np.arange(20 * 64)
    assert np.array_equal(np.stack(other.locate(index)), ALL[:, index])
    if other.sequences > 21 * 64 and len(stages) > 1:
        later = np.arange(20 * 64, 21 * 64)
        assert not np.array_equal(np.stack(other.locate(later)), ALL[:, later])


def test_a_source_without_a_share_never_comes():
    source = ALL[0, : 20 * 64]
    assert set(source) == {0, 1, 2}


def test_the_order_of_names_moves_nothing():
    order = [2, 0, 3, 1]

    def picked(values):
        return tuple(values[i] for i in order)

    other = plan(
        ((20, picked(EARLY), picked(EARLY)), (25, picked(LATE), picked(LATE))),
        names=picked(NAMES), rows=picked(ROWS),
    )  # fmt: skip
    same = plan(((20, EARLY, EARLY), (25, LATE, LATE)))
    index = np.arange(same.sequences)
    assert named(other, index) == named(same, index)


def test_a_source_that_comes_later_moves_nothing_before():
    shares = (*EARLY, 0.0)
    other = plan(
        ((20, shares, shares),), names=(*NAMES, "arxiv"), rows=(*ROWS, 50)
    )  # fmt: skip
    index = np.arange(20 * 64)
    assert named(other, index) == named(MADE, index)


def test_another_seed_is_another_order():
    other = everything(plan(seed=8))
    assert (other[2] == ALL[2]).mean() < 0.05


def test_a_plan_is_its_json():
    told = json.loads(json.dumps(MADE.to_json()))
    assert np.array_equal(everything(Plan.from_json(told)), ALL)


def test_another_version_is_refused():
    with pytest.raises(CastorError, match="compile the mixture again"):
        Plan.from_json(MADE.to_json() | {"version": PLAN_VERSION + 1})


def test_its_length_costs_nothing():
    """2^31 blocks: 10^14 sequences, located anywhere."""
    long = plan(((1 << 31, EARLY, EARLY),))
    index = np.array([0, 12345, 10**9, long.sequences - 1])
    source, epoch, row = long.locate(index)
    assert (row < np.array(ROWS)[source]).all()
    assert epoch[-1] > 10**6
    assert np.array_equal(np.stack(long.locate(np.arange(20 * 64))), ALL[:, : 20 * 64])


@pytest.mark.parametrize("index", [[-1], [45 * 64], [3, 10**12]])
def test_there_is_nothing_outside(index):
    with pytest.raises(IndexError):
        MADE.locate(np.array(index))
    with pytest.raises(IndexError):
        MADE.counts(np.array([46]))


def test_a_block_too_small_for_its_sources_is_refused():
    with pytest.raises(ConfigError, match="give 32 or more"):
        plan(block=31)
    plan(block=32)


def test_a_share_without_rows_is_refused():
    with pytest.raises(ConfigError, match="no rows"):
        plan(rows=(1000, 0, 240, 77))
    plan(((20, EARLY, EARLY),), rows=(1000, 100, 240, 0))


def test_the_order_is_the_golden_one():
    """Any change here moves the data of runs under way: it needs another PLAN_VERSION."""
    golden = json.loads(GOLDEN.read_text())
    spec = typed(golden["spec"], MixtureSpec, where="golden")
    made = resolve(spec, golden["rows"]).plan
    assert made.to_json() == golden["plan"]
    found = np.stack([x.astype("<i8") for x in made.locate(np.arange(4096))], axis=1)
    first = [list(row) for row in found[:16].tolist()]
    assert first == golden["first"]
    assert hashlib.sha256(found.tobytes()).hexdigest() == golden["sha256"]
    far = np.stack([x.astype("<i8") for x in made.locate(np.array(golden["far_indices"]))], axis=1)
    assert far.tolist() == golden["far"]
    assert made.counts(np.array(golden["blocks"])).tolist() == golden["counts"]
