import numpy as np
import pytest
from tokens import id_space, make_tokens

from castor.filters.errors import CastorError, ConfigError
from castor.mixtures.ablate import plant
from castor.mixtures.tokens import BOS_ID, EOS_ID, open_tokens

SPACE = id_space()
PIECE_BYTES = np.zeros(SPACE["size"], np.int32)
PIECE_BYTES[16:256] = 1 + np.arange(240) % 4


def planted(tokens, out, **options):
    settings = {"target": "code", "others": ("web", "rows"), "domain_tokens": 3_000}
    settings |= {"heldout_tokens": 500, "seed": 1}
    return plant.plant(tokens, out, piece_bytes=PIECE_BYTES, **(settings | options))


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    path = tmp_path_factory.mktemp("plant") / "tokens"
    sources = {"code": 8_000, "web": 6_000, "rows": 6_000}
    return make_tokens(path, sources, mean=60, media=("web",))


@pytest.fixture(scope="module")
def found(tokens, tmp_path_factory):
    return planted(tokens, tmp_path_factory.mktemp("planted"))


def test_four_domains_to_train_on_and_the_target_held_out(found):
    assert set(found.tokens) == {"related", "noise", "web", "rows"}
    assert set(found.heldout) == {"target", "web", "rows"}
    assert all(3_000 <= n < 3_600 for n in found.tokens.values())
    assert 500 <= found.heldout["target"] < 900


def test_related_and_target_are_documents_of_the_target_and_never_the_same(found, tokens):
    made, given = open_tokens(found.path), open_tokens(tokens)
    code = {tuple(d.ids.tolist()) for d in given.source("code", "train").read()}
    held = {tuple(d.ids.tolist()) for d in given.source("code", "heldout").read()}
    related = [tuple(d.ids.tolist()) for d in made.source("related").read()]
    target = [tuple(d.ids.tolist()) for d in made.source("target", "heldout").read()]
    assert set(related) <= code
    assert set(target) <= held
    assert len(set(related)) == len(related)
    assert not set(related) & set(target)


def test_no_document_with_media_is_planted(found):
    for name in ("web", "rows", "related"):
        for document in open_tokens(found.path).source(name).read():
            assert document.ids.max() < SPACE["text_size"]  # no placeholder
            assert not set(document.ids.tolist()) & set(SPACE["control"].values())
            assert document.text_bytes == PIECE_BYTES[document.ids].sum()


def test_noise_is_uniform_over_the_ids_of_text_and_as_long_as_the_target(found, tokens):
    noise = list(open_tokens(found.path).source("noise").read())
    ids = np.concatenate([d.ids[1:-1] for d in noise])
    assert set(np.unique(ids).tolist()) <= set(range(16, 256))
    counts = np.bincount(ids, minlength=256)[16:256]
    expected = len(ids) / 240
    assert ((counts - expected) ** 2 / expected).sum() < 240 + 5 * np.sqrt(480)  # chi squared
    assert all(d.ids[0] == BOS_ID and d.ids[-1] == EOS_ID for d in noise)
    lengths = np.diff(open_tokens(tokens).source("code").offsets)
    assert {len(d.ids) for d in noise} <= set(lengths.tolist())
    assert abs(np.mean([len(d.ids) for d in noise]) / lengths.mean() - 1) < 0.4


def test_long_documents_are_cut(tokens, tmp_path):
    found = planted(tokens, tmp_path / "cut", longest=20, domain_tokens=900, heldout_tokens=100)
    for document in open_tokens(found.path).source("related").read():
        assert len(document.ids) <= 20
        assert document.ids[-1] == EOS_ID


def test_the_same_settings_do_nothing_and_others_are_refused(found, tokens):
    before = (found.path / "manifest.json").stat().st_mtime_ns
    assert planted(tokens, found.path).tokens == found.tokens
    assert (found.path / "manifest.json").stat().st_mtime_ns == before
    with pytest.raises(ConfigError, match="made from something else"):
        planted(tokens, found.path, seed=2)


def test_another_seed_takes_other_documents(found, tokens, tmp_path):
    other = open_tokens(planted(tokens, tmp_path / "other", seed=2).path)
    first = {d.key for d in open_tokens(found.path).source("related").read()}
    assert first != {d.key for d in other.source("related").read()}


def test_too_little_text_is_said_with_the_source(tokens, tmp_path):
    with pytest.raises(CastorError, match="train split of 'code' has too little text to plant"):
        planted(tokens, tmp_path / "much", domain_tokens=100_000)
    with pytest.raises(CastorError, match="heldout split of 'code' has too little text"):
        planted(tokens, tmp_path / "held", heldout_tokens=5_000)


def test_three_different_sources_are_needed(tokens, tmp_path):
    with pytest.raises(ConfigError, match="a target and two other sources, all different"):
        planted(tokens, tmp_path / "same", others=("web", "code"))
    with pytest.raises(ConfigError, match="no source named 'cod'"):
        planted(tokens, tmp_path / "none", target="cod")


def test_the_order_is_that_of_the_marginal_effects():
    assert plant.in_order({"related": -0.5, "web": -0.1, "books": 0.1, "noise": 0.3})
    assert not plant.in_order({"related": -0.1, "web": -0.2, "books": 0.1, "noise": 0.3})
    assert not plant.in_order({"related": -0.5, "web": -0.1, "books": 0.4, "noise": 0.3})
