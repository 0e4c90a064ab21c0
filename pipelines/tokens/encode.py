"""From a dataset and a tokenizer to a folder of tokens; see docs/tokens.md for what it holds."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import pathlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from castor.filters import outputs, storage
from castor.filters.errors import ConfigError
from castor.filters.lock import locked
from castor.mixtures.token_format import KIND, SPLITS
from castor.mixtures.tokens import manifest_content
from castor.pipelines.engines import fanout
from castor.pipelines.progress import Totals
from castor.pipelines.tokens import encode_shard, workspace
from castor.pipelines.tokens.corpus import Corpus, open_corpus

MODEL = "tokenizer.model"
TOKENIZER = "tokenizer"  # the folder of the copy
Watch = Callable[[str, float, float, str], None]


@dataclasses.dataclass(frozen=True)
class Encoded:
    """What an encoding did.

    Attributes:
        out: the output folder.
        manifest: its manifest.
        skipped: whether everything was up to date and nothing ran.
        seconds: wall time.
        tokens: how many were written now.
        reused: shards that were encoded before.
        fault: the first document or medium that was left out, in words, or None.
    """

    out: pathlib.Path
    manifest: dict[str, Any]
    skipped: bool
    seconds: float
    tokens: int
    reused: int
    fault: str | None

    def summary(self) -> dict[str, Any]:
        """The outcome as JSON values."""
        return {
            "out": str(self.out),
            "skipped": self.skipped,
            "seconds": round(self.seconds, 2),
            "tokens_per_s": round(self.tokens / self.seconds) if self.tokens else None,
            "shards_reused": self.reused,
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
    roots: Mapping[str, str] | None = None,
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
    options = encode_shard.soft_options(soft or {}) if media else None
    where = corpus.roots | {name: os.path.abspath(path) for name, path in (roots or {}).items()}
    made_from = {
        "dataset": corpus.digest,
        "tokenizer": loaded.sha256,
        "id_space": storage.digest_of(loaded.id_space.to_json()),
        "heldout": heldout,
        "soft": options,
        # Media of a root that was not there are left out; with it they would not be.
        "roots": sorted(n for n, path in where.items() if os.path.isdir(path)) if media else None,
        "version": encode_shard.VERSION,
        "castor": importlib.metadata.version("castor"),
    }
    if outputs.is_finished(folder, KIND, made_from, force=force):
        manifest = outputs.read(folder, KIND)
        if encode_shard.is_whole(folder, manifest["shards"]):
            return Encoded(folder, manifest, True, time.monotonic() - started, 0, 0, None)
        (folder / outputs.MANIFEST).unlink()  # files are missing: they are made again
    common = {
        "out": str(folder),
        "tokenizer": str(loaded.path.resolve()),
        "sha256": loaded.sha256,
        "heldout": heldout,
        "soft": options,
        "roots": where,
    }
    with locked(folder):
        workspace.prepare(folder, corpus)
        done = _fan_out(corpus, common, folder, workers=workers, mode=mode, watch=watch)
        content = _content(done.results, loaded, corpus, heldout)
        _copy(loaded.path, folder / TOKENIZER)
        _remove_others(folder, content["shards"])
        outputs.write(folder, KIND, made_from, **content, soft_options=options)
        workspace.tidy(folder)
    made = [line for n in done.made for line in done.results[n]["lines"]]
    return Encoded(
        out=folder,
        manifest=outputs.read(folder, KIND),
        skipped=False,
        seconds=time.monotonic() - started,
        tokens=sum(line["tokens"] for line in made),
        reused=done.reused,
        fault=next((r["fault"] for r in done.results if r["fault"]), None),
    )


def _fan_out(
    corpus: Corpus,
    common: Mapping[str, Any],
    out: pathlib.Path,
    *,
    workers: int | None,
    mode: str | None,
    watch: Watch | None,
) -> fanout.Done:
    fan = fanout.FanOut(
        "castor.pipelines.tokens.encode_shard:encode_shard",
        "encode",
        encode_shard.VERSION,
        corpus.items,
        common,
        corpus.sizes,
    )

    def look(totals: Totals) -> None:
        if watch:
            watch("encode", totals.bytes, corpus.bytes, f"{totals.rows:,} documents")

    return fanout.run(
        fan,
        work=out / outputs.WORK,
        out=out,
        workers=workers,
        mode=mode,
        watch=look,
        whole=lambda result: encode_shard.is_whole(out, result["lines"]),
    )


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
    """Copies what reading the tokens needs of the tokenizer."""
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
