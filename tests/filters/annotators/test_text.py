"""Annotator text: published vectors, nulls, and what only code has."""

import pyarrow as pa
import pytest

from castor.filters.record import Modality, Record, to_batch
from castor.filters.registry import load

# reference vectors that datatrove, Dolma and DCLM each answer differently
T1 = "\n".join(
    ["alpha beta gamma delta."] * 2
    + ["one two three four five six.", "seven eight nine ten eleven."]
    + ["the quick brown fox jumps.", "over the lazy dog today."]
)
T2 = "a b c d e f g h. " * 3 + "x y z w v u t s."


def measured(text, modality=Modality.TEXT):
    batch = load("annotator", "text").annotate(to_batch([Record("k", "s", modality, text)]))
    return {n.removeprefix("text."): v[0] for n, v in batch.to_pydict().items()}


@pytest.mark.parametrize(
    ("text", "signal", "expected"),
    [
        (T1, "duplicate_line_fraction", 0.3333),  # Dolma and DCLM; datatrove .1667
        (T1, "duplicate_line_char_fraction", 0.3026),  # DCLM; datatrove .1465, Dolma .3566
        (T2, "duplicate_5gram_char_fraction", 0.75),  # DCLM; datatrove .2388, Dolma .7115
        (T2, "top_2gram_char_fraction", 0.1667),  # Dolma; datatrove .1343
    ],
)
def test_vectors(text, signal, expected):
    assert measured(text)[signal] == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize(
    ("text", "signal", "expected"),
    [
        ("a a a a", "top_2gram_char_fraction", 1.0),  # overlapping ones are counted once
        ("hello world", "top_2gram_char_fraction", 0.0),  # what occurs once does not repeat
        ("word", "top_2gram_char_fraction", 0.0),
        ("x\n\nx\ny\n\nx", "duplicate_line_fraction", 0.75),
        ("x\n\nx\ny\n\nx", "duplicate_paragraph_fraction", 2 / 3),
        ("x\n\nx\ny\n\nx", "duplicate_paragraph_char_fraction", 0.5),
        ("a  b\na b", "duplicate_line_fraction", 1.0),  # equal words are an equal line
        ("\n \n\nx\n", "n_all_lines", 4),
        ("a\r\n\r\nb", "n_paragraphs", 2),
        ("To be, OR not 'to' BE", "n_distinct_stop_words_en", 2),
        ("be2 have-not theory", "n_distinct_stop_words_en", 0),
        ("wait... what…", "ellipses_per_word", 1.0),
        ("你好，世界。 ok", "n_words", 5),
        ("你好，世界。 ok", "unspaced_word_fraction", 0.8),
        ("「你」", "mean_word_length_chars", 3.0),
        ("iPhone手机", "n_words", 3),
        (f"{'x' * 29}\n{'é' * 30}\n  {'x' * 29}  \n{'x' * 40}", "short_line_fraction", 0.5),
        ("aB1." * 30_000, "letter_fraction", 0.5),
        ("aB1!" * 30_000, "uppercase_fraction", 0.5),
        ("a" * 200_000, "digit_fraction", 0.0),
        ("aB1!" * 30_000, "max_word_length_chars", 120_000),
        ('He said "Stop."', "punctuation_ended_line_fraction", 1.0),
        ("Mr. Smith met J. R. Hill at 5 p.m. there. He left. Did he?", "c4_sentences", 3),
        ("One two three four five.[1] Six seven?[citation needed]", "c4_sentences", 2),
        ("One two three four five.[1] Six seven?[citation needed]", "c4_bytes", 35),
        ("A b c d e...", "c4_lines_without_end", 1),
        ("Lorem  ipsum LOREM IPSUM lorem ipsum", "n_lorem_ipsum", 2),
    ],
)
def test_definitions(text, signal, expected):
    assert measured(text)[signal] == expected


def test_a_row_without_text_is_null_in_every_signal():
    assert set(measured(None).values()) == {None}


def test_fractions_of_nothing_are_null_and_counts_are_zero():
    found = measured("")
    assert found["n_words"] == 0
    assert found["duplicate_line_fraction"] is None
    assert found["mean_word_length_chars"] is None


def test_other_modalities_are_null_and_rows_keep_their_order():
    texts = ["one", "two words", None, "three more words"]
    kinds = [Modality.TEXT, Modality.IMAGE, Modality.CODE, Modality.INTERLEAVED]
    records = [Record(str(i), "s", m, t) for i, (m, t) in enumerate(zip(kinds, texts, strict=True))]
    batch = load("annotator", "text").annotate(to_batch(records))
    assert batch.column("text.n_words").to_pylist() == [1, None, None, 3]
    assert batch.column("text.n_words").type == pa.int64()


def test_a_slice_measures_its_own_rows():
    batch = to_batch(Record(str(i), "s", Modality.TEXT, "w " * i) for i in range(5))
    annotator = load("annotator", "text")
    whole, part = annotator.annotate(batch), annotator.annotate(batch.slice(2, 2))
    assert part.equals(whole.slice(2, 2))
