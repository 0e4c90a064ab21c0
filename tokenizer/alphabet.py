"""The characters that a vocabulary has to hold, exactly as sentencepiece's trainer finds them."""

from __future__ import annotations

import bisect
import dataclasses

import numpy as np

from castor.tokenizer import reserved
from castor.tokenizer.count import Counts

BOUNDARY = 0x1F  # the trainer puts it in place of every reserved literal
SPACE_CODE = ord(reserved.SPACE)
CHUNK = 1 << 18  # rows that are looked at in one step
_LITERALS = sorted(name.replace(reserved.SPACE, " ").encode() for name in reserved.META_PIECES)


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
    literals = literal_rows(counts)
    weights = counts.counts.copy()
    weights[literals] = 0
    histogram = _characters(counts, weights)
    histogram[SPACE_CODE] += histogram[ord(" ")]
    histogram[BOUNDARY] += counts.counts[literals].sum()
    histogram[[0, ord(" ")]] = 0
    codes = np.flatnonzero(histogram)
    codes = codes[np.argsort(-histogram[codes], kind="stable")]
    total = int(histogram.sum())
    before = np.cumsum(histogram[codes]) - histogram[codes]
    enough = (before / max(total, 1)).astype(np.float32) >= np.float32(coverage)
    taken = codes[: int(np.argmax(enough))] if enough.any() else codes
    return Alphabet(histogram, taken[taken != BOUNDARY])


def literal_rows(counts: Counts) -> np.ndarray:
    """Which rows are literals of reserved pieces: their places, ascending."""
    places = range(len(counts))
    found = []
    for name in _LITERALS:
        place = bisect.bisect_left(places, name, key=lambda i: counts.rows[i].as_py())
        if place < len(counts) and counts.rows[place].as_py() == name:
            found.append(place)
    return np.array(found, np.int64)


def _characters(counts: Counts, weights: np.ndarray) -> np.ndarray:
    """How often each byte-for-byte code point of the rows occurs, int64 [0x110000].

    Sums are made in double precision, which is exact below 2^53 characters.
    """
    histogram = np.zeros(0x110000, np.int64)
    offsets, text = counts.offsets, counts.text
    for first in range(0, len(counts), CHUNK):
        ends = offsets[first : first + CHUNK + 1]
        data = text[ends[0] : ends[-1]]
        codes = np.frombuffer(data.tobytes().decode().encode("utf-32-le"), np.uint32)
        lengths = np.add.reduceat((data & 0xC0) != 0x80, ends[:-1] - ends[0], dtype=np.int64)
        each = np.repeat(weights[first : first + CHUNK], lengths)
        sums = np.bincount(codes, each)
        histogram[: len(sums)] += sums.astype(np.int64)
    return histogram
