"""The kind language: from labelled texts to a model file, and its figures."""

import gzip
import json
import random

import pytest

from castor.filters import identify_language
from castor.filters.errors import ConfigError
from castor.filters.language import codes
from castor.pipelines import api
from castor.pipelines.classifiers import _language_fit as fit
from castor.pipelines.classifiers import _language_rows as rows_of

SYLLABLES = {
    "aa": "ba be bi bo da de di do",
    "bb": "ka ke ki ko ta te ti to",
    "cc": "ма ме ми мо на не ни но",
    "sr": "ђа ће жи шо ља ње џи ца",
    "ja": "漢字 かな です",
}


def sentences(code, n, seed=0):
    draw = random.Random(f"{code}{seed}")
    syllables = SYLLABLES[code].split()
    words = ["".join(draw.choices(syllables, k=draw.randrange(1, 4))) for _ in range(30)]
    return [" ".join(draw.choices(words, k=12)) for _ in range(n)]


def write(path, n, seed=0):
    made = [{"lang": c, "text": t} for c in SYLLABLES for t in sentences(c, n, seed)]
    made.append({"lang": "aa", "text": " ".join(sentences("bb", 2, seed))})  # a wrong label
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in made)
    path.write_bytes(gzip.compress(lines.encode()) if path.suffix == ".gz" else lines.encode())
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("language")
    data = write(folder / "rows.jsonl.gz", 60)
    card = api.classifier_train(
        "language", [data], folder / "out", settings=["families=aa,bb"], licence="CC0-1.0"
    )
    return folder, data, card


def test_a_model_is_trained_and_identifies(trained):
    folder, _, card = trained
    assert card["texts"] == 301
    assert card["texts_that_contradict_their_label"] == 0  # languages of one family excuse it
    assert card["languages_learned"] == {
        "Latin": ["aa", "bb", "sr"], "Cyrillic": ["cc", "sr"], "Arabic": [], "Devanagari": [],
    }  # fmt: skip
    assert card["held_out"]["accuracy_in_scored_scripts"] > 0.98
    latin = rows_of.latin_serbian(sentences("sr", 1)[0])
    texts = [sentences(code, 1)[0] for code in SYLLABLES] + [latin]
    told = [code for code, _ in identify_language(texts, model=folder / "out")]
    assert told == ["aa", "bb", "cc", "sr", "ja", "sr"]


def test_a_text_in_another_language_than_its_label_is_left_out(trained, tmp_path):
    _, data, _ = trained
    card = api.classifier_train("language", [data], tmp_path / "o", settings=["families=aa,cc"])
    assert card["texts_that_contradict_their_label"] == 1


def test_the_same_data_give_the_same_bytes(trained, tmp_path):
    folder, data, _ = trained
    api.classifier_train("language", [data], tmp_path / "again", settings=["families=aa,bb"])
    first, again = ((f / "model.npz").read_bytes() for f in (folder / "out", tmp_path / "again"))
    assert first == again


def test_figures_of_other_texts(trained, tmp_path):
    folder, _, _ = trained
    found = api.classifier_eval(folder / "out", [write(tmp_path / "other.jsonl", 20)])
    assert found["texts"] == 101
    assert found["accuracy"] == 0.9901  # all but the wrong label
    low, high = found["accuracy_interval"]
    assert 0.94 < low < 0.9901 < high
    assert found["taken_for"] == {"aa for bb": 1}
    assert found["calibration_error"] < 0.2


@pytest.mark.parametrize(
    ("line", "settings", "told"),
    [
        ("{]", [], "no labelled text, in .*line 1"),
        ('{"lang": "en"}', [], "no labelled text"),
        ('{"lang": "en", "text": 3}', [], "must be texts"),
        ("", [], "no labelled texts"),
        ('{"lang": "en", "text": "a"}', ["feature=3"], "no option named 'feature'"),
        ('{"lang": "en", "text": "a"}', ["features=0"], "out of range"),
    ],
)
def test_what_is_wrong_is_told(tmp_path, line, settings, told):
    data = tmp_path / "rows.jsonl"
    data.write_text(line + "\n")
    with pytest.raises(ConfigError, match=told):
        api.classifier_train("language", [data], tmp_path / "out", settings=settings)


def test_serbian_in_latin_script():
    assert rows_of.latin_serbian("Љубљана, џеп и Њушка") == "Ljubljana, džep i Njuška"


def test_calibration_error_is_the_gap_of_each_bin():
    import numpy as np

    scores, right = np.array([0.9, 0.9, 0.1, 0.1]), np.array([True, False, False, False])
    assert fit.calibration_error(scores, right) == pytest.approx((0.4 * 2 + 0.1 * 2) / 4)


def test_a_logistic_regression_finds_the_odds():
    import numpy as np

    facts = np.repeat([[1.0, 0.0], [1.0, 1.0]], [1000, 1000], axis=0)
    truth = np.concatenate([np.arange(1000) < 300, np.arange(1000) < 800])
    weights = fit.logistic(facts, truth)
    assert weights[0] == pytest.approx(np.log(0.3 / 0.7), abs=0.01)
    assert weights.sum() == pytest.approx(np.log(0.8 / 0.2), abs=0.01)


def test_wilson_interval_of_a_share():
    assert fit.wilson(50, 100) == [0.4038, 0.5962]  # as printed in textbooks


@pytest.mark.parametrize(
    ("label", "code"),
    [
        ("__label__en", "en"), ("eng_Latn", "en"), ("zsm_Latn", "ms"), ("cmn_Hani", "zh"),
        ("ceb", "ceb"), ("gug_Latn", "gn"), ("zh-Hant", "zh"), ("spam", "spam"),
    ],
)  # fmt: skip
def test_labels_of_other_models(label, code):
    assert codes.of_label(label) == code
