"""How likely a text is for an n-gram model of its language, as CCNet measures it.

Options:
    model: the folder that `castor classifier train perplexity` wrote; or a mapping of languages
        (`meta.language`, its first part) to such folders, for texts in several.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from castor.filters.annotator import Context, annotator
from castor.filters.errors import ConfigError, unknown_name
from castor.filters.record import Modality

if TYPE_CHECKING:
    from castor.filters.classify.ngram_model import NgramModel

WHERE = "the options of annotator perplexity"
ANY = ""  # stands for a text in whatever language


def fingerprint(options: Mapping[str, object]) -> object:
    """What stands for the options in a manifest: the models by their digests.

    Raises:
        ConfigError: an option is wrong, or there is no such model.
    """
    from castor.filters.classify import ngram_model

    return {language: ngram_model.fingerprint(path) for language, path in _paths(options).items()}


@annotator(
    version=2,
    reads="batch",
    writes={
        "perplexity": pa.float64(),
        "percentile": pa.float64(),
        "n_words": pa.int64(),
        "spelled_fraction": pa.float64(),
    },
    modalities=(Modality.TEXT, Modality.INTERLEAVED),
    check=fingerprint,
)
def perplexity(batch: pa.RecordBatch, context: Context) -> Mapping[str, pa.Array]:
    """Perplexity per token under an n-gram model, and its place among reference texts.

    `perplexity`: exp of minus the log probability of the text, divided by its words (signs are
    words too) and ends of lines. `percentile`: 0 to 100, its place among the model's reference
    texts; 0 is the likeliest. `spelled_fraction`: of the words, those that the model does not know
    and spells. All are null where there is no text, no word, or no model of the text's language.
    """
    paths = _paths(context.options.get("perplexity", {}))
    column = batch.column("text")
    chosen = _languages(batch, paths)
    found = {name: np.full(batch.num_rows, np.nan) for name in perplexity.signals}
    for language in paths:
        rows = np.flatnonzero(chosen == language)
        if not len(rows):
            continue
        scored = _model(paths[language]).score(column.take(pa.array(rows)))
        found["perplexity"][rows] = scored.perplexity
        found["percentile"][rows] = scored.percentile
        found["n_words"][rows] = np.where(scored.n_words > 0, scored.n_words, np.nan)
        found["spelled_fraction"][rows] = scored.spelled / np.where(
            scored.n_words > 0, scored.n_words, np.nan
        )
    return {
        name: pa.array(np.nan_to_num(values), mask=np.isnan(values))
        for name, values in found.items()
    }


def _languages(batch: pa.RecordBatch, paths: Mapping[str, str]) -> np.ndarray:
    """For each row the key of its model in `paths`, or None: object [rows]."""
    valid = batch.column("text").is_valid().to_numpy(zero_copy_only=False)
    if ANY in paths:
        return np.array([ANY if v else None for v in valid.tolist()], object)
    meta = [dict(facts) for facts in batch.column("meta").to_pylist()]
    codes = [re.split(r"[-_]", f.get("language", "").lower(), maxsplit=1)[0] for f in meta]
    known = [c if v and c in paths else None for c, v in zip(codes, valid, strict=True)]
    return np.array(known, object)


def _paths(options: Mapping[str, object]) -> dict[str, str]:
    for name in options:
        if name != "model":
            raise unknown_name("option", name, {"model"}, where=WHERE)
    model = options.get("model")
    if isinstance(model, str):
        return {ANY: model}
    if (
        isinstance(model, Mapping)
        and model
        and all(isinstance(k, str) and k and isinstance(v, str) for k, v in model.items())
    ):
        return {str(k): str(v) for k, v in sorted(model.items())}
    raise ConfigError(
        "the annotator needs the path of a model", where=WHERE, got=repr(model),
        fix="give `model`, a folder of `castor classifier train perplexity`, or one per language",
    )  # fmt: skip


def _model(path: str) -> NgramModel:
    from castor.filters.classify import ngram_model

    return ngram_model.load(path)
