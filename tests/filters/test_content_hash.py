"""Content hashes: what is one content, and what never collides."""

import hashlib
import itertools

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters.content_hash import content_hashes
from castor.filters.kernels.collapse import collapse
from castor.filters.record import MediaRef, Modality, Record, to_batch


def medium(digest):
    return MediaRef("r:x", None, 0, 1, "image/png", digest * 16)


def hashes(*records):
    found = content_hashes(to_batch(records))
    assert found.type == pa.binary(16)
    return found.to_pylist()


def record(text=None, media=(), modality=Modality.TEXT):
    return Record("k", "s", modality, text, tuple(medium(m) for m in media))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (record("a  b\n\nc "), record("\u3000a b\tc")),
        (record("\u00e9"), record("e\u0301")),
        (record("x", [b"a"]), record(" x ", [b"a"])),
        (record(None, [b"a"]), record(" ", [b"a"])),
    ],
)
def test_equal_contents(one, other):
    a, b = hashes(one, other)
    assert a == b
    assert a is not None


def test_different_contents():
    found = hashes(
        record("a b"), record("ab"), record("A b"), record("a b", modality=Modality.CODE),
        record("a b", [b"a"]), record(None, [b"a"]), record(None, [b"a", b"b"]),
        record(None, [b"b", b"a"]), record(None, [b"a"], Modality.IMAGE),
        record("\u00ff" + "a" * 16), record(None, [b"a"], Modality.VIDEO),
    )  # fmt: skip
    assert len(set(found)) == len(found)


def test_no_content_has_no_hash():
    assert hashes(record(), record(""), record(" \n\u2003"), record("x"))[:3] == [None] * 3


def test_the_hash_is_the_documented_one():
    expected = hashlib.blake2b("a b é".encode(), digest_size=16, person=b"text").digest()
    assert hashes(record("a  b e\u0301\n")) == [expected]


def test_a_slice_hashes_its_own_rows():
    batch = to_batch([record("a", [b"a"]), record("b", [b"b", b"c"]), record(None), record("é")])
    whole = content_hashes(batch).to_pylist()
    assert content_hashes(batch.slice(1, 3)).to_pylist() == whole[1:]
    assert content_hashes(batch.slice(0, 0)).to_pylist() == []


@settings(deadline=None)
@given(st.lists(st.text(max_size=30) | st.text(" a\n\u3000\u00a0\x1cé", max_size=20) | st.none()))
def test_collapse_is_split_and_join(texts):
    data, offsets, is_ascii = collapse(pa.array(texts, pa.large_string()))
    expected = [" ".join((t or "").split()) for t in texts]
    got = [data[a:b].tobytes().decode() for a, b in itertools.pairwise(offsets)]
    assert got == expected
    assert is_ascii.tolist() == [(t or "").isascii() for t in texts]


def test_collapse_at_every_place_of_a_block():
    gaps = (" ", "  ", "   ", "\n", " \n", "\n ", "\t ", "\u3000", " \x1c", "\x7f")
    texts = ["a" * n + gap + "b" * m for gap in gaps for n in range(18) for m in (0, 1, 9, 17)]
    texts += [f"{g}{t}" for t in texts for g in (" ", "é")]
    data, offsets, _ = collapse(pa.array(texts, pa.large_string()))
    got = [data[a:b].tobytes().decode() for a, b in itertools.pairwise(offsets)]
    assert got == [" ".join(t.split()) for t in texts]
