"""The words of a model as a table that the kernels look hashes up in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from castor.filters.classify.fasttext_file import END
from castor.filters.errors import CastorError
from castor.filters.kernels.column import buffers

LARGEST = 1 << 26  # words that are counted at once
CHUNK = 1 << 16  # words whose n-grams are made at once


class Table(NamedTuple):
    """An open-addressed table: slot -> hash of a word, and its number or -1."""

    keys: np.ndarray  # uint64 [2**b]
    ids: np.ndarray  # int64 [2**b]


class Counts(NamedTuple):
    """The words of a text column that occur often enough, and how often."""

    words: list[bytes]  # most frequent first, equally frequent ones by their bytes; </s> among them
    counts: np.ndarray  # int64 [n_words]
    row_words: np.ndarray  # int64 [rows], words of each row, </s> not among them
    n_tokens: int  # all words, with one </s> per row


def index(words: Sequence[bytes]) -> Table:
    """The table of words, numbered from 0.

    Raises:
        CastorError: two words have the same 64-bit hash.
    """
    from castor.filters.classify.kernels import words as kernels

    table = _empty(len(words))
    data, offsets = _column(words)
    if kernels.index_words(data, offsets, *table, 0):
        raise CastorError(
            "two words of the dictionary share one hash",
            got=f"{len(words)} words",
            fix="raise min_count, or train with another dictionary",
        )
    return table


def count(column: pa.Array, min_count: int) -> Counts:
    """Counts the words of a text column as fastText does, for a dictionary of those that count.

    Args:
        column: string or large_string [rows]; a null is an empty text.
        min_count: rarer words are left out.
    """
    from castor.filters.classify.kernels import words as kernels

    data, offsets = buffers(column)
    room = 1 << 16
    while True:
        table = _empty(room)
        counts, starts, ends = (np.zeros(room, np.int64) for _ in range(3))
        row_words = np.zeros(len(offsets) - 1, np.int64)
        n = kernels.count_words(data, offsets, *table, counts, starts, ends, row_words)
        if n >= 0:
            break
        room *= 4
        if room > LARGEST:
            raise CastorError(f"more than {LARGEST // 4:,} different words", fix="give less data")
    found = [
        (-int(counts[k]), data[starts[k] : ends[k]].tobytes())
        for k in range(n)
        if counts[k] >= min_count
    ]
    rows = len(row_words)
    found = [entry for entry in found if entry[1] != END]
    if rows >= min_count:
        found.append((-rows, END))
    found.sort()
    return Counts(
        [word for _, word in found],
        np.array([-c for c, _ in found], np.int64),
        row_words,
        int(row_words.sum()) + rows,
    )


def n_gram_rows(words: Sequence[bytes], minn: int, maxn: int, bucket: int) -> tuple:
    """Character n-grams of every word: int64 [n_words + 1] and their buckets, int64.

    The word </s> has none, nor has any word where `maxn` is 0.
    """
    from castor.filters.classify.kernels import words as kernels

    first = np.zeros(len(words) + 1, np.int64)
    if maxn <= 0 or bucket <= 0 or not words:
        return first, np.zeros(0, np.int64)
    found = []
    for start in range(0, len(words), CHUNK):
        some = [b"" if word == END else word for word in words[start : start + CHUNK]]
        data, offsets = _column(some)
        room = (len(data) + 2 * len(some)) * (maxn - minn + 1)
        part, out = first[start : start + len(some) + 1], np.empty(room, np.int64)
        before = int(part[0])
        n = kernels.word_n_grams(data, offsets, minn, maxn, bucket, part, out)
        part += before
        found.append(out[:n].copy())
    return first, np.concatenate(found)


def _empty(n: int) -> Table:
    size = 1 << max(4, (2 * n + 1).bit_length())
    return Table(np.zeros(size, np.uint64), np.full(size, -1, np.int64))


def _column(words: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """The bytes of words, one row each; words of a file need not be UTF-8."""
    offsets = np.zeros(len(words) + 1, np.int64)
    np.cumsum([len(w) for w in words], out=offsets[1:])
    return np.frombuffer(b"".join(words), np.uint8), offsets
