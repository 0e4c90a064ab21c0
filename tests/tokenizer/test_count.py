"""Counts of rows against a slow definition of what a row is; merging; files."""

import collections
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import ATOMS, corpus

from castor.filters.errors import CastorError
from castor.tokenizer import reserved, rows, scripts
from castor.tokenizer.count import Counts, count, merge

LITERALS = sorted(reserved.META_PIECES, key=len, reverse=True)
LITERAL = re.compile("|".join(map(re.escape, LITERALS)))
WORD = re.compile("\u2581*[^\u2581]+|\u2581+")

TEXTS = st.lists(st.lists(st.sampled_from(ATOMS), max_size=25).map("".join), max_size=8)
ANY_TEXTS = st.lists(st.text(max_size=40), max_size=5)


def slow_rows(text):
    """The rows of one document, step by step as the module says, one character at a time."""
    if "\u2585" in text:
        return
    text = text.rstrip("\r\n").replace(" ", "\u2581")
    place = 0
    for match in [*LITERAL.finditer(text), None]:
        for word in WORD.findall(text[place : match.start() if match else None]):
            yield from slow_parts(word)
        if match:
            yield match[0].replace("\u2581", " ")
            place = match.end()


def slow_parts(word):
    """The parts of a word that no piece can join."""
    part = ""
    for char in word:
        if part and not may_join(part[-1], char):
            yield part.replace("\u2581", " ")
            part = ""
        part += char
    yield part.replace("\u2581", " ")


def may_join(left, right):
    a, b = scripts.table().of(np.array([ord(left), ord(right)])).tolist()
    if left == "\u2581":
        return right == "\u2581" or b != scripts.ALONE
    return scripts.ALONE not in (a, b) and (a == b or scripts.ANY in (a, b))


def as_dict(counts):
    return {row.decode(): n for row, n in counts.items()}


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_rows_are_what_the_definition_says(texts):
    expected = collections.Counter(row for text in texts for row in slow_rows(text))
    found = count(texts)
    assert as_dict(found) == expected
    assert [row for row, _ in found.items()] == sorted(row.encode() for row in expected)
    assert found.mass == sum(expected.values())


@settings(max_examples=200, deadline=None)
@given(ANY_TEXTS)
def test_any_text_is_counted_as_the_definition_says(texts):
    expected = collections.Counter(row for text in texts for row in slow_rows(text))
    assert as_dict(count(texts)) == expected


def test_rows_of_a_sentence():
    text = "Hello  world 12<b>x</b>αβ\n\n日本語ーカナ、a\tb\r\nq\r\n\n"
    rows = ["Hello", "  ", "world", " ", "1", "2", "<b>", "x", "</b>", "αβ", "\n\n"]
    rows += ["日本語ーカナ", "、", "a", "\t", "b", "\r", "\n", "q"]
    assert list(slow_rows(text)) == rows
    assert as_dict(count([text])) == collections.Counter(rows)


@settings(max_examples=50, deadline=None)
@given(TEXTS, st.integers(1, 4), st.randoms(use_true_random=False))
def test_neither_division_nor_order_changes_the_counts(texts, n_parts, random):
    whole = count(texts)
    shuffled = random.sample(texts, len(texts))
    parts = [count(shuffled[i::n_parts]) for i in range(n_parts)]
    merged = merge(iter(parts))
    assert merged.sha256 == whole.sha256
    assert merged.rows.equals(whole.rows)
    assert np.array_equal(merged.counts, whole.counts)
    assert (merged.documents, merged.text_bytes, merged.skipped) == (
        whole.documents,
        whole.text_bytes,
        whole.skipped,
    )


def test_merging_in_small_steps_gives_the_same(monkeypatch):
    texts = corpus(60)
    monkeypatch.setattr("castor.tokenizer.count.MERGE_BYTES", 1000)
    assert merge(count([text]) for text in texts).sha256 == count(texts).sha256


def test_a_document_with_the_trainers_own_character_is_skipped_whole():
    found = count(["good", "bars \u2583\u2585\u2587 here", "good"])
    assert as_dict(found) == {"good": 2}
    assert (found.documents, found.skipped, found.text_bytes) == (2, 1, 8)


def test_each_bad_byte_is_one_replacement_character():
    found = count([b"a\xe3\x81b", b"ok", b"\xed\xa0\x80"])
    assert as_dict(found) == {"a": 1, "\ufffd\ufffd": 1, "b": 1, "ok": 1, "\ufffd" * 3: 1}
    assert found.repaired == 2


def test_half_a_surrogate_pair_is_an_error():
    with pytest.raises(CastorError, match="no text") as error:
        count(["fine", "ab\ud800c"])
    assert "U+D800" in str(error.value)
    assert "character 2" in str(error.value)


def test_a_store_that_starts_tiny_grows_to_the_same_counts():
    data = "".join(corpus(60)).replace("\u2581", " ").encode()
    store = rows.new_store(rows=2, size=1)
    store = rows.add_texts(store, np.frombuffer(data, np.uint8), np.array([len(data)]))
    n = int(store.used[0])
    text, starts = store.text.tobytes(), store.starts
    found = {text[starts[i] : starts[i + 1]].decode(): int(store.counts[i]) for i in range(n)}
    assert found == collections.Counter(slow_rows("".join(corpus(60))))
    assert n > 300


def test_a_row_without_any_place_to_cut_is_kept_whole():
    text = "x" * 3_000_000
    assert as_dict(count([text, "y"])) == {text: 1, "y": 1}


def test_counts_are_exact_beyond_32_bits():
    one = count(["a"])
    many = Counts(one.rows, np.array([3 << 32], np.int64))
    assert merge([many, many, one]).counts.tolist() == [(6 << 32) + 1]


@settings(max_examples=30, deadline=None)
@given(texts=TEXTS)
def test_a_file_gives_the_counts_back(tmp_path_factory, texts):
    path = tmp_path_factory.mktemp("counts") / "part"
    written = count(texts)
    written.save(path)
    read = Counts.load(path)
    assert read.rows.equals(written.rows)
    assert np.array_equal(read.counts, written.counts)
    assert (read.documents, read.text_bytes) == (written.documents, written.text_bytes)
    assert merge([read, read]).mass == 2 * written.mass


@pytest.mark.parametrize("place", [3, 40, 300, -2])
def test_a_damaged_file_is_an_error(tmp_path, place):
    path = tmp_path / "part"
    count(corpus(12)).save(path)
    data = bytearray(path.read_bytes())
    data[place] ^= 0x55
    path.write_bytes(data)
    with pytest.raises(CastorError, match="damaged"):
        Counts.load(path)


def test_a_file_that_was_cut_or_is_not_there_is_an_error(tmp_path):
    path = tmp_path / "part"
    count(corpus(12)).save(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CastorError, match="damaged"):
        Counts.load(path)
    with pytest.raises(CastorError, match="cannot read"):
        Counts.load(tmp_path / "absent")
