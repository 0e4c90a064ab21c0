"""Rewriter c4_lines leaves exactly what the signals text.c4_* count."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters.record import Modality, Part, Record, to_batch
from castor.filters.registry import load


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Home | About\n  This is a fine long line.  \n\nCopyright\n", "This is a fine long line."),
        ("One two three four five.\nNo end\nSix seven eight nine ten!\n",
         "One two three four five.\nSix seven eight nine ten!"),
        ("One two three four[12] five. [citation needed]", "One two three four five."),
        ("[edit] One two three four five.", "One two three four five."),
        ("Please enable JavaScript to see this.", ""),
        ("Yes.\nno", ""),
        ("Éa two three four fivé.\nß\nÉa two [3]three four \"fivé\"", "Éa two three four fivé.\n"
         'Éa two three four "fivé"'),
        ("", ""),
        ("One two three four five.", "One two three four five."),
    ],
)  # fmt: skip
def test_lines(text, expected):
    assert load("rewriter", "c4_lines")(text)[0] == expected


LINES = st.lists(
    st.sampled_from(["One two thrée four five.", " [1]", "[edit]", "no end", "Six seven.", " ", "",
                     'A b c d "e f."[2] ', "\u3000中文 b c d e!", "We use cookies a b c.", "[x] "])
).map(lambda parts: "\n".join(parts)) | st.text("ab .[1]\n中", max_size=60)  # fmt: skip


@settings(deadline=None, max_examples=150)
@given(LINES)
def test_what_is_left_is_what_the_signals_count(text):
    left, edits = load("rewriter", "c4_lines")(text)
    annotator = load("annotator", "text")
    found = annotator.annotate(to_batch([Record("k", "s", Modality.TEXT, text)]))
    assert found.column("text.c4_bytes")[0].as_py() == len(left.encode())
    assert found.column("text.c4_lines")[0].as_py() == (len(left.split("\n")) if left else 0)
    assert bool(edits) == (left != text)
    assert load("rewriter", "c4_lines")(left) == (left, [])


def test_parts_move_with_the_text():
    text = "Menu\nOne two three four five.\nFooter\nSix seven éight nine ten."
    second = len(text[: text.index("Six")].encode())
    parts = (Part("text", 0, second), Part("text", second, len(text.encode())))
    record = Record("k", "s", Modality.INTERLEAVED, text, parts=parts)
    batch, counts = load("rewriter", "c4_lines").rewrite(to_batch([record]))
    left = batch.column("text")[0].as_py()
    spans = [(p["start_byte"], p["end_byte"]) for p in batch.column("parts")[0].as_py()]
    pieces = [left.encode()[a:b].decode() for a, b in spans]
    assert pieces == ["One two three four five.\n", "Six seven éight nine ten."]
    assert counts.to_pylist() == [2]
