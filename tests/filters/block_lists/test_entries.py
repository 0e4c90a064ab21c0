"""Entries of lists: the compiled reader says what the plain one does; tables hold all."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from castor.filters.block_lists import entries as reader
from castor.filters.block_lists.entries import entries, entry, hashes
from castor.filters.block_lists.table import build
from castor.filters.errors import ConfigError

PIECES = st.sampled_from(
    ["a", "B", "0", ".", "-", "/", "evil.example", "www.", "WWW.", "http://", "HTTPS://", "0.0.0.0",
     "127.0.0.1", " ", "\t", "#", "!", "||", "^", "*", "é", "@@", "$x", "\r", "::", "[", "?q=1"]
)  # fmt: skip
LINES = st.lists(st.lists(PIECES, max_size=6).map("".join), max_size=8)


def plainly(lines, is_adblock):
    found = [entry(line, is_adblock=is_adblock) for line in lines]
    found = [f for f in found if f is not None]
    return [f for f in found if "/" not in f], [f for f in found if "/" in f]


@settings(deadline=None, max_examples=300)
@given(LINES, st.booleans())
@example(["0.0.0.0 0.0.0.0", "0.0.0.0", "127.0.0.1 localhost", "!x.example", "x.example/ "], False)
@example(["0.0.0.0\tad.example", "0.0.0.0  ad.example", "ad.example #why", "A.B/C"], False)
def test_compiled_lines_say_what_plain_ones_do(lines, is_adblock):
    text = "\n".join((["[Adblock Plus 2.0]"] if is_adblock else []) + lines)
    if not is_adblock and text.startswith("[Adblock"):
        return
    domains, addresses = plainly(lines, is_adblock)
    found = entries(text.encode())
    assert found.domains.tolist() == hashes(domains).tolist()
    assert found.addresses.tolist() == hashes(addresses).tolist()


def test_long_lists_are_read_in_pieces(monkeypatch):
    data = "".join(f"host{i}.example\n" for i in range(200)).encode()
    whole = entries(data).domains
    monkeypatch.setattr(reader, "PIECE", 7)
    assert np.array_equal(entries(data).domains, whole)
    assert len(np.unique(whole)) == 200
    assert len(entries(b"").domains) == 0


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(st.integers(0, 3), st.lists(st.integers(0, 12), max_size=12)))
def test_tables_hold_every_category_of_every_hash(given_keys):
    arrays = {c: np.array(keys, np.uint64) for c, keys in given_keys.items()}
    table = build(arrays, 4)
    assert np.all(np.diff(table.keys.astype(np.int64)) > 0)
    wanted = np.arange(14, dtype=np.uint64)
    expected = [[int(k) in given_keys.get(c, []) for c in range(4)] for k in wanted]
    assert table.find(wanted).tolist() == expected


def test_too_many_ways_to_overlap_are_an_error():
    arrays = {c: np.flatnonzero(np.arange(1 << 16) >> c & 1).astype(np.uint64) for c in range(16)}
    with pytest.raises(ConfigError, match="overlap in too many ways"):
        build(arrays, 16)
