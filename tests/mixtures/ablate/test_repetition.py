import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from castor.filters.errors import ConfigError
from castor.mixtures.ablate import repetition


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(50, 10**6), min_size=1),
    st.integers(10**3, 10**6),
    st.integers(10**6, 10**9),
)
def test_a_proxy_repeats_a_source_as_often_as_the_target_run(rows, proxy, target):
    slices = repetition.match(rows, proxy_tokens=proxy, target_tokens=target)
    for name, n in rows.items():
        in_target = target / n  # epochs per unit of weight, up to the tokens in a row
        in_proxy = proxy / slices.rows[name]
        wanted = n * proxy / target
        if wanted >= 0.5:
            assert in_proxy == pytest.approx(in_target, rel=0.5 / max(1, slices.rows[name]) + 1e-9)
        else:
            assert name in slices.short
    assert slices.exact is (not slices.short)


def test_slices_by_hand():
    rows = {"web": 1000, "books": 30, "tiny": 1}
    slices = repetition.match(rows, proxy_tokens=100, target_tokens=1000)
    assert slices.rows == {"web": 100, "books": 3, "tiny": 1}
    assert slices.short == ("tiny",)
    everything = repetition.match(rows, proxy_tokens=100, target_tokens=1000, matched=False)
    assert everything.rows == rows
    assert not everything.exact


def test_a_proxy_of_more_tokens_than_the_target_run_is_said():
    slices = repetition.match({"web": 10}, proxy_tokens=200, target_tokens=100)
    assert slices.rows == {"web": 10}
    assert slices.short == ("web",)


def test_sources_without_a_row_are_refused():
    with pytest.raises(ConfigError, match="without one whole row of tokens: got b"):
        repetition.match({"a": 5, "b": 0}, proxy_tokens=1, target_tokens=2)


def test_a_larger_slice_holds_the_smaller():
    small, large = (repetition.choose(100, n, seed=3) for n in (10, 40))
    assert len(set(small.tolist())) == 10
    assert set(small.tolist()) <= set(large.tolist()) <= set(range(100))
    assert (np.diff(large) > 0).all()
    assert small.tolist() != repetition.choose(100, 10, seed=4).tolist()
