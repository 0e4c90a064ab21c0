"""Our inference against the fasttext package, on models of ours and on its own."""

import contextlib
import random

import fasttext
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters.classify import fasttext_file, linear
from castor.filters.errors import CastorError, ConfigError

NEAR = 2e-6  # fasttext sums in 32 bits
ODD = [
    "",
    " ",
    "unknown words only",
    "w1",
    "w1 w1\tw2\vw3\x00w4",
    "é" * 500,
    "__label__one w2",
    "<>",
]


def theirs(model, names, text: str) -> list[float]:
    """The probabilities of fasttext, NaN where it says nothing."""
    labels, probabilities = model.predict(text, k=len(names))
    found = dict(zip(labels, probabilities, strict=True))
    return [found.get(f"__label__{n}", np.nan) for n in names]


def assert_equal(path, texts, near=NEAR):
    model, ours = fasttext.load_model(str(path)), linear.load(path)
    expected = np.array([theirs(model, ours.names, t) for t in texts])
    found = ours.reported(pa.array(texts))
    np.testing.assert_allclose(found, expected, atol=near, rtol=0)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"word_ngrams": 2},
        {"word_ngrams": 4, "min_count": 2},
        {"minn": 2, "maxn": 4},
        {"minn": 1, "maxn": 3, "word_ngrams": 3, "min_count": 3},
        {"loss": "ova"},
        {"loss": "ns", "minn": 3, "maxn": 3},
        {"dim": 1},
        {"dim": 2, "minn": 2, "maxn": 3},
    ],
    ids=str,
)
def test_a_model_of_ours_is_read_by_fasttext_and_says_the_same(trained, texts, options):
    model, path = trained(**options)
    theirs = fasttext.load_model(str(path))
    assert theirs.get_labels() == [label.decode() for label in model.labels]
    assert theirs.get_words() == [word.decode() for word in model.words]
    np.testing.assert_array_equal(theirs.get_input_matrix(), model.input)
    np.testing.assert_array_equal(theirs.get_output_matrix(), model.output)
    assert_equal(path, texts[:80] + ODD)


@pytest.fixture(scope="module")
def lines(tmp_path_factory, texts, labels):
    path = tmp_path_factory.mktemp("lines") / "train.txt"
    lines = [f"__label__{'abc'[k]}{k} {t}\n" for t, k in zip(texts, labels, strict=True)]
    path.write_text("".join(lines), "utf-8")
    return path


@pytest.mark.parametrize("loss", ["hs", "softmax", "ova", "ns"])
def test_a_model_of_fasttext_is_read(lines, texts, tmp_path, loss):
    # 10 threads or more: with fewer the package trains from memory that nobody set
    model = fasttext.train_supervised(
        str(lines), dim=8, loss=loss, minn=2, maxn=3, wordNgrams=2, bucket=500, thread=12, verbose=0
    )
    model.save_model(str(tmp_path / "model.bin"))
    assert_equal(tmp_path / "model.bin", texts[:80] + ODD)


def test_hierarchical_softmax_over_many_labels_is_the_same_tree(tmp_path, texts):
    rng = random.Random(1)
    path = tmp_path / "many.txt"
    rows = [f"__label__{int(rng.paretovariate(0.7)) % 40} {t}\n" for t in texts]
    path.write_text("".join(rows), "utf-8")
    model = fasttext.train_supervised(str(path), dim=4, loss="hs", thread=12, verbose=0)
    model.save_model(str(tmp_path / "model.bin"))
    assert_equal(tmp_path / "model.bin", texts[:40])
    exact = linear.load(tmp_path / "model.bin").probabilities(pa.array(texts[:40]))
    np.testing.assert_allclose(exact.sum(axis=1), 1, atol=1e-12)


@pytest.mark.parametrize(
    "quantize",
    [
        {"dsub": 2},
        {"dsub": 3, "qnorm": True},
        {"dsub": 2, "qnorm": True, "qout": True},
        {"dsub": 2, "cutoff": 300},
        {"dsub": 4, "cutoff": 260, "qnorm": True},
    ],
    ids=str,
)
def test_a_quantised_model_is_read(lines, texts, labels, tmp_path, quantize):
    many = tmp_path / "many.txt"  # the quantizer wants 256 rows, of the output too
    rows = [f"__label__{k}{i} {t}\n" for i, (t, k) in enumerate(zip(texts, labels, strict=True))]
    many.write_text("".join(rows) if "qout" in quantize else lines.read_text())
    model = fasttext.train_supervised(
        str(many), dim=8, minn=2, maxn=3, bucket=600, thread=12, verbose=0, epoch=3
    )
    model.quantize(**quantize)
    model.save_model(str(tmp_path / "model.ftz"))
    assert_equal(tmp_path / "model.ftz", texts[:80] + ODD)


@pytest.mark.parametrize("loss", ["softmax", "ova", "ns"])
def test_exact_probabilities_differ_by_what_fasttext_adds_or_rounds(trained, texts, loss):
    ours = linear.load(trained(loss=loss)[1])
    exact, reported = (f(pa.array(texts[:80])) for f in (ours.probabilities, ours.reported))
    step = 0 if loss == "softmax" else 16 / 512 * 0.25  # of the table, times the sigmoid's slope
    np.testing.assert_allclose(exact, reported - 1e-5, atol=step + 1e-12, rtol=0)
    assert loss == "softmax" or np.abs(exact - reported).max() > 1e-4


def test_line_endings_are_spaces_and_the_end_of_a_line_ends_nothing(trained):
    ours = linear.load(trained(word_ngrams=2)[1])
    found = ours.probabilities(pa.array(["w1 w2 w3", "w1\nw2\r\nw3", "w1 w2 </s> w3"]))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_a_null_is_not_judged_and_slices_are_read_where_they_begin(trained, texts):
    ours = linear.load(trained(minn=2, maxn=4)[1])
    whole = ours.probabilities(pa.array(texts[:20]))
    part = ours.probabilities(pa.array([None, *texts[:20]], pa.large_string()).slice(0, 6))
    assert np.isnan(part[0]).all()
    np.testing.assert_array_equal(part[1:], whole[:5])


def test_more_labels_than_dimensions_are_multiplied_late(trained, texts):
    path = trained(dim=1)[1]
    assert_equal(path, texts[:20])
    assert linear.load(path).probabilities(pa.array(texts[:9])).shape == (9, 3)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=80), min_size=1, max_size=5))
def test_any_text_is_judged_as_fasttext_does(trained, texts):
    texts = [t.replace("\n", " ").replace("</s>", "") for t in texts]
    texts = [t.encode("utf-8", "ignore").decode() for t in texts]
    assert_equal(trained(minn=1, maxn=3, word_ngrams=3, min_count=3)[1], texts)


@pytest.mark.parametrize(("n", "width"), [(5, 16), (1, 3), (0, 8)])
def test_matrices_begin_at_a_cache_line(n, width):
    found = linear.aligned(n, width)
    assert (found.shape, found.dtype, found.flags.c_contiguous) == ((n, width), np.float32, True)
    assert not n or found.ctypes.data % linear.LINE == 0


def test_a_very_long_word_takes_many_blocks(trained):
    assert_equal(trained(minn=2, maxn=4)[1], ["w7é" * 30_000], near=1e-4)


@pytest.mark.parametrize("place", [0, 4, 8, 40, 60, 70, 80, 200, -5000, -40, -1])
def test_a_damaged_file_is_refused_or_read_but_never_more(trained, tmp_path, place):
    raw = bytearray(trained(minn=2, maxn=4)[1].read_bytes())
    damaged = tmp_path / "damaged.bin"
    for value in (0, 0x7F, 0xFF):
        raw[place] ^= value
        damaged.write_bytes(bytes(raw))
        with contextlib.suppress(CastorError):
            linear.Linear(fasttext_file.read(damaged)).probabilities(pa.array(["w1 w2"]))


def test_a_file_whose_n_grams_have_no_rows_is_refused(trained, tmp_path):
    raw = bytearray(trained()[1].read_bytes())
    place = 8 + 4 * fasttext_file.ARGUMENTS.index("bucket")
    raw[place : place + 4] = (2_000_000).to_bytes(4, "little")
    path = tmp_path / "model.bin"
    path.write_bytes(raw)
    fasttext_file.read(path)  # buckets that nothing uses may have no rows
    raw[8 + 4 * fasttext_file.ARGUMENTS.index("word_ngrams")] = 2
    path.write_bytes(raw)
    with pytest.raises(CastorError, match="2000"):
        fasttext_file.read(path)


def test_an_entry_that_is_neither_word_nor_label_is_refused(trained, tmp_path):
    raw = trained()[1].read_bytes()
    place = raw.index(b"__label__") - 1  # the kind of the word before
    path = tmp_path / "model.bin"
    path.write_bytes(raw[:place] + b"\x02" + raw[place + 1 :])
    with pytest.raises(CastorError, match="out of order"):
        fasttext_file.read(path)
    assert raw[place + 1 :].startswith(b"__label__")
    first = raw.index(b"\0", place + 1) + 9
    path.write_bytes(raw[:first] + b"\x02" + raw[first + 1 :])
    assert fasttext_file.read(path).labels == fasttext_file.read(trained()[1]).labels


@pytest.mark.parametrize("n", [0, 3, 10, 56, 100, 3000])
def test_a_file_that_was_cut_is_refused(trained, tmp_path, n):
    path = tmp_path / "cut.bin"
    path.write_bytes(trained()[1].read_bytes()[:n])
    with pytest.raises(CastorError):
        fasttext_file.read(path)


def test_word_vectors_are_refused(tmp_path, lines):
    model = fasttext.train_unsupervised(
        str(lines), dim=4, bucket=100, epoch=1, thread=12, verbose=0
    )
    model.save_model(str(tmp_path / "vectors.bin"))
    with pytest.raises(ConfigError, match="word vectors"):
        fasttext_file.read(tmp_path / "vectors.bin")


def test_a_changed_file_is_loaded_anew_and_the_same_one_once(trained, tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(trained()[1].read_bytes())
    first = linear.load(path)
    assert linear.load(path) is first
    path.write_bytes(trained(word_ngrams=2)[1].read_bytes())
    assert linear.load(path) is not first
