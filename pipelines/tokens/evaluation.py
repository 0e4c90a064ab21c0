"""Measures a tokenizer on a sample of a dataset; the result lies beside the model.

Two passes over the dataset, each fanned out over its shards: one chooses the sample as training
does, by hash of the key and stratum, the other encodes and counts it.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.metadata
import os
import pathlib
import shutil
import time
from collections.abc import Callable, Mapping
from typing import Any

from castor.filters import outputs, storage
from castor.filters.errors import ConfigError
from castor.filters.lock import locked
from castor.pipelines.engines import fanout
from castor.pipelines.progress import Totals
from castor.pipelines.tokens import evaluate_shard, parallel_file, sampling
from castor.pipelines.tokens.corpus import DIGESTS, Corpus, open_corpus

FILE = "evaluation.json"
# Enough that every figure of a language with a thousandth of it stands on ten thousand tokens.
SAMPLE_BYTES = 32_000_000
SALT = "castor tokenizer evaluation"  # another sample than the one that trained
VERSION = 1  # raise it when the figures can change
Watch = Callable[[str, float, float, str], None]


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
        known = storage.read_json(path)
        if known.get("made_from") == made_from:
            return Evaluated(path, known, True, time.monotonic() - started)
    with locked(folder):
        work = folder / outputs.WORK / "evaluation"
        if corpus.state:
            storage.write_json(folder / outputs.WORK / DIGESTS, corpus.state)
        passes = _Passes(corpus, work, workers, mode, watch, f"{SALT} {seed}")
        selection = passes.choose(sample_bytes)
        merged = passes.count(selection, loaded, against, other)
        result = {
            "made_from": made_from,
            "sample": selection.to_json() | {"seed": seed, "byte_cap": sample_bytes},
            **_figures(loaded, other, merged),
            "parallel": _premiums(loaded, sentences, reference),
        }
        storage.write_json(path, result)
        shutil.rmtree(work)
    return Evaluated(path, result, False, time.monotonic() - started)


def _figures(tokenizer: Any, other: Any, merged: evaluate_shard.Merged) -> dict[str, Any]:
    """Everything that is measured on the documents, and on the vocabulary by itself."""
    from castor.tokenizer import vocabulary_checks
    from castor.tokenizer.evaluate import AVERAGED
    from castor.tokenizer.metrics import macro

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
            "languages": _rounded(macro(axes["language"].values(), names)),
            "sources": _rounded(macro(axes["source"].values(), names)),
        },
        "vocabulary": vocabulary_checks.usage(merged.pieces[()])
        | {"unreachable": vocabulary_checks.unreachable(tokenizer)},
        "injections": vocabulary_checks.injections(tokenizer),
        "round_trip_examples": merged.examples,
    }  # fmt: skip


def _premiums(
    tokenizer: Any, sentences: parallel_file.Sentences | None, reference: str | None
) -> dict[str, Any] | None:
    from castor.tokenizer.parallel import premiums

    return premiums(tokenizer, sentences, reference) if sentences else None


def _rounded(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: round(v, 9) if isinstance(v, float) else v for k, v in values.items()}


class _Passes:
    """The passes over one corpus."""

    def __init__(
        self,
        corpus: Corpus,
        work: pathlib.Path,
        workers: int | None,
        mode: str | None,
        watch: Watch | None,
        salt: str,
    ) -> None:
        self._corpus, self._work, self._salt = corpus, work, salt
        self._workers, self._mode, self._watch = workers, mode, watch

    def choose(self, sample_bytes: int) -> Any:
        """The sample (`castor.tokenizer.sample.Selection`).

        Raises:
            CastorError: no document has text.
        """
        from castor.tokenizer.sample import choose

        common = {"folder": str(self._work / "scan"), "salt": self._salt}
        done = self._fan_out(
            "castor.pipelines.tokens.sampling:scan_shard", "scan", sampling.SCAN_VERSION, common
        )
        found = sampling.Scanned(self._work / "scan", done.results)
        if not len(found.sizes):
            left_out = dict(found.rejected)
            if found.documents:
                left_out["without text"] = found.documents
            self._corpus.refuse_empty(left_out, found.fault)
        return choose(found.names, found.strata, found.hashes, found.sizes, total_cap=sample_bytes)

    def count(
        self, selection: Any, tokenizer: Any, against: Any, other: Any
    ) -> evaluate_shard.Merged:
        """What the tokenizer makes of the sample."""
        folder = self._work / "pieces"
        common = {
            "folder": str(folder),
            "tokenizer": str(tokenizer.path),
            "sha256": tokenizer.sha256,
            "other": os.path.abspath(against) if other else None,
            "other_sha256": other.sha256 if other else None,
            "salt": self._salt,
            "selection": selection.to_json(),
        }
        done = self._fan_out(
            "castor.pipelines.tokens.evaluate_shard:evaluate_shard",
            "evaluate",
            evaluate_shard.VERSION,
            common,
        )
        return evaluate_shard.Merged(folder, done.results, tokenizer.id_space.text_size)

    def _fan_out(
        self, function: str, stage: str, version: int, common: Mapping[str, Any]
    ) -> fanout.Done:
        folder = pathlib.Path(common["folder"])
        folder.mkdir(parents=True, exist_ok=True)
        corpus = self._corpus

        def look(totals: Totals) -> None:
            if self._watch:
                self._watch(stage, totals.bytes, corpus.bytes, f"{totals.rows:,} documents")

        if self._workers is None and self._mode is None and corpus.bytes < fanout.WORKER_BYTES:
            return self._here(function, common, look)
        return fanout.run(
            fanout.FanOut(function, stage, version, corpus.items, common, corpus.sizes),
            work=self._work,
            out=self._work.parent.parent,
            workers=self._workers,
            mode=self._mode,
            watch=look,
            whole=lambda result: (folder / result["file"]).is_file(),
        )

    def _here(
        self, function: str, common: Mapping[str, Any], look: Callable[[Totals], None]
    ) -> fanout.Done:
        """All shards in this process: for little data, to start another one takes longer."""
        module, _, name = function.partition(":")
        call = getattr(importlib.import_module(module), name)
        totals = Totals()

        def tell(*, rows: int = 0, n_bytes: int = 0) -> None:
            totals.rows += rows
            totals.bytes += n_bytes
            look(totals)

        results = [call(item, common, tell) for item in self._corpus.items]
        return fanout.Done(results, frozenset(range(len(results))))
