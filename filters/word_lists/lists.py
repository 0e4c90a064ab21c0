"""Word lists as tables of hashes, and how many words of a text they cover."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from castor.filters.kernels.words import FNV_BASIS, FNV_PRIME, fold_grams, normalised_words
from castor.filters.word_lists.kernels.match import mark_begun, mark_covered

# Where endings are written onto the word, so that an entry is what a word begins with.
BEGINNINGS = frozenset({"ko"})
WRITTEN_PLAIN = {"tr": str.maketrans("ıİ", "ii"), "az": str.maketrans("ıİ", "ii")}


class WordList(NamedTuple):
    """The entries of one language, as open-addressing tables of hashes, 0 for empty."""

    heads: np.ndarray  # uint64 [2^n], first words
    lengths: np.ndarray  # int64 [2^n], words of the longest entry that begins so
    grams: np.ndarray  # uint64 [2^n], whole entries
    beginnings: np.ndarray  # uint64 [2^n], entries that words begin with


class Words(NamedTuple):
    """The words of a text column, as `normalised_words` gives them, and its bytes."""

    hashes: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    offsets: np.ndarray
    data: np.ndarray
    bounds: np.ndarray


def word_list(language: str, entries: Iterable[str]) -> WordList:
    """The tables of a language's entries.

    Turkish and Azerbaijani ones are taken without the dot's difference too (`ı` as `i`): that
    is how they are typed elsewhere, and what capitals fold to.
    """
    given = {e.strip() for e in entries}
    if language in WRITTEN_PLAIN:
        given |= {e.translate(WRITTEN_PLAIN[language]) for e in given}
    texts = sorted(given)
    hashes, _, _, offsets = normalised_words(pa.array(texts, pa.large_string()))
    heads: dict[int, int] = {}
    grams, beginnings = set(), set()
    for text, (start, stop) in zip(texts, itertools.pairwise(offsets.tolist()), strict=True):
        n = stop - start
        if n == 1 and language in BEGINNINGS:
            beginnings.add(_hash_bytes(text))
        elif n:  # an entry of signs only is no word
            first = int(hashes[start])
            heads[first] = max(n, heads.get(first, 0))
            grams.add(int(fold_grams(hashes[start:stop], n)[0]))
    keys, slots = _table(heads)
    lengths = np.zeros(len(keys), np.int64)
    for key, slot in slots.items():
        lengths[slot] = heads[key]
    return WordList(keys, lengths, _table(grams)[0], _table(beginnings)[0])


def counts(
    words: Words, rows_of: Mapping[str, Sequence[int]], lists: Mapping[str, WordList]
) -> np.ndarray:
    """How many words of each row lie in an entry of its language: int64 [rows].

    Args:
        words: of the column.
        rows_of: the rows of each language; every other row has none.
        lists: the entries by language.
    """
    marks = np.zeros(len(words.hashes), np.uint8)
    for language, given in rows_of.items():
        entries, rows = lists[language], np.array(given, np.int64)
        mark_covered(
            words.hashes, words.offsets, rows, entries.heads, entries.lengths, entries.grams, marks
        )
        if language in BEGINNINGS:
            mark_begun(
                words.data, words.bounds, words.starts, words.ends, words.offsets, rows,
                entries.beginnings, marks,
            )  # fmt: skip
    total = np.concatenate([np.zeros(1, np.int64), np.cumsum(marks, dtype=np.int64)])
    return np.diff(total[words.offsets])


def _hash_bytes(text: str) -> int:
    h = int(FNV_BASIS)
    for byte in text.encode().lower():
        h = ((h ^ byte) * int(FNV_PRIME)) & 0xFFFFFFFFFFFFFFFF
    return h


def _table(keys: Iterable[int]) -> tuple[np.ndarray, dict[int, int]]:
    found = sorted(keys)
    size = 1 << max(4, (4 * len(found)).bit_length())
    table = np.zeros(size, np.uint64)
    slots = {}
    for key in found:
        slot = (key >> 24) & (size - 1)
        while table[slot]:
            slot = (slot + 1) & (size - 1)
        table[slot] = key
        slots[key] = slot
    return table, slots
