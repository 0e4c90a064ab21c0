"""Measures a tokenizer on a sample of a dataset; the result lies beside the model.

Two passes over the dataset, each fanned out over its shards: one chooses the sample as training
does, by hash of the key and stratum, the other encodes and counts it.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import pathlib
import shutil
import time
from typing import Any

from castor.filters import outputs, storage
from castor.filters.errors import CastorError, ConfigError
from castor.filters.lock import locked
from castor.pipelines.tokens import evaluate_shard, parallel_file, sampling, workspace
from castor.pipelines.tokens.corpus import open_corpus
from castor.pipelines.tokens.passes import Passes, Watch

FILE = "evaluation.json"
# Enough that every figure of a language with a thousandth of it stands on ten thousand tokens.
SAMPLE_BYTES = 32_000_000
SALT = "castor tokenizer evaluation"  # another sample than the one that trained
VERSION = 2  # raise it when the figures can change


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """What an evaluation did.

    Attributes:
        path: the file that holds the result.
        result: what it holds.
        skipped: whether it was up to date and nothing ran.
        seconds: wall time.
    """

    path: pathlib.Path
    result: dict[str, Any]
    skipped: bool
    seconds: float


def evaluate(
    tokenizer: str | os.PathLike[str],
    dataset: str | os.PathLike[str],
    *,
    against: str | os.PathLike[str] | None = None,
    parallel: str | os.PathLike[str] | None = None,
    reference: str | None = None,
    sample_bytes: int = SAMPLE_BYTES,
    seed: int = 0,
    workers: int | None = None,
    mode: str | None = None,
    force: bool = False,
    watch: Watch | None = None,
) -> Evaluated:
    """Measures a tokenizer on a sample of a dataset, by language and by source.

    Args:
        tokenizer: the folder of a tokenizer; evaluation.json is written there.
        dataset: the output of a run, or rows in JSON lines, Parquet or TFRecord.
        against: another tokenizer's folder, or a model of sentencepiece, to compare with.
        parallel: sentences in several languages, see `parallel_file`.
        reference: the language of the premiums; default: English, else the first.
        sample_bytes: text of the sample; every language of every source gives the same until it
            ends.
        seed: another one chooses another sample.
        workers, mode: as of `castor run`; they do not change a figure.
        force: measure again what is unchanged.
        watch: called with step, done, total and a note, a few times a second.

    Raises:
        CastorError: see its message.
    """
    from castor.tokenizer.evaluate import Other
    from castor.tokenizer.processor import load

    started = time.monotonic()
    if sample_bytes < 1:
        raise ConfigError("a cap on bytes must be positive", where="sample_bytes", got=sample_bytes)
    if reference is not None and parallel is None:
        raise ConfigError("--reference names a language of --parallel", fix="give --parallel too")
    folder = pathlib.Path(tokenizer).resolve()
    loaded = load(folder)
    other = Other(against) if against is not None else None
    sentences = parallel_file.read(parallel) if parallel is not None else None
    corpus = open_corpus(dataset, folder)
    made_from = {
        "tokenizer": loaded.sha256,
        "counts": loaded.manifest["counts"]["sha256"] if _counts(loaded) else None,
        "id_space": storage.digest_of(loaded.id_space.to_json()),
        "dataset": corpus.digest,
        "against": other.sha256 if other else None,
        "parallel": storage.digest_of(sentences) if sentences else None,
        "reference": reference,
        "sample_bytes": sample_bytes,
        "seed": seed,
        "version": [VERSION, evaluate_shard.VERSION],
        "castor": importlib.metadata.version("castor"),
    }
    path = folder / FILE
    if path.is_file() and not force:
        known = _known(path)
        if known.get("made_from") == made_from:
            return Evaluated(path, known, True, time.monotonic() - started)
    with locked(folder):
        workspace.prepare(folder, corpus)
        work = folder / outputs.WORK / "evaluation"
        passes = Passes(corpus, folder, work, workers, mode, watch, near=True)
        sample, merged = _measure(passes, loaded, against, other, sample_bytes, seed)
        result = {
            "made_from": made_from,
            "sample": sample,
            **_figures(loaded, other, merged),
            "parallel": _premiums(loaded, sentences, reference),
        }
        storage.write_json(path, result)
        shutil.rmtree(work)
    return Evaluated(path, result, False, time.monotonic() - started)


def _known(path: pathlib.Path) -> Any:
    """What an evaluation before this one wrote.

    Raises:
        CastorError: it is damaged.
    """
    try:
        return storage.read_json(path)
    except CastorError as error:
        raise CastorError(
            error.what, where=path, got=error.got, fix="--force measures again and replaces it"
        ) from error


def _figures(tokenizer: Any, other: Any, merged: evaluate_shard.Merged) -> dict[str, Any]:
    """Everything that is measured on the documents, and on the vocabulary by itself."""
    from castor.tokenizer import vocabulary_checks
    from castor.tokenizer.evaluate import AVERAGED
    from castor.tokenizer.metrics import macro, rounded

    compared = other is not None
    axes = {axis: merged.figures(axis, compared=compared) for axis in ("language", "source")}
    names = [name for name in AVERAGED if compared or name != "nsl"]
    return {
        "tokenizer": {"sha256": tokenizer.sha256, "vocabulary": tokenizer.id_space.text_size},
        "against": {
            "name": other.name, "sha256": other.sha256, "vocabulary": other.vocabulary
        } if other else None,
        "total": merged.figures(None, compared=compared)[""],
        "languages": axes["language"],
        "sources": axes["source"],
        "macro": {
            "languages": rounded(macro(axes["language"].values(), names)),
            "sources": rounded(macro(axes["source"].values(), names)),
        },
        "vocabulary": vocabulary_checks.usage(merged.pieces[()])
        | {"unreachable": vocabulary_checks.unreachable(tokenizer)},
        "training": _training(tokenizer),
        "injections": vocabulary_checks.injections(tokenizer),
        "round_trip_examples": merged.examples,
    }  # fmt: skip


def _training(tokenizer: Any) -> dict[str, Any] | None:
    """What its own sample says of the vocabulary, where its counts were kept."""
    from castor.tokenizer import vocabulary_checks
    from castor.tokenizer.count import Counts

    path = _counts(tokenizer)
    return vocabulary_checks.training(tokenizer, Counts.load(path)) if path else None


def _counts(tokenizer: Any) -> pathlib.Path | None:
    from castor.tokenizer.train import COUNTS

    path = pathlib.Path(tokenizer.path, COUNTS)
    return path if path.is_file() else None


def _premiums(
    tokenizer: Any, sentences: parallel_file.Sentences | None, reference: str | None
) -> dict[str, Any] | None:
    from castor.tokenizer.parallel import premiums

    return premiums(tokenizer, sentences, reference) if sentences else None


def _measure(
    passes: Passes, tokenizer: Any, against: Any, other: Any, sample_bytes: int, seed: int
) -> tuple[dict[str, Any], evaluate_shard.Merged]:
    """The sample as JSON, and what the tokenizer makes of it."""
    from castor.tokenizer.sample import choose

    salt = f"{SALT} {seed}"
    found = sampling.scan(passes, salt)
    selection = choose(found.names, found.strata, found.hashes, found.sizes, total_cap=sample_bytes)
    folder = passes.work / "pieces"
    done = passes.into(
        folder,
        "evaluate_shard:evaluate_shard",
        "evaluate",
        evaluate_shard.VERSION,
        tokenizer=str(tokenizer.path),
        digest=tokenizer.manifest["blake2b"],
        other=os.path.abspath(against) if other else None,
        other_sha256=other.sha256 if other else None,
        salt=salt,
        selection=selection.to_json(),
    )
    sample = selection.to_json() | {"seed": seed, "byte_cap": sample_bytes}
    return sample, evaluate_shard.Merged(folder, done.results, tokenizer.id_space.text_size)
