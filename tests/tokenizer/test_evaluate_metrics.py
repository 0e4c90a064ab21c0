"""Figures of tokenizers, each against a number that was worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from castor.tokenizer import metrics


def codes(text):
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)


def test_a_ratio_of_nothing_is_nothing():
    assert metrics.ratio(3, 4) == 0.75
    assert metrics.ratio(0, 4) == 0.0
    assert metrics.ratio(3, 0) is None


def test_renyi_efficiency_of_even_shares_is_the_logarithm_of_their_number():
    # Four pieces of a vocabulary of 16, all alike: log2(4) / log2(16).
    assert metrics.renyi_efficiency(np.array([5, 5, 0, 5, 5]), 16) == pytest.approx(0.5)
    assert metrics.renyi_efficiency(np.array([7]), 16) == pytest.approx(0.0)
    assert metrics.renyi_efficiency(np.zeros(3, int), 16) is None


def test_renyi_efficiency_by_hand():
    # Shares 1/2, 1/4, 1/4; order 2.5: log2(2^-2.5 + 2 * 4^-2.5) / -1.5, over log2(8) = 3.
    expected = math.log2(2**-2.5 + 2 * 4**-2.5) / -1.5 / 3
    assert metrics.renyi_efficiency(np.array([2, 1, 1]), 8) == pytest.approx(expected)
    # Order 2: -log2(1/4 + 2/16) = 1.415.
    found = metrics.renyi_efficiency(np.array([2, 1, 1]), 8, alpha=2)
    assert found == pytest.approx(-math.log2(3 / 8) / 3)


def test_gini_by_hand():
    assert metrics.gini([3, 3, 3]) == 0
    # |1 - 3| twice, over 2 * 2^2 * 2.
    assert metrics.gini([1, 3]) == pytest.approx(4 / 16)
    assert metrics.gini([0, 0, 1]) == pytest.approx(2 / 3)
    assert metrics.gini([]) is None
    assert metrics.gini([0, 0]) is None


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=30))
def test_gini_is_the_double_sum_of_its_definition(values):
    n, mean = len(values), sum(values) / len(values)
    double = sum(abs(a - b) for a in values for b in values) / (2 * n * n * mean)
    assert metrics.gini(values) == pytest.approx(double, abs=1e-12)


def test_the_mean_of_groups_gives_every_group_the_same_weight():
    groups = [{"x": 1.0, "y": None}, {"x": 4.0, "y": 5.0}, {"x": 1.0}]
    found = metrics.macro(groups, ["x", "y", "z"])
    assert found == {"x": 2.0, "y": 5.0, "z": None, "groups": {"x": 3, "y": 1, "z": 0}}


@given(st.text(max_size=40) | st.text(" \n\t\u3000\u00a0\u0085\x1c\u2003ab日", max_size=40))
def test_words_are_those_of_split(text):
    text = text.encode("utf-8", "replace").decode()
    starts, stops = metrics.words(codes(text))
    assert [text[a:b] for a, b in zip(starts, stops)] == text.split()


@given(st.text(max_size=40))
def test_lengths_are_those_of_utf8(text):
    text = text.encode("utf-8", "replace").decode()
    assert metrics.utf8_lengths(codes(text)).tolist() == [len(c.encode()) for c in text]


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("日本語", 3),
        ("ひらカタ", 4),
        ("ภาษา", 4),
        ("ພາສາ", 4),
        ("မြန်မာ", 6),
        ("བོད་", 4),
        ("ខ្មែរ", 5),
        ("한국어", 0),
        ("русский", 0),
        ("हिन्दी", 0),
        ("latin é", 0),
    ],
)
def test_scripts_without_spaces_between_words(text, n):
    assert metrics.unspaced(codes(text)).sum() == n
