"""What a tokenizer is measured by: each figure as one function of plain counts.

Tokens never include <bos> and <eos>. A ratio whose denominator is zero is None: there is nothing
to measure, which is not the same as 0.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

ALPHA = 2.5  # order of the Renyi entropy that Zouhar et al. (2023, section 5) find best

# Scripts that put no space between words, by block: fertility says nothing there.
UNSPACED = (
    *((0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3021, 0x3029), (0x3038, 0x303B)),  # Han
    *((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF)),  # Han
    *((0x3041, 0x309F), (0x30A0, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F)),  # kana
    *((0x0E00, 0x0E7F), (0x0E80, 0x0EFF), (0x0F00, 0x0FFF)),  # Thai, Lao, Tibetan
    *((0x1000, 0x109F), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F)),  # Burmese
    *((0x1780, 0x17FF), (0x19E0, 0x19FF)),  # Khmer
)
# A group of documents counts as unspaced when so much of what is not white space is: ours.
UNSPACED_SHARE = 0.5
DIGITS = 9  # after the point, of fractions in files
_LAST_SPACE = 0x3000


def ratio(above: float, below: float) -> float | None:
    """A quotient, None when there is nothing to divide by."""
    return above / below if below else None


def rounded(figures: Mapping[str, Any]) -> dict[str, Any]:
    """The same figures, fractions to nine digits: what files hold."""
    return {k: round(v, DIGITS) if isinstance(v, float) else v for k, v in figures.items()}


def renyi_efficiency(counts: np.ndarray, vocabulary: int, alpha: float = ALPHA) -> float | None:
    """How evenly pieces are used: Renyi entropy of their shares over that of even shares.

    [1 / (1 - alpha) * log2(sum p^alpha)] / log2(vocabulary), after Zouhar et al. (2023), with
    the size of the model's vocabulary, not the number of pieces that were seen. A diagnostic:
    it may fall when a tokenizer gets better.

    Args:
        counts: how often each piece occurs, [pieces]; zeros may be left out.
        vocabulary: number of pieces of the model, more than 1.
        alpha: order, above 0 and not 1.
    """
    total = counts.sum()
    if not total:
        return None
    shares = counts[counts > 0] / total
    return float(np.log2((shares**alpha).sum()) / (1 - alpha) / np.log2(vocabulary))


def gini(values: Sequence[float]) -> float | None:
    """Gini coefficient of costs: sum over all i and j of |c_i - c_j| / (2 n^2 mean c)."""
    costs = np.sort(np.asarray(values, np.float64))
    n = len(costs)
    if not n or not costs.sum():
        return None
    # The double sum over sorted values: each is the larger of so many pairs, the smaller of others.
    weights = 2 * np.arange(1, n + 1) - n - 1
    return float((weights * costs).sum() / (n * costs.sum()))


def macro(groups: Iterable[Mapping[str, float | None]], names: Iterable[str]) -> dict[str, object]:
    """The mean of each figure over groups, every group with equal weight.

    Returns:
        By name, the mean of the groups that have the figure (None if none has), and under
        `groups` how many have each.
    """
    listed = list(groups)
    values = {name: [g[name] for g in listed if g.get(name) is not None] for name in names}
    means = {
        name: sum(v for v in found if v is not None) / len(found) if found else None
        for name, found in values.items()
    }
    return {**means, "groups": {name: len(found) for name, found in values.items()}}


def words(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the words of a text begin and end: its runs without white space, as of str.split.

    Args:
        codes: code points, uint32 [characters].

    Returns:
        First character of each word, and the first after it; int64 [words].
    """
    inside = ~spaces()[np.minimum(codes, _LAST_SPACE + 1)]
    edges = np.flatnonzero(np.diff(inside, prepend=False, append=False))
    return edges[::2], edges[1::2]


def unspaced(codes: np.ndarray) -> np.ndarray:
    """Which of the characters are of scripts without spaces between words, bool."""
    return _unspaced_table()[codes]


def utf8_lengths(codes: np.ndarray) -> np.ndarray:
    """Bytes in UTF-8 of each code point, int64."""
    return 1 + (codes >= 0x80).astype(np.int64) + (codes >= 0x800) + (codes >= 0x10000)


@functools.cache
def spaces() -> np.ndarray:
    """Whether each code point up to U+3001 is white space, bool."""
    return np.array([chr(c).isspace() for c in range(_LAST_SPACE + 2)])


@functools.cache
def _unspaced_table() -> np.ndarray:
    table = np.zeros(0x110000, bool)
    for first, last in UNSPACED:
        table[first : last + 1] = True
    return table
