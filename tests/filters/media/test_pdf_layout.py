"""From boxes of characters to lines: nothing is lost, and scripts from the right read right."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters.media import pdf_bidi, pdf_layout
from castor.filters.media.pdf_bidi import Glyph

SIDES = st.floats(-500, 500, allow_nan=False)
GLYPHS = st.builds(
    lambda c, x, y, w, h, quarter, space: Glyph(c, x, y, x + w, y + h, quarter, space),
    st.sampled_from("abcdefgh漢字かなשלום123.-"),
    SIDES,
    SIDES,
    st.floats(0, 30),
    st.floats(0, 30),
    st.sampled_from([0.0, 0.0, 0.0, 1.0, 2.0, 3.0, -1.0, 0.5]),
    st.sampled_from(["", " ", "made"]),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(GLYPHS, max_size=40))
def test_any_boxes_give_lines(glyphs):
    direction, lines = pdf_layout.lines_of(glyphs)
    assert direction in ("ltr", "rtl", "vertical")
    shown = sorted("".join(line[0] for line in lines).replace(" ", ""))
    drawn = [unicodedata.normalize("NFKD", g.character) for g in glyphs]
    assert len(shown) <= len("".join(drawn))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 60)), max_size=40, unique=True))
def test_upright_letters_are_all_there(places):
    glyphs = [Glyph("x", 8.0 * x, 12.0 * y, 8.0 * x + 6, 12.0 * y + 10, 0.0, "") for x, y in places]
    _, lines = pdf_layout.lines_of(glyphs)
    assert "".join(line[0] for line in lines).count("x") == len(places)


def laid(text, x=0.0):
    """The characters from left to right, in the order in which they are drawn."""
    glyphs = []
    for character in text:
        if character != " ":
            glyphs.append(Glyph(character, x, 0.0, x + 6, 10.0, 0.0, ""))
        x += 6
    return glyphs


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        ([(0, 0), (11, 0)], ["ab"]),  # 5 of room after 6 of width: less than 1.2 em
        ([(0, 0), (19, 0)], ["a", "b"]),
        ([(0, 0), (-6, 0)], ["ab"]),  # drawn from the right
        ([(0, 0), (-19, 0)], ["a", "b"]),
        ([(0, 0), (6, 5)], ["ab"]),  # half of their heights is shared
        ([(0, 0), (6, 7)], ["a", "b"]),
    ],
)
def test_what_is_one_run(moves, expected):
    glyphs = [
        Glyph(c, x, y, x + 6.0, y + 10.0, 0.0, "") for c, (x, y) in zip("ab", moves, strict=True)
    ]
    assert [run.text for run in pdf_layout._runs(glyphs)] == expected


WORDS = st.lists(st.text(alphabet="שלוםעד", min_size=1, max_size=5), min_size=2, max_size=5)


@given(WORDS, st.integers(0, 4), st.integers(10, 999))
def test_a_line_from_the_right_with_a_number(words, at, number):
    at = min(at, len(words))
    read = [*words[:at], str(number), *words[at:]]
    seen = " ".join(w if w.isdigit() else w[::-1] for w in reversed(read))
    assert pdf_bidi.logical(laid(seen), rtl=True, gap=0.15) == " ".join(read)


def test_a_word_from_the_right_in_a_line_from_the_left():
    seen = "the word םולש is old"
    assert pdf_bidi.logical(laid(seen), rtl=False, gap=0.15) == "the word שלום is old"


def test_marks_stay_on_their_letters():
    bases = laid("בא")
    mark = Glyph("\u05b8", 7.0, 8.0, 9.0, 9.0, 0.0, "")
    assert pdf_bidi.logical([bases[0], mark, bases[1]], rtl=True, gap=0.15) == "א\u05b8ב"


def test_superscripts_do_not_join_words():
    glyphs = [*laid("house"), Glyph("7", 30.0, -2.0, 33.0, 4.0, 0.0, "")]
    assert pdf_layout.lines_of(glyphs)[1][0][0] == "house⁷"


def test_readings_of_ideographs_go():
    text = [Glyph(c, 20.0 * i, 0.0, 20.0 * i + 20, 20.0, 0.0, "") for i, c in enumerate("漢字は難")]
    ruby = [Glyph(c, 10.0 * i, -10.0, 10.0 * i + 10, -1.0, 0.0, "") for i, c in enumerate("かんじ")]
    assert [line[0] for line in pdf_layout.lines_of([*text, *ruby])[1]] == ["漢字は難"]
