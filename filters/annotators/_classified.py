"""What every annotator by a trained classifier does; a file of one line gives it a name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from castor.filters.annotator import Annotator, Context, annotator
from castor.filters.errors import ConfigError, unknown_name
from castor.filters.record import Modality

if TYPE_CHECKING:
    from castor.filters.classify.classifier import Classifier, Judged

DOC = """The likeliest label of a text and the calibrated probability of the positive one.

Options:
    model: the folder that `castor classifier train fasttext` wrote, or a .bin or .ftz file.
    positive: the label that the probability is of; of a file of fastText only.
    threshold: instead of the model's own; 0.5 where that has none.
    pareto_alpha: see `pareto_margin`; by default 9, as GPT-3.

`label` and `confidence`: the likeliest label, and its probability. `labels`: of a model that gives
a text several, those whose probability is at least the threshold, the likeliest first, separated
by spaces. `probability`: of the positive label. `margin`: probability minus threshold.
`pareto_margin`: a Pareto number minus (1 - probability); above 0 is GPT-3's rule for keeping some
of what scores low (Brown et al. 2020, arXiv:2005.14165, appendix A); the number depends on the
document's key alone. The last three are null where the model has no positive label, `labels` where
it gives one label only, and all are where there is no text.
"""
OPTIONS = {"model", "positive", "threshold", "pareto_alpha"}
WRITES = {
    "label": pa.string(),
    "confidence": pa.float64(),
    "labels": pa.string(),
    "probability": pa.float64(),
    "margin": pa.float64(),
    "pareto_margin": pa.float64(),
}
ALPHA = 9.0  # Brown et al. 2020 (arXiv:2005.14165), appendix A


def annotator_of(module: str) -> Annotator:
    """The annotator by a classifier, for the module of that name."""
    name = module.rpartition(".")[2]

    def classified(batch: pa.RecordBatch, context: Context) -> dict[str, pa.Array]:
        return classify(batch, context.options.get(name, {}))

    classified.__module__, classified.__doc__ = module, DOC
    return annotator(
        version=2,
        reads="batch",
        writes=WRITES,
        modalities=(Modality.TEXT, Modality.INTERLEAVED),
        check=fingerprint,
    )(classified)


def fingerprint(options: Mapping[str, object]) -> object:
    """What stands for the options in a manifest: the model by its digest, wherever it lies.

    Raises:
        ConfigError: an option is wrong, or there is no such model.
    """
    from castor.filters.classify import classifier

    model, threshold, alpha = opened(options)
    return {
        "model": classifier.fingerprint(str(options["model"])),
        "positive": model.positive,
        "threshold": threshold,
        "pareto_alpha": alpha,
    }


def opened(options: Mapping[str, object]) -> tuple[Classifier, float, float]:
    """The model that the options name, the threshold and alpha; loaded once per process.

    Raises:
        ConfigError: an option is wrong, or there is no such model.
    """
    from castor.filters.classify import classifier

    where = "the options of a classifier's annotator"
    for name in options:
        if name not in OPTIONS:
            raise unknown_name("option", name, OPTIONS, where=where)
    path, positive = options.get("model"), options.get("positive")
    if not isinstance(path, str) or not isinstance(positive, str | None):
        raise ConfigError(
            "the annotator needs the path of a model", where=where, got=repr(path or positive),
            fix="give `model`, a folder of `castor classifier train` or a .bin file",
        )  # fmt: skip
    model = classifier.load(path, positive)
    threshold = _number(options.get("threshold", model.threshold), 0.5, "threshold", where)
    alpha = _number(options.get("pareto_alpha"), ALPHA, "pareto_alpha", where)
    if not 0 <= threshold <= 1 or alpha <= 0:
        raise ConfigError(
            "threshold must be from 0 to 1, pareto_alpha above 0", where=where,
            got=f"{threshold} and {alpha}",
        )  # fmt: skip
    return model, threshold, alpha


def classify(batch: pa.RecordBatch, options: Mapping[str, object]) -> dict[str, pa.Array]:
    """The signals of WRITES for the rows of a batch."""
    model, threshold, alpha = opened(options)
    judged = model.judge(batch.column("text"))
    known = judged.label >= 0
    names = [model.names[k] if k >= 0 else None for k in judged.label.tolist()]
    found = {
        "label": pa.array(names, pa.string()),
        "confidence": _array(judged.confidence, known),
        "labels": pa.array(_several(model.names, judged, threshold), pa.string()),
    }
    probability = judged.probability
    if probability is None:
        nothing = pa.nulls(batch.num_rows, pa.float64())
        return {**found, **dict.fromkeys(("probability", "margin", "pareto_margin"), nothing)}
    drawn = pareto(batch.column("key").to_pylist(), alpha)
    return {
        **found,
        "probability": _array(probability, known),
        "margin": _array(probability - threshold, known),
        "pareto_margin": _array(drawn - (1.0 - probability), known),
    }


def pareto(keys: list[str], alpha: float) -> np.ndarray:
    """A number for each key, distributed as `numpy.random.pareto(alpha)`: float64 [keys].

    The uniform number that it is made of is the 8-byte BLAKE2b of the key, so a document draws
    the same number in every run.
    """
    digests = b"".join(hashlib.blake2b(k.encode(), digest_size=8).digest() for k in keys)
    uniform = (np.frombuffer(digests, "<u8") >> np.uint64(11)) * 2.0**-53
    return np.asarray((1.0 - uniform) ** (-1.0 / alpha) - 1.0)


def _several(names: list[str], judged: Judged, threshold: float) -> list[str | None]:
    """For each row the labels from the threshold on; None without text, or where there is one."""
    if judged.several is None:
        return [None] * len(judged.label)
    found: list[str | None] = []
    for label, row in zip(judged.label.tolist(), judged.several, strict=True):
        order = np.argsort(-row, kind="stable")
        said = " ".join(names[k] for k in order if row[k] >= threshold)
        found.append(said if label >= 0 else None)
    return found


def _array(values: np.ndarray, known: np.ndarray) -> pa.Array:
    return pa.array(values, pa.float64(), mask=~known)


def _number(given: object, default: float, name: str, where: str) -> float:
    if given is None:
        return default
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise ConfigError(f"{name} must be a number", where=where, got=repr(given))
    return float(given)
