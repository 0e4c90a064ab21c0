"""The order of a repository's files."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters.code.order import dependency_order, shuffled_order

GRAPHS = st.integers(1, 12).flatmap(
    lambda n: st.lists(
        st.lists(st.integers(0, n - 1), max_size=4, unique=True), min_size=n, max_size=n
    )
)


def reaches(needs, start):
    seen, stack = set(), [start]
    while stack:
        for k in needs[stack.pop()]:
            if k not in seen:
                seen.add(k)
                stack.append(k)
    return seen


@settings(max_examples=40)
@given(GRAPHS)
def test_what_is_needed_stands_first_but_in_cycles(needs):
    paths = [f"f{i:02d}" for i in range(len(needs))]
    order = dependency_order(paths, needs)
    assert sorted(order) == list(range(len(needs)))
    place = {i: k for k, i in enumerate(order)}
    for i, found in enumerate(needs):
        for k in found:
            if i != k and i not in reaches(needs, k):
                assert place[k] < place[i]


@settings(max_examples=40)
@given(GRAPHS, st.integers(0, 99))
def test_the_order_given_does_not_matter(needs, seed):
    paths = [f"f{i:02d}" for i in range(len(needs))]
    expected = [paths[i] for i in dependency_order(paths, needs)]
    new = list(range(len(needs)))
    random.Random(seed).shuffle(new)  # new[k]: the old index of what stands at k now
    old = {i: k for k, i in enumerate(new)}
    moved = [[old[n] for n in needs[i]] for i in new]
    found = dependency_order([paths[i] for i in new], moved)
    assert [paths[new[k]] for k in found] == expected


def test_of_a_cycle_the_first_by_path_comes_last():
    assert dependency_order(["a", "b", "c"], [[1], [2], [0]]) == [2, 1, 0]
    assert dependency_order(["c", "b", "a"], [[1], [2], [0]]) == [1, 0, 2]


def test_a_chain_of_many_files_needs_no_deep_stack():
    n = 20_000
    paths = [f"{i:06d}" for i in range(n)]
    assert dependency_order(paths, [[i + 1] for i in range(n - 1)] + [[]])[0] == n - 1


def test_shuffled_order_follows_from_names_and_seed():
    paths = [f"f{i}" for i in range(50)]
    first = shuffled_order(paths, "r", 0)
    assert sorted(first) == list(range(50))
    assert first == shuffled_order(paths, "r", 0)
    assert first != shuffled_order(paths, "r", 1)
    assert first != shuffled_order(paths, "s", 0)
    assert [paths[i] for i in first] == [
        paths[::-1][i] for i in shuffled_order(paths[::-1], "r", 0)
    ]
