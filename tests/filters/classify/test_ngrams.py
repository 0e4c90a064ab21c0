"""The n-gram model against Kneser-Ney's definition, written out over dictionaries."""

import collections
import dataclasses
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from castor.filters.classify import ngram_model, ngram_train
from castor.filters.errors import CastorError, ConfigError

BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"
Settings = ngram_train.Settings


def spelled(word):
    return [(c, k == 0) for k, c in enumerate(word)]


class Plain:
    """Interpolated modified Kneser-Ney of folded lines, by its definition."""

    def __init__(self, texts, order, min_count, prune):
        counts = collections.Counter(w for t in texts for w in t.split())
        self.known = {w for w, n in counts.items() if n >= min_count}
        lines = [[BEGIN, *self.units(line), END] for t in texts if t for line in t.split("\n")]
        self.order = order
        self.raw = [collections.Counter() for _ in range(order + 1)]
        for line in lines:
            for n in range(1, order + 1):
                for i in range(len(line) - n + 1):
                    self.raw[n][tuple(line[i : i + n])] += 1
        self.prune = prune
        self.a = [None] + [self.adjusted(n) for n in range(1, order + 1)]
        self.d = [None] + [self.discounts(n) for n in range(1, order + 1)]
        self.vocabulary = {g[0] for g in self.raw[1]} - {BEGIN}

    def units(self, line):
        found = []
        for word in line.split():
            found += [word] if word in self.known else spelled(word)
        return found

    def adjusted(self, n):
        if n == self.order:
            return self.raw[n]
        left = collections.Counter(g[1:] for g in self.raw[n + 1])
        return {
            g: (0 if n == 1 else c) if g[0] == BEGIN else left[g] for g, c in self.raw[n].items()
        }

    def discounts(self, n):
        t = collections.Counter(self.a[n].values())
        if all(t[k] for k in (1, 2, 3, 4)):
            y = t[1] / (t[1] + 2 * t[2])
            found = [k - (k + 1) * y * t[k + 1] / t[k] for k in (1, 2, 3)]
            if all(0 <= d <= k for k, d in enumerate(found, 1)):
                return [0.0, *found]
        return [0.0, 0.5, 1.0, 1.5]

    def p(self, unit, context):
        """Probability of a unit after a context of at most order - 1 units."""
        n = len(context) + 1
        if n == 1:
            total = sum(self.a[1].values())
            own = {g[0]: (c - self.d[1][min(c, 3)]) / total for g, c in self.a[1].items()}
            uniform = (1 - sum(own.values())) / (len(self.vocabulary) + 1)
            return own.get(unit, 0.0) + uniform
        seen = {g[-1]: c for g, c in self.a[n].items() if g[:-1] == tuple(context)}
        if not seen:
            return self.p(unit, context[1:])
        total, floor = sum(seen.values()), self.prune if n >= 3 else 1
        own = {
            u: (c - self.d[n][min(c, 3)]) / total
            for u, c in seen.items()
            if self.raw[n][(*context, u)] >= floor
        }
        return own.get(unit, 0.0) + (1 - sum(own.values())) * self.p(unit, context[1:])

    def log(self, text):
        total = 0.0
        for line in text.split("\n") if text else []:
            units = [u if (u,) in self.raw[1] else UNKNOWN for u in self.units(line)]
            past = [BEGIN]
            for unit in [*units, END]:
                total += math.log(self.p(unit, tuple(past[-(self.order - 1) :])))
                past.append(unit)
        return total


CORPUS = [
    "the cat sat on the mat\nthe dog sat on the cat",
    "a dog and a cat sat",
    "the dog saw the cat\na mat saw a dog",
    "on the mat the cat saw a zebra",
    "the cat sat on a mat and the dog sat on the mat",
]
UNSEEN = ["the cat saw a dog", "zebra zebras", "mat the the", "an ox\nsat", "on", "Ω", ""]


def exact(texts, given):
    """A model of the texts whose tables hold every value as it is."""
    orders = ngram_train.estimate(pa.array(texts), given)
    assert all(len(np.unique(o.logs)) <= 256 for o in orders)
    return ngram_model.NgramModel(*ngram_train.pack(orders), np.zeros(0))


@pytest.mark.parametrize("order", [2, 3, 5])
@pytest.mark.parametrize("min_count", [1, 2])
@pytest.mark.parametrize("prune", [1, 2])
def test_log_probabilities_are_those_of_the_definition(order, min_count, prune):
    plain = Plain(CORPUS, order, min_count, prune)
    found = exact(CORPUS, Settings(order, min_count, prune)).score(pa.array(CORPUS + UNSEEN))
    expected = [plain.log(t) for t in CORPUS + [u.lower() for u in UNSEEN]]
    np.testing.assert_allclose(found.logs, expected, rtol=1e-5)


WORDS = st.lists(st.sampled_from(["a", "b", "ab", "ba", "aab", "c"]), min_size=1, max_size=7)
LINES = st.lists(WORDS.map(" ".join), min_size=1, max_size=3).map("\n".join)


@settings(max_examples=60, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=5), LINES, st.integers(2, 4), st.integers(1, 3))
def test_any_corpus_is_estimated_as_defined(texts, unseen, order, prune):
    plain = Plain(texts, order, 2, prune)
    # With a discount of 0 a context may leave nothing for what was not seen: its log is a floor.
    assume(all(min(d[1:]) > 0 for d in plain.d[1:]))
    found = exact(texts, Settings(order, 2, prune)).score(pa.array([unseen, *texts]))
    np.testing.assert_allclose(found.logs, [plain.log(t) for t in [unseen, *texts]], rtol=1e-4)


def test_the_definition_adds_up_to_one():
    plain = Plain(CORPUS, 3, 2, 2)
    for context in [(), ("the",), (BEGIN, "the"), ("sat", "on"), ("no", "such")]:
        total = sum(plain.p(u, context) for u in [*plain.vocabulary, UNKNOWN])
        assert total == pytest.approx(1)


def many(n=3000, seed=0):
    """Lines of words that follow one another by rule, more or less."""
    rng = np.random.default_rng(seed)
    lines = []
    for _ in range(n):
        k, words = int(rng.integers(400)), []
        for _ in range(12):
            words.append(f"w{chr(97 + k % 20)}{chr(97 + k // 20)}")
            k = (
                (7 * k + int(rng.integers(3))) % 400
                if rng.random() < 0.9
                else int(rng.integers(400))
            )
        lines.append(" ".join(words))
    return lines


def test_what_was_quantised_stays_near_and_likely_texts_stay_likely():
    orders = ngram_train.estimate(pa.array(many()), Settings(4, 2, 1))
    assert any(len(np.unique(o.logs)) > 256 for o in orders)
    table, codes = ngram_train.pack(orders)
    model = ngram_model.NgramModel(table, codes, np.zeros(0))
    rng = np.random.default_rng(1)
    fresh = many(200, seed=1)
    shuffled = [" ".join(rng.permutation(t.split())) for t in fresh]
    plain, mixed = (model.score(pa.array(t)).perplexity for t in (fresh, shuffled))
    assert np.median(plain) < 0.2 * np.median(mixed)
    values, found = orders[1].logs, codes[0, 1]
    assert np.abs(values[:, None] - found[None, :]).min(axis=1).max() < 0.25


def test_texts_lines_and_unknown_words():
    model = exact(CORPUS, Settings(3, 2, 1))
    found = model.score(pa.array(["The CAT\n\n  sat\n", "the cat\nsat", "xyzzy", None, " "]))
    assert found.logs[0] == found.logs[1]
    assert found.n_words.tolist() == [3, 3, 1, 0, 0]
    assert found.n_tokens.tolist() == [5, 5, 2, 0, 0]  # and the ends of lines
    np.testing.assert_allclose(
        found.perplexity[:3], np.exp(-found.logs[:3] / found.n_tokens[:3]), rtol=1e-12
    )
    assert found.spelled.tolist() == [0, 0, 1, 0, 0]
    assert np.isnan(found.perplexity[3:]).all()
    assert found.perplexity[2] > 100 > found.perplexity[0]


def test_percentiles_are_places_among_the_reference():
    model = exact(CORPUS, Settings(3, 2, 1))
    placed = ngram_model.NgramModel(model.table, np.stack([model.probabilities, model.backoffs]),
                                    np.array([1.0, 10.0, 1000.0]))  # fmt: skip
    np.testing.assert_allclose(
        placed.percentile(np.array([0.5, 1, 10, 100, 5000, np.nan])), [0, 0, 50, 75, 100, np.nan]
    )


@pytest.fixture
def folder(tmp_path):
    model = exact(CORPUS, Settings(3, 2, 1))
    codes = np.stack([model.probabilities, model.backoffs])
    ngram_model.write(tmp_path, model.table, codes, np.array([2.0, 5.0, 9.0]))
    return tmp_path


def test_a_model_is_written_mapped_and_loaded_once(folder):
    model = ngram_model.load(folder)
    assert ngram_model.load(folder) is model
    assert not model.table.flags.owndata
    assert model.table.nbytes == 4 * len(model.table)
    assert model.quantiles.tolist() == [2, 5, 9]
    before = exact(CORPUS, Settings(3, 2, 1)).score(pa.array(UNSEEN))
    np.testing.assert_array_equal(model.score(pa.array(UNSEEN)).logs, before.logs)


@pytest.mark.parametrize("name", ["table.npy", "codes.npy", "perplexity.json"])
def test_a_damaged_or_missing_file_is_told(folder, name):
    raw = (folder / name).read_bytes()
    (folder / name).write_bytes(raw[: len(raw) // 2])
    with pytest.raises(CastorError):
        ngram_model.load(folder)
    (folder / name).unlink()
    with pytest.raises(ConfigError, match="no n-gram model"):
        ngram_model.load(folder)


def test_a_full_table_is_refused_it_would_be_searched_forever(folder):
    np.save(folder / "table.npy", np.ones(16, np.uint32))
    with pytest.raises(CastorError, match="damaged"):
        ngram_model.load(folder)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=4))
def test_every_text_with_words_has_a_perplexity(texts):
    model = exact(CORPUS, Settings(3, 2, 1))
    found = model.score(pa.array(texts))
    has_words = found.n_words > 0
    assert (found.perplexity[has_words] > 1).all()
    assert np.isfinite(found.logs).all()


@pytest.mark.parametrize("given", [{"order": 1}, {"order": 9}, {"min_count": 0}, {"prune": 0}])
def test_settings_out_of_bounds_are_refused(given):
    with pytest.raises(ConfigError):
        Settings(**given)


def test_texts_that_need_too_much_memory_are_refused_before_it_is_taken(monkeypatch):
    given = Settings(memory_gb=1)
    units = sum(len(line.split()) + 2 for t in CORPUS for line in t.split("\n"))
    monkeypatch.setattr(ngram_train, "PER_UNIT", 0)
    monkeypatch.setattr(ngram_train, "PER_NGRAM", (1 << 30) // (5 * units))
    column = pa.array(CORPUS)
    ngram_train.estimate(column, Settings(min_count=1, memory_gb=1))
    monkeypatch.setattr(ngram_train, "_hashes", None)  # where memory would be taken
    monkeypatch.setattr(ngram_train, "PER_NGRAM", (1 << 30) // (5 * units) + 1)
    with pytest.raises(CastorError, match="memory_gb is 1"):
        ngram_train.estimate(column, dataclasses.replace(given, min_count=1))


def test_nothing_to_learn_from_is_an_error():
    with pytest.raises(CastorError, match="nothing to learn from"):
        ngram_train.estimate(pa.array([" ", None]), Settings())
