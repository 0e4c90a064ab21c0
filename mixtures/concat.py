"""Concat-chunk: a source's documents as one stream, cut every T tokens. Nothing lost, no padding.

Row r has the tokens from r*T to r*T + T as inputs and the same shifted by one as targets, so
every token but a document's first is the target of exactly one position. Only the last row is
padded. The index is where the documents begin, over all parts of the source.
"""

from __future__ import annotations

import pathlib

import numpy as np

from castor.mixtures.index_files import damaged, load, save
from castor.mixtures.rows import Pieces
from castor.mixtures.token_source import TokenSource

FILES = ("offsets.npy",)


def build(source: TokenSource, sequence_length: int, folder: pathlib.Path) -> None:
    """Writes the index, `offsets.npy` int64 [documents + 1]; it is the same for any length.

    Raises:
        CastorError: the operating system refuses to write.
    """
    del sequence_length
    save(folder / FILES[0], np.asarray(source.offsets))


class ConcatChunk:
    """The layout of concat-chunk.

    Raises:
        CastorError: the index is missing, damaged, or of another source.
    """

    def __init__(self, source: TokenSource, sequence_length: int, folder: pathlib.Path) -> None:
        self._length = sequence_length
        self._offsets = load(folder / FILES[0])
        tokens = int(self._offsets[-1:].sum())
        if len(self._offsets) != source.documents + 1 or tokens != source.tokens:
            raise damaged(
                folder / FILES[0],
                f"{len(self._offsets) - 1} documents of {tokens} tokens, the source has "
                f"{source.documents} of {source.tokens}",
            )
        self._tokens = source.tokens

    @property
    def rows(self) -> int:
        """Rows that have a target: the last token of the source is only that."""
        return -(-max(0, self._tokens - 1) // self._length)

    def pieces(self, rows: np.ndarray) -> Pieces:
        """The documents, whole or cut, in each of these rows."""
        begin = rows * self._length
        end = np.minimum(begin + self._length, self._tokens)
        first = np.searchsorted(self._offsets, begin, "right") - 1
        count = np.searchsorted(self._offsets, end, "left") - first
        row = np.repeat(np.arange(len(rows)), count)
        document = np.arange(len(row)) + np.repeat(first - np.cumsum(count) + count, count)
        stop = self._offsets[document + 1]
        start = np.maximum(self._offsets[document], begin[row])
        length = np.minimum(stop, end[row]) - start
        return Pieces(row, start - begin[row], start, length, start + length == stop)
