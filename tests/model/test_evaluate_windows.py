"""The fixed pack of an evaluation: every token after bos is the target of one window."""

import numpy as np
import pytest
import tokens as made
from hypothesis import given
from hypothesis import strategies as st

from castor.mixtures.tokens import open_tokens
from castor.model import windows

LENGTH = 64


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    folder = tmp_path_factory.mktemp("suite") / "tokens"
    sources = {"pics": 6_000, "text": 9_000}
    return open_tokens(made.make_tokens(folder, sources, media=("pics",), mean=70, parts=2))


def batches(source, **options):
    scored = np.ones(512, bool)
    cut = windows.cut(source, LENGTH)
    return cut, list(windows.batches(source, cut, scored, length=LENGTH, **options))


def test_every_token_after_bos_is_a_target_once_in_order(suite):
    source = suite.source("text", "heldout")
    cut, made_ = batches(source)
    pairs = {}
    for batch in made_:
        for row, n in enumerate(batch.lengths.tolist()):
            arrays = {k: v[row, :n].tolist() for k, v in batch.arrays.items() if v.ndim == 2}
            assert arrays["segment_ids"] == [1] * n
            assert arrays["positions"] == list(range(n))
            pairs.setdefault(tuple(arrays["inputs"]), []).append(arrays["targets"])
    for document in source.read():
        ids = document.ids.tolist()
        for at in range(0, len(ids) - 1, LENGTH):
            inputs = tuple(ids[at : at + LENGTH][: len(ids) - 1 - at])
            assert pairs[inputs].pop() == ids[at + 1 : at + 1 + len(inputs)]
    assert not any(pairs.values())
    assert cut.documents == source.documents


def test_padding_is_no_token(suite):
    _, made_ = batches(suite.source("text", "heldout"))
    for batch in made_:
        arrays = batch.arrays
        padding = arrays["segment_ids"] == 0
        assert padding.sum() == padding.size - batch.lengths.sum()
        for name in ("inputs", "targets", "positions", "loss_mask"):
            assert not arrays[name][padding].any()


def test_soft_inputs_stand_at_their_placeholders(suite):
    source = suite.source("pics", "heldout")
    placeholder = suite.id_space["soft"]
    for modality in ("image", "audio"):
        given_ = np.concatenate([d.soft[modality] for d in source.read() if modality in d.soft])
        found = {}
        cut, made_ = batches(source, soft=("image", "audio"))
        assert (cut.length < LENGTH).any()
        for batch in made_:
            index = batch.arrays[f"soft_{modality}_index"]
            at = batch.arrays["inputs"] == placeholder[modality]
            assert np.array_equal(index >= 0, at)
            for row, position in zip(*np.nonzero(at)):
                vector = batch.arrays[f"soft_{modality}"][row, index[row, position]]
                found[vector.tobytes()] = found.get(vector.tobytes(), 0) + 1
        assert sum(found.values()) == len(given_)
        assert set(found) == {v.tobytes() for v in given_}


def test_scored_ids_alone_are_in_the_loss(suite):
    source = suite.source("text", "heldout")
    scored = np.ones(512, bool)
    scored[[1, 20, 21]] = False
    cut = windows.cut(source, LENGTH)
    for batch in windows.batches(source, cut, scored, length=LENGTH):
        arrays = batch.arrays
        wanted = (arrays["segment_ids"] > 0) & ~np.isin(arrays["targets"], [1, 20, 21])
        assert np.array_equal(arrays["loss_mask"] > 0, wanted)


def test_rows_are_a_multiple_and_a_limit_takes_the_first(suite):
    source = suite.source("text", "heldout")
    _, made_ = batches(source, rows_multiple=24)
    assert all(len(b.arrays["inputs"]) % 24 == 0 for b in made_)
    some = windows.cut(source, LENGTH, limit=3)
    assert some.documents == 3
    assert set(some.document.tolist()) == {0, 1, 2}
    assert windows.cut(source, LENGTH, limit=10**6).documents == source.documents


@given(st.integers(1, 100_000))
def test_buckets_rise_to_the_length(length):
    found = windows.buckets(length)
    assert found == sorted(set(found))
    assert found[-1] == length
    assert len(found) <= windows.BUCKETS
    assert all(b >= windows.SHORTEST for b in found[:-1])
