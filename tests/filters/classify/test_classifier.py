"""A classifier in its folder: text, model, calibration, threshold."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pytest

from castor.filters.classify import calibrate, classifier
from castor.filters.errors import CastorError, ConfigError

CALIBRATION = calibrate.Calibration("platt", 0.5, -1.0)


@pytest.fixture
def folder(trained, tmp_path):
    def make(**given):
        shutil.copyfile(trained(minn=2, maxn=3)[1], tmp_path / classifier.MODEL)
        settings = {
            "text": "plain",
            "positive": "two",
            "calibration": CALIBRATION,
            "threshold": 0.7,
            "temperature": 1.0,
        }
        classifier.write(tmp_path, **{**settings, **given})
        return tmp_path

    return make


def test_the_probability_is_the_calibrated_one_of_the_positive_label(folder, texts):
    found = classifier.load(folder())
    column = pa.array([*texts[:20], None])
    judged = found.judge(column)
    raw = found.model.probabilities(column)[:20, found.names.index("two")]
    odds = np.log(raw / (1 - raw))
    np.testing.assert_allclose(judged.probability[:20], 1 / (1 + np.exp(1 - 0.5 * odds)))
    assert judged.label[20] == -1
    assert np.isnan(judged.probability[20])
    assert np.isnan(judged.confidence[20])
    assert found.threshold == 0.7


def test_the_model_reads_texts_as_its_settings_say(folder):
    found = classifier.load(folder(text="folded"))
    judged = found.judge(pa.array(["ZEBRA, w12", "zebra , w00", "zebra w12"]))
    assert judged.probability[0] == judged.probability[1] != judged.probability[2]


def test_topics_have_a_sharpened_confidence_and_no_probability(folder, texts):
    flat = classifier.load(folder(positive=None, calibration=None, temperature=4.0))
    judged = flat.judge(pa.array(texts[:30]))
    assert judged.probability is None
    raw = flat.model.probabilities(pa.array(texts[:30]))
    np.testing.assert_array_equal(judged.label, raw.argmax(axis=1))
    assert (judged.confidence < raw.max(axis=1)).all()


def test_a_file_of_fasttext_is_read_as_it_is(trained, texts):
    path = trained()[1]
    found = classifier.load(path, positive="one")
    judged = found.judge(pa.array(texts[:5]))
    raw = found.model.probabilities(pa.array(texts[:5]))
    np.testing.assert_array_equal(judged.probability, raw[:, found.names.index("one")])
    with pytest.raises(ConfigError, match="no label named 'ones'"):
        classifier.load(path, positive="ones")


def test_it_is_loaded_once_and_anew_when_its_settings_change(folder):
    path = folder()
    first = classifier.load(path)
    assert classifier.load(path) is first
    assert classifier.load(folder(threshold=0.25)).threshold == 0.25


@pytest.mark.parametrize(
    "change",
    [
        {"version": 1},
        {"text": "upper"},
        {"positive": "four"},
        {"threshold": "high"},
        {"calibration": {"method": "platt"}},
    ],
)
def test_damaged_settings_are_refused(folder, change):
    path = folder()
    settings = path / classifier.SETTINGS
    data = json.loads(settings.read_bytes())
    settings.write_text(json.dumps({**data, **change}))
    with pytest.raises(CastorError, match="damaged"):
        classifier.load(path)


def test_another_positive_label_or_an_empty_folder_is_an_error(folder, tmp_path_factory):
    with pytest.raises(ConfigError, match="another positive label"):
        classifier.load(folder(), positive="one")
    with pytest.raises(ConfigError, match="no classifier"):
        classifier.load(tmp_path_factory.mktemp("empty"))


def test_the_fingerprint_follows_content_not_place(folder, tmp_path_factory):
    path = folder()
    moved = tmp_path_factory.mktemp("moved") / "copy"
    shutil.copytree(path, moved)
    assert classifier.fingerprint(moved) == classifier.fingerprint(path)
    before = classifier.fingerprint(path)
    assert classifier.fingerprint(folder(threshold=0.1)) != before
