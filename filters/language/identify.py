"""Texts to languages: codes with a score, the runner-up, and the shares of a mixed text."""

from __future__ import annotations

import math
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from castor.filters.errors import ConfigError
from castor.filters.kernels.column import buffers
from castor.filters.language import codes
from castor.filters.language import model as models
from castor.filters.language.kernels import identify as kernel
from castor.filters.language.kernels import layout
from castor.filters.language.model import UNKNOWN, Model

ROWS = 2048  # texts of a call into the kernel
FASTTEXT = (".bin", ".ftz")


class Languages(NamedTuple):
    """The languages of a column of texts.

    Attributes:
        model: whose numbers these are: `model.codes[number]`.
        found: arrays by row; see `layout.Found`.
    """

    model: Model
    found: layout.Found

    def codes(self) -> list[str]:
        """BCP 47 of each text; `und` where there is none."""
        return self.names(self.found.ids[:, 0])

    def names(self, numbers: np.ndarray) -> list[str]:
        """BCP 47 of each number; `und` of -1."""
        names = self.model.codes
        return [names[number] for number in numbers.tolist()]

    def alternatives(self) -> list[str | None]:
        """The other language of a family that a text may be in as well, where there is one."""
        pair = self.found.facts[:, layout.FACTS.index("pair")] > 0
        known = pair & (self.found.scores > 0)
        names = self.names(self.found.runners)
        return [name if is_pair else None for name, is_pair in zip(names, known, strict=True)]

    def shares(self) -> list[dict[str, float]]:
        """Letters of each text by language, as parts of 1; empty for a text without letters."""
        rows = []
        for numbers, parts in zip(self.found.ids.tolist(), self.found.shares.tolist(), strict=True):
            rows.append(
                {self.model.codes[n]: p for n, p in zip(numbers, parts, strict=True) if p > 0}
            )
        return rows


def languages(column: pa.Array, model: Model | None = None) -> Languages:
    """Identifies every text of a string column; a null is a text without letters.

    Args:
        column: string or large_string [rows].
        model: by default the one that comes with Castor.
    """
    model = model or models.shipped()
    data, rows = buffers(column)
    data, rows = data.view(), rows.view()
    data.setflags(write=False)
    rows.setflags(write=False)
    out = layout.found(len(column))
    kernel.identify(data, rows, model.weights, layout.scratch(), out)
    return Languages(model, out)


def identify_language(
    texts: Sequence[str], *, model: str | os.PathLike[str] | None = None
) -> list[tuple[str, float]]:
    """The language of each text: (BCP 47 code, probability that it is right).

    The main language of a text is told; `und` with a score of 0 stands for a text without
    letters and for a language that the model does not know. URLs, e-mail addresses and @names
    do not count, nor does the form of Unicode normalisation. 1 kB is read whole, of a longer
    text windows that are spread over it.

    Args:
        texts: any number of texts of any length.
        model: the folder that `castor classifier train language` wrote, or a fastText model of
            languages (.bin or .ftz), such as lid.176 or GlotLID; by default Castor's own.

    Raises:
        TypeError: `texts` is one string, or holds something else than strings.
        ConfigError: there is no such model.
        CastorError: the model cannot be read.
    """
    if isinstance(texts, str):
        raise TypeError("identify_language takes a list of texts, got one str: put it in a list")
    answers: list[tuple[str, float]] = []
    if model is not None and is_fasttext(model):
        for column in _columns(texts):
            answers += by_fasttext(column, model)
        return answers
    chosen = opened(model)
    for column in _columns(texts):
        known = languages(column, chosen)
        answers += zip(known.codes(), known.found.scores.tolist(), strict=True)
    return answers


def is_fasttext(path: str | os.PathLike[str]) -> bool:
    """Whether a path names a file of fastText."""
    return os.fspath(path).endswith(FASTTEXT)


def by_fasttext(column: pa.Array, path: str | os.PathLike[str]) -> list[tuple[str, float]]:
    """The same by a fastText model; its labels as BCP 47, its probability as it is.

    Raises:
        ConfigError: there is no such file.
        CastorError: it is damaged.
    """
    from castor.filters.classify import classifier

    judge = classifier.load(path)
    names = [codes.of_label(name) for name in judge.names]
    judged = judge.judge(column)
    return [
        (names[label], p) if label >= 0 and not math.isnan(p) else (UNKNOWN, 0.0)
        for label, p in zip(judged.label.tolist(), judged.confidence.tolist(), strict=True)
    ]


def opened(path: str | os.PathLike[str] | None) -> Model:
    """A model of ours by its folder or file, read once per process; None is the shipped one.

    Raises:
        ConfigError: there is none.
        CastorError: it cannot be read.
    """
    if path is None:
        return models.shipped()
    given = pathlib.Path(path)
    file = given / models.FILE if given.is_dir() else given
    if not file.is_file():
        raise ConfigError(
            "there is no language model", where=path,
            fix="give a folder of `castor classifier train language`, or a .bin or .ftz file",
        )  # fmt: skip
    return models.read_once(file, file.stat().st_mtime_ns)


def _columns(texts: Sequence[str]) -> Iterator[pa.Array]:
    for first in range(0, len(texts), ROWS):
        part = list(texts[first : first + ROWS])
        wrong = {type(text).__name__ for text in part if not isinstance(text, str)}
        if wrong:
            raise TypeError(f"identify_language takes texts, got {', '.join(sorted(wrong))}")
        try:
            yield pa.array(part, pa.large_string())
        except UnicodeEncodeError:  # surrogates that are not in pairs
            whole = [t.encode("utf-8", "replace").decode() for t in part]
            yield pa.array(whole, pa.large_string())
