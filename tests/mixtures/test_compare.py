"""What differs between two mixtures; the first sequence that moves is found exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixing import explicit, make, stages, write_spec
from tokens import make_tokens

from castor.mixtures import compare as comparing
from castor.mixtures.compare import compare, same_until
from castor.mixtures.compile import compile_mixture
from castor.mixtures.described import Described, DescribedSource, DescribedStage, describe
from castor.mixtures.plan import Plan, PlanStage


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("compare")
    make(made)
    return made


def described(folder, **changes):
    return describe(write_spec(folder, **changes))


def first_that_moves(old, new):
    """By looking at every place: the slow way."""

    def contents(mixture):
        source, _, row = mixture.plan.locate(np.arange(mixture.plan.sequences))
        digests = [mixture.sources[n].digest for n in mixture.plan.names]
        return [(digests[s], r) for s, r in zip(source, row.tolist())]

    a, b = contents(old), contents(new)
    return next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"seed": 1},
        {"block": 64},
        {"name": "other"},
        {"budget": {"tokens": 70_000}},
        {"budget": {"tokens": 59_000}},
        {"stages": stages({"rule": "proportional", "until": 0.6}, explicit(1, 2, 1.01))},
        {"stages": stages({"rule": "proportional", "until": 0.7}, explicit(1, 2, 1))},
        {"stages": stages({"rule": "proportional"})},
        {"stages": stages({"rule": "proportional", "until": 0.6},
                          explicit(1, 2, 1, ramp="linear"))},
        {"stages": stages(explicit(0, 1, 1, until=0.6), explicit(1, 2, 1))},
        {"sources": {"code": {"tokens": "tokens"}, "web": {"tokens": "tokens"},
                     "books": {"tokens": "tokens"}}},
    ],
)  # fmt: skip
def test_the_first_that_moves_is_found(folder, changes):
    old, new = described(folder), described(folder, **changes)
    assert same_until(old, new) == first_that_moves(old, new)
    assert same_until(new, old) == first_that_moves(old, new)


def test_a_ramp_of_another_length_moves_its_own_sequences(folder):
    def ramp(until):
        middle = explicit(1, 20, 1, until=until, ramp="linear")
        return stages({"rule": "proportional", "until": 0.3}, middle, explicit(1, 1, 1))

    old, new = described(folder, stages=ramp(0.6)), described(folder, stages=ramp(0.9))
    assert same_until(old, new) == first_that_moves(old, new) < old.stages[1].end


def test_nothing_changed(folder):
    found = compare(described(folder), described(folder))
    assert found["changes"] == []
    assert not found["moved"]
    assert found["same_until"] == found["sequences"]["old"]


def test_changes_are_named(folder):
    late = stages({"rule": "proportional", "until": 0.6}, explicit(1, 3, 1))
    found = compare(described(folder), described(folder, seed=3, stages=late))
    told = {c["what"]: (c["old"], c["new"]) for c in found["changes"]}
    assert told["seed"] == (0, 3)
    assert told["stages.1.last.books"] == (0.5, 0.6)
    assert told["stages.0.name"] == ("start", "stage0")
    assert found["moved"]
    assert found["stages"][1]["new"]["shares"]["books"] == pytest.approx(0.6)


def test_a_longer_run_moves_nothing(folder):
    found = compare(described(folder), described(folder, budget=None, stages=stages(
        {"rule": "proportional", "until_tokens": 36_000},
        explicit(1, 2, 1, until_tokens=90_000),
    )))  # fmt: skip
    assert not found["moved"]
    assert found["same_until"] == found["sequences"]["old"] < found["sequences"]["new"]


def test_another_row_is_another_sequence(folder):
    old = described(folder)
    for changes in ({"sequence_length": 16}, {"packing": "best-fit"}):
        assert same_until(old, described(folder, **changes)) == 0


def test_other_tokens_of_one_source_move_its_first_sequence(folder):
    make_tokens(folder / "newer", {"books": 3000}, seed=5)
    old = described(folder)
    sources = {n: {"tokens": "tokens"} for n in ("web", "books", "code")}
    sources["books"] = {"tokens": "newer"}
    new = described(folder, sources=sources, stages=stages(
        explicit(8, 0, 1, until=0.6), explicit(1, 2, 1)))  # fmt: skip
    other = described(folder, stages=stages(explicit(8, 0, 1, until=0.6), explicit(1, 2, 1)))
    assert same_until(old, new) == first_that_moves(old, new)
    # Where books come only in the second stage, the first is untouched.
    assert same_until(other, new) == first_that_moves(other, new) >= other.stages[1].begin
    told = {c["what"] for c in compare(other, new)["changes"]}
    assert "sources.books.digest" in told


def test_a_source_that_comes_later(folder):
    sources = {n: {"tokens": "tokens"} for n in ("web", "books", "code")}
    sources["more"] = {"tokens": "tokens", "source": "code", "split": "heldout"}
    start = stages(explicit(8, 2, 1, until=0.6), explicit(1, 2, 1))
    more = [s | {"weights": s["weights"] | {"more": i}} for i, s in enumerate(start)]
    old, new = described(folder, stages=start), described(folder, sources=sources, stages=more)
    assert same_until(old, new) == first_that_moves(old, new) >= old.stages[1].begin
    told = {c["what"]: (c["old"], c["new"]) for c in compare(old, new)["changes"]}
    assert told["sources.more"] == (None, "there")


def test_a_compiled_folder_is_its_spec(folder):
    path = write_spec(folder)
    compile_mixture(path, folder / "out")
    found = compare(describe(folder / "out"), describe(path))
    assert found["changes"] == []
    assert not found["moved"]


def fake(seed, stages_, rows):
    """A mixture without files."""
    plan_stages = [PlanStage(blocks, tuple(w), tuple(w)) for blocks, w in stages_]
    names = [f"s{i}" for i in range(len(rows))]
    plan = Plan(names, rows, plan_stages, seed=seed, block=32)
    sources = {
        n: DescribedSource(None, n, "train", f"{i + 7:032x}"[::-1], r, r * 8, None)
        for i, (n, r) in enumerate(zip(names, rows))
    }
    ends = np.cumsum([0, *(s.blocks for s in plan_stages)]) * 32
    told = [
        DescribedStage(
            str(i), "explicit", int(begin), int(end), dict(zip(names, s.first)),
            dict(zip(names, s.last)),
        )
        for i, (s, begin, end) in enumerate(zip(plan_stages, ends, ends[1:]))
    ]  # fmt: skip
    return Described(None, "x", "concat-chunk", 8, "t", sources, told, plan)


weights = st.lists(st.sampled_from([0.0, 1.0, 1.001, 2.0]), min_size=3, max_size=3).filter(any)
run = st.tuples(
    st.sampled_from([0, 0, 0, 1]),
    st.lists(st.tuples(st.integers(1, 12), weights), min_size=1, max_size=3),
    st.lists(st.sampled_from([40, 40, 41]), min_size=3, max_size=3),
)


@given(run, run)
@settings(max_examples=40, deadline=None)
def test_any_two_mixtures(one, other):
    a, b = (
        fake(seed, [(n, np.array(w) / sum(w)) for n, w in given], rows)
        for seed, given, rows in (one, other)
    )
    assert same_until(a, b) == first_that_moves(a, b)


def test_long_runs_are_compared_by_their_counts(monkeypatch):
    """A difference that begins late is found without looking at every place before it."""
    monkeypatch.setattr(comparing, "BLOCKS", 64)
    shares, other = [0.5, 0.3, 0.2], [0.5, 0.3 + 1e-7, 0.2 - 1e-7]
    rows = [1000, 1000, 1000]
    a = fake(0, [(30_000, shares)], rows)
    b = fake(0, [(29_000, shares), (1000, other)], rows)
    looked = []
    locate = Plan.locate

    def counted(self, index):
        looked.append(len(index))
        return locate(self, index)

    monkeypatch.setattr(Plan, "locate", counted)
    found = same_until(a, b)
    assert found >= 29_000 * 32
    assert sum(looked) < 30_000 * 32 / 4
