"""The shipped property tables and the UTF-8 decoder."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters.kernels import unicode


def test_tables_say_what_unicode_14_says():
    if unicodedata.unidata_version != "14.0.0":
        pytest.skip("this Python knows another version of Unicode than the shipped tables")
    table = unicode.tables()
    points = np.arange(unicode.LAST + 1)
    flags = table.flags[table.pages[points >> 8].astype(int) << 8 | (points & 255)]
    folds = table.folds[table.fold_pages[points >> 8].astype(int) << 8 | (points & 255)]
    sample = [*range(0x3100), *range(0x3100, unicode.LAST + 1, 7)]
    for cp in sample:
        assert flags[cp] == unicode.properties(chr(cp)), hex(cp)
        assert chr(cp + folds[cp]) == unicode.fold(chr(cp)), hex(cp)


@pytest.mark.parametrize(
    ("char", "expected"),
    [
        ("中", True), ("々", True), ("〇", True), ("ぁ", True), ("ｱ", True), ("ก", True),
        ("ລ", True), ("ក", True), ("မ", True), ("한", False), ("a", False), ("。", False),
        ("・", False), ("་", False),
    ],
)  # fmt: skip
def test_letters_of_scripts_without_spaces(char, expected):
    table = unicode.tables()
    flags = table.flags[int(table.pages[ord(char) >> 8]) << 8 | (ord(char) & 255)]
    assert bool(flags & unicode.UNSPACED) is expected


def decoded(data: bytes) -> list[tuple[int, int]]:
    buffer, found, i = np.frombuffer(data, np.uint8), [], 0
    while i < len(data):
        found.append(unicode.decode.py_func(buffer, i, len(data)))
        i += found[-1][1]
    return found


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_decodes_what_python_encodes(text):
    assert decoded(text.encode()) == [(ord(c), len(c.encode())) for c in text]


@settings(deadline=None)
@given(st.binary(max_size=40))
def test_wrong_bytes_are_replaced_one_by_one_and_nothing_is_read_past_the_end(data):
    points = decoded(data)
    assert sum(n for _, n in points) == len(data)
    starts = np.cumsum([0, *(n for _, n in points)])
    for start, (cp, n) in zip(starts, points, strict=False):
        piece = data[start : start + n]
        try:
            assert piece.decode() == chr(cp)
        except UnicodeDecodeError:
            assert cp == unicode.INVALID
            assert len(piece) == 1
