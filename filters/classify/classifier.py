"""A trained classifier: how texts are read, the model, the calibration, and the threshold.

In a folder, `classifier.json` beside `model.bin`; or any supervised .bin or .ftz of fastText,
which is read as it is, without calibration and threshold.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from castor.filters import storage
from castor.filters.classify import calibrate, linear
from castor.filters.classify.fold import fold
from castor.filters.errors import CastorError, ConfigError, unknown_name

MODEL, SETTINGS = "model.bin", "classifier.json"
VERSION = 2
TEXTS = ("folded", "plain")


class Judged(NamedTuple):
    """What a classifier says of the rows of a column; NaN where it can say nothing.

    Attributes:
        label: int [rows], number of the likeliest label; -1 where nothing can be said.
        confidence: float [rows], the calibrated probability of that label.
        probability: float [rows], the calibrated probability of the positive label, or None if
            none is named.
        several: float [rows, labels], the calibrated probability of every label, of a model that
            gives a text several labels; else None.
    """

    label: np.ndarray
    confidence: np.ndarray
    probability: np.ndarray | None
    several: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Classifier:
    """A model with what its scores mean.

    Attributes:
        text: `folded` (see fold.py) or `plain`.
        positive: the label that the probability is of, if there is one.
        threshold: probability from which on a row counts as positive, if one was chosen.
        temperature: of the probabilities of more than two labels.
        several: of a model that gives a text several labels, the calibration of each by name.
    """

    model: linear.Linear
    text: str = "plain"
    positive: str | None = None
    calibration: calibrate.Calibration | None = None
    threshold: float | None = None
    temperature: float = 1.0
    several: Mapping[str, calibrate.Calibration] | None = None

    @property
    def names(self) -> list[str]:
        """The labels."""
        return self.model.names

    def judge(self, column: pa.Array) -> Judged:
        """Labels and probabilities of the rows of a text column; a null is not judged."""
        read = column if self.text == "plain" else fold(column)
        raw = self.model.probabilities(read)
        if column.null_count:
            raw[column.is_null().to_numpy(zero_copy_only=False)] = np.nan
        unknown = np.isnan(raw[:, 0])
        probability = several = None
        if self.several is not None:
            odds = calibrate.log_odds(raw)
            columns = [self.several[n].apply(odds[:, k]) for k, n in enumerate(self.names)]
            raw = several = np.stack(columns, axis=1)
        if self.positive is not None:
            place = self.names.index(self.positive)
            probability = raw[:, place]
            if self.calibration is not None:
                probability = self.calibration.apply(calibrate.log_odds(probability))
            if len(self.names) == 2:
                raw = np.stack([1 - probability] * 2, axis=1)
                raw[:, place] = probability
        if several is None and len(self.names) > 2 and self.temperature != 1.0:
            raw = calibrate.sharpen(raw, self.temperature)
        label = np.where(unknown, -1, np.argmax(np.nan_to_num(raw), axis=1))
        confidence = np.where(unknown, np.nan, raw[np.arange(len(raw)), label])
        return Judged(label, confidence, probability, several)


def write(
    folder: pathlib.Path,
    *,
    text: str,
    positive: str | None,
    calibration: calibrate.Calibration | None,
    threshold: float | None,
    temperature: float,
    several: Mapping[str, calibrate.Calibration] | None = None,
) -> None:
    """Writes `classifier.json` beside a model. Arguments as of Classifier."""
    storage.write_json(
        folder / SETTINGS,
        {
            "version": VERSION,
            "text": text,
            "positive": positive,
            "calibration": calibration.to_json() if calibration else None,
            "threshold": threshold,
            "temperature": temperature,
            "several": several and {name: c.to_json() for name, c in several.items()},
        },
    )


def load(path: str | os.PathLike[str], positive: str | None = None) -> Classifier:
    """A classifier from its folder, or from a .bin or .ftz file; once per process.

    Args:
        positive: the label that `probability` is of, for a file of fastText.

    Raises:
        ConfigError: there is none, or no such label.
        CastorError: a file is damaged.
    """
    given = pathlib.Path(path)
    if not given.is_dir():
        model = linear.load(given)
        if positive is not None and positive not in model.names:
            raise unknown_name("label", positive, model.names, where=given)
        return Classifier(model, positive=positive)
    settings = given / SETTINGS
    if not settings.is_file():
        raise ConfigError(
            "there is no classifier in this folder",
            where=given,
            got=f"no {SETTINGS}",
            fix="give the folder that `castor classifier train fasttext` wrote, or a .bin file",
        )
    stat = settings.stat()
    found = _opened(os.path.abspath(given), stat.st_mtime_ns, stat.st_size)
    if positive is not None and positive != found.positive:
        raise ConfigError(
            "the classifier has another positive label",
            where=given,
            got=f"{positive!r}; it was trained for {found.positive!r}",
            fix="leave `positive` out, or train with it",
        )
    return found


@functools.lru_cache(maxsize=8)
def _opened(folder: str, changed_ns: int, n_bytes: int) -> Classifier:
    path = pathlib.Path(folder)
    data: Any = storage.read_json(path / SETTINGS)
    model = linear.load(path / MODEL)
    try:
        if data["version"] != VERSION or data["text"] not in TEXTS:
            raise ValueError(json.dumps({k: data[k] for k in ("version", "text")}))
        if data["positive"] is not None and data["positive"] not in model.names:
            raise ValueError(f"positive label {data['positive']!r}")
        given = data["calibration"]
        calibration = None if given is None else calibrate.from_json(given)
        threshold, temperature = data["threshold"], float(data["temperature"])
        threshold = None if threshold is None else float(threshold)
        several = data["several"]
        if several is not None:
            several = {name: calibrate.from_json(several[name]) for name in model.names}
    except (KeyError, TypeError, ValueError) as error:
        raise CastorError(
            "the classifier's settings are damaged or of another Castor",
            where=path / SETTINGS,
            got=error,
            fix="restore the file, or train again",
        ) from error
    return Classifier(
        model, data["text"], data["positive"], calibration, threshold, temperature, several
    )


def fingerprint(path: str | os.PathLike[str]) -> str:
    """A digest of what determines a classifier's answers, wherever it lies: 32 hex digits.

    Raises:
        ConfigError: a file is not there.
    """
    given = pathlib.Path(path)
    files: Sequence[pathlib.Path] = (
        (given / MODEL, given / SETTINGS) if given.is_dir() else (given,)
    )
    for file in files:
        if not file.is_file():
            raise ConfigError("no classifier there", where=file, fix="check the path")
    return storage.digest_of([storage.digest(file) for file in files])
