"""From a dataset and a tokenizer to a folder of tokens; see docs/tokens.md for what it holds."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import pathlib
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from castor.filters import outputs, storage
from castor.filters.errors import ConfigError
from castor.filters.lock import locked
from castor.mixtures.token_format import KIND, SPLITS
from castor.mixtures.tokens import manifest_content
from castor.pipelines.engines import fanout
from castor.pipelines.tokens import encode_shard, workspace
from castor.pipelines.tokens.corpus import Corpus, open_corpus
from castor.pipelines.tokens.outcome import Outcome
from castor.pipelines.tokens.passes import Passes, Watch
from castor.pipelines.tokens.tokenizers import COPY


@dataclasses.dataclass(frozen=True, kw_only=True)
class Encoded(Outcome):
    """What an encoding did.

    Attributes:
        tokens: how many were written now.
        fault: the first document or medium that was left out, in words, or None.
    """

    tokens: int = 0
    fault: str | None = None

    def summary(self) -> dict[str, Any]:
        """The outcome as JSON values."""
        return super().summary() | {
            "tokens_per_s": round(self.tokens / self.seconds) if self.tokens else None,
            "first_left_out": self.fault,
            **{k: self.manifest[k] for k in ("sources", "left_out", "heldout_share")},
        }


def encode(
    dataset: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    tokenizer: str | os.PathLike[str],
    heldout: float = 0.02,
    media: bool = True,
    soft: Mapping[str, int] | None = None,
    roots: Mapping[str, str | os.PathLike[str]] | None = None,
    workers: int | None = None,
    mode: str | None = None,
    force: bool = False,
    watch: Watch | None = None,
) -> Encoded:
    """Writes the documents of a dataset as token shards.

    Args:
        dataset: the output of a run, or rows in JSON lines, Parquet or TFRecord.
        out: output folder; an interrupted encoding in it is resumed.
        tokenizer: the folder of a tokenizer.
        heldout: share of the documents, by hash of the key, that goes to the split `heldout`.
        media: whether pictures, sounds and clips become spans of soft inputs.
        soft: options of `castor.filters.media.soft.SoftOptions`.
        roots: input root by name, for media that do not lie where the dataset's run found them.
        workers, mode: as of `castor run`.
        force: replace a finished output that was made from something else.
        watch: called with step, done, total and a note, a few times a second.

    Raises:
        CastorError: see its message; the same call resumes.
    """
    from castor.tokenizer.processor import load

    started = time.monotonic()
    if not 0 <= heldout < 1:
        raise ConfigError("--heldout is a share, 0 to below 1", got=heldout, fix="such as 0.02")
    folder = pathlib.Path(out).resolve()
    loaded = load(tokenizer)
    corpus = open_corpus(dataset, folder)
    common = {
        "out": str(folder),
        "tokenizer": str(folder / COPY),
        "digest": loaded.manifest["blake2b"],
        "heldout": heldout,
        "soft": encode_shard.soft_options(soft or {}) if media else None,
        "roots": corpus.roots | _given(roots or {}),
    }
    made_from = _made_from(corpus, loaded, common)
    if outputs.is_finished(folder, KIND, made_from, force=force):
        manifest = outputs.read(folder, KIND)
        if encode_shard.is_whole(folder, manifest["shards"]):
            seconds = time.monotonic() - started
            return Encoded(out=folder, manifest=manifest, skipped=True, seconds=seconds)
        (folder / outputs.MANIFEST).unlink()  # files are missing: they are made again
    with locked(folder):
        passes = Passes(corpus, folder, folder / outputs.WORK, workers, mode, watch)
        done = _write(passes, loaded, common, made_from)
    made = [line for n in done.made for line in done.results[n]["lines"]]
    return Encoded(
        out=folder,
        manifest=outputs.read(folder, KIND),
        skipped=False,
        seconds=time.monotonic() - started,
        reused=done.reused,
        tokens=sum(line["tokens"] for line in made),
        fault=next((r["fault"] for r in done.results if r["fault"]), None),
    )


def _write(
    passes: Passes, tokenizer: Any, common: Mapping[str, Any], made_from: Mapping[str, Any]
) -> fanout.Done:
    """Writes the whole folder, the manifest last; the caller holds its lock."""
    out = passes.out
    workspace.prepare(out, passes.corpus)
    _copy(tokenizer.path, out / COPY)
    done = passes.run(
        "encode_shard:encode_shard",
        "encode",
        encode_shard.VERSION,
        common,
        whole=lambda result: encode_shard.is_whole(out, result["lines"]),
    )
    content = _content(done.results, tokenizer, passes.corpus, common["heldout"])
    _remove_others(out, content["shards"])
    outputs.write(out, KIND, made_from, **content, soft_options=common["soft"])
    workspace.tidy(out)
    return done


def _given(roots: Mapping[str, str | os.PathLike[str]]) -> dict[str, str]:
    """The input roots that somebody names, absolute.

    Raises:
        ConfigError: one is no folder: all its media would be left out.
    """
    found = {name: os.path.abspath(os.path.expanduser(path)) for name, path in roots.items()}
    for name, path in found.items():
        if not os.path.isdir(path):
            raise ConfigError(
                "the root of media is no folder", where=f"--root {name}", got=path,
                fix="check the path",
            )  # fmt: skip
    return found


def _made_from(corpus: Corpus, tokenizer: Any, common: Mapping[str, Any]) -> dict[str, Any]:
    """What determines the bytes of the output."""
    there = sorted(name for name, path in common["roots"].items() if os.path.isdir(path))
    return {
        "dataset": corpus.digest,
        "tokenizer": tokenizer.sha256,
        "id_space": storage.digest_of(tokenizer.id_space.to_json()),
        "heldout": common["heldout"],
        "soft": common["soft"],
        # Media of a root that was not there are left out; with it they would not be.
        "roots": None if common["soft"] is None else there,
        "version": encode_shard.VERSION,
        "castor": importlib.metadata.version("castor"),
    }


def _content(
    results: Sequence[Mapping[str, Any]], tokenizer: Any, corpus: Corpus, heldout: float
) -> dict[str, Any]:
    """What the manifest holds beside what the output was made from.

    Raises:
        CastorError: there is no document in it.
    """
    documents: Counter[str] = Counter()
    media: dict[str, Counter[str]] = {}
    for result in results:
        documents.update(result["left_out"]["documents"])
        for kind, reasons in result["left_out"]["media"].items():
            media.setdefault(kind, Counter()).update(reasons)
    lines = [line for result in results for line in result["lines"]]
    if not lines:
        corpus.refuse_empty(documents, next((r["fault"] for r in results if r["fault"]), None))
    content = manifest_content(
        lines,
        tokenizer={"sha256": tokenizer.sha256, "id_space": tokenizer.id_space.to_json()},
        heldout_share=heldout,
        dataset={"digest": corpus.digest},
    )
    left_out = {
        "documents": dict(documents),
        "media": {kind: dict(reasons) for kind, reasons in media.items()},
    }
    return content | {"left_out": left_out}


def _copy(tokenizer: pathlib.Path, folder: pathlib.Path) -> None:
    """Copies what encoding and reading the tokens needs of the tokenizer.

    Workers read the copy, which lies under the lock, and compare its digest.
    """
    from castor.tokenizer.processor import MODEL

    for name in (MODEL, outputs.MANIFEST):
        storage.write_bytes(folder / name, (tokenizer / name).read_bytes())


def _remove_others(out: pathlib.Path, lines: Sequence[Mapping[str, Any]]) -> None:
    """Removes parts of an earlier configuration that this one did not write."""
    named = {out / (line["path"] + suffix) for line in lines for suffix in line["files"]}
    for split in SPLITS:
        for folder in list(out.glob(f"*/{split}")):
            for path in folder.glob("part-*"):
                if path not in named:
                    path.unlink()
            for empty in (folder, folder.parent):
                if not any(empty.iterdir()):
                    empty.rmdir()
