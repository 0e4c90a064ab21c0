"""The trainer: deterministic, right in its gradient, as accurate as fasttext."""

import fasttext
import numpy as np
import pyarrow as pa
import pytest

from castor.filters.classify import linear, trainer
from castor.filters.classify.kernels import train as kernels
from castor.filters.errors import CastorError, ConfigError

from .conftest import made

NAMES = ["one", "two", "three"]


def accuracy(model, n=400):
    texts, labels = made(n, seed=9)
    ours = linear.Linear(model)
    wanted = [ours.names.index(NAMES[k]) for k in labels]
    return np.mean(ours.probabilities(pa.array(texts)).argmax(axis=1) == wanted)


@pytest.mark.parametrize("loss", ["softmax", "ova", "ns"])
def test_the_same_seed_gives_the_same_weights_and_learns(trained, texts, labels, loss):
    settings = trainer.Settings(dim=8, lr=0.5, buckets=2000, loss=loss, minn=2, maxn=3, epochs=20)
    first, again = (
        trainer.train(pa.array(texts), [[k] for k in labels], NAMES, settings) for _ in range(2)
    )
    np.testing.assert_array_equal(first.input, again.input)
    np.testing.assert_array_equal(first.output, again.output)
    assert accuracy(first) > 0.9
    other = trainer.train(
        pa.array(texts), [[k] for k in labels], NAMES, trainer.dataclasses.replace(settings, seed=1)
    )
    assert not np.array_equal(first.input, other.input)


def test_it_is_as_accurate_as_fasttext(tmp_path, texts, labels):
    path = tmp_path / "train.txt"
    lines = [f"__label__{NAMES[k]} {t}\n" for t, k in zip(texts, labels, strict=True)]
    path.write_text("".join(lines), "utf-8")
    options = {"dim": 8, "lr": 0.5, "minn": 2, "maxn": 3}
    theirs = fasttext.train_supervised(
        str(path), bucket=2000, epoch=5, thread=12, verbose=0, **options
    )
    test_texts, test_labels = made(400, seed=9)
    right = [
        theirs.predict(t)[0][0] == f"__label__{NAMES[k]}"
        for t, k in zip(test_texts, test_labels, strict=True)
    ]
    settings = trainer.Settings(buckets=2000, epochs=5, **options)
    ours = trainer.train(pa.array(texts), [[k] for k in labels], NAMES, settings)
    assert accuracy(ours) >= np.mean(right) - 0.02


def test_one_step_goes_down_the_gradient():
    """One example, one pass: weights as the formulas give them in 64 bits."""
    settings = trainer.Settings(dim=4, lr=0.5, epochs=1)
    model = trainer.train(pa.array(["w x", ""]), [[0], []], ["yes", "no"], settings)
    start = np.empty(3 * 4, np.float32)
    kernels.uniform(np.uint64(0), start)
    rows = start.reshape(3, 4).astype(float) / 4
    hidden = rows.mean(axis=0)
    # the empty text comes first or second, and its word </s> counts towards the learning rate
    assert [w.decode() for w in model.words] == ["</s>", "w", "x"]
    expected = [np.outer([0.5, -0.5], hidden) * lr for lr in (0.5, 0.5 * (1 - 1 / 4))]
    assert any(np.allclose(model.output, e, atol=1e-6) for e in expected)
    np.testing.assert_allclose(model.input, rows, atol=1e-7)  # the output was 0: no gradient yet


def converged(rows, loss):
    """Probabilities of the texts `a` and `b` by a model that saw rows of them many times."""
    column = pa.array([text for text, _ in rows] * 20)
    settings = trainer.Settings(dim=4, lr=0.5, epochs=40, loss=loss)
    model = linear.Linear(trainer.train(column, [k for _, k in rows] * 20, NAMES, settings))
    order = [model.names.index(name) for name in NAMES]
    return model.probabilities(pa.array(["a", "b"]))[:, order]


def test_softmax_learns_from_one_of_several_labels_at_a_time():
    both, one = converged([("a", [0, 1]), ("b", [2])], "softmax")
    assert 0.3 < both[0] < 0.7
    assert both[0] + both[1] > 0.9
    assert one[2] > 0.9


def test_a_label_is_no_negative_of_its_own():
    found = converged([("a", [0]), ("b", [1]), ("b", [1]), ("a", [0])], "ns")
    assert found[0, 0] > 0.8 > 0.2 > found[0, 1]
    assert found[1, 1] > 0.8 > 0.2 > found[1, 0]


def test_labels_stand_by_frequency_and_rows_may_have_several(texts):
    model = trainer.train(
        pa.array(texts[:4]), [[0], [1, 2], [1], []], ["a", "b", "c"], trainer.Settings(dim=2)
    )
    assert model.names == ["b", "a", "c"]
    assert model.label_counts.tolist() == [2, 1, 1]


def test_words_are_counted_and_ordered_as_stated():
    texts = pa.array(["b a b", "c\tb </s> __label__x", None])
    model = trainer.train(texts, [[0], [1], [0]], ["u", "v"], trainer.Settings(dim=2))
    words = dict(zip(model.words, model.word_counts.tolist(), strict=True))
    assert words == {b"b": 3, b"</s>": 3, b"a": 1, b"c": 1}
    assert model.words == [b"</s>", b"b", b"a", b"c"]
    few = trainer.train(texts, [[0], [1], [0]], ["u", "v"], trainer.Settings(dim=2, min_count=2))
    assert few.words == [b"</s>", b"b"]


def test_exp_is_exact():
    x = np.concatenate([np.linspace(-40, 40, 1001), [-700, 700, 0, 1e-300]])
    found = np.array([kernels.exp(v) for v in x])
    np.testing.assert_allclose(found, np.exp(x), rtol=4e-15)


def test_the_generator_is_uniform_and_its_places_are_independent_of_the_length():
    long, short = np.empty(200_000, np.float32), np.empty(7, np.float32)
    kernels.uniform(np.uint64(5), long)
    kernels.uniform(np.uint64(5), short)
    np.testing.assert_array_equal(long[:7], short)
    assert abs(long.mean()) < 0.005
    assert abs(np.abs(long).mean() - 0.5) < 0.005
    assert abs(np.corrcoef(long[:-1], long[1:])[0, 1]) < 0.01


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"dim": 0}, "dim"),
        ({"lr": 0}, "lr"),
        ({"loss": "hs"}, "loss"),
        ({"minn": 3, "maxn": 2}, "minn"),
        ({"word_ngrams": 99}, "word_ngrams"),
        ({"epochs": 0}, "epochs"),
    ],
)
def test_settings_out_of_bounds_are_refused(given, message):
    with pytest.raises(ConfigError, match=message):
        trainer.Settings(**given)


@pytest.mark.parametrize("names", [["a", "a"], ["a b", "c"], ["", "c"]])
def test_labels_that_fasttext_could_not_read_are_refused(names):
    with pytest.raises(ConfigError, match="label"):
        trainer.train(pa.array(["x", "y"]), [[0], [1]], names, trainer.Settings(dim=2))


def test_nothing_to_learn_from_is_an_error():
    with pytest.raises(CastorError, match="nothing to train on"):
        trainer.train(pa.array(["x"]), [[]], ["a"], trainer.Settings(dim=2))


def test_a_training_that_diverges_says_so(texts, labels):
    with pytest.raises(CastorError, match="diverged"):
        trainer.train(
            pa.array(["a b c d"] * 50), [[k % 2] for k in range(50)], ["a", "b"],
            trainer.Settings(dim=2, lr=100, epochs=500, loss="ova"),
        )  # fmt: skip
