"""Rewriters: edits, where they move the parts of a document, and batches."""

import itertools
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters.errors import CastorError, ConfigError
from castor.filters.record import Modality, Part, Record, to_batch
from castor.filters.registry import load, load_version
from castor.filters.rewriter import Edit, rewriter


@rewriter(version=2, needs="[xX]")
def crosses(text):
    """Replaces every x."""
    for i, c in enumerate(text):
        if c in "xX":
            yield Edit(i, i + 1, "(cross)")


def checked(options):
    if set(options) - {"letter"}:
        raise ConfigError("no such option", got=sorted(options))
    return options.get("letter", "z")


@rewriter(version=1, reads="batch", check=checked)
def last_letters(column, options):
    """Replaces one letter, the last of a text; cannot stand an exclamation mark."""
    texts = column.to_pylist()
    if any("!" in t for t in texts):
        raise ValueError("too loud")
    for row, text in enumerate(texts):
        if text.endswith(checked(options)):
            yield row, [Edit(len(text) - 1, len(text), "(end)")]


def fixed(*edits):
    return rewriter(version=1)(lambda text: iter(edits))


@pytest.mark.parametrize(
    ("text", "edits", "expected"),
    [
        ("abc", [], "abc"),
        ("abc", [Edit(0, 1)], "bc"),
        ("abc", [Edit(3, 3, "d")], "abcd"),
        ("abc", [Edit(0, 1, "é"), Edit(1, 1, "-"), Edit(2, 3)], "é-b"),
        ("", [Edit(0, 0, "new")], "new"),
    ],
)
def test_edits(text, edits, expected):
    assert fixed(*edits)(text) == (expected, edits)


@pytest.mark.parametrize("edits", [[Edit(0, 4)], [Edit(2, 1)], [Edit(0, 2), Edit(1, 3)],
                                   [Edit(-1, 1)]])  # fmt: skip
def test_edits_that_overlap_or_leave_the_text_are_a_fault(edits):
    with pytest.raises(ValueError, match="overlaps the one before it or leaves the text"):
        fixed(*edits)("abc")


@st.composite
def texts_with_edits_and_marks(draw):
    text = draw(st.text("aé中😀 ", max_size=20))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    cuts = cuts[: len(cuts) // 2 * 2]
    edits = [
        Edit(a, b, draw(st.sampled_from(["", "z", "ßß"])))
        for a, b in zip(cuts[::2], cuts[1::2], strict=True)
    ]
    marks = draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=6))
    return text, edits, sorted(marks)


def place_of(mark, text, edits):
    """Where a place between two characters ends up, in characters: read one by one."""
    moved = 0
    for start, stop, replacement in edits:
        if stop <= mark:
            moved += len(replacement) - (stop - start)
        elif start < mark:
            return start + moved + len(replacement)
    return mark + moved


@settings(deadline=None, max_examples=300)
@given(texts_with_edits_and_marks())
def test_spans_move_with_their_text(case):
    text, edits, marks = case
    spans = list(itertools.pairwise(marks))
    parts = tuple(Part("p", len(text[:a].encode()), len(text[:b].encode())) for a, b in spans)
    record = Record("k", "s", Modality.TEXT, text, parts=(*parts, Part("image", media_index=0)))
    batch, counts = fixed(*edits).rewrite(to_batch([record]))
    edited = batch.column("text")[0].as_py()
    assert edited == fixed(*edits)(text)[0]
    assert counts.to_pylist() == [len(edits)]
    found = batch.column("parts")[0].as_py()
    assert found[-1]["start_byte"] is None
    for (a, b), part in zip(spans, found[:-1], strict=True):
        expected = edited[place_of(a, text, edits) : place_of(b, text, edits)]
        assert edited.encode()[part["start_byte"] : part["end_byte"]].decode() == expected


def test_batches_count_edits_and_leave_other_rows_alone():
    rows = [
        Record("a", "s", Modality.TEXT, "x1 X2", parts=(Part("p", 0, 2), Part("p", 3, 5))),
        Record("b", "s", Modality.CODE, "x"),
        Record("c", "s", Modality.TEXT, None),
        Record("d", "s", Modality.TEXT, "none", parts=(Part("p", 0, 4),)),
    ]
    batch = to_batch(rows)
    edited, counts = crosses.rewrite(batch)
    assert counts.to_pylist() == [2, None, None, 0]
    assert edited.column("text").to_pylist() == ["(cross)1 (cross)2", "x", None, "none"]
    assert [p["end_byte"] for p in edited.column("parts")[0].as_py()] == [8, 17]
    assert edited.schema.equals(batch.schema, check_metadata=True)
    assert edited.column("parts")[1:].equals(batch.column("parts")[1:])
    untouched, counts = crosses.rewrite(batch.slice(1))
    assert untouched.equals(batch.slice(1))
    assert counts.to_pylist() == [None, None, 0]


def test_a_text_edited_to_nothing_is_empty_not_null():
    edited, _ = fixed(Edit(0, 3)).rewrite(to_batch([Record("k", "s", Modality.TEXT, "abc")]))
    assert edited.column("text").to_pylist() == [""]


def test_it_pickles_as_name_and_version():
    mask = load("rewriter", "mask_pii")
    assert pickle.loads(pickle.dumps(mask)) is mask
    told = f"is version {mask.version} here but the job was launched with version 77"
    with pytest.raises(CastorError, match=told):
        load_version("rewriter", mask.module, 77)


def test_a_rewriter_that_raises_ends_the_run_and_names_the_row():
    batch = to_batch([Record("web:a@7", "web", Modality.TEXT, "four letters")])
    with pytest.raises(CastorError, match=r"row web:a@7: got ValueError: .*overlaps.*\n.*exclude"):
        fixed(Edit(5, 2)).rewrite(batch)


def test_one_of_a_column_counts_rows_in_their_places():
    rows = [("a", Modality.CODE, "xz"), ("b", Modality.TEXT, "xz"), ("c", Modality.TEXT, None),
            ("d", Modality.TEXT, "zx"), ("e", Modality.TEXT, "éz")]  # fmt: skip
    parts = (Part("p", 0, 3),)
    batch = to_batch(
        Record(k, "s", m, t, parts=parts if k == "e" else ()) for k, m, t in rows
    )  # fmt: skip
    edited, counts = last_letters.rewrite(batch)
    assert counts.to_pylist() == [None, 1, None, 0, 1]
    assert edited.column("text").to_pylist() == ["xz", "x(end)", None, "zx", "é(end)"]
    assert edited.column("parts")[4].as_py()[0]["end_byte"] == 7
    edited, counts = last_letters.rewrite(batch, {"letter": "x"})
    assert counts.to_pylist() == [None, 0, None, 1, 0]
    assert last_letters("xz") == ("x(end)", [Edit(1, 2, "(end)")])
    assert last_letters("xz", {"letter": "x"}) == ("xz", [])
    assert last_letters.rewrite(batch.slice(0, 1))[1].to_pylist() == [None]


def test_one_of_a_column_that_raises_names_the_row_too():
    rows = [Record(k, "s", Modality.TEXT, t) for k, t in (("a", "z"), ("b", "z!"), ("c", "z"))]
    with pytest.raises(CastorError, match="row b: got ValueError: too loud"):
        last_letters.rewrite(to_batch(rows))


def test_options_are_refused_unless_there_is_a_check():
    assert last_letters.check({"letter": "q"}) == "q"
    with pytest.raises(ConfigError, match="no such option"):
        last_letters.check({"lettre": "q"})
    with pytest.raises(ConfigError, match="rewriter 'test_rewriter' takes no options: got letter"):
        crosses.check({"letter": "q"})
