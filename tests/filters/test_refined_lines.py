"""RefinedWeb's line rules: which lines go, what is trimmed, and the page rule."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters import policy
from castor.filters.record import Modality, Record, to_batch
from castor.filters.refined_lines import changed
from castor.filters.registry import load

PROSE = "\n".join(
    f"A line of prose that no rule of any kind would change, number {i}." for i in range(9)
)


@pytest.mark.parametrize(
    ("line", "rule", "left"),
    [
        ("SUBSCRIBE NOW to us", "uppercase", None),  # 12 of 19
        ("ABcd", "one_word", None),  # half is not more than half
        ("AB cd", None, None),
        ("2019", "numeric", None),
        ("٢٠١٩", "numeric", None),
        ("20 19", None, None),
        ("3 likes", "counter", None),
        ("1,234.5K Views!", "counter", None),
        ("- 12 comments -", "counter", None),
        ("3 liked it", None, None),
        ("Home", "one_word", None),
        ("  Home  ", "one_word", None),
        ("Two words", None, None),
        ("You have 3 items in cart now", "phrase", "You have 3 now"),
        ("He went on. Read more...", "phrase", "He went on."),
        ("Read more...", "phrase", None),
        ("Read more... he said", None, None),
        ("Sign-in to your account", "phrase", "to your account"),
        ("Please sign-in now", None, None),
        ("sign-in a b c d e f g h i j", None, None),  # eleven words
        ("   ", None, None),
    ],
)
def test_rules(line, rule, left):
    found = list(changed(f"a b\n{line}\nc d"))
    assert [(f.rule, f.left) for f in found] == ([(rule, left)] if rule else [])


def test_lines_go_with_their_line_feed():
    text = f"{PROSE}\nHome\nA last line. Read more...\n3 likes"
    after, edits = load("rewriter", "refinedweb_lines")(text)
    assert after == f"{PROSE}\nA last line.\n"
    assert len(edits) == 3


def decided(text):
    batch = to_batch([Record("k", "s", Modality.TEXT, text)])
    signals = load("annotator", "text_refinedweb").annotate(batch)
    for field, column in zip(signals.schema, signals.columns, strict=True):
        batch = batch.append_column(field, column)
    return signals.to_pylist()[0], policy.load("refinedweb/lines").decide(batch).to_pylist()[0]


def test_a_page_of_which_too_much_would_go_is_left_and_dropped():
    words = " ".join(["word"] * 95)
    lines = "\nHome" * 5
    found, reasons = decided(words + lines)  # 5 of 100 words
    assert found["text_refinedweb.removed_word_fraction"] == 0.05
    assert found["text_refinedweb.n_lines_one_word"] == 5
    assert reasons == []
    assert load("rewriter", "refinedweb_lines")(words + lines)[0] == words + "\n"
    found, reasons = decided(words + lines + "\nHome")
    assert reasons == ["refinedweb.too_many_words_removed"]
    assert load("rewriter", "refinedweb_lines")(words + lines + "\nHome")[1] == []


def test_nothing_is_missing_where_there_are_no_words():
    assert decided("")[1] == ["refinedweb.too_many_words_removed:missing"]


@settings(deadline=None, max_examples=150)
@given(st.lists(st.sampled_from(["Home", "A LINE UP", "3 likes", "77", " ", "", "two words here",
                                 "x items in cart", "Read more..."]), max_size=8))  # fmt: skip
def test_what_is_left_has_the_words_that_the_signal_says(lines):
    text = "\n".join([PROSE, *lines, PROSE])
    found, reasons = decided(text)
    after, _ = load("rewriter", "refinedweb_lines")(text)
    removed = 1 - len(after.split()) / len(text.split())
    if reasons:
        assert after == text
    else:
        assert removed == pytest.approx(found["text_refinedweb.removed_word_fraction"])
