"""The script table against the installed trainer, which is asked again."""

import itertools

import numpy as np
import pytest

from castor.tokenizer import scripts

SPECIAL = {0x09, 0x0A, 0x0D, 0x20, 0x2581, 0x2585}


@pytest.fixture(scope="module")
def runs():
    """(first, last, class) of every run that the trainer can be asked about."""
    return [
        (first, last, found)
        for first, last, found in scripts.runs(scripts.table())
        if not 0xD800 <= first <= 0xDFFF
    ]


def askable(first, last):
    """Both ends of a run and two places inside."""
    places = {first, last, (first + last) // 2, first + (last - first) * 2 // 3}
    return [c for c in sorted(places) if c not in SPECIAL and not 0xD800 <= c <= 0xDFFF]


def test_the_library_joins_what_the_table_says_and_nothing_else(runs):
    latin = int(scripts.table().of(np.array([ord("a")]))[0])
    heads = {}
    expected = {}
    for first, last, found in runs:
        for c in askable(first, last):
            head = heads.setdefault(found, c)
            expected[chr(head) + chr(c)] = found != scripts.ALONE
            expected["a" + chr(c)] = found in (scripts.ANY, latin)
    for (one, a), (other, b) in itertools.combinations(sorted(heads.items()), 2):
        expected[chr(a) + chr(b)] = scripts.ALONE not in (one, other) and scripts.ANY in (
            one,
            other,
        )
    # Borders: the last of a run and the first of the next.
    for (_, last, one), (first, _, other) in itertools.pairwise(runs):
        if {last, first} & SPECIAL or first != last + 1:
            continue
        free = scripts.ALONE not in (one, other) and scripts.ANY in (one, other)
        expected[chr(last) + chr(first)] = free
    assert len(expected) > 10_000
    found = scripts.joined(expected)
    wrong = [pair for pair, joins in expected.items() if (pair in found) != joins]
    assert not wrong, [(f"U+{ord(p[0]):04X}", f"U+{ord(p[1]):04X}") for p in wrong[:20]]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("あ", "ア", True),
        ("漢", "ー", True),
        ("漢", "、", False),
        ("a", "é", True),
        ("a", "α", False),
        ("!", "😀", True),
        ("한", "漢", False),
        ("1", "1", False),
    ],
)
def test_what_the_table_says_of_some_characters(one, other, same):
    a, b = scripts.table().of(np.array([ord(one), ord(other)])).tolist()
    assert (a == b and a >= scripts.FIRST) == same


def test_packing_gives_every_code_point_back():
    classes = np.random.default_rng(0).integers(0, 4, scripts.LAST + 1).astype(np.uint8)
    classes[: 1 << 19] = 7
    packed = scripts.pack(classes)
    assert np.array_equal(packed.of(np.arange(scripts.LAST + 1)), classes)
    assert packed.pages[0] == 0
    assert len(packed.classes) == 256 * (1 + (scripts.LAST + 1 - (1 << 19)) // 256)
