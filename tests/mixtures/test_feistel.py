"""Permutations without a table: bijective, keyed, and without a visible trace of their input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.mixtures import feistel


def permuted(size, key):
    """The whole permutation of [0, size) under one key."""
    x = np.arange(size)
    keys = np.full(size, key, np.uint64)
    return feistel.Permutations([size])(x, np.zeros(size, np.int64), keys)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 64, 1000, 1024, 65_537])
def test_each_size_is_permuted(size):
    found = permuted(size, feistel.key("test", size))
    assert found.dtype == np.int64
    assert np.array_equal(np.sort(found), np.arange(size))


@given(st.integers(1, 3000), st.integers(0, 2**64 - 1))
@settings(max_examples=100, deadline=None)
def test_any_size_and_key_is_permuted(size, key):
    assert np.array_equal(np.sort(permuted(size, key)), np.arange(size))


@given(st.lists(st.integers(1, 2**62), min_size=1, max_size=50), st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_numbers_stay_below_their_size(sizes, seed):
    rng = np.random.default_rng(seed)
    x = np.array([int(rng.integers(0, n)) for n in sizes])
    keys = rng.integers(0, 2**64, len(sizes), np.uint64)
    found = feistel.Permutations(sizes)(x, np.arange(len(sizes)), keys)
    assert ((found >= 0) & (found < np.array(sizes))).all()


def test_different_numbers_of_a_large_domain_do_not_meet():
    x = np.arange(10**12, 10**12 + 200_000)
    keys = np.full(len(x), 5, np.uint64)
    found = feistel.Permutations([10**15])(x, np.zeros(len(x), np.int64), keys)
    assert len(np.unique(found)) == len(x)


def test_many_at_once_are_each_by_itself():
    rng = np.random.default_rng(0)
    sizes = [1, 10, 1000, 10**9]
    which = rng.integers(0, 4, 50_000)
    x = (rng.random(50_000) * np.array(sizes)[which]).astype(np.int64)
    keys = rng.integers(0, 2**64, 50_000, np.uint64)
    together = feistel.Permutations(sizes)(x, which, keys)
    for i in range(0, 50_000, 4999):
        alone = feistel.Permutations([sizes[which[i]]])(
            x[i : i + 1], np.zeros(1, int), keys[i : i + 1]
        )
        assert alone[0] == together[i]


@pytest.mark.parametrize("size", [2, 5, 10, 33])
def test_every_place_is_as_likely(size):
    """Where one number lands over 20,000 keys: chi-square within six standard deviations."""
    keys = feistel.mix(np.arange(20_000, dtype=np.uint64))
    for number in (0, size - 1):
        x = np.full(20_000, number)
        found = feistel.Permutations([size])(x, np.zeros(20_000, np.int64), keys)
        seen = np.bincount(found, minlength=size)
        expected = 20_000 / size
        chi_square = ((seen - expected) ** 2 / expected).sum()
        assert chi_square < size - 1 + 6 * np.sqrt(2 * (size - 1))


def test_neighbours_land_apart():
    n = 100_000
    found = permuted(n, feistel.key("neighbours"))
    steps = np.diff(found)
    # Of a chance permutation two steps in n lead to a neighbour, give or take their square root.
    assert (np.abs(steps) == 1).sum() < 2 + 5 * np.sqrt(2)
    assert abs(np.corrcoef(np.arange(n), found)[0, 1]) < 5 / np.sqrt(n)


def test_keys_are_of_names_and_numbers():
    assert feistel.key("rows", 1, "web") == feistel.key("rows", 1, "web")
    keys = {feistel.key("a", "b"), feistel.key("ab"), feistel.key("a", 1), feistel.key("a", "1")}
    assert len(keys) == 4
    assert not np.array_equal(permuted(1000, 1), permuted(1000, 2))
