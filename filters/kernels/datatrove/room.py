"""The columns of counts, and room for one row."""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

from castor.filters.kernels._compile import U8
from castor.filters.kernels.ngrams import GRAMS, Grams, grams

SHORT_LINE = 30  # characters, FineWeb; datatrove takes lines of exactly 30 for short too
READ = 32  # bytes behind a text that may be read, whatever they are
MIN_WORDS = 3  # of a line, C4 in datatrove
LONGEST_WORD = 1000  # characters, of a line that C4 keeps
FIELDS = (
    "CHARACTERS TOKENS WORDS WORD_CHARACTERS LETTER_WORDS STOP_WORD_BITS HASHES ELLIPSES "
    "SPLIT_LINES BULLET_LINES ELLIPSIS_LINES LINES DUPLICATE_LINES DUPLICATE_LINE_CHARACTERS "
    "PARAGRAPHS DUPLICATE_PARAGRAPHS DUPLICATE_PARAGRAPH_CHARACTERS NEWLINES TEXT_LINES "
    "ENDED_LINES SHORT_LINES DUPLICATE_TEXT_CHARACTERS C4_LINES C4_SENTENCES C4_LOREM C4_BRACE "
    "OPEN_LINES OPEN_SENTENCES OPEN_LOREM OPEN_BRACE OPEN_TOKENS OPEN_CHARACTERS OPEN_NEWLINES "
    "OPEN_TEXT_LINES OPEN_ENDED_LINES OPEN_SHORT_LINES OPEN_DUPLICATE_CHARACTERS NGRAMS"
).split()
(
    ALL_CHARACTERS, ALL_TOKENS, ALL_WORDS, ALL_WORD_CHARACTERS, ALL_LETTER_WORDS, STOP_BITS,
    ALL_HASHES, ALL_ELLIPSES, SPLIT_LINES, BULLET_LINES, ELLIPSIS_LINES, LINES, DUPLICATE_LINES,
    DUPLICATE_LINE_CHARACTERS, PARAGRAPHS, DUPLICATE_PARAGRAPHS, DUPLICATE_PARAGRAPH_CHARACTERS,
    NEWLINES, TEXT_LINES, ENDED_LINES, SHORT_LINES, DUPLICATE_TEXT_CHARACTERS, C4_LINES,
    C4_SENTENCES, C4_LOREM, C4_BRACE, OPEN_LINES, OPEN_SENTENCES, OPEN_LOREM, OPEN_BRACE,
    OPEN_TOKENS, OPEN_CHARACTERS, OPEN_NEWLINES, OPEN_TEXT_LINES, OPEN_ENDED_LINES,
    OPEN_SHORT_LINES, OPEN_DUPLICATE_CHARACTERS, NGRAMS,
) = range(len(FIELDS))  # fmt: skip
SHORTEST, TOP, LONGEST_GRAM = 2, 4, 10
WIDTH = len(FIELDS) + LONGEST_GRAM - SHORTEST  # the last of FIELDS begins nine columns


class Room(NamedTuple):
    """Room for one row: its words, its lines, and what C4 leaves of them."""

    grams: Grams
    line_hash: np.ndarray  # uint64 [n, 3], of each line: its text, white space before and after
    line_size: np.ndarray  # int64 [n, 3], characters: all, of white space before, and after
    kept_hash: np.ndarray  # uint64 [n, 3], the same of what C4 leaves
    kept_size: np.ndarray  # int64 [n, 5], the same, its tokens, and whether it ends a sentence
    uncited: np.ndarray  # uint8 [n], a line without its citation marks
    uncited_read: np.ndarray  # the same memory, read only


_u64, _i64 = nb.uint64[:, ::1], nb.int64[:, ::1]
ROOM = nb.types.NamedTuple((GRAMS, _u64, _i64, _u64, _i64, nb.uint8[::1], U8), Room)


def room(longest: int) -> Room:
    """Room for rows of that many bytes; memory is taken only where it is written."""
    n = longest + 2
    uncited = np.zeros(n + READ, np.uint8)
    uncited_read = uncited.view()
    uncited_read.setflags(write=False)
    return Room(
        grams(n), np.empty((n, 3), np.uint64), np.empty((n, 3), np.int64),
        np.empty((n, 3), np.uint64), np.empty((n, 5), np.int64), uncited, uncited_read,
    )  # fmt: skip
