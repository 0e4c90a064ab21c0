"""How texts are folded, against a plain definition."""

import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters.classify.fold import fold
from castor.filters.kernels import unicode

DROPPED = {0xAD, 0xFEFF, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070)}


def folded(*texts):
    return fold(pa.array(texts, pa.large_string())).to_pylist()


def plain(text):
    """The definition, character by character."""
    words, joins = [], False  # whether the next letter goes on with the last word
    for char in text:
        flags = unicode.properties(char)
        if flags & unicode.SPACE or ord(char) < 32:
            joins = False
        elif flags & (unicode.LETTER | unicode.NUMBER) or (flags & unicode.MARK and joins):
            char = "0" if flags & unicode.DIGIT else unicode.fold(char)
            if joins and not flags & unicode.UNSPACED:
                words[-1] += char
            else:
                words.append(char)
            joins = not flags & unicode.UNSPACED
        elif flags & unicode.MARK and words:
            words[-1] += char
        elif ord(char) not in DROPPED:
            words.append(char)
            joins = False
    return " ".join(words)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't PAY £25!", "don ' t pay £ 00 !"),
        ("a\tb\n\nc\x00d", "a b c d"),
        ("日本語abcです", "日 本 語 abc で す"),
        ("ÀÉ İ ẞ Ⱥ", "àé İ ß ⱥ"),
        ("soft\u00adhyphen zero\u200bwidth \ufeffbom", "softhyphen zerowidth bom"),
        ("१२३ ٣٤ ５", "000 00 0"),
        ("हिन्दी ก็ไทย", "हिन्दी ก็ ไ ท ย"),
        ("e\u0301 \u0301x", "e\u0301\u0301 x"),
        ("😀😀", "😀 😀"),
        ("", ""),
        (None, ""),
    ],
)
def test_folded(text, expected):
    assert folded(text) == [expected]


ASSIGNED = st.characters(exclude_categories=["Cs", "Cn"], max_codepoint=0x1FFFF).filter(
    lambda c: unicodedata.category(c) != "Co"
)


@settings(max_examples=120, deadline=None)
@given(st.lists(st.text(ASSIGNED, max_size=30), max_size=4))
def test_any_text_is_folded_as_defined(texts):
    assert folded(*texts) == [plain(t) for t in texts]


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_folding_twice_is_folding_once_but_for_marks(text):
    once = folded(text)[0]
    assert folded(once)[0].replace(" ", "") == once.replace(" ", "")


def test_slices_and_nulls():
    column = pa.array(["x Y", None, "Z!"]).slice(1)
    assert fold(column).to_pylist() == ["", "z !"]
