"""Annotators by trained classifiers, and the policies that read them."""

import numpy as np
import pyarrow as pa
import pytest

from castor.filters import policy
from castor.filters.annotator import Context
from castor.filters.annotators import _classified
from castor.filters.classify import calibrate, classifier, fasttext_file, trainer
from castor.filters.errors import ConfigError
from castor.filters.record import Modality, Record, to_batch
from castor.filters.registry import load

NAMES = ("classifier", "quality", "toxicity")
GOOD, BAD = "the sea is calm and wide", "win cash now now"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("model")
    column = pa.array([GOOD, BAD] * 20)
    settings = trainer.Settings(dim=4, lr=0.5, epochs=20)
    model = trainer.train(column, [[0], [1]] * 20, ["good", "bad"], settings)
    fasttext_file.write(path / classifier.MODEL, model)
    classifier.write(
        path, text="folded", positive="good", calibration=calibrate.Calibration("platt"),
        threshold=0.6, temperature=1.0,
    )  # fmt: skip
    return path


def annotated(name, folder, texts, **options):
    rows = [Record(f"k{i}", "s", Modality.TEXT, t) for i, t in enumerate(texts)]
    batch = to_batch(rows)
    given = {name: {"model": str(folder), **options}}
    signals = load("annotator", name).annotate(batch, Context(options=given))
    assert signals.column(f"{name}.error").null_count == len(texts)
    columns = [*batch.columns, *signals.columns]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema([*batch.schema, *signals.schema]))


@pytest.mark.parametrize("name", NAMES)
def test_signals(folder, name):
    found = annotated(name, folder, ["The SEA is wide!", "cash now", None])
    assert found.column(f"{name}.label").to_pylist() == ["good", "bad", None]
    probability = found.column(f"{name}.probability").to_pylist()
    assert probability[0] > 0.6 > probability[1]
    confidence = found.column(f"{name}.confidence").to_pylist()
    assert confidence[:2] == pytest.approx([probability[0], 1 - probability[1]])
    margin = found.column(f"{name}.margin").to_pylist()
    assert margin[:2] == pytest.approx([p - 0.6 for p in probability[:2]])
    assert [found.column(f"{name}.{s}")[2].as_py() for s in _classified.WRITES] == [None] * 6
    assert found.column(f"{name}.labels").null_count == 3  # the model gives one label


def test_a_model_of_several_labels_says_all_from_the_threshold_on(folder, tmp_path):
    (tmp_path / classifier.MODEL).write_bytes((folder / classifier.MODEL).read_bytes())
    each = {"good": calibrate.Calibration("platt", 1, 1.5), "bad": calibrate.Calibration("platt")}
    classifier.write(
        tmp_path, text="folded", positive=None, calibration=None, threshold=None,
        temperature=1.0, several=each,
    )  # fmt: skip
    texts = [GOOD, BAD, "cash is now wide", None]
    several = classifier.load(tmp_path).judge(pa.array(texts)).several
    found = annotated("classifier", tmp_path, texts, threshold=0.3)
    labels = found.column("classifier.labels").to_pylist()
    assert labels[3] is None
    names = classifier.load(tmp_path).names
    for said, row in zip(labels[:3], several.tolist(), strict=False):
        order = sorted(zip(row, names, strict=True), reverse=True)
        assert said.split() == [name for p, name in order if p >= 0.3]
    assert {len(said.split()) for said in labels[:3]} == {1, 2}
    none = annotated("classifier", tmp_path, texts, threshold=1)
    assert none.column("classifier.labels").to_pylist() == ["", "", "", None]
    assert none.column("classifier.probability").null_count == 4


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("classifier/keep", [True, False]),
        ("classifier/drop", [False, True]),
        ("quality/threshold", [True, False]),
        ("toxicity/threshold", [False, True]),
    ],
)
def test_policies_decide_at_the_threshold(folder, name, kept):
    found = annotated(name.partition("/")[0], folder, [GOOD, BAD, None])
    reasons = policy.load(name).decide(found).to_pylist()
    assert [not r for r in reasons[:2]] == kept
    assert reasons[2][0].endswith(":missing")


def test_the_threshold_is_an_option(folder):
    always = annotated("quality", folder, [GOOD, BAD], threshold=0)
    assert policy.load("quality/threshold").decide(always).to_pylist() == [[], []]


@pytest.mark.parametrize("name", ["classifier/pareto", "quality/pareto"])
def test_the_pareto_rule_keeps_as_much_as_numpy_would(folder, name):
    column = name.partition("/")[0]
    n = 4000
    found = annotated(column, folder, ["the cash is now wide"] * n)
    probability = found.column(f"{column}.probability")[0].as_py()
    kept = np.mean([not r for r in policy.load(name).decide(found).to_pylist()])
    draws = np.random.default_rng(0).pareto(9, 200_000)
    assert kept == pytest.approx(np.mean(draws > 1 - probability), abs=0.02)
    assert 0.01 < kept < 0.99


def test_pareto_numbers_depend_on_the_key_and_on_nothing_else():
    first = _classified.pareto(["a", "b"], 9.0)
    assert _classified.pareto(["b"], 9.0)[0] == first[1] != first[0]


@pytest.mark.parametrize(
    "options",
    [{}, {"model": 3}, {"model": "/nowhere/model.bin"}, {"threshold": "x"}, {"pareto_alpha": 0},
     {"threshold": 2}, {"modell": "x"}, {"positive": "bad"}],
)  # fmt: skip
def test_wrong_options_are_refused_before_anything_runs(folder, options):
    given = {"model": str(folder), **options} if options else {}
    with pytest.raises(ConfigError):
        load("annotator", "quality").check(given)


def test_what_stands_for_the_options_names_content_not_place(folder, tmp_path):
    import shutil

    copy = shutil.copytree(folder, tmp_path / "copy")
    check = load("annotator", "quality").check
    assert check({"model": str(copy)}) == check({"model": str(folder)})
    assert check({"model": str(copy), "threshold": 0.1}) != check({"model": str(copy)})
