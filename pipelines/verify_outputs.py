"""Verify of what is no dataset: tokenizers, tokens, mixtures, ablations, classifiers, by file."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from castor.filters import outputs, storage
from castor.filters.errors import CastorError
from castor.pipelines import verify_ablation, verify_mixture
from castor.pipelines.verify_manifest import Problem

AGAIN = "restore it, or run the command that made it again with --force"
KINDS = ("tokenizer", "tokens", "mixture", "ablation", "classifier")
COPY = "tokenizer"  # the folder in a token dataset
# What else may lie in the folder of a tokenizer: `castor tokenizer eval` and --keep-counts.
EVALUATION, COUNTS = "evaluation.json", "counts.bin"


def kind_of(folder: pathlib.Path) -> str | None:
    """One of KINDS if the manifest in a folder says so, else None."""
    try:
        manifest = json.loads((folder / outputs.MANIFEST).read_bytes())
    except (OSError, ValueError):
        return None
    kind = manifest.get("kind") if isinstance(manifest, dict) else None
    return kind if kind in KINDS else None


def problems(folder: pathlib.Path, kind: str) -> Iterator[Problem]:
    """Everything that is wrong in the folder of one of KINDS."""
    try:
        manifest = outputs.read(folder, kind)
    except CastorError as error:
        yield _problem(error, folder, outputs.MANIFEST)
        return
    yield from _written(folder, manifest)
    of_kind = {
        "tokenizer": _tokenizer, "tokens": _tokens, "mixture": verify_mixture.problems,
        "ablation": verify_ablation.problems, "classifier": _classifier,
    }  # fmt: skip
    yield from of_kind[kind](folder, manifest)


def below(name: str, found: Iterator[Problem]) -> Iterator[Problem]:
    """Problems of a folder inside the one that is verified."""
    for problem in found:
        yield dataclasses.replace(problem, where=f"{name}/{problem.where}")


def _written(folder: pathlib.Path, manifest: Mapping[str, Any]) -> Iterator[Problem]:
    """Whether the bytes of a manifest are those that were written, blanks too."""
    if (folder / outputs.MANIFEST).read_bytes() != storage.to_json(manifest):
        yield Problem("the manifest was changed", outputs.MANIFEST, "other blanks", AGAIN)


def _tokenizer(
    folder: pathlib.Path, manifest: Mapping[str, Any], *, copy: bool = False
) -> Iterator[Problem]:
    from castor.tokenizer.count import Counts
    from castor.tokenizer.processor import MODEL, load
    from castor.tokenizer.train import VOCAB, vocabulary

    known = {outputs.MANIFEST, outputs.WORK, MODEL, VOCAB, EVALUATION, COUNTS}
    yield from _strange(folder, known)
    try:
        loaded = load(folder)
    except CastorError as error:
        yield _problem(error, folder, MODEL)
        return
    path = folder / VOCAB
    if not path.is_file():
        if not copy:
            yield Problem("a file is missing", VOCAB, "nothing", AGAIN)
    elif path.read_bytes() != vocabulary(loaded.sentencepiece):
        got = "other pieces than the model's"
        yield Problem("a file is damaged", VOCAB, got, AGAIN)
    if (folder / COUNTS).is_file():
        try:
            counts = Counts.load(folder / COUNTS)
        except CastorError as error:
            yield _problem(error, folder, COUNTS)
            return
        said = manifest["counts"]
        for name in ("sha256", "documents", "text_bytes", "skipped", "repaired"):
            if getattr(counts, name) != said[name]:
                got = f"{name} {getattr(counts, name)}, the manifest says {said[name]}"
                yield Problem("a file is damaged", COUNTS, got, AGAIN)


def _classifier(folder: pathlib.Path, manifest: Mapping[str, Any]) -> Iterator[Problem]:
    files = manifest["files"]
    yield from _strange(folder, {outputs.MANIFEST, outputs.WORK, *files})
    missing = list(_missing(folder, {"path": "", "files": files}))
    yield from missing
    for name in sorted(files) if not missing else ():
        if (got := storage.digest(folder / name)) != files[name]["blake2b"]:
            yield Problem("a file is damaged", name, f"digest {got}", AGAIN)


def _tokens(folder: pathlib.Path, manifest: Mapping[str, Any]) -> Iterator[Problem]:
    from castor.mixtures.tokens import Tokens, verify

    named = {line["path"] + suffix for line in manifest["shards"] for suffix in line["files"]}
    yield from _strange(folder, {outputs.MANIFEST, outputs.WORK, COPY, *manifest["sources"]})
    for source in sorted(manifest["sources"]):
        for path in sorted((folder / source).rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and name not in named:
                yield _nobodys(path, name)
    for line in manifest["shards"]:
        missing = list(_missing(folder, line))
        yield from missing
        if missing:
            continue
        try:
            verify(Tokens(folder, {**manifest, "shards": [line]}))
        except CastorError as error:
            yield _problem(error, folder, line["path"])
    yield from _copy(folder, manifest)


def _missing(folder: pathlib.Path, line: Mapping[str, Any]) -> Iterator[Problem]:
    """The files of a part that are not there, or of another size."""
    for suffix, file in line["files"].items():
        name = line["path"] + suffix
        try:
            size = (folder / name).stat().st_size
        except FileNotFoundError:
            yield Problem("a file is missing", name, "nothing", AGAIN)
            continue
        if size != file["bytes"]:
            got = f"{size} bytes, not {file['bytes']}"
            yield Problem("a file has another size", name, got, AGAIN)


def _copy(folder: pathlib.Path, manifest: Mapping[str, Any]) -> Iterator[Problem]:
    """The tokenizer in a token dataset."""
    copy = folder / COPY
    try:
        own = outputs.read(copy, "tokenizer")
    except CastorError as error:
        yield _problem(error, folder, f"{COPY}/{outputs.MANIFEST}")
        return
    yield from below(COPY, _written(copy, own))
    yield from below(COPY, _tokenizer(copy, own, copy=True))
    if own["model"]["sha256"] != manifest["tokenizer"]["sha256"]:
        got = f"sha256 {own['model']['sha256'][:16]}..., another than the one that encoded"
        yield Problem("the tokenizer is another one", COPY, got, AGAIN)


def _strange(folder: pathlib.Path, known: set[str]) -> Iterator[Problem]:
    for path in sorted(folder.iterdir()):
        if path.name not in known:
            yield _nobodys(path, path.name)


def _nobodys(path: pathlib.Path, name: str) -> Problem:
    size = "a folder" if path.is_dir() else f"{path.stat().st_size} bytes"
    if path.name.startswith(storage.TEMPORARY):
        return Problem("a run left a temporary file", name, size, "delete it")
    return Problem("no manifest names this", name, size, "move it elsewhere")


def _problem(error: CastorError, folder: pathlib.Path, name: str) -> Problem:
    where = name
    if isinstance(error.where, pathlib.Path) and error.where.is_relative_to(folder):
        where = error.where.relative_to(folder).as_posix()
    got = "nothing" if error.got is None else " ".join(str(error.got).split())
    return Problem(error.what, where if where != "." else name, got, error.fix or AGAIN)
