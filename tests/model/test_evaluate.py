"""Bits per byte against a plain sum over documents, the baselines, and what is refused."""

import json
import math

import jax
import numpy as np
import pytest
import tokens as made
import training

from castor.filters.errors import CastorError, ConfigError
from castor.mixtures.tokens import open_tokens
from castor.model import decoder
from castor.model.evaluate import evaluate, score, without_drops
from castor.model.trained import open_trained

BYTES = training.piece_bytes()


@pytest.fixture(scope="module", autouse=True)
def _compiled_once(tmp_path_factory):
    with training.compiled_once(tmp_path_factory.mktemp("compiled")):
        yield


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    folder = tmp_path_factory.mktemp("suite") / "tokens"
    sources = {"pics": 6_000, "text": 12_000}
    return open_tokens(made.make_tokens(folder, sources, media=("pics",), mean=70, parts=2))


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "out"
    training.save_checkpoint(folder)
    return folder


def held_out(suite):
    return [suite.source(name, "heldout") for name in suite.names]


@pytest.fixture(scope="module")
def result(suite, out):
    return score(open_trained(out), suite, held_out(suite), BYTES)


@pytest.fixture(scope="module")
def plain(suite, out):
    """Bits and bytes by source: a window of a document a row, in as few lines as can be."""
    trained = open_trained(out)
    params, config = trained.params(trained.mesh()), without_drops(training.MODEL)
    forward = jax.jit(lambda batch: decoder.forward(params, config, batch)[0])
    found = {}
    for name in suite.names:
        bits = n_bytes = 0
        for document in suite.source(name, "heldout").read():
            for at in range(0, len(document.ids) - 1, training.LENGTH):
                targets = document.ids[at + 1 :][: training.LENGTH]
                logits = np.asarray(forward(one_row(document, at))[0, : len(targets)], np.float64)
                share = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
                bits -= (share[np.arange(len(targets)), targets] * (BYTES[targets] > 0)).sum()
                n_bytes += BYTES[targets].sum()
        found[name] = bits / math.log(2), n_bytes
    return found


def one_row(document, at):
    """The window of a document that begins at a token, as a batch of one row."""
    length = training.LENGTH
    n = min(length, len(document.ids) - 1 - at)
    inputs = np.zeros((1, length), np.int32)
    inputs[0, :n] = document.ids[at : at + n]
    positions = np.arange(length, dtype=np.int32)[None]
    batch = {"inputs": inputs, "segment_ids": (positions < n) * 1, "positions": positions}
    for modality in ("image", "audio"):
        soft = np.zeros((1, length, made.DIMS[modality]), np.float16)
        index = np.full((1, length), -1, np.int32)
        mine = (s for s in document.spans if s.modality == modality)
        places = [s.start + i - at for s in mine for i in range(s.length)]
        for place, vector in zip(places, document.soft.get(modality, ())):
            if 0 <= place < n:
                soft[0, place], index[0, place] = vector, place
        batch |= {f"soft_{modality}": soft, f"soft_{modality}_index": index}
    return batch


@pytest.mark.parametrize("source", ["pics", "text"])
def test_bits_per_byte_are_those_of_each_document_alone(result, plain, source):
    bits, n_bytes = plain[source]
    found = result["sources"][source]
    assert found["bytes"] == n_bytes
    assert found["bits_per_byte"] == pytest.approx(bits / n_bytes, rel=1e-5)


def test_soft_inputs_are_given(suite, out, result):
    """Without them the placeholders' embeddings would stand there: another score."""
    trained = open_trained(out)
    blind = training.MODEL.model_copy(update={"soft_dims": type(trained.model.soft_dims)()})
    params = dict(trained.params(trained.mesh()), soft={})
    other = type(trained)(trained.out, trained.step, False, blind, trained.data)
    object.__setattr__(other, "params", lambda mesh: params)
    found = score(other, suite, held_out(suite), BYTES)
    assert found["soft_left_out"] == ["audio", "image"]
    assert result["soft_left_out"] == []
    text, pics = (
        [r["sources"][s]["bits_per_byte"] for r in (found, result)] for s in ("text", "pics")
    )
    assert text[0] == text[1]
    assert abs(pics[0] - pics[1]) > 1e-5


def test_the_unigram_baseline_is_what_the_counts_say(suite, result):
    seen, own, every = np.zeros(512), np.zeros(512), np.zeros(512)
    for name in suite.names:
        for document in suite.source(name, "train").read():
            every += np.bincount(document.ids, minlength=512)
            if name == "text":
                own += np.bincount(document.ids, minlength=512)
    for document in suite.source("text", "heldout").read():
        seen += np.bincount(document.ids[1:], minlength=512)
    seen, own, every = (np.where(BYTES > 0, c, 0) for c in (seen, own, every))
    found = result["sources"]["text"]
    assert found["tokens"] == seen.sum()
    for name, counts in (("own", own), ("all", every)):
        bits = -np.log2((counts + 1) / (counts.sum() + 512))
        wanted = (seen * bits).sum() / (seen * BYTES).sum()
        assert found["unigram_bits_per_byte"][name] == pytest.approx(wanted)


def test_the_total_is_all_sources_together(result):
    rows = result["sources"].values()
    total = result["total"]
    for name in ("documents", "tokens", "bytes"):
        assert total[name] == sum(r[name] for r in rows)
    bits = sum(r["bits_per_byte"] * r["bytes"] for r in rows)
    assert total["bits_per_byte"] == pytest.approx(bits / total["bytes"])


def test_loss_by_position_is_over_whole_windows(result):
    curve = result["nll_by_position"]
    assert [p["up_to"] for p in curve] == [2, 4, 8, 16, 32, 64]
    assert curve[-1]["tokens"] > 40 * curve[0]["tokens"] / 2 > 0
    assert all(p["nll"] > 0 for p in curve)


def test_the_same_twice_and_a_limit(suite, out, result):
    trained = open_trained(out)
    again = score(trained, suite, held_out(suite), BYTES)
    assert json.dumps(again) == json.dumps(result)
    some = score(trained, suite, held_out(suite), BYTES, limit=2)
    assert some["total"]["documents"] == 4
    assert some["limit"] == 2


def test_a_checkpoint_is_found_by_its_training_or_itself(tmp_path):
    training.save_checkpoint(tmp_path / "out", step=5)
    training.save_checkpoint(tmp_path / "out", step=7, seed=1)
    newest = open_trained(tmp_path / "out")
    named = open_trained(tmp_path / "out" / "checkpoints" / "5")
    assert (newest.step, newest.named, named.step, named.named) == (7, False, 5, True)
    assert named.out == newest.out


def test_a_damaged_checkpoint_is_not_replaced_by_another(tmp_path):
    training.save_checkpoint(tmp_path / "out", step=5)
    training.save_checkpoint(tmp_path / "out", step=7)
    (tmp_path / "out/checkpoints/7/data.json").write_text("{}")
    with pytest.raises(CastorError, match="damaged"):
        open_trained(tmp_path / "out")
    (tmp_path / "out/checkpoints/7/data.json").unlink()
    with pytest.raises(CastorError, match="damaged"):
        open_trained(tmp_path / "out/checkpoints/7")


def test_what_cannot_be_scored_is_refused(tmp_path, suite, out):
    with pytest.raises(ConfigError, match="no checkpoint here"):
        evaluate(tmp_path, suite.path)
    training.save_checkpoint(tmp_path / "other", sha256="f" * 64)
    with pytest.raises(ConfigError, match="another tokenizer"):
        evaluate(tmp_path / "other", suite.path)
    assert not list(out.glob("evaluation*"))


def test_nothing_held_out_is_refused(tmp_path, out, monkeypatch):
    documents = [made.document(np.random.default_rng(0), "web:0")]
    folder = made.write_tokens(tmp_path / "tokens", documents)
    monkeypatch.setattr("castor.model.evaluate._piece_bytes", lambda *_: BYTES)
    with pytest.raises(ConfigError, match="no held-out"):
        evaluate(out, folder)
