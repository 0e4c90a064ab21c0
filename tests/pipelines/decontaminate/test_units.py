"""Units of comparison: folded words, and characters where no spaces are written."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from castor.filters.kernels.words import normalised_words
from castor.pipelines.decontaminate.units import Units, scale

WORDS = st.text(st.sampled_from("aAbBéÉßſΣσς'’,1٣0中あก-. \u0301"), max_size=12)


def test_units_are_folded_words_with_their_spans():
    text = "Don’t say «Größer», 1,000 times!"
    units = Units(text)
    assert units.slice(0, 99) == ["dont", "say", "größer", "1000", "times"]
    assert text.encode()[units.start[2] : units.end[2]].decode() == "Größer"


@given(WORDS, WORDS)
def test_words_are_equal_as_strings_if_and_only_if_their_hashes_are(a, b):
    hashes, _, _, offsets = normalised_words(pa.array([a, b], pa.large_string()))
    units = Units(a).slice(0, 99), Units(b).slice(0, 99)
    assert [len(u) for u in units] == [offsets[1], offsets[2] - offsets[1]]
    same_hashes = hashes[: offsets[1]].tolist() == hashes[offsets[1] :].tolist()
    assert same_hashes == (units[0] == units[1])


@pytest.mark.parametrize(
    "text, expected",
    [
        ("plain English words", 1.0),
        ("русские слова", 1.0),
        ("黑豹队的防守只丢了分", 1.5),
        ("ジャネットのアヒルは一日に卵を生みます", 2.2),
        ("เป็ดของเจเน็ตวางไข่วันละฟอง", 3.3),
        ("", 1.0),
        ("five English words around 黑", 1.0),
    ],
)
def test_scripts_without_spaces_need_more_units(text, expected):
    assert scale(text, len(Units(text))) == expected
