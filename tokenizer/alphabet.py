"""The characters that a vocabulary has to hold, exactly as sentencepiece's trainer finds them."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numba as nb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from castor.tokenizer import reserved
from castor.tokenizer.count import Counts

BOUNDARY = 0x1F  # the trainer puts it in place of every reserved literal
SPACE_CODE = ord(reserved.SPACE)


@dataclasses.dataclass(frozen=True)
class Alphabet:
    """Characters of a corpus.

    Attributes:
        histogram: int64 [0x110000], how often each code point occurs; a space counts as U+2581,
            a reserved literal as one U+001F; NUL is not counted.
        required: code points that the vocabulary holds, the most frequent first.
    """

    histogram: np.ndarray
    required: np.ndarray


def alphabet(counts: Counts, coverage: float) -> Alphabet:
    """The characters of some counts, and which of them the vocabulary holds.

    The trainer takes characters by falling count, then rising code point, until those taken are
    at least the share `coverage` of all; it compares in single precision. U+001F counts like
    any other and is never taken.
    """
    histogram = np.zeros(0x110000, np.int64)
    ordinary = ~is_literal(counts)
    _add_characters(counts.text, counts.offsets, counts.counts, ordinary, histogram)
    histogram[BOUNDARY] += counts.counts[~ordinary].sum()
    histogram[0] = 0
    codes = np.flatnonzero(histogram)
    codes = codes[np.argsort(-histogram[codes], kind="stable")]
    total = int(histogram.sum())
    before = np.cumsum(histogram[codes]) - histogram[codes]
    enough = (before / max(total, 1)).astype(np.float32) >= np.float32(coverage)
    taken = codes[: int(np.argmax(enough))] if enough.any() else codes
    return Alphabet(histogram, taken[taken != BOUNDARY])


def is_literal(counts: Counts) -> np.ndarray:
    """Which rows are literals of reserved pieces, bool [rows]."""
    return pc.is_in(counts.rows, _literals()).to_numpy(zero_copy_only=False)


@functools.cache
def _literals() -> pa.LargeBinaryArray:
    names = [piece.replace(reserved.SPACE, " ").encode() for piece in reserved.META_PIECES]
    return pa.array(names, pa.large_binary())


@nb.njit(cache=True, nogil=True, _nrt=False)
def _add_characters(
    text: np.ndarray,
    offsets: np.ndarray,
    counts: np.ndarray,
    wanted: np.ndarray,
    histogram: np.ndarray,
) -> None:
    """Adds the characters of the wanted rows, each as often as its row occurs."""
    for row in range(len(counts)):
        if not wanted[row]:
            continue
        i, stop = offsets[row], offsets[row + 1]
        while i < stop:
            code: Any = np.int64(text[i])
            n = 1
            if code == 0x20:
                code = np.int64(SPACE_CODE)
            elif code >= 0x80:
                n = 2 + (code >= 0xE0) + (code >= 0xF0)
                code &= 0xFF >> (n + 1)
                for j in range(i + 1, i + n):
                    code = code << 6 | np.int64(text[j] & 0x3F)
            histogram[code] += counts[row]
            i += n
