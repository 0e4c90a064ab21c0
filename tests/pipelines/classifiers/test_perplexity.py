"""The kind perplexity, its annotator and its policies."""

import json
import random

import pyarrow as pa
import pytest

from castor.filters import policy
from castor.filters.annotator import Context
from castor.filters.classify import ngram_train
from castor.filters.errors import CastorError, ConfigError
from castor.filters.record import Modality, Record, to_batch
from castor.filters.registry import load
from castor.pipelines import api, verify


def line(rng):
    """A sentence of a small grammar."""
    noun, verb = (lambda: rng.choice(["cat", "dog", "sea", "man", "ship"]), ["sees", "likes", "is"])
    return (
        f"the {noun()} {rng.choice(verb)} the {noun()} , and the {noun()} {rng.choice(verb)} me ."
    )


def write(path, texts):
    path.write_text("".join(json.dumps({"text": t}) + "\n" for t in texts))
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("perplexity")
    rng = random.Random(0)
    clean = write(folder / "clean.jsonl", [line(rng) for _ in range(300)])
    noisy = []
    for k in range(200):
        words = line(rng).split()
        for _ in range(k // 10):
            words[rng.randrange(len(words))] = rng.choice(["qx", "zzz", "win", "!!", "£"])
        noisy.append(" ".join(words))
    crawl = write(folder / "crawl.jsonl", noisy)
    card = api.classifier_train(
        "perplexity", [clean, crawl], folder / "out", settings=["reference=crawl*", "order=3"]
    )
    return folder / "out", card, noisy


def annotated(model, texts, **meta):
    rows = [Record(f"k{i}", "s", Modality.TEXT, t, meta=meta) for i, t in enumerate(texts)]
    batch = to_batch(rows)
    found = load("annotator", "perplexity").annotate(
        batch, Context(options={"perplexity": {"model": model}})
    )
    assert found.column("perplexity.error").null_count == len(texts)
    columns = [*batch.columns, *found.columns]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema([*batch.schema, *found.schema]))


def test_the_card_and_the_folder(trained):
    out, card, _ = trained
    assert verify.verify(out) == []
    assert card["texts"] == {"learnt": 300, "reference": 200}
    assert card["n-grams"]["1"] > 10
    assert card["percentiles"]["30"] < card["percentiles"]["60"]
    figures = card["reference figures"]["perplexity"]
    assert figures["low"] < figures["value"] < figures["high"]


def test_reference_texts_fall_into_head_middle_and_tail_as_they_were_parted(trained, tmp_path):
    out, _, noisy = trained
    found = annotated(str(out), noisy)
    for name, share in (("perplexity/head", 0.3), ("perplexity/head-middle", 0.6)):
        reasons = policy.load(name).decide(found).to_pylist()
        assert sum(not r for r in reasons) / len(noisy) == pytest.approx(share, abs=0.05)
    place = found.column("perplexity.percentile").to_pylist()
    assert place[0] < 35
    assert place[-1] > 60
    fresh = write(tmp_path / "fresh.jsonl", [*noisy[::2], "something else"])
    shares = api.classifier_eval(out, [fresh])["shares"]
    assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
    assert shares["head"] == pytest.approx(0.3, abs=0.1)


def test_a_text_is_judged_by_the_model_of_its_language(trained):
    model = {"en": str(trained[0])}
    found = annotated(model, ["the cat sees the dog", None, "!"], language="en-GB")
    n_words = found.column("perplexity.n_words").to_pylist()
    assert n_words == [5, None, 1]
    assert found.column("perplexity.spelled_fraction").to_pylist()[:2] == [0, None]
    other = annotated(model, ["the cat sees the dog"], language="de")
    assert other.column("perplexity.perplexity").to_pylist() == [None]
    reasons = policy.load("perplexity/head").decide(other).to_pylist()
    assert reasons == [["perplexity.not_head:missing"]]


def test_the_same_texts_and_seed_give_the_same_bytes(tmp_path):
    rng = random.Random(1)
    data = write(tmp_path / "a.jsonl", [line(rng) for _ in range(300)])
    for name in ("one", "two"):
        api.classifier_train("perplexity", [data], tmp_path / name)
    one, two = ((tmp_path / n) for n in ("one", "two"))
    first, second = (
        {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()} for folder in (one, two)
    )
    assert first == second


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["orders=3"], "no option named 'orders'"),
        (["order=high"], "whole numbers"),
        (["order=99"], "order must be"),
        (["reference=nothing*"], "too few texts"),
        (["text=body"], "no field 'body'"),
    ],
)
def test_wrong_options_are_refused(tmp_path, settings, message):
    data = write(tmp_path / "a.jsonl", ["a b c"] * 30)
    with pytest.raises(CastorError, match=message):
        api.classifier_train("perplexity", [data], tmp_path / "out", settings=settings)


def test_more_text_than_memory_is_refused_while_it_is_read(tmp_path, monkeypatch):
    data = write(tmp_path / "a.jsonl", ["a b c " * 20] * 30)
    monkeypatch.setattr(ngram_train, "PER_BYTE", (1 << 30) // 1200)
    with pytest.raises(CastorError, match="give a sample"):
        api.classifier_train("perplexity", [data], tmp_path / "out", settings=["memory_gb=1"])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [{}, {"model": 3}, {"model": {}}, {"models": "x"},
                                     {"model": {"en": "/nowhere"}}])  # fmt: skip
def test_wrong_options_of_the_annotator_are_refused(options):
    with pytest.raises(ConfigError):
        load("annotator", "perplexity").check(options)
