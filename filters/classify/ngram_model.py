"""An n-gram language model that lies in a file of 4 bytes per slot, mapped into memory.

Perplexity is per token: exp of minus the log probability of a text, divided by its words and the
ends of its lines, which are predicted too (as KenLM and CCNet count). A word that the model does
not know is spelled, character by character, so it costs as much as its characters are unusual, and
there is no text without a perplexity.

A folder holds `table.npy`, `codes.npy` and `perplexity.json`. A slot has 16 bits of an n-gram's
hash, 8 bits for its probability and 8 for its backoff weight; each order has its own 256 values
for both. Of n-grams that the model does not hold, one in tens of thousands is taken for one that it
does: a tag of 16 bits, one or two slots looked at.
"""

from __future__ import annotations

import functools
import os
import pathlib
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from castor.filters import storage
from castor.filters.classify.fold import fold
from castor.filters.errors import CastorError, ConfigError
from castor.filters.kernels.column import buffers

TABLE, CODES, SETTINGS = "table.npy", "codes.npy", "perplexity.json"
VERSION = 2
HEAD, MIDDLE = 30, 60  # percentiles where head and middle end: Wenzek et al. 2020 (CCNet)


class Scored(NamedTuple):
    """What a model says of the rows of a column; NaN where there is no word.

    Attributes:
        perplexity: float [rows], per token.
        percentile: float [rows], 0 to 100: its place among those of the reference texts, where
            0 is the likeliest text.
        n_words: int [rows], words and signs of the folded text.
        n_tokens: int [rows], these and the ends of lines.
        spelled: int [rows], those of them that the model does not know.
        logs: float [rows], natural log probability of the text.
    """

    perplexity: np.ndarray
    percentile: np.ndarray
    n_words: np.ndarray
    n_tokens: np.ndarray
    spelled: np.ndarray
    logs: np.ndarray


class NgramModel:
    """A model that is ready to be applied. Safe to share between threads.

    Args:
        table: uint32 [2**b].
        codes: float32 [2, order, 256]: log probabilities and log backoff weights.
        quantiles: float [n], perplexities of the reference texts at even percentiles, rising.
    """

    def __init__(self, table: np.ndarray, codes: np.ndarray, quantiles: np.ndarray) -> None:
        self.table, self.quantiles = table, quantiles
        self.probabilities, self.backoffs = (np.ascontiguousarray(c) for c in codes)

    @property
    def order(self) -> int:
        """Units of the longest n-gram."""
        return len(self.probabilities)

    def score(self, column: pa.Array) -> Scored:
        """Perplexities of the texts of a column; a null and a text without words are NaN."""
        from castor.filters.classify.kernels import ngrams

        data, offsets = buffers(fold(column, keep_lines=True))
        rows = len(offsets) - 1
        logs = np.zeros(rows)
        words, lines, spelled = (np.zeros(rows, np.int64) for _ in range(3))
        past = np.zeros(ngrams.LONGEST, np.uint64)
        weights, state = np.zeros((2, ngrams.LONGEST + 1)), np.zeros(2, np.int64)
        ngrams.score(
            data, offsets, self.table, self.probabilities, self.backoffs, past, weights, state,
            logs, words, lines, spelled,
        )  # fmt: skip
        tokens = words + lines
        perplexity = np.exp(np.minimum(-logs / np.maximum(tokens, 1), 700.0))
        perplexity[words == 0] = np.nan
        return Scored(perplexity, self.percentile(perplexity), words, tokens, spelled, logs)

    def percentile(self, perplexity: np.ndarray) -> np.ndarray:
        """Places of perplexities among those of the reference texts, 0 to 100."""
        if not len(self.quantiles):
            return np.full(len(perplexity), np.nan)
        marks = np.linspace(0, 100, len(self.quantiles))
        found = np.interp(np.log(perplexity), np.log(self.quantiles), marks)
        return np.where(np.isnan(perplexity), np.nan, found)


def write(
    folder: pathlib.Path, table: np.ndarray, codes: np.ndarray, quantiles: np.ndarray
) -> None:
    """Writes a model into a folder. Arguments as of NgramModel."""
    for name, array in ((TABLE, table), (CODES, codes)):
        with storage.replacing(folder / name) as temporary, temporary.open("wb") as file:
            np.save(file, array, allow_pickle=False)
    quantiles_json = [float(f"{q:.9g}") for q in quantiles]
    settings = {"version": VERSION, "order": codes.shape[1], "quantiles": quantiles_json}
    storage.write_json(folder / SETTINGS, settings)


def load(path: str | os.PathLike[str]) -> NgramModel:
    """The model in a folder, mapped; once per process while its files stay the same.

    Raises:
        ConfigError: there is none.
        CastorError: it is damaged.
    """
    folder = os.path.abspath(path)
    try:
        stats = [os.stat(os.path.join(folder, name)) for name in (TABLE, CODES, SETTINGS)]
    except OSError as error:
        raise ConfigError(
            "there is no n-gram model in this folder", where=path, got=error.strerror,
            fix="give the folder that `castor classifier train perplexity` wrote",
        ) from error  # fmt: skip
    return _opened(folder, tuple((s.st_size, s.st_mtime_ns) for s in stats))


@functools.lru_cache(maxsize=64)
def _opened(folder: str, stamp: tuple[tuple[int, int], ...]) -> NgramModel:
    from castor.filters.classify.kernels.ngrams import LONGEST

    path = pathlib.Path(folder)
    settings: Any = storage.read_json(path / SETTINGS)
    try:
        table = np.load(path / TABLE, mmap_mode="r", allow_pickle=False)
        codes = np.load(path / CODES, allow_pickle=False)
        quantiles = np.array(settings["quantiles"], np.float64)
        order = settings["order"]
        sound = (
            settings["version"] == VERSION
            and table.dtype == np.uint32
            and table.ndim == 1
            and len(table) >= 16
            and len(table) & (len(table) - 1) == 0
            and codes.dtype == np.float32
            and codes.shape == (2, order, 256)
            and 1 <= order <= LONGEST
            and bool(np.isfinite(codes).all())
            and bool((np.diff(quantiles) > 0).all())
            and bool((quantiles > 0).all())
            and not bool(np.all(table))  # a table without an empty slot would be searched forever
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(path, str(error)) from error
    if not sound:
        raise _damaged(path, f"version {settings['version']}, codes of {codes.shape}")
    return NgramModel(np.asarray(table), codes, quantiles)


def _damaged(path: pathlib.Path, got: str) -> CastorError:
    return CastorError(
        "the n-gram model is damaged or of another Castor", where=path, got=got,
        fix="restore its files, or train it again",
    )  # fmt: skip


def fingerprint(path: str | os.PathLike[str]) -> str:
    """A digest of what determines a model's answers, wherever it lies: 32 hex digits."""
    load(path)
    files = [pathlib.Path(path) / name for name in (TABLE, CODES, SETTINGS)]
    return storage.digest_of([storage.digest(file) for file in files])
