"""Verify: is what lies in an output folder what the run wrote, and does it add up.

From the outside in: the manifests, then every file that they name, then the rows: keys
that are unique over all outcomes, duplicates that name a kept row, counts that add up.
"""

from __future__ import annotations

import os
import pathlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from castor.filters import storage
from castor.filters.errors import CastorError
from castor.filters.record import RECORD_SCHEMA, check_schema
from castor.pipelines import verify_outputs
from castor.pipelines.dataset import FINDINGS, MANIFEST, OUTCOMES
from castor.pipelines.verify_manifest import REBUILD, RESTORE, Problem, read_dataset, read_run
from castor.pipelines.verify_rows import Rows

# What may lie in the output folder of a run beside the files that its manifest names.
# `raw` is the input that `castor demo` gathered, and CHAIN what it made of the dataset.
CHAIN = {
    *("tokenizer", "tokens", "mixture", "mixture.yaml", "ablation", "ablation.yaml"),
    *("planted", "train", "train.yaml"),
}
BESIDE = {MANIFEST, "run.json", "run.log", "report.html", ".work", "raw", *CHAIN}
# `<name>_blake2b` in a run's manifest is the digest of `<name>.json`, or of one of these.
LISTS = {"inputs": "inputs.jsonl"}
COLUMNS = {
    "kept": set(RECORD_SCHEMA.names),
    "dropped": {"key", "source", "modality", "reasons", "sample"},
    "rejected": {"key", "source", "place", "reason", "message"},
    "duplicate": {"key", "source", "modality", "duplicate_of", "similarity", "method"},
    "contaminated": {"key", "source", "modality", "matches"},
    FINDINGS: {"key", "benchmark", "item_id", "contaminated"},
}


def verify(path: str | os.PathLike[str]) -> list[Problem]:
    """Everything that is wrong with the output of a run, or with one dataset; [] if nothing.

    Reads every byte once for its digest, and the columns key, source, modality and
    duplicate_of of every shard. Tokenizers, token datasets, mixtures and ablations are verified
    too, alone or in the folder of a run; a training is not, its checkpoints are checked when they
    are read.

    Raises:
        CastorError: there is no folder, or nothing finished in it.
    """
    folder = pathlib.Path(path)
    kind = verify_outputs.kind_of(folder)
    if kind:
        return list(verify_outputs.problems(folder, kind))
    of_run = any((folder / o).is_dir() for o in OUTCOMES)
    if not of_run and not (folder / MANIFEST).is_file():
        raise CastorError("nothing finished to verify here", where=folder, fix="check the path")
    return list(_run(folder) if of_run else _alone(folder))


def _alone(folder: pathlib.Path) -> Iterator[Problem]:
    """The problems of a dataset that is not part of a run."""
    rows = Rows()
    manifest, problems = read_dataset(folder / MANIFEST, MANIFEST)
    yield from problems
    if manifest:
        yield from _dataset(folder, "", manifest["dataset"], manifest, rows)
        yield from (Problem(*p) for p in rows.problems())


def _run(folder: pathlib.Path) -> Iterator[Problem]:
    rows = Rows()
    manifest, problems = read_run(folder / MANIFEST, MANIFEST)
    yield from problems
    if manifest:
        yield from _files(folder, manifest)
        yield from _counts(manifest)
    for outcome in (*OUTCOMES, FINDINGS):
        if not manifest or outcome in manifest["datasets"]:
            yield from _outcome(folder, outcome, manifest, rows)
    yield from (Problem(*p) for p in rows.problems(manifest))
    for name in sorted(CHAIN):
        kind = verify_outputs.kind_of(folder / name)
        if kind:
            yield from verify_outputs.below(name, verify_outputs.problems(folder / name, kind))


def _files(folder: pathlib.Path, manifest: Mapping[str, Any]) -> Iterator[Problem]:
    """The files that the run's manifest names by digest, and those that nothing names."""
    named = set(BESIDE)
    for key in sorted(k for k in manifest if k.endswith("_blake2b")):
        stem = key.removesuffix("_blake2b")
        name = LISTS.get(stem, f"{stem}.json")
        named.add(name)
        yield from _digest(folder / name, name, str(manifest[key]))
    yield from _extra(folder, "", named | set(manifest["datasets"]))


def _counts(manifest: Mapping[str, Any]) -> Iterator[Problem]:
    """The counts of the run's manifest against one another and against the datasets."""
    counts = manifest["counts"]
    total = counts["total"]
    for outcome in OUTCOMES:
        rows = manifest["datasets"][outcome]["rows"]
        if total[outcome] != rows:
            got = f"{total[outcome]} counted, {rows} rows in the dataset"
            yield Problem(f"the counts of {outcome} do not agree", MANIFEST, got, RESTORE)
    tables = [("total", total)]
    for name in ("by_source", "by_modality"):
        tables += [(f"{name} {key}", table) for key, table in counts[name].items()]
        summed: Counter[str] = Counter()
        for table in counts[name].values():
            summed.update(table)
        if any(summed[k] != n for k, n in total.items()):
            got = f"{dict(summed)}, total {total}"
            yield Problem(f"the counts {name} do not add up", MANIFEST, got, RESTORE)
    for name, table in tables:
        n_out = sum(table[o] for o in OUTCOMES)
        if table["in"] != n_out:
            got = f"{table['in']} in, {n_out} out"
            yield Problem(f"rows were lost: {name}", MANIFEST, got, REBUILD)


def _outcome(
    folder: pathlib.Path, outcome: str, run: Mapping[str, Any] | None, rows: Rows
) -> Iterator[Problem]:
    """The dataset of one outcome, against the run's manifest where that can be relied on."""
    where = f"{outcome}/{MANIFEST}"
    manifest: dict[str, Any] | None = None
    problems: list[Problem] = []
    if run:
        problems = list(_digest(folder / where, where, run["datasets"][outcome]["blake2b"]))
    if not problems:
        manifest, problems = read_dataset(folder / where, where)
    yield from problems
    if manifest is None:
        rows.incomplete = True
        return
    for quantity in ("rows", "bytes") if run else ():
        said = run["datasets"][outcome][quantity] if run else None
        if manifest[quantity] != said:
            got = f"{manifest[quantity]}, the run's manifest says {said}"
            yield Problem(f"the {quantity} do not agree", where, got, RESTORE)
    yield from _dataset(folder / outcome, f"{outcome}/", outcome, manifest, rows)


def _dataset(
    folder: pathlib.Path, prefix: str, outcome: str, manifest: Mapping[str, Any], rows: Rows
) -> Iterator[Problem]:
    shards = manifest["shards"]
    names = [s["path"] for s in shards]
    where = f"{prefix}{MANIFEST}"
    if names != sorted(set(names)):
        yield Problem("the shards are not in order, each once", where, ", ".join(names), RESTORE)
    for quantity in ("rows", "bytes"):
        total = sum(s[quantity] for s in shards)
        if total != manifest[quantity]:
            got = f"{total} in its shards, {manifest[quantity]} stated"
            yield Problem(f"the {quantity} do not add up", where, got, RESTORE)
    schema: pa.Schema | None = None
    for shard in shards:
        path, name = folder / shard["path"], prefix + shard["path"]
        problems = list(_digest(path, name, shard["blake2b"], shard["bytes"]))
        if not problems:
            found, problems = _shard(path, name, outcome, shard["rows"], schema)
            schema = schema or found
        if not problems:
            try:
                rows.add(outcome, path)
            except CastorError as error:
                problems = [Problem(error.what, name, str(error.got), RESTORE)]
        rows.incomplete |= bool(problems)
        yield from problems
    yield from _extra(folder, prefix, {MANIFEST, ".work", *names})


def _digest(
    path: pathlib.Path, where: str, expected: str, n_bytes: int | None = None
) -> Iterator[Problem]:
    try:
        size = path.stat().st_size
        if n_bytes is not None and size != n_bytes:
            yield Problem("a file has another size", where, f"{size} bytes, not {n_bytes}", RESTORE)
        elif (got := storage.digest(path)) != expected:
            yield Problem("a file is damaged", where, f"digest {got}, not {expected}", RESTORE)
    except FileNotFoundError:
        yield Problem("a file is missing", where, "nothing", RESTORE)
    except OSError as error:
        yield Problem("cannot read a file", where, str(error.strerror), "give read permission")


def _shard(
    path: pathlib.Path, where: str, outcome: str, n_rows: int, schema: pa.Schema | None
) -> tuple[pa.Schema | None, list[Problem]]:
    """The schema of a shard, and what is wrong with its rows' number or columns."""
    try:
        with pq.ParquetFile(path) as file:
            found, got_rows = file.schema_arrow, file.metadata.num_rows
        check_schema(found, where=where)
    except CastorError as error:
        return None, [Problem(error.what, where, str(error.got), str(error.fix))]
    except (pa.ArrowException, OSError) as error:
        got = " ".join(str(error).split())[:200]
        return None, [Problem("a shard is no Parquet file", where, got, RESTORE)]
    problems = []
    if got_rows != n_rows:
        got = f"{got_rows}, the manifest says {n_rows}"
        problems.append(Problem("a shard has another number of rows", where, got, RESTORE))
    lacking = COLUMNS.get(outcome, {"key", "source", "modality"}) - set(found.names)
    if lacking:
        got = f"no {', '.join(sorted(lacking))}"
        problems.append(Problem("a shard lacks columns", where, got, REBUILD))
    if schema is not None and not schema.equals(found):
        odd = sorted(set(map(str, schema)) ^ set(map(str, found)))
        got = ", ".join(odd)[:200] or "another order"
        problems.append(Problem("a shard has another schema than the first", where, got, REBUILD))
    return found, problems


def _extra(folder: pathlib.Path, prefix: str, known: set[str]) -> Iterator[Problem]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name in known:
            continue
        size = "a folder" if path.is_dir() else f"{path.stat().st_size} bytes"
        if path.name.startswith(storage.TEMPORARY):
            yield Problem("a run left a temporary file", prefix + path.name, size, "delete it")
        else:
            yield Problem("no manifest names this", prefix + path.name, size, "move it elsewhere")
