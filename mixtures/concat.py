"""Concat-chunk: a source's documents as one stream, cut every T tokens. Nothing lost, no padding.

Row r has the tokens from r*T to r*T + T as inputs and the same shifted by one as targets, so
every token but a document's first is the target of exactly one position. Only the last row is
padded.
"""

from __future__ import annotations

import numpy as np

from castor.mixtures.rows import Pieces
from castor.mixtures.token_source import TokenSource


class ConcatChunk:
    """The layout of concat-chunk; it needs no index."""

    def __init__(self, source: TokenSource, sequence_length: int) -> None:
        self._source, self._length = source, sequence_length

    @property
    def rows(self) -> int:
        """Rows that have a target: the last token of the source is only that."""
        return -(-max(0, self._source.tokens - 1) // self._length)

    def pieces(self, rows: np.ndarray) -> Pieces:
        """The documents, whole or cut, in each of these rows."""
        begin = rows * self._length
        end = np.minimum(begin + self._length, self._source.tokens)
        first = self._source.document_at(begin)
        count = self._source.document_at(end - 1) - first + 1
        row = np.repeat(np.arange(len(rows)), count)
        within = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
        start, stop = self._source.bounds(first[row] + within)
        cut_start, cut_stop = np.maximum(start, begin[row]), np.minimum(stop, end[row])
        return Pieces(
            row, cut_start - begin[row], cut_start, cut_stop - cut_start, cut_stop == stop
        )
