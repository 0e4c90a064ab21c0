import numpy as np
import pytest
from tokens import make_tokens

from castor.mixtures import pack
from castor.mixtures.ablate import proxy, repetition
from castor.mixtures.loader import Loader
from castor.mixtures.tokens import open_tokens

LENGTH = 16


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("proxy")
    tokens = open_tokens(make_tokens(folder / "tokens", {"web": 6_000, "books": 4_000}))
    found = {}
    for name in tokens.names:
        pack.build_index(tokens.source(name), "concat-chunk", LENGTH, folder / name)
        found[name] = pack.row_source(tokens.source(name), "concat-chunk", LENGTH, folder / name)
    return found


def cut(sources, **slices):
    return proxy.cut(sources, slices, sequence_length=LENGTH, seed=7)


def test_a_slice_has_the_rows_that_were_chosen(sources):
    rows = cut(sources, web=20, books=10)
    chosen = repetition.choose(sources["web"].rows, 20, seed=7)
    sliced = rows.sources["web"].gather(np.arange(20))
    whole = sources["web"].gather(chosen)
    assert all((sliced[name] == whole[name]).all() for name in whole)
    with pytest.raises(IndexError):
        rows.sources["web"].gather(np.array([20]))


def test_a_run_reads_its_mixture_and_repeats_only_its_slices(sources):
    mixture = cut(sources, web=20, books=10).mixture(
        {"web": 0.75, "books": 0.25}, sequences=256, seed=1
    )
    loader = Loader(mixture, 8, threads=0)
    batches = [loader.batches(step) for step in range(32)]
    source = np.concatenate([batch["source"] for batch in batches])
    names = mixture.plan.names
    assert (source == names.index("web")).sum() == 192
    for name, rows in (("web", 20), ("books", 10)):
        mine = source == names.index(name)
        inputs = np.concatenate([batch["inputs"] for batch in batches])[mine]
        different, times = np.unique(inputs, axis=0, return_counts=True)
        assert len(different) == rows  # all of the slice, and nothing else
        assert times.max() - times.min() <= 1  # epoch after epoch


def test_a_domain_of_no_weight_is_never_read(sources):
    mixture = cut(sources, web=20, books=10).mixture({"web": 1.0}, sequences=64, seed=1)
    source, _, _ = mixture.plan.locate(np.arange(64))
    assert set(source.tolist()) == {mixture.plan.names.index("web")}


def test_the_seed_changes_the_order_and_not_the_rows(sources):
    rows = cut(sources, web=16, books=10)
    one, two = (rows.mixture({"web": 1.0}, sequences=64, seed=seed) for seed in (1, 2))
    index = np.arange(64)  # four epochs of the slice
    first, second = one.plan.locate(index)[2], two.plan.locate(index)[2]
    assert first.tolist() != second.tolist()
    assert sorted(first.tolist()) == sorted(second.tolist()) == sorted(4 * list(range(16)))
