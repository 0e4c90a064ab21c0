"""Lines of texts: where they are, of what kind, which say the same; which of them go."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from castor.filters.html.lines.scan import BARE, CODE, HEADING, PLAIN, TABLE, lines_of
from castor.filters.html.lines.trim import lines_to_cut, without

KINDS = [
    ("words", PLAIN),
    ("- 12 a", PLAIN),
    ("über", PLAIN),
    ("字", PLAIN),
    ("", BARE),
    (" \t", BARE),
    ("| --- | --- |", BARE),
    ("12:30", BARE),
    ("## heading", HEADING),
    ("#", BARE),
    ("| a | b |", TABLE),
    ("``not a fence``", PLAIN),
    ("```python", CODE),
]


def column(*texts: str | None) -> pa.Array:
    return pa.array(texts, pa.large_string())


@pytest.mark.parametrize(("line", "kind"), KINDS)
def test_kinds(line, kind):
    assert lines_of(column(line)).kind.tolist() == [kind]


def test_code_is_what_stands_between_fences():
    found = lines_of(column("a\n```\n# b\n\n| c |\n```\n# d", "e"))
    assert found.kind.tolist() == [PLAIN, CODE, CODE, CODE, CODE, CODE, HEADING, PLAIN]
    assert found.row.tolist() == [0] * 7 + [1]


@given(st.lists(st.none() | st.text(alphabet="ab# \n\té|`字", max_size=30), max_size=5), st.data())
def test_lines_are_those_of_split(texts, data):
    first = data.draw(st.integers(0, len(texts)))  # a slice of a column is a column
    found = lines_of(column(*texts).slice(first))
    seen = []
    for row, text in enumerate(texts[first:]):
        lines = (text or "").encode().split(b"\n")
        own = found.row == row
        spans = list(zip(found.start[own].tolist(), found.end[own].tolist(), strict=True))
        whole = (text or "").encode()
        assert [whole[a:b] for a, b in spans] == [line.strip(b" \t") for line in lines]
        seen += zip((whole[a:b] for a, b in spans), found.said[own].tolist(), strict=True)
    assert len(dict(seen)) == len({said for _, said in seen}) == len(set(seen))


def test_equal_texts_are_those_of_equal_lines():
    texts = column("a\n\nb", " a\n---\nb ", "b\na", "a", "a\nb\n```\n\n```")
    found = lines_of(texts).text.tolist()
    assert found[0] == found[1]
    assert len(set(found[1:])) == 4


def cut(*lines: tuple[int, int, bool], most: float = 1.0) -> list[int]:
    return lines_to_cut(*zip(*lines, strict=True), most)


def test_repeated_lines_go_and_code_and_tables_stay():
    lines = [(PLAIN, 5, True), (CODE, 5, True), (TABLE, 5, True), (PLAIN, 5, False)]
    assert cut(*lines) == [0]


def test_a_heading_goes_with_its_section_only():
    empty = [(HEADING, 5, True), (BARE, 0, False), (PLAIN, 5, True)]
    assert cut(*empty) == [0, 2]
    assert cut(*empty, (PLAIN, 5, False)) == [2]
    assert cut(*empty, (HEADING, 5, False), (PLAIN, 5, False)) == [0, 2]
    assert cut((HEADING, 5, False), (PLAIN, 5, True)) == [1]
    # The table below it stays, and so its heading.
    assert cut(empty[0], (TABLE, 5, True)) == []


def test_a_text_that_would_lose_most_of_it_loses_nothing():
    lines = [(PLAIN, 50, True), (PLAIN, 50, False)]
    assert cut(*lines, most=0.5) == [0]
    assert cut(*lines, most=0.49) == []


WITHOUT = [
    ("a\n\nb\n\nc", [2], "a\n\nc"),
    ("a\n\nb", [2], "a"),
    ("a\n\nb", [0], "b"),
    ("a\n\n\n\nb\nc", [5], "a\n\n\n\nb"),
    ("a\nb\nc", [1], "a\nc"),
    ("a\n\nb\n\n\n\nc", [2], "a\n\nc"),
    ("a\n\n", [], "a\n\n"),
]


@pytest.mark.parametrize(("text", "gone", "left"), WITHOUT)
def test_what_is_left(text, gone, left):
    assert without(text, gone) == left
