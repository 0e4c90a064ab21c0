"""The extraction model: labels from answers, its two measures, trees as flat arrays, the verb."""

import gzip
import json

import numpy as np
import pytest

from castor.filters.errors import CastorError, ConfigError
from castor.filters.html import judge
from castor.filters.html.blocks.trees import evaluate
from castor.pipelines.classifiers import _boost, _gold, _measures, extraction

WORDS = "river bridge council vote plan money city people water stone old new long far".split()


MENU = "home sport culture travel weather jobs cars shop help contact login archive".split()


def sentence(seed: int) -> str:
    chance = np.random.default_rng(seed)
    return " ".join(chance.choice(WORDS, 14)).capitalize() + "."


def read(*blocks: str) -> tuple[np.ndarray, np.ndarray]:
    """Words and offsets of blocks."""
    hashes = [judge.words_of(block) for block in blocks]
    return np.concatenate(hashes), np.cumsum([0, *map(len, hashes)]).astype(np.int32)


def labels(body: str, *blocks: str) -> list[int]:
    return _gold.align(*read(*blocks), judge.words_of(body)).tolist()


def test_blocks_are_aligned_with_the_body_in_its_order():
    a, b, c = map(sentence, range(3))
    assert labels(f"{a}\n{b}", "Home", a, "Share", b, c) == [0, 1, 0, 1, 0]
    assert labels(f"{a} {b}", a, b, a) == [1, 1, 0]
    assert labels(f"{a} {b}", b, a, b) == [0, 1, 1]
    assert labels(a, c) == [0]
    assert labels("", a) == [0]


def test_a_short_block_counts_where_the_body_has_it_between_its_neighbours():
    a, b = map(sentence, range(2))
    blocks = ("The vote", a, "The vote", b, "The vote")
    assert labels(f"{a} The vote {b}", *blocks) == [0, 1, 1, 1, 0]


def test_phrases_label_the_blocks_that_hold_them():
    page = _gold.Page("p", "u", b"", None, ("kept this",), ("cut that",))
    blocks = ["we `kept`  this here", "cut that", "kept this, cut that", "neither"]
    blocks[0] = "we kept\nthis here"
    assert _gold.by_phrases(page, blocks).tolist() == [1, 0, 1, -1]
    assert _gold.agrees(page, "kept this")
    assert not _gold.agrees(page, "kept this, cut that")
    assert not _gold.agrees(page, "")


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("http://www.a.example/x", "a.example"),
        ("https://b.a.co.uk/", "a.co.uk"),
        ("http://a.de:80/", "a.de"),
        ("name", "name"),
    ],
)
def test_folds_are_grouped_by_domain(url, domain):
    assert _gold.Page("name", url, b"", None).domain == domain


def test_the_measures_are_those_of_the_benchmarks():
    assert _measures.body_page("a b c d e", "a b c d e") == (1, 1)
    assert _measures.body_page("a b c d e", "x a b c d") == (0.5, 0.5)
    assert _measures.body_page("a b c d", "a, b: c - d a b c d") == (0.2, 1)
    assert np.isnan(_measures.body_page("a b c d", "")[0])
    assert _measures.body_page("a b", "a b") == (1, 1)
    precision, recall, f1 = _measures.body_f1(np.array([[1, 0.5], [np.nan, 0]]))
    assert (precision, recall, f1) == (1, 0.25, 0.4)
    page = _gold.Page("p", "u", b"", None, ("a b", "c"), ("d", "e"))
    assert _measures.phrase_page(page, "x a  b\nd") == (1, 1, 1)
    assert _measures.phrase_f1(np.array([[1, 1, 1], [2, 0, 0]])) == (0.75, 0.75, 0.75)


def learnable(n_rows: int = 600) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows with few values each, what is to be learned from them, and weights."""
    chance = np.random.default_rng(0)
    rows = (chance.normal(size=(n_rows, 5)) * 4).round().astype(np.float32) / 4
    target = (rows[:, 0] * rows[:, 1] + rows[:, 2] > 0).astype(np.int8)
    return rows, target, chance.uniform(0.5, 2, n_rows)


def test_trees_say_what_scikit_learn_says():
    from sklearn.ensemble import HistGradientBoostingClassifier

    rows, target, weights = learnable()
    options = _boost.Options(20, 0.3, features=1.0, l2=0.5, least=5)
    trees = _boost.fit(rows, target, weights, options, seed=1)
    peer = HistGradientBoostingClassifier(
        max_iter=20, max_leaf_nodes=16, early_stopping=False, learning_rate=0.3,
        min_samples_leaf=5, l2_regularization=0.5,
    ).fit(rows, target, sample_weight=weights)  # fmt: skip
    found = evaluate(trees, rows, np.arange(len(rows), dtype=np.int32))
    np.testing.assert_allclose(found, peer.predict_proba(rows)[:, 1], atol=1e-5)
    some = np.array([5, 599, 0], np.int32)
    assert (evaluate(trees, rows, some) == found[some]).all()


def test_trees_see_a_share_of_features_and_rows_the_same_for_the_same_seed():
    rows, target, weights = learnable()
    options = _boost.Options(6, 0.3, features=0.4, rows=0.5, least=5)
    one, two, other = (_boost.fit(rows, target, weights, options, seed=seed) for seed in (1, 1, 2))
    assert one.value.tobytes() == two.value.tobytes() != other.value.tobytes()
    for first, last in zip(one.root, one.root[1:]):
        tree = slice(first, last)
        inner = one.threshold[tree] < np.inf
        assert len(set(one.feature[tree][inner].tolist())) <= 2


def test_a_column_of_many_values_is_cut_into_bins_of_equal_shares():
    column = np.arange(1000, dtype=np.float32)
    found = _boost._thresholds(column)
    assert len(found) == _boost.BINS - 1
    assert np.ptp(np.diff(found)) <= 1
    half = np.concatenate([np.zeros(500), np.arange(500)]).astype(np.float32)
    found = _boost._thresholds(half)
    assert found[0] == 0
    assert (np.diff(found) > 0).all()
    assert found[-1] < half.max()
    assert _boost._thresholds(np.array([3, 3], np.float32)).tolist() == []


def page(number: int) -> tuple[str, list[str]]:
    """A page and the sentences of its article."""
    story = [sentence(100 * number + i) for i in range(8)]
    menu = "".join(f"<li><a href=/{w}>{w}</a></li>" for w in MENU)
    body = "".join(f"<p>{s}</p>" for s in story)
    html = f"<nav class=menu><ul>{menu}</ul></nav><div class=article-body>{body}</div>"
    return f"<title>{number}</title>{html}<footer>Imprint and terms</footer>", story


@pytest.fixture
def gold(tmp_path):
    """A folder of pages with whole articles."""
    folder = tmp_path / "gold"
    (folder / "html").mkdir(parents=True)
    answers = {}
    for number in range(8):
        html, story = page(number)
        (folder / "html" / f"{number}.html.gz").write_bytes(gzip.compress(html.encode(), mtime=0))
        url = f"http://a{number}.example/"
        answers[str(number)] = {"url": url, "articleBody": "\n\n".join(story)}
    packed = gzip.compress(json.dumps(answers).encode(), mtime=0)
    (folder / "ground-truth.json.gz").write_bytes(packed)
    return folder


def test_training_is_deterministic_and_what_it_writes_extracts(gold, tmp_path):
    options = {"first": "6", "second": "6", "folds": "3", "cross_validate": "yes"}
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        facts = extraction.train([gold], tmp_path / name, seed=3, options=options)
    one, two = (judge.load(tmp_path / name / judge.FILE) for name in ("one", "two"))
    assert (one.text_weights == two.text_weights).all()
    assert (one.second.value == two.second.value).all()
    assert facts["pages"] == 8
    assert facts["blocks_main"] == 64
    assert facts["cross_validation"]["body"]["f1"] > 0.9
    found = extraction.evaluate(tmp_path / "one", [gold], options={})
    assert found["body"]["f1"] == 1
    assert found["body"]["pages"] == 8


def test_wrong_options_and_folders_are_refused(gold, tmp_path):
    with pytest.raises(ConfigError, match="no option named 'frist'"):
        extraction.train([gold], tmp_path, seed=0, options={"frist": "6"})
    with pytest.raises(ConfigError, match="too few folds"):
        extraction.train([gold], tmp_path, seed=0, options={"folds": "2"})
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="no pages with answers"):
        extraction.train([tmp_path / "empty"], tmp_path, seed=0, options={})


def test_a_model_for_other_features_is_refused(tmp_path):
    path = tmp_path / judge.FILE
    judge.shipped().save(path)
    with np.load(path) as found:
        arrays = {name: found[name] for name in found.files}
    np.savez(path, **{**arrays, "features": np.array(7)})
    with pytest.raises(CastorError, match="made for other features"):
        judge.load(path)
