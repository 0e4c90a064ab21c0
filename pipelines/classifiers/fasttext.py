"""Quality, safety and topic classifiers in fastText's format, calibrated on held-out folds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from castor.filters import storage
from castor.filters.classify import calibrate, classifier, fasttext_file, linear, trainer
from castor.filters.classify.fold import fold
from castor.filters.errors import CastorError, ConfigError, unknown_name
from castor.pipelines.classifiers import _card, _figures, _labels

HELP = """\
Texts with labels, or good texts against random ones, to a linear model over words and n-grams.
DATA are JSON lines, Parquet, CSV or TSV. OUT/model.bin is a model of fastText; for use with the
fasttext package read texts as OUT/classifier.json says (`folded`: castor.filters.classify.fold).

what is learnt
  text, label        fields of a row; by default the usual ones (text, content, ...; label, class);
                     a label that is a list: a text may have several, or none
  separator          what stands between labels in a field that is text: a,b is a list by `,`
  positive           the label, or labels separated by commas, that the probability is of; all
                     others become one. Without it and with more than two labels: topics
  good               instead of labels: names of DATA files that hold good texts; texts of all
                     other files are random web (as DCLM's classifier)
  balance            yes: as many rows of each label as of the rarest (default no)
how (names and meaning as in fastText)
  read               folded (default) or plain
  dim 16, lr 0.5, epochs auto (5 to 25, by the number of rows), word_ngrams 2, minn 0, maxn 0,
  buckets 200000, min_count 1, loss softmax (or ova, ns; ova for lists of labels), negatives 5
what the probability is used for
  folds              folds of cross-validation that calibration and figures come from (5)
  calibration        auto (default), platt, isotonic
  precision          choose the lowest threshold of at least this precision
  keep_rate          or the threshold that keeps this share of the rows (with `good`: of the
                     random ones); by default the threshold is 0.5"""

READING = {"text", "label", "separator", "positive", "good", "balance"}
USING = {"read", "folds", "calibration", "precision", "keep_rate"}
NUMBERS = {f.name: f.type for f in dataclasses.fields(trainer.Settings) if f.name != "seed"}
DEFAULTS = {"dim": 16, "lr": 0.5, "word_ngrams": 2, "buckets": 200_000}
EXAMPLES, LEAST, MOST = 100_000, 5, 25  # of epochs=auto: about so many examples, so many passes


def train(
    data: Sequence[Path], out: Path, *, seed: int, options: Mapping[str, str]
) -> dict[str, Any]:
    """Trains, calibrates on held-out folds, writes model and settings; returns facts."""
    how = _read_options(options)
    labelled = _labels.read(data, options)
    if labelled.positive is None and (how.precision or how.keep_rate):
        raise ConfigError("precision and keep_rate choose a threshold for one label",
                          got="topics", fix="name the label with --set positive=")  # fmt: skip
    settings = _settings(options, seed, labelled)
    texts = [row.text for row in labelled.rows]
    folded = fold(pa.array(texts, pa.large_string()))
    column = folded if how.read == "folded" else pa.array(texts, pa.large_string())
    folds = _labels.folds(folded, labelled.labels, how.folds, seed)
    held_out = _held_out(column, labelled, folds, settings)
    model = _train(column, labelled, np.arange(len(texts)), settings)
    fasttext_file.write(out / classifier.MODEL, model)
    found, figures = _calibrated(labelled, folds, held_out, how)
    classifier.write(out, text=how.read, positive=labelled.positive, **found)
    counts = np.bincount(labelled.labels, minlength=len(labelled.names)).tolist()
    if labelled.several is not None:
        counts = labelled.several.sum(axis=0).tolist()
    return {
        "labels": dict(zip(labelled.names, counts, strict=True)),
        "positive": labelled.positive,
        "training": {**dataclasses.asdict(settings), "read": how.read, "words": len(model.words)},
        "calibration": _method(found),
        "held out": figures,
    }


def evaluate(model: Path, data: Sequence[Path], *, options: Mapping[str, str]) -> dict[str, Any]:
    """Figures of a trained model on labelled rows; takes the options of reading."""
    for name in options:
        if name not in READING:
            raise unknown_name("option", name, READING, where="eval of fasttext")
    trained = storage.read_json(model / _card.JSON)["options"]
    given = {**{k: v for k, v in trained.items() if k in READING - {"balance"}}, **options}
    found = classifier.load(model)
    labelled = _labels.read(data, given, found.names, found.several is not None)
    judged = found.judge(pa.array([row.text for row in labelled.rows], pa.large_string()))
    if judged.several is not None and labelled.several is not None:
        return _figures.of_several(judged.several, labelled.several, found.names)
    if judged.probability is None:
        return _figures.of_labels(judged.label, labelled.labels, found.names)
    positive = labelled.labels == found.names.index(str(found.positive))
    return _figures.of_probability(
        judged.probability, positive, 0.5 if found.threshold is None else found.threshold
    )


@dataclasses.dataclass(frozen=True)
class _Options:
    """The options of calibration and use."""

    read: str
    folds: int
    calibration: str
    precision: float | None
    keep_rate: float | None


def _read_options(options: Mapping[str, str]) -> _Options:
    known = READING | USING | set(NUMBERS)
    for name in options:
        if name not in known:
            raise unknown_name("option", name, known, where="classifier fasttext")
    for name, choices in (
        ("read", classifier.TEXTS),
        ("calibration", ("auto", "platt", "isotonic")),
    ):
        if options.get(name, choices[0]) not in choices:
            raise unknown_name(name, options[name], choices, where="classifier fasttext")
    if "precision" in options and "keep_rate" in options:
        raise ConfigError("give precision or keep_rate, not both")
    folds = int(_number("folds", options.get("folds", "5"), int))
    if not 2 <= folds <= 100:
        raise ConfigError("folds must be from 2 to 100", got=folds)
    shares = {
        name: _number(name, options[name], float) if name in options else None
        for name in ("precision", "keep_rate")
    }
    for name, share in shares.items():
        if share is not None and not 0 < share < 1:
            raise ConfigError(f"{name} must lie between 0 and 1", got=share)
    return _Options(
        options.get("read", "folded"), folds, options.get("calibration", "auto"), **shares
    )


def _method(found: Mapping[str, Any]) -> str:
    several = [found["calibration"], *(found.get("several") or {}).values()]
    return " and ".join(sorted({c.method for c in several if c is not None})) or "none"


def _settings(
    options: Mapping[str, str], seed: int, labelled: _labels.Labelled
) -> trainer.Settings:
    n_rows = len(labelled.rows)
    given: dict[str, Any] = dict(DEFAULTS)
    if labelled.several is not None:
        given["loss"] = "ova"
    for name, kind in NUMBERS.items():
        if name not in options:
            continue
        if name == "epochs" and options[name] == "auto":
            continue
        as_type = {"int": int, "float": float}.get(str(kind))
        given[name] = _number(name, options[name], as_type) if as_type else options[name]
    given.setdefault("epochs", max(LEAST, min(MOST, -(-EXAMPLES // max(n_rows, 1)))))
    return trainer.Settings(**given, seed=seed)


def _number(name: str, text: str, kind: type) -> Any:
    try:
        return kind(text)
    except ValueError as error:
        word = "a whole number" if kind is int else "a number"
        raise ConfigError(f"{name} must be {word}", got=text) from error


def _train(
    column: pa.Array, labelled: _labels.Labelled, rows: np.ndarray, settings: trainer.Settings
) -> fasttext_file.Model:
    labels = labelled.labels[rows, None].tolist()
    if labelled.several is not None:
        labels = [np.flatnonzero(row).tolist() for row in labelled.several[rows]]
    return trainer.train(column.take(pa.array(rows)), labels, labelled.names, settings)


def _held_out(
    column: pa.Array, labelled: _labels.Labelled, folds: np.ndarray, settings: trainer.Settings
) -> np.ndarray:
    """Probabilities of every row by the model of the other folds: float [rows, labels]."""
    found = np.full((len(folds), len(labelled.names)), np.nan)
    for number in range(int(folds.max()) + 1):
        inside, rest = np.flatnonzero(folds == number), np.flatnonzero(folds != number)
        if not len(inside):
            continue
        model = linear.Linear(_train(column, labelled, rest, settings))
        order = [model.names.index(name) for name in labelled.names]
        found[inside] = model.probabilities(column.take(pa.array(inside)))[:, order]
    return np.nan_to_num(found, nan=1.0 / len(labelled.names))


def _calibrated(
    labelled: _labels.Labelled, folds: np.ndarray, held_out: np.ndarray, how: _Options
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What classifier.json holds beside the text and label, and the figures."""
    plain = {"calibration": None, "threshold": None, "temperature": 1.0}
    if labelled.several is not None:
        fitted = [
            _cross_fitted(calibrate.log_odds(held_out[:, k]), labelled.several[:, k], folds, how)
            for k in range(len(labelled.names))
        ]
        figures = _figures.of_several(
            np.stack([crossed for _, crossed in fitted], axis=1), labelled.several, labelled.names
        )
        each = dict(zip(labelled.names, (c for c, _ in fitted), strict=True))
        return {**plain, "several": each}, figures
    if labelled.positive is None:
        t = calibrate.temperature(held_out, labelled.labels)
        figures = _figures.of_labels(held_out.argmax(axis=1), labelled.labels, labelled.names)
        return {**plain, "temperature": t}, figures
    place = labelled.names.index(labelled.positive)
    positive = labelled.labels == place
    odds = calibrate.log_odds(held_out[:, place])
    calibration, crossed = _cross_fitted(odds, positive, folds, how)
    threshold = _threshold(calibration.apply(odds), positive, labelled, how)
    figures = _figures.of_probability(crossed, positive, threshold, odds)
    return {**plain, "calibration": calibration, "threshold": threshold}, figures


def _cross_fitted(
    odds: np.ndarray, positive: np.ndarray, folds: np.ndarray, how: _Options
) -> tuple[calibrate.Calibration, np.ndarray]:
    """A calibration of all rows, and probabilities of each fold by that of the others."""
    crossed = np.empty(len(odds))
    for number in range(int(folds.max()) + 1):
        inside = folds == number
        other = calibrate.fit(odds[~inside], positive[~inside], how.calibration)
        crossed[inside] = other.apply(odds[inside])
    return calibrate.fit(odds, positive, how.calibration), crossed


def _threshold(
    probability: np.ndarray, positive: np.ndarray, labelled: _labels.Labelled, how: _Options
) -> float:
    if how.keep_rate is not None:
        pool = probability[~positive] if labelled.is_seeded else probability
        return calibrate.threshold_for_rate(pool, how.keep_rate)
    if how.precision is None:
        return 0.5
    found = calibrate.threshold_for_precision(probability, positive, how.precision)
    if found is None:
        raise CastorError(
            "no threshold reaches this precision on held-out rows", got=how.precision,
            fix="ask for less, or give more or better data",
        )  # fmt: skip
    return found
