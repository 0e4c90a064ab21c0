"""The kind fasttext: from labelled files to a calibrated model with a card."""

import gzip
import json
import random

import fasttext
import numpy as np
import pyarrow as pa
import pytest

from castor.filters.classify import classifier, fasttext_file
from castor.filters.classify.fold import fold
from castor.filters.errors import CastorError, ConfigError
from castor.pipelines import api, verify
from castor.pipelines.classifiers import _labels
from castor.pipelines.classifiers import fasttext as kind

FAST = ["epochs=10", "buckets=500", "dim=4", "folds=3"]


def word(prefix, k):
    """A word for a number; digits would all be read as 0."""
    return f"{prefix}{chr(97 + k % 26)}{chr(97 + k // 26)}"


def made(n, seed=0):
    """Rows of three labels; every tenth is a copy that differs in case only."""
    rng = random.Random(seed)
    rows = []
    for i in range(n):
        label = i % 3
        words = [word("abc"[label], rng.randrange(40)) for _ in range(5)]
        words += [word("z", rng.randrange(40)) for _ in range(6)]
        rng.shuffle(words)
        rows.append({"id": str(i), "text": " ".join(words), "label": ["ham", "spam", "ads"][label]})
    return rows + [{**r, "id": r["id"] + "c", "text": r["text"].upper()} for r in rows[::10]]


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(r) + "\n" for r in made(240)).encode()))
    return path


def test_a_binary_classifier_is_trained_calibrated_and_evaluated(tmp_path, rows):
    out, other = tmp_path / "out", tmp_path / "other.jsonl"
    other.write_text("".join(json.dumps(r) + "\n" for r in made(120, seed=5)))
    card = api.classifier_train("fasttext", [rows], out, settings=[*FAST, "positive=spam,ads"])
    held_out = card["held out"]
    assert card["labels"] == {"ham": 88, "spam+ads": 176}
    assert held_out["rows"] == 264
    assert held_out["auc"]["low"] > 0.9
    assert held_out["p value against majority"] < 1e-6
    assert verify.verify(out) == []
    found = api.classifier_eval(out, [other])
    assert found["rows"] == 132
    assert found["auc"]["value"] > 0.95
    assert found["accuracy"]["low"] > found["majority accuracy"]
    # the fasttext package reads the model, given folded texts
    text = fold(pa.array(["bba bca bda bea BFA"]))[0].as_py()
    assert fasttext.load_model(str(out / "model.bin")).predict(text)[0] == ("__label__spam+ads",)


def test_the_same_data_and_seed_give_the_same_bytes(tmp_path, rows):
    files = []
    for name in ("one", "two"):
        api.classifier_train("fasttext", [rows], tmp_path / name, settings=[*FAST, "positive=spam"])
        names = ("model.bin", "classifier.json", "card.json", "card.md", "manifest.json")
        files.append([(tmp_path / name / n).read_bytes() for n in names])
    assert files[0] == files[1]
    api.classifier_train("fasttext", [rows], tmp_path / "three", settings=FAST, seed=1)
    assert (tmp_path / "three" / "model.bin").read_bytes() != files[0][0]


def test_topics(tmp_path, rows):
    out = tmp_path / "out"
    card = api.classifier_train("fasttext", [rows], out, settings=FAST)
    assert card["positive"] is None
    assert card["held out"]["accuracy"]["low"] > 0.7
    assert set(card["held out"]["by label"]) == {"ham", "spam", "ads"}
    judged = classifier.load(out).judge(pa.array(["aba aca ada", "cba cca cda"]))
    names = classifier.load(out).names
    assert [names[k] for k in judged.label] == ["ham", "ads"]


def test_texts_with_several_labels(tmp_path):
    rng = random.Random(0)
    rows = []
    for i in range(240):
        own = [k for k, letter in enumerate("abc") if rng.random() < 0.4]
        words = [word("abc"[k], rng.randrange(9)) for k in own for _ in "123"]
        words += [word("z", rng.randrange(30)) for _ in "12"]
        labels = ["topic " + "abc"[k] for k in own]
        rows.append({"text": " ".join(rng.sample(words, len(words))), "tags": labels, "n": i})
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    settings = ["epochs=40", "word_ngrams=1", "dim=4", "folds=3", "label=tags"]
    card = api.classifier_train("fasttext", [path], tmp_path / "out", settings=settings)
    truth = np.array([[f"topic {k}" in r["tags"] for k in "abc"] for r in rows])
    assert card["labels"] == dict(
        zip(["topic_a", "topic_b", "topic_c"], truth.sum(axis=0).tolist(), strict=True)
    )
    assert card["training"]["loss"] == "ova"
    assert card["calibration"] == "platt"
    held_out = card["held out"]
    assert held_out["micro f1"]["low"] > 0.9 > held_out["majority micro f1"]
    found = classifier.load(tmp_path / "out")
    judged = found.judge(pa.array(["aba aca aba bba bca bba zba", "cba cca cda", "zba zca", None]))
    said = [{found.names[k][-1] for k in np.flatnonzero(row >= 0.5)} for row in judged.several]
    assert said == [{"a", "b"}, {"c"}, set(), set()]
    assert judged.label[3] == -1
    assert judged.confidence[1] == judged.several[1].max()
    table = tmp_path / "table.csv"  # the same, as text with separators
    lines = [f"{r['text']},{'|'.join(r['tags'])},{r['n']}" for r in rows[::2]]
    table.write_text("text,tags,n\n" + "\n".join(lines))
    seen = api.classifier_eval(tmp_path / "out", [table], settings=["separator=|"])
    assert seen["rows"] == 120
    assert seen["all labels right"]["low"] > 0.85
    with pytest.raises(CastorError, match="no such label"):
        api.classifier_eval(tmp_path / "out", [table], settings=["separator=!"])
    one = api.classifier_train(
        "fasttext", [path], tmp_path / "one", settings=[*settings, "positive=topic a,topic b"]
    )
    assert one["labels"]["topic_a+topic_b"] == int((truth[:, 0] | truth[:, 1]).sum())


def test_data_of_an_evaluation_need_not_have_every_label_that_became_one(tmp_path, rows):
    out = tmp_path / "out"
    api.classifier_train("fasttext", [rows], out, settings=[*FAST, "positive=spam"])
    lines = [json.loads(line) for line in gzip.decompress(rows.read_bytes()).splitlines()]

    def shares(*labels, settings=()):
        path = tmp_path / "some.jsonl"
        some = [{**r, "text": r["text"] + " x"} for r in lines if r["label"] in labels]
        path.write_text("".join(json.dumps(r) + "\n" for r in some))
        found = api.classifier_eval(out, [path], settings=settings)
        return found["rows"], found["positives"]

    n = sum(r["label"] == "ads" for r in lines)
    assert shares("ham", "spam", "ads")[0] == len(lines)
    assert shares("ads") == (n, 0)  # `other` stood for it and ham
    assert shares("spam")[1] == shares("spam")[0] > 0
    spam = api.classifier_eval(out, [tmp_path / "some.jsonl"])  # and no area, which JSON can say
    assert json.loads(json.dumps(spam, allow_nan=False))["auc"] == dict.fromkeys(
        ("value", "low", "high")
    )
    out = tmp_path / "two"
    some = tmp_path / "two.jsonl"
    kept = [r for r in lines if r["label"] != "ads"]
    some.write_text("".join(json.dumps(r) + "\n" for r in kept))
    api.classifier_train("fasttext", [some], out, settings=[*FAST, "positive=spam"])
    with pytest.raises(CastorError, match="no such label"):  # here ham is the one other label
        shares("spam", "ads")


def test_seeds_and_keep_rate(tmp_path):
    rng = random.Random(0)

    def texts(share_good, n):
        letters = ["a" if rng.random() < share_good else "b" for _ in range(n)]
        return [
            " ".join(
                word(k, rng.randrange(9)) + " " + word("z", rng.randrange(30)) for _ in "123456"
            )
            for k in letters
        ]

    for name, share, n in (("wiki", 1, 100), ("crawl", 0.2, 300)):
        lines = "".join(json.dumps({"text": t}) + "\n" for t in texts(share, n))
        (tmp_path / f"{name}.jsonl").write_text(lines)
    data = [tmp_path / "wiki.jsonl", tmp_path / "crawl.jsonl"]
    settings = [*FAST, "good=wiki*", "keep_rate=0.1", "balance=yes"]
    card = api.classifier_train("fasttext", data, tmp_path / "out", settings=settings)
    assert card["labels"] == {"good": 100, "random": 100}
    assert card["positive"] == "good"
    found = classifier.load(tmp_path / "out")
    fresh = [found.judge(pa.array(texts(s, 500))).probability for s in (0, 0.2, 1)]
    kept = [(p >= found.threshold).mean() for p in fresh]
    assert kept[0] < 0.02
    assert 0.03 < kept[1] < 0.2
    assert kept[2] > 0.2


def test_folds_hold_equal_texts_together_and_every_label_alike():
    texts = [r["text"] for r in made(300)]
    labels = np.array([i % 3 for i in range(300)] + [i % 3 for i in range(0, 300, 10)])
    found = _labels.folds(fold(pa.array(texts)), labels, 5, 0)
    np.testing.assert_array_equal(found[300:], found[:300:10])  # the copies in upper case
    for k in range(3):
        sizes = np.bincount(found[:300][labels[:300] == k], minlength=5)
        assert sizes.min() == sizes.max() == 20
    assert (_labels.folds(fold(pa.array(texts)), labels, 5, 1) != found).any()


def test_no_row_is_calibrated_by_its_own_label():
    rng = np.random.default_rng(0)
    odds, folds = rng.normal(0, 2, 60), np.arange(60) % 3
    positive = odds + rng.normal(0, 1, 60) > 0
    how = kind._Options("folded", 3, "platt", None, None)
    whole, crossed = kind._cross_fitted(odds, positive, folds, how)
    turned = np.where(folds == 0, ~positive, positive)
    _, other = kind._cross_fitted(odds, turned, folds, how)
    np.testing.assert_array_equal(crossed[folds == 0], other[folds == 0])
    assert (crossed[folds != 0] != other[folds != 0]).all()
    assert (crossed != whole.apply(odds)).all()


def test_the_rate_is_of_the_random_texts_where_there_are_good_ones(tmp_path):
    probability, positive = np.linspace(0, 1, 101), np.arange(101) > 50
    how = kind._Options("folded", 5, "auto", None, 0.2)
    rows = _labels.Labelled([], positive.astype(int), ["random", "good"], "good", True)
    assert kind._threshold(probability, positive, rows, how) == pytest.approx(0.41)
    rows = rows._replace(is_seeded=False)
    assert kind._threshold(probability, positive, rows, how) == pytest.approx(0.81)


@pytest.mark.parametrize(("read", "word"), [("plain", b"BFA"), ("folded", b"bfa")])
def test_texts_are_read_as_the_settings_say(tmp_path, read, word):
    rows = [{**r, "text": "BFA " + r["text"]} for r in made(60)]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    api.classifier_train("fasttext", [path], tmp_path / "out", settings=[*FAST, f"read={read}"])
    assert word in fasttext_file.read(tmp_path / "out" / "model.bin").words
    assert classifier.load(tmp_path / "out").text == read


def test_a_target_precision_sets_the_threshold(tmp_path, rows):
    settings = [*FAST, "positive=spam", "precision=0.97"]
    card = api.classifier_train("fasttext", [rows], tmp_path / "out", settings=settings)
    at = card["held out"]["at threshold"]
    assert at["precision"]["value"] > 0.9
    assert classifier.load(tmp_path / "out").threshold == card["held out"]["threshold"]
    noise = tmp_path / "noise.jsonl"
    rows = [{"text": word("w", i % 20), "label": str(i % 2)} for i in range(80)]
    rows += [{"text": word("w", i), "label": str(1 - i % 2)} for i in range(20)]
    noise.write_text("".join(json.dumps(r) + "\n" for r in rows))
    wanted = [*FAST, "precision=0.999", "calibration=platt"]
    with pytest.raises(CastorError, match="no threshold"):
        api.classifier_train("fasttext", [noise], tmp_path / "no", settings=wanted)


def test_tables_are_read_with_their_quotes_or_without(tmp_path):
    lines = [f'"he said ""{w}"", twice\nover",{k % 2}' for k, w in enumerate("abcdefgh" * 4)]
    table = tmp_path / "rows.csv"
    table.write_text("tweet,class\n" + "\n".join(lines))
    card = api.classifier_train("fasttext", [table], tmp_path / "out", settings=FAST)
    assert card["labels"] == {"0": 16, "1": 16}
    tabs = tmp_path / "rows.tsv"
    tabs.write_text("Label\tSMS\n" + "".join(f'{k % 2}\t"open {word("t", k)}\n' for k in range(30)))
    card = api.classifier_train("fasttext", [tabs], tmp_path / "tabs", settings=FAST)
    assert card["labels"] == {"0": 15, "1": 15}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["epoch=3"], "no option named 'epoch'"),
        (["epochs=many"], "epochs must be a whole number"),
        (["precision=0.9", "keep_rate=0.1"], "not both"),
        (["precision=2"], "between 0 and 1"),
        (["label=colour"], "no field 'colour'"),
        (["positive=eggs"], "no row has this label"),
        (["good=rows*", "positive=spam"], "not both"),
        (["read=upper"], "no read named"),
        (["folds=1"], "folds must be"),
        (["loss=hinge"], "no such loss"),
        (["precision=0.9"], "for one label"),
        (["keep_rate=0.1"], "for one label"),
        (["positive="], "no row has this label"),
        (["good=rows*", "separator=,"], "not both"),
        (["separator=a", "balance=yes"], "cannot be balanced"),
    ],
)
def test_wrong_options_are_refused(tmp_path, rows, settings, message):
    with pytest.raises(ConfigError, match=message):
        api.classifier_train("fasttext", [rows], tmp_path / "out", settings=settings)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"text": "x", "label": "a"}\n{"text": "y"}\n', "has no label"),
        ("a.jsonl", '{"text": "x", "label": "a"}\n{"text": ', "cannot be read"),
        ("a.jsonl", '{"text": "x", "label": "a"}\n{"text": 5, "label": "b"}', "row 2, text is int"),
        ("a.jsonl", '{"text": "x", "label": "a"}\n{"text": "y", "label": "a"}', "one label only"),
        ("a.jsonl.gz", "no gzip", "one label only|cannot be read|usual fields"),
        ("a.pdf", "x", "no reader"),
        ("a.jsonl", '{"text": "x", "label": "a"}\n{"text": "y", "label": "b"}', "too rare"),
    ],
)
def test_bad_data_is_told(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(CastorError, match=message):
        api.classifier_train("fasttext", [path], tmp_path / "out", settings=FAST)


@pytest.mark.kit
@pytest.mark.parametrize(
    ("file", "settings", "auc"),
    [
        ("spam/sms-spam-a.tsv.gz", ["positive=spam"], 0.99),
        ("toxicity/davidson-sample.csv.gz", ["label=class", "positive=0,1"], 0.95),
        ("quality/dclm-human-a.jsonl.gz", [], 0.75),
    ],
)
def test_the_kit_is_learnt(kit, tmp_path, file, settings, auc):
    card = api.classifier_train(
        "fasttext", [kit / "labelled" / file], tmp_path / "out", settings=[*settings, "folds=3"]
    )
    held_out = card["held out"]
    assert held_out["auc"]["value"] >= auc
    assert held_out["p value against majority"] < 1e-6
    assert held_out["calibration error"] < 0.1
