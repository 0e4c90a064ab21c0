"""Units of text in decontamination: normalised words, as strings, and how many say enough.

A unit is a word of `castor.filters.kernels.words.normalised_words`: case-folded, without
punctuation, as in GPT-3's filter (Brown et al. 2020, appendix C); in scripts without spaces
every letter is a unit. There a sentence has more units, so that lengths that are meant in
words are scaled: by 1.5 for Han, 2.2 with kana, 3.3 for Thai and its like, which are the
ratios of units to the English original over MGSM's 250 parallel problems (1.48, 2.21, 3.30).
"""

from __future__ import annotations

import functools
import re

import numpy as np
import pyarrow as pa

from castor.filters.kernels.unicode import tables
from castor.filters.kernels.words import normalised_words

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_KANA = re.compile("[\u3040-\u30ff\uff66-\uff9f]")
_OTHER = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\ua9e0-\ua9ff\uaa60-\uaa7f]")


class _Fold(dict[int, str | None]):
    """Code point to what `normalised_words` hashes for it; apostrophes and commas join."""

    def __missing__(self, code: int) -> str | None:
        table = tables()
        delta = int(table.folds[int(table.fold_pages[code >> 8]) << 8 | (code & 255)])
        self[code] = None if code in (0x27, 0x2019, 0x2C) else chr(code + delta)
        return self[code]


_FOLD = _Fold()


class Units:
    """The units of one text: spans at once, strings when they are asked for.

    Attributes:
        start, end: int64[n], span in bytes of each unit in the UTF-8 text.
    """

    def __init__(self, text: str) -> None:
        self._data = text.encode()
        column = pa.array([text], pa.large_string())
        _, self.start, self.end, _ = normalised_words(column)
        self._strings: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, i: int) -> str:
        """The i-th unit, normalised; equal if and only if the words are equal."""
        found = self._strings.get(i)
        if found is None:
            raw = self._data[self.start[i] : self.end[i]].decode()
            found = self._strings[i] = raw.translate(_FOLD)
        return found

    def slice(self, first: int, last: int) -> list[str]:
        """The units from `first` up to before `last`, as far as there are."""
        return [self[i] for i in range(max(first, 0), min(last, len(self)))]


@functools.lru_cache(maxsize=4096)
def units_of(text: str) -> Units:
    """The units of a short text that is asked for again and again."""
    return Units(text)


def scale(text: str, n_units: int) -> float:
    """How many units of this text say as much as one English word: 1, 1.5, 2.2 or 3.3."""
    if text.isascii() or not n_units:
        return 1.0
    han, kana, other = (len(p.findall(text)) for p in (_HAN, _KANA, _OTHER))
    if 2 * (han + kana + other) < n_units:
        return 1.0
    if other > han + kana:
        return 3.3
    return 2.2 if 20 * kana >= han + kana else 1.5


def word_hashes(texts: pa.LargeStringArray) -> tuple[np.ndarray, np.ndarray]:
    """(hashes, offsets) of the units of every text, as the scan takes them."""
    hashes, _, _, offsets = normalised_words(texts)
    return hashes, offsets
