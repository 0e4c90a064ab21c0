"""From a dataset to a tokenizer: scan, choose the sample, count it, train.

Both passes over the dataset fan out over its shards; the training itself is serial, and runs in
a process of its own, which Ctrl-C ends and whose memory goes back to the system.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import pathlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from castor.filters import outputs
from castor.filters.configuration import count
from castor.filters.errors import ConfigError
from castor.filters.lock import locked
from castor.pipelines import progress
from castor.pipelines.engines import supervisor
from castor.pipelines.engines.call import Call
from castor.pipelines.figures import size
from castor.pipelines.tokens import evaluation, sampling, workspace
from castor.pipelines.tokens.corpus import open_corpus
from castor.pipelines.tokens.outcome import Outcome
from castor.pipelines.tokens.passes import Passes, Watch
from castor.tokenizer.flags import COVERAGE
from castor.tokenizer.id_space import IMAGE_CODES

KIND = "tokenizer"
FILES = ("tokenizer.model", "tokenizer.vocab")
# With 256k pieces the last merge was seen 15 times in 200 MB of text in 30 scripts, and that
# grows about linearly with the text; below some hundreds, pieces are learned from noise.
SAMPLE_BYTES = 10_000_000_000


@dataclasses.dataclass(frozen=True)
class Options:
    """What determines a tokenizer beside the documents.

    Attributes:
        vocab_size: pieces of the model.
        sample_bytes: bytes of text of the sample; all strata get the same share until they end.
        stratum_bytes: bytes of text that one language of one source may give, or None.
        languages: only these, or None for all.
        caps: bytes of text that a language may give.
        coverage: share of the sample's characters that get a piece of their own; the others are
            written in bytes.
        image_codes: discrete image codes after the text.
        seed: another one chooses another sample.
        keep_counts: leave the counts of the sample beside the model.
    """

    vocab_size: int
    sample_bytes: int = SAMPLE_BYTES
    stratum_bytes: int | None = None
    languages: tuple[str, ...] | None = None
    caps: Mapping[str, int] = dataclasses.field(default_factory=dict)
    coverage: float = COVERAGE
    image_codes: int = IMAGE_CODES
    seed: int = 0
    keep_counts: bool = False

    def check(self) -> None:
        """Refuses what no dataset could make good.

        Raises:
            ConfigError: an option is out of range.
        """
        from castor.tokenizer import id_space
        from castor.tokenizer.flags import trainer_flags

        for name in ("sample_bytes", "stratum_bytes"):
            if (getattr(self, name) or 1) < 1:
                raise ConfigError("a cap on bytes must be positive", where=name,
                                  got=getattr(self, name))  # fmt: skip
        if self.languages is not None and not self.languages:
            raise ConfigError("no language is named", fix="leave --languages out for all of them")
        trainer_flags(self.vocab_size, self.coverage)
        id_space.make(self.vocab_size, {}, self.image_codes)
        for language, cap in self.caps.items():
            if cap < 1:
                raise ConfigError("a cap on bytes must be positive", where=language, got=cap)
            if self.languages and language not in self.languages:
                raise ConfigError(
                    "a language that is left out has a cap", got=language,
                    fix="name it in --languages too, or leave its --cap out",
                )  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trained(Outcome):
    """What a training did."""

    @property
    def rejected(self) -> Mapping[str, int]:
        """Rows of the dataset that could not be read, by reason."""
        rejected: Mapping[str, int] = self.manifest["sample"]["rejected"]
        return rejected

    def summary(self) -> dict[str, Any]:
        """The outcome as JSON values."""
        keys = ("model", "id_space", "sample", "counts", "f_min")
        return super().summary() | {
            "rejected": dict(self.rejected),
            **{k: self.manifest[k] for k in keys},
        }


def train(
    dataset: str | os.PathLike[str],
    out: str | os.PathLike[str],
    options: Options,
    *,
    workers: int | None = None,
    mode: str | None = None,
    force: bool = False,
    watch: Watch | None = None,
) -> Trained:
    """Trains a tokenizer on a sample of a dataset.

    Args:
        dataset: the output of a run, or rows in JSON lines, Parquet or TFRecord.
        out: output folder; an interrupted training in it is resumed.
        workers, mode: as of `castor run`; they do not change a byte.
        force: replace a finished tokenizer that was made from something else.
        watch: called with step, done, total and a note, a few times a second.

    Raises:
        CastorError: see its message; the same call resumes.
    """
    from castor.tokenizer.sample import salt_of
    from castor.tokenizer.train import COUNTS

    started = time.monotonic()
    options.check()
    folder = pathlib.Path(out).resolve()
    corpus = open_corpus(dataset, folder)
    made_from = {
        "dataset": corpus.digest,
        **dataclasses.asdict(options),
        "scan": sampling.SCAN_VERSION,
        "count": sampling.COUNT_VERSION,
        "castor": importlib.metadata.version("castor"),
        "sentencepiece": importlib.metadata.version("sentencepiece"),
    }
    if outputs.is_finished(folder, KIND, made_from, force=force):
        if all((folder / name).is_file() for name in FILES):
            manifest = outputs.read(folder, KIND)
            seconds = time.monotonic() - started
            return Trained(out=folder, manifest=manifest, skipped=True, seconds=seconds)
        (folder / outputs.MANIFEST).unlink()  # files are missing: they are made again
    with locked(folder):
        workspace.prepare(folder, corpus)
        for name in (COUNTS, evaluation.FILE):  # of a tokenizer that was here before
            (folder / name).unlink(missing_ok=True)
        passes = Passes(corpus, folder, folder / outputs.WORK, workers, mode, watch)
        salt = salt_of(options.seed)
        scanned = sampling.scan(passes, salt)
        selection = choose(scanned, options)
        counted = passes.into(
            passes.work / "counts",
            "sampling:count_shard",
            "count",
            sampling.COUNT_VERSION,
            salt=salt,
            selection=selection.to_json(),
        )
        sample = selection.to_json() | {
            "seed": options.seed,
            "byte_cap": options.sample_bytes,
            "stratum_byte_cap": options.stratum_bytes,
            "language_byte_caps": dict(options.caps),
            "rejected": dict(sorted(scanned.rejected.items())),
        }
        _train_apart(passes, counted.results, sample, made_from)
        workspace.tidy(folder)
    return Trained(
        out=folder,
        manifest=outputs.read(folder, KIND),
        skipped=False,
        seconds=time.monotonic() - started,
        reused=counted.reused,
    )


def _train_apart(
    passes: Passes,
    counted: Sequence[Mapping[str, Any]],
    sample: Mapping[str, Any],
    made_from: Mapping[str, Any],
) -> None:
    """Adds up the counts and trains, in a process of its own.

    Raises:
        CastorError: the vocabulary is larger than the sample allows, or the process was killed.
    """
    arguments = {
        "out": str(passes.out),
        "folder": str(passes.work / "counts"),
        "counted": [dict(r) for r in counted if r["file"]],
        "sample": dict(sample),
        "made_from": dict(made_from),
    }
    progress.clear(passes.work)

    def look() -> None:
        name = "train" if "train" in progress.read(passes.work) else "merge"
        if passes.watch:
            passes.watch(name, 0, 0, f"{size(sample['bytes'])} of text")

    supervisor.run(
        Call("castor.pipelines.tokens.train_child:train_counts", arguments),
        work=passes.work,
        out=passes.out,
        log=passes.work / "run.log",
        watch=look,
        need_less="a smaller --sample-bytes needs less memory",
    )


def choose(scanned: sampling.Scanned, options: Options) -> Any:
    """The sample (`castor.tokenizer.sample.Selection`) of what was scanned.

    Raises:
        ConfigError: a language that is named has no text in the dataset.
    """
    from castor.tokenizer.sample import choose as choose_documents

    _refuse_absent(scanned, options)
    languages = np.array([language for language, _ in scanned.names])
    strata, hashes, sizes = scanned.strata, scanned.hashes, scanned.sizes
    there = choose_documents(scanned.names, strata, hashes, sizes).strata
    allowed = np.ones(len(sizes), bool)
    if options.languages is not None:
        allowed &= np.isin(languages, options.languages)[strata]
    for language, cap in options.caps.items():
        own = (languages == language)[strata]
        some = choose_documents(scanned.names, strata[own], hashes[own], sizes[own], total_cap=cap)
        allowed[own] &= some.taken(strata[own], hashes[own])
    found = choose_documents(
        scanned.names,
        strata[allowed],
        hashes[allowed],
        sizes[allowed],
        stratum_cap=options.stratum_bytes,
        total_cap=options.sample_bytes,
    )
    # What there is was counted before languages and caps took anything away.
    whole = tuple(
        dataclasses.replace(taken, documents=all_.documents, bytes=all_.bytes)
        for taken, all_ in zip(found.strata, there, strict=True)
    )
    return dataclasses.replace(found, strata=whole)


def _refuse_absent(scanned: sampling.Scanned, options: Options) -> None:
    known = sorted({language for language, _ in scanned.names})
    for language in (*(options.languages or ()), *options.caps):
        if language not in known:
            raise ConfigError(
                "the dataset has no text in this language",
                got=language,
                fix=f"languages with text: {', '.join(known)} (und: not known)",
            )


def read_bytes(text: str) -> int:
    """A number of bytes as people write it: 500000, 20MB, 1.5GB.

    Raises:
        ConfigError: it is none.
    """
    try:
        return int(count(text.strip().lower().removesuffix("b")))
    except ValueError as error:
        raise ConfigError("this is no number of bytes", got=text, fix="such as 500MB") from error
