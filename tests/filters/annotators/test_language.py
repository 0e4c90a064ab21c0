"""Annotator language: its columns, other models by path, and the policy on them."""

import json
import pathlib
import random

import pytest

from castor.filters import policy
from castor.filters.annotator import Context
from castor.filters.annotators.language import fingerprint, language
from castor.filters.errors import CastorError, ConfigError
from castor.filters.language import model
from castor.filters.record import Modality, Record, to_batch
from castor.pipelines import api

SHIPPED = pathlib.Path(model.__file__).parent.parent / "data" / "language" / model.FILE
ENGLISH = "The ferry had left when we reached the harbour, and we waited there for the next one."
GERMAN = "Die Fähre war schon weg, als wir am Hafen ankamen, und wir warteten dort auf die nächste."


def annotated(*texts, modality=Modality.TEXT, **options):
    batch = to_batch(Record(str(i), "s", modality, t) for i, t in enumerate(texts))
    found = language.annotate(batch, Context(options={"language": options} if options else {}))
    assert found.column("language.error").to_pylist() == [None] * len(texts)
    return {name: found.column(f"language.{name}").to_pylist() for name in language.signals}


def test_the_columns_of_a_batch():
    mixed = f"{ENGLISH} {ENGLISH} {ENGLISH}\n{GERMAN}\n{GERMAN}"
    found = annotated(
        ENGLISH, mixed, "1, 2, 3", None, "Ljudi su dugo čekali na stanici i razgovarali o vremenu."
    )
    assert found["code"][:4] == ["en", "en", "und", None]
    assert found["score"][0] > 0.95
    assert found["score"][2:4] == [0, None]
    assert found["second"][:4] == [None, "de", None, None]
    assert found["second_share"][1] == pytest.approx(0.4, abs=0.1)
    assert found["shares"][0] == [("en", 1.0)]
    assert [code for code, _ in found["shares"][1]] == ["en", "de"]
    assert found["shares"][2:4] == [[], None]
    assert found["alternative"][0] is None
    assert {found["code"][4], found["alternative"][4]} <= {"bs", "hr", "sr"}


def test_rows_without_prose_are_null():
    assert annotated(ENGLISH, modality=Modality.CODE)["code"] == [None]


def test_options():
    assert fingerprint({}) == {}
    with pytest.raises(ConfigError, match="no option named 'modle'"):
        fingerprint({"modle": "x"})
    with pytest.raises(ConfigError, match="must be a path"):
        fingerprint({"model": 3})
    with pytest.raises(ConfigError, match="no language model"):
        fingerprint({"model": "/nowhere"})
    with pytest.raises(CastorError):
        fingerprint({"model": "/nowhere.bin"})


def test_a_model_is_known_by_its_bytes_wherever_it_lies(tmp_path):
    (tmp_path / model.FILE).write_bytes(SHIPPED.read_bytes())
    folder, file = fingerprint({"model": str(tmp_path)}), fingerprint({"model": str(SHIPPED)})
    assert folder == file
    assert list(file) == ["model"]


@pytest.fixture(scope="module")
def by_fasttext(tmp_path_factory):
    """A fastText model of two languages with labels as GlotLID writes them."""
    folder = tmp_path_factory.mktemp("lid")
    draw = random.Random(1)
    words = {"eng_Latn": ENGLISH.split(), "deu_Latn": GERMAN.split()}
    rows = [
        {"text": " ".join(draw.choices(words[label], k=8)), "label": label}
        for label in sorted(words)
        for _ in range(60)
    ]
    data = folder / "rows.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = ["epochs=10", "buckets=500", "dim=4", "folds=3"]
    api.classifier_train("fasttext", [data], folder / "out", settings=settings)
    return str(folder / "out" / "model.bin")


def test_a_fasttext_model_by_path(by_fasttext):
    found = annotated(ENGLISH.lower(), GERMAN.lower(), None, model=by_fasttext)
    assert found["code"] == ["en", "de", None]
    assert all(0.5 < score <= 1 for score in found["score"][:2])
    assert found["shares"] == [None, None, None]
    assert list(fingerprint({"model": by_fasttext})) == ["model"]


def test_the_policy_keeps_what_is_surely_english():
    batch = to_batch(
        Record(str(i), "s", Modality.TEXT, t) for i, t in enumerate([ENGLISH, GERMAN, "7", "An."])
    )
    signals = language.annotate(batch)
    for name in signals.schema.names:
        batch = batch.append_column(name, signals.column(name))
    reasons = policy.load("language/english").decide(batch)
    assert reasons.to_pylist()[:3] == [
        [],
        ["language.not_english"],
        ["language.not_english", "language.unsure"],
    ]
