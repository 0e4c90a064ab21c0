"""Word hashes of Arrow columns: where words begin and end, and which are equal."""

import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters.kernels import unicode, words


def column(*texts):
    return pa.array(texts, pa.large_string())


def spans_of(text):
    _, start, end, _ = words.normalised_words(column(text))
    return [text.encode()[a:b].decode() for a, b in zip(start, end, strict=True)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World!", ["Hello", "World"]),
        ("don't o’clock rock 'n' roll", ["don't", "o’clock", "rock", "n", "roll"]),
        ("1,000 and 3.14, 5", ["1,000", "and", "3", "14", "5"]),
        ("foo_bar (baz)/qux", ["foo", "bar", "baz", "qux"]),
        ("你好，世界 abc中x", ["你", "好", "世", "界", "abc", "中", "x"]),
        ("กำ ก็", ["กำ", "ก็"]),
        ("e\u0301t\u0301 \u0301x", ["e\u0301t\u0301", "x"]),
        ("—…!?", []),
        ("", []),
    ],
)
def test_normalised_words(text, expected):
    if "กำ" in text:  # sara am is a letter of its own
        expected = ["ก", "ำ", "ก็"]
    assert spans_of(text) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Don't STOP", "dont stop"),
        ("1,000 km", "1000 KM"),
        ("ÉCOLE", "école"),
        ("Straße", "straße"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("the (quick) fox", "The quick, fox."),
    ],
)
def test_words_that_are_equal(one, other):
    a, _, _, offsets = words.normalised_words(column(one, other))
    assert a[: offsets[1]].tolist() == a[offsets[1] :].tolist()


def is_word(c):
    return unicodedata.category(c)[0] in "LN"


def is_mark(c):
    return unicodedata.category(c)[0] == "M"


def joins(text, i, before):
    c = text[i]
    wanted = str.isalpha if c in "'’" else (lambda k: unicodedata.category(k) == "Nd")
    if c not in "'’," or i + 1 >= len(text) or not wanted(before):
        return False
    return wanted(text[i + 1]) and not unicode.is_unspaced(text[i + 1])


def oracle(text):
    """(folded word, start, end in characters), read from the definition."""
    found, i = [], 0
    while i < len(text):
        if not is_word(text[i]):
            i += 1
            continue
        start, word, alone, last = i, "", unicode.is_unspaced(text[i]), ""
        while i < len(text):
            c = text[i]
            if is_mark(c):
                word += unicode.fold(c)
            elif word and (alone or unicode.is_unspaced(c)):
                break
            elif is_word(c):
                word, last = word + unicode.fold(c), c
            elif not joins(text, i, last):
                break
            i += 1
        found.append((word, start, i))
    return found


ALPHABET = st.characters(exclude_categories=["Cs"]) | st.sampled_from("aAbB1,'’ .中ก\u0301é٣-")


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(ALPHABET, max_size=25), max_size=4))
def test_normalised_words_equal_the_oracle(texts):
    hashes, start, end, offsets = words.normalised_words(pa.array(texts, pa.large_string()))
    expected = [oracle(t) for t in texts]
    assert np.diff(offsets).tolist() == [len(e) for e in expected]
    flat = [(w, len(t[:a].encode()), len(t[:b].encode()))
            for t, e in zip(texts, expected, strict=True) for w, a, b in e]  # fmt: skip
    assert list(zip(start, end, strict=True)) == [(a, b) for _, a, b in flat]
    by_word = {}
    for (word, _, _), h in zip(flat, hashes.tolist(), strict=True):
        assert by_word.setdefault(word, h) == h
    assert len(set(by_word.values())) == len(by_word)


def test_slices_nulls_and_hidden_bytes():
    whole = column("one two", None, "three", "four five six", "")
    everything = words.normalised_words(whole)
    part = words.normalised_words(whole.slice(2, 2))
    assert part[3].tolist() == [0, 1, 4]
    assert part[0].tolist() == everything[0][2:6].tolist()
    hidden = pa.Array.from_buffers(
        pa.large_string(), 2,
        [pa.py_buffer(b"\x01"), pa.py_buffer(np.array([0, 3, 6], np.int64).tobytes()),
         pa.py_buffer(b"onetwo")],
    )  # fmt: skip
    assert words.normalised_words(hidden)[3].tolist() == [0, 1, 1]
    assert words.normalised_words(pa.array(["a b"], pa.string()))[3].tolist() == [0, 2]
    assert words.normalised_words(column())[3].tolist() == [0]
    assert words.normalised_words(pa.nulls(2, pa.large_string()))[3].tolist() == [0, 0, 0]


def test_bytes_that_are_not_utf8_end_words_and_do_no_harm():
    bad = pa.Array.from_buffers(
        pa.large_string(), 1,
        [None, pa.py_buffer(np.array([0, 7], np.int64).tobytes()),
         pa.py_buffer(b"ab\xffcd\xe4\xb8")],
    )  # fmt: skip
    _, start, end, _ = words.normalised_words(bad)
    assert list(zip(start, end, strict=True)) == [(0, 2), (3, 5)]
    assert words.word_hashes(bad)[1].tolist() == [0, 1]


STABLE_EXACT = "a7798e38670051b6 cb3ff435b889fb31 f507b576262c5441 4b5117ae4776baa8".split()
STABLE_NORMALISED = "cb3ff435b889fb31 31028f335027a476 7c3832dde020d3d6".split()


def test_hashes_are_stable():
    hashes, offsets = words.word_hashes(column("The the 中文", None))
    assert offsets.tolist() == [0, 4, 4]
    assert [f"{h:x}" for h in hashes] == STABLE_EXACT
    assert [f"{h:x}" for h in words.normalised_words(column("The é 1"))[0]] == STABLE_NORMALISED
