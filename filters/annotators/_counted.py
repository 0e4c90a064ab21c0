"""What annotators of counts have in common: names of n-gram signals, and fractions of counts."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

TOP, LONGEST = 4, 10  # words: the most frequent up to TOP, from there on all repeated ones
GRAMS = {
    n: f"{'top' if n <= TOP else 'duplicate'}_{n}gram_char_fraction" for n in range(2, LONGEST + 1)
}


def writes(counts: Iterable[str], fractions: Iterable[str]) -> dict[str, pa.DataType]:
    """The types of counts, fractions and n-gram signals, in this order."""
    return {
        **dict.fromkeys(counts, pa.int64()),
        **dict.fromkeys([*fractions, *GRAMS.values()], pa.float64()),
    }


def ratio(part: np.ndarray, whole: np.ndarray, null: np.ndarray | bool = False) -> pa.Array:
    """Part / whole, double [rows]: null where the whole is 0, and where `null` is true."""
    empty = whole == 0
    return pa.array(part / np.where(empty, 1, whole), pa.float64(), mask=null | empty)
