"""An n-gram language model and its perplexities of reference texts, for head, middle and tail."""

from __future__ import annotations

import dataclasses
import fnmatch
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from castor.filters.classify import metrics, ngram_model, ngram_train
from castor.filters.classify.ngram_model import HEAD, MIDDLE
from castor.filters.errors import CastorError, ConfigError, unknown_name
from castor.pipelines.classifiers import _labelled

HELP = """\
Texts of one language, clean ones such as an encyclopedia's, to a Kneser-Ney n-gram model. The
annotator `perplexity` gives perplexity per token and its percentile among reference texts; the
policies perplexity/head and perplexity/head-middle keep CCNet's parts.

  text               field of a row; by default the usual ones (text, content, ...)
  reference          names of DATA files that are the reference, random web say; they train
                     nothing. Without it, every tenth text by its hash is held out for that
  order 5            units of the longest n-gram
  min_count 2        rarer words are spelled
  prune 2            n-grams of three units and more that occur fewer times are left out
  memory_gb 8        what estimation may take, about 50 bytes for a byte of text; texts that need
                     more are refused before it begins"""

NUMBERS = tuple(f.name for f in dataclasses.fields(ngram_train.Settings))
OPTIONS = {"text", "reference", *NUMBERS}
LEAST = 10  # reference texts
PERCENTILES = 101


def train(
    data: Sequence[Path], out: Path, *, seed: int, options: Mapping[str, str]
) -> dict[str, Any]:
    """Estimates the model, measures the reference texts, writes the folder; returns facts."""
    for name in options:
        if name not in OPTIONS:
            raise unknown_name("option", name, OPTIONS, where="classifier perplexity")
    try:
        numbers = {name: int(options[name]) for name in NUMBERS if name in options}
    except ValueError as error:
        raise ConfigError(
            "order, min_count, prune and memory_gb are whole numbers", got=error
        ) from error
    settings = ngram_train.Settings(**numbers)
    rows = _labelled.read(data, text=options.get("text"), need_label=False)
    learnt, reference = _parted(rows, options.get("reference"), seed, settings)
    if len(reference) < LEAST or not learnt:
        raise CastorError(
            "too few texts", got=f"{len(learnt)} to learn from, {len(reference)} as reference",
            fix=f"give {LEAST} reference texts or more",
        )  # fmt: skip
    orders = ngram_train.estimate(pa.array(learnt, pa.large_string()), settings)
    table, codes = ngram_train.pack(orders)
    bare = ngram_model.NgramModel(table, codes, np.zeros(0))
    column = pa.array(reference, pa.large_string())
    scored = bare.score(column)
    known = scored.perplexity[~np.isnan(scored.perplexity)]
    if not len(known):
        raise CastorError("the reference texts hold no words")
    quantiles = np.maximum.accumulate(np.quantile(known, np.linspace(0, 1, PERCENTILES)))
    quantiles *= 1 + np.arange(PERCENTILES) * 1e-7  # rising strictly, so that places are one
    ngram_model.write(out, table, codes, quantiles)
    return {
        "texts": {"learnt": len(learnt), "reference": len(reference)},
        "training": dataclasses.asdict(settings),
        "n-grams": {str(n): len(o.hashes) for n, o in enumerate(orders, 1)},
        "bytes of the table": table.nbytes,
        "percentiles": {
            str(p): round(float(quantiles[p]), 3) for p in (0, 10, HEAD, 50, MIDDLE, 90, 100)
        },
        "reference figures": _figures(bare.score(column)),
    }


def evaluate(model: Path, data: Sequence[Path], *, options: Mapping[str, str]) -> dict[str, Any]:
    """Perplexity of texts that the model has not seen, and how many are head, middle, tail."""
    for name in options:
        if name != "text":
            raise unknown_name("option", name, {"text"}, where="eval of perplexity")
    rows = _labelled.read(data, text=options.get("text"), need_label=False)
    found = ngram_model.load(model)
    scored = found.score(pa.array([row.text for row in rows], pa.large_string()))
    places = scored.percentile[scored.n_words > 0]
    if not len(places):
        raise CastorError("the texts hold no words", got=f"{len(scored.n_words)} texts")
    shares = {
        "head": float(np.mean(places <= HEAD)),
        "middle": float(np.mean((places > HEAD) & (places <= MIDDLE))),
        "tail": float(np.mean(places > MIDDLE)),
    }
    return {**_figures(scored), "shares": {k: round(v, 6) for k, v in shares.items()}}


def _parted(
    rows: Iterable[_labelled.Row],
    reference: str | None,
    seed: int,
    settings: ngram_train.Settings,
) -> tuple[list[str], list[str]]:
    """Texts to learn from, no more than estimation can hold of prose, and reference texts."""
    n_bytes = 0
    learnt: list[str] = []
    held: list[str] = []
    patterns = [p for p in (reference or "").split(",") if p]
    salt = seed.to_bytes(16, "little")
    for row in rows:
        if reference is not None:
            is_held = any(fnmatch.fnmatch(row.file, p) for p in patterns)
        else:
            digest = hashlib.blake2b(row.text.encode(), digest_size=8, salt=salt).digest()
            is_held = int.from_bytes(digest, "little") % 10 == 0
        if is_held:
            held.append(row.text)
            continue
        n_bytes += len(row.text.encode())
        ngram_train.check_memory(n_bytes * ngram_train.PER_BYTE, settings)
        learnt.append(row.text)
    return learnt, held


def _figures(scored: ngram_model.Scored) -> dict[str, Any]:
    """Perplexity of all texts together, with an interval over texts (delta method)."""
    known = scored.n_words > 0
    words = scored.n_words[known]
    mean = metrics.ratio(-scored.logs[known], scored.n_tokens[known])
    return {
        "texts": int(known.sum()),
        "words": int(words.sum()),
        "perplexity": {k: round(float(np.exp(v)), 4) for k, v in mean._asdict().items()},
        "spelled words": round(float(scored.spelled.sum() / words.sum()), 6),
    }
