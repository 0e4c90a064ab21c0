"""The kind language: from labelled texts to a model file, and its figures."""

import gzip
import json
import random

import numpy as np
import pytest

from castor.filters import identify_language
from castor.filters.errors import ConfigError
from castor.filters.language import codes
from castor.filters.language.kernels import layout
from castor.pipelines import api
from castor.pipelines.classifiers import _language_fit as fit
from castor.pipelines.classifiers import _language_rows as rows_of
from castor.pipelines.classifiers import _language_table as tables

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
    # to the folds that must not know cc nothing of it is known, so nothing is there to refuse
    assert card["held_out"]["unknown_languages_refused"] is None
    latin = rows_of.latin_serbian(sentences("sr", 1)[0])
    texts = [sentences(code, 1)[0] for code in SYLLABLES] + [latin]
    told = [code for code, _ in identify_language(texts, model=folder / "out")]
    assert told == ["aa", "bb", "cc", "sr", "ja", "sr"]


def test_a_text_in_another_language_than_its_label_is_left_out(trained, tmp_path):
    _, data, _ = trained
    rows = gzip.decompress(data.read_bytes()).splitlines(keepends=True)
    (tmp_path / "clean.jsonl").write_bytes(b"".join(rows[:-1]))
    models = []
    for name, left_out in ((data, 1), (tmp_path / "clean.jsonl", 0)):
        out = tmp_path / f"o{left_out}"
        card = api.classifier_train("language", [name], out, settings=["families=aa,cc"])
        assert card["texts_that_contradict_their_label"] == left_out
        models.append(np.load(out / "model.npz"))
    with_it, without = models
    for name in ("tags", "numbers", "lanes", "values", "floors"):  # it left no trace
        np.testing.assert_array_equal(with_it[name], without[name])


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
    scores, right = np.array([0.9, 0.9, 0.1, 0.1]), np.array([True, False, False, False])
    assert fit.calibration_error(scores, right) == pytest.approx((0.4 * 2 + 0.1 * 2) / 4)


def test_a_logistic_regression_finds_the_odds():
    facts = np.repeat([[1.0, 0.0], [1.0, 1.0]], [1000, 1000], axis=0)
    truth = np.concatenate([np.arange(1000) < 300, np.arange(1000) < 800])
    weights = fit.logistic(facts, truth)
    assert weights[0] == pytest.approx(np.log(0.3 / 0.7), abs=0.01)
    assert weights.sum() == pytest.approx(np.log(0.8 / 0.2), abs=0.01)


def told(first_margins, second_margins):
    """What a model says of texts of two languages, by the margin of the first over the second."""
    margins = np.array([*first_margins, *second_margins])
    codes = np.where(margins > 0, "aa", "bb")
    found = fit.Told(codes, np.where(margins > 0, "bb", "aa"), np.abs(margins))
    return found, np.array(["aa"] * len(first_margins) + ["bb"] * len(second_margins))


def test_a_lead_is_given_where_one_is_needed():
    found, truth = told([6.1] * 40 + [1.1] * 3, [4.1] * 40 + [-2.0] * 3)
    assert fit.lead(found, truth, "aa", "bb") == 4.25  # the fewest nats of those that do
    found, truth = told([-4.1] * 40, [-6.1] * 40)
    assert fit.lead(found, truth, "aa", "bb") == -4.25


def test_a_lead_that_chance_may_explain_is_not_given():
    found, truth = told([9.0] * 40, [-9.0] * 40 + [3.1] * 3)
    assert fit.lead(found, truth, "aa", "bb") == 0  # 3.25 would tell 3 more texts right
    found, truth = told([9.0] * 40, [-9.0] * 40 + [3.1] * 4)
    assert fit.lead(found, truth, "aa", "bb") == 3.25


def test_a_lead_looks_at_texts_of_the_two_languages_alone():
    found, _ = told([6.1] * 40, [4.1] * 40)
    assert fit.lead(found, np.array(["aa"] * 40 + ["cc"] * 40), "aa", "bb") == 0


def facts(rates, *, right=True, known=True, whole=True, clean=True, lanes=3):
    """Facts of texts whose only known rate is the first one."""
    n = len(rates)
    found = np.zeros((n, layout.N_FACTS))
    found[:, 0], found[:, layout.FACTS.index("length")] = 1, 2
    found[:, layout.FIRST_RATE] = rates
    found[:, layout.FIRST_RATE + layout.N_RATES] = 2 * np.asarray(rates)
    flags = [np.broadcast_to(flag, n) for flag in (right, known, whole)]
    return fit.Facts(found, *flags, np.broadcast_to(np.int16(lanes), n), np.broadcast_to(clean, n))


def test_what_is_usual_in_a_language():
    found = fit.joined(
        [
            facts([0.5, 0.7]),
            facts([0.9], lanes=70),
            facts([0.1], right=False),
            facts([0.1], known=False),
            facts([0.1], whole=False),
        ]
    )
    usual = fit.usual(found)
    assert usual.shape == (layout.N_RATES, layout.DIRECT)
    assert usual[0, [3, 70, 5]] == pytest.approx([0.6, 0.9, 0.7])  # a mean of all for others
    moved = fit.from_usual(found, usual).facts
    assert moved[:3, layout.FIRST_RATE] == pytest.approx([-0.1, 0.1, 0])
    assert moved[:3, layout.FIRST_RATE + layout.N_RATES] == pytest.approx([-0.2, 0.2, 0])
    assert found.facts[0, layout.FIRST_RATE] == 0.5


def test_texts_below_the_limit_are_unknown_but_for_a_few_of_known_languages():
    draw = np.random.default_rng(0)
    known = facts(draw.normal(0, 1, 5000))
    unknown = facts(draw.normal(-4, 1, 1000), known=False)
    noise = facts(np.full(50, -9.0), clean=False)  # in another language than their label says
    words = facts(np.full(50, -6.0), whole=False)  # so short that anything may be missing
    weights, limit = fit.known(fit.joined([known, unknown, noise, words]))
    assert weights[layout.FIRST_RATE] > 0
    assert fit.refused(unknown, weights, limit) > 0.3
    quantile = limit + fit.ELSEWHERE
    assert (known.facts @ weights < quantile).sum() == 1  # of 5,000
    assert fit.refused(unknown, weights, limit) < fit.refused(unknown, weights, quantile)
    assert fit.refused(known, weights, limit) is None


def test_only_texts_of_known_languages_tell_how_sure_an_answer_is():
    known = facts([0.0] * 1000, right=np.arange(1000) < 800)
    unknown = facts([0.0] * 500, right=False, known=False)
    weights = fit.right(fit.joined([known, unknown]))
    assert (unknown.facts @ weights)[0] == pytest.approx(np.log(0.8 / 0.2), abs=0.01)


def test_han_letters_before_any_kana_in_japanese():
    texts = ["漢字漢字かな", "漢かな字字字", "かな", "漢字漢"]
    assert fit.kana_rate(texts) == pytest.approx(-np.log((1 + 1) / (4 + 2)) / 4)
    assert fit.kana_rate([]) == 1


def features(*rows):
    """Features from (hash, lane, text, is_word), one each time it is met."""
    columns = list(zip(*sorted(rows), strict=True))
    kinds = (np.uint64, np.int16, np.int32, bool)
    return tables.Features(*(np.array(c, k) for c, k in zip(columns, kinds, strict=True)))


def test_runs_of_letters_count_from_two_texts_on_and_words_from_one():
    found = features(
        (1, 0, 0, 0), (1, 0, 1, 0), (2, 0, 0, 0), (2, 0, 0, 0), (3, 1, 2, 1), (4, 0, 3, 0)
    )
    counts = tables.count(found, np.array([True, True, True, False]))
    assert counts.hashes.tolist() == [1, 3]
    assert (counts.lanes.tolist(), counts.counts.tolist()) == ([0, 1], [2, 1])
    assert counts.totals[:2].tolist() == [4, 1]  # those left out are part of the language


def counted(hashes, lanes, numbers):
    """Counts of features, each in some languages."""
    starts = np.cumsum([0, *map(len, lanes)])
    flat = np.array([lane for each in lanes for lane in each], np.int16)
    counts = np.array([n for each in numbers for n in each], np.float64)
    totals = np.bincount(flat, counts, layout.DIRECT)
    return tables.Counts(np.array(hashes, np.uint64), starts, flat, counts, totals)


def test_a_language_with_little_of_a_feature_is_left_out_of_its_list():
    table = tables.table(counted([5], [[0, 1, 2]], [[1000, 9, 20]]), 10)
    assert table.lanes.tolist() == [0, 2]
    assert table.values.tolist() == [15, 7]  # log(1 + 1000 / .05) and log(1 + 20 / .05), less 5


def test_features_that_tell_most_come_first_and_a_bucket_holds_eight():
    everywhere, alone = [0, 1, 2, 3], [2]
    counts = counted([7, 9], [everywhere, alone], [[10] * 4, [10]])
    assert tables.table(counts, 1).tags.tolist() == [9]
    many = counted(range(12), [[k % 2] for k in range(12)], [[k + 1] for k in range(12)])
    table = tables.table(many, 100)
    assert table.filled[0] == len(table.tags) == 8
    assert set(table.tags.tolist()) == set(range(4, 12))


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
