"""Decide again: other policies over the stored signals, without reading a single text.

Only key, source, modality, the signals that the policies read and, of dropped rows, their
reasons are read. What was rejected, or removed as a duplicate or as contaminated, keeps
that outcome: no policy had a say in it.
"""

from __future__ import annotations

import os
import pathlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from castor.filters import policy as policies
from castor.filters import storage
from castor.filters.errors import CastorError, ConfigError
from castor.filters.lock import locked
from castor.filters.policy import Policy
from castor.pipelines.dataset import (
    MANIFEST,
    Dataset,
    ShardWriter,
    describe_shard,
    open_folder,
    read_shard,
)
from castor.pipelines.results import is_run

SCHEMA = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("modality", pa.string(), nullable=False),
        pa.field("kept", pa.bool_(), nullable=False),
        pa.field("reasons", pa.list_(pa.string()), nullable=False),
        pa.field("before", pa.string(), nullable=False),
        pa.field("reasons_before", pa.list_(pa.string()), nullable=False),
    ]
)


def decide(
    path: str | os.PathLike[str], names: Sequence[str], out: str | os.PathLike[str]
) -> dict[str, Any]:
    """Applies policies to the kept and dropped rows of a run, or to the rows of a dataset.

    Writes a dataset of decisions, one row for each: key, source, modality, kept, reasons,
    and what it was before (`kept` or `dropped`) with its reasons then. All policies apply
    to all rows of their modalities, whatever `sources:` the run's recipe restricted them to.

    Args:
        path: OUT of a run, or the folder of one dataset with signal columns.
        names: policies by name or by the path of a YAML file.
        out: folder of the new dataset; decisions that lie there already are replaced.

    Returns:
        The comparison: `rows`, `kept_before`, `kept_after`, `newly_kept`, `newly_dropped`,
        `by_source` (the same five by source), `reasons` (reason -> before, after, only),
        `policies` (name -> version), `out`.

    Raises:
        ConfigError: an unknown policy, or one that reads a signal which is not there; nothing
            was written. Or the folder holds something else.
        CastorError: there is no dataset, or a shard of it is damaged.
    """
    chosen = [policies.load(name) for name in names]
    if not chosen:
        raise ConfigError("no policy to decide by", fix="give one with --policy")
    datasets = _datasets(pathlib.Path(path))
    signals = _columns(datasets)
    for policy in chosen:
        policies.check(policy, signals)
    folder = pathlib.Path(out).resolve()
    _refuse_other(folder, datasets)
    comparison = Comparison()
    with locked(folder):
        (folder / MANIFEST).unlink(missing_ok=True)
        shards = [
            _write(folder, number, parts, chosen, comparison) for number, parts in _shards(datasets)
        ]
        for path_ in folder.glob("part-*.parquet"):
            if path_.name not in {s["path"] for s in shards}:
                path_.unlink()
        found = comparison.to_json()
        first = next(iter(datasets.values()))
        manifest = {
            "castor": first.manifest["castor"],
            "schema_version": first.manifest["schema_version"],
            "dataset": "decisions",
            "rows": sum(s["rows"] for s in shards),
            "bytes": sum(s["bytes"] for s in shards),
            "shards": shards,
            "policies": {p.name: p.version for p in chosen},
            "decided": {o: storage.digest(d.path / MANIFEST) for o, d in datasets.items()},
            "counts": found,
        }
        manifest["blake2b"] = storage.digest_of(manifest)
        storage.write_json(folder / MANIFEST, manifest)
    return found | {"policies": manifest["policies"], "out": str(folder)}


class Comparison:
    """Counts what another decision changes; fed batch by batch."""

    def __init__(self) -> None:
        self._by_source: dict[str, Counter[str]] = {}
        self._reasons: dict[str, Counter[str]] = {}

    def add(self, source: str, before: Sequence[str], after: Sequence[str], was_kept: bool) -> None:
        """Counts one row by its reasons before and after."""
        row = self._by_source.setdefault(source, Counter())
        row["rows"] += 1
        row["kept_before"] += was_kept
        row["kept_after"] += not after
        row["newly_kept"] += not was_kept and not after
        row["newly_dropped"] += was_kept and bool(after)
        for reason in before:
            self._reasons.setdefault(reason, Counter())["before"] += 1
        for reason in after:
            self._reasons.setdefault(reason, Counter())["after"] += 1
        if len(after) == 1:
            self._reasons[after[0]]["only"] += 1

    def to_json(self) -> dict[str, Any]:
        """The table, as documented at `decide`."""
        names = ("rows", "kept_before", "kept_after", "newly_kept", "newly_dropped")
        total: Counter[str] = Counter()
        for row in self._by_source.values():
            total.update(row)
        ranked = sorted(self._reasons, key=lambda r: (-self._reasons[r]["after"], r))
        return {
            **{n: total[n] for n in names},
            "by_source": {s: {n: row[n] for n in names} for s, row in self._by_source.items()},
            "reasons": {
                r: {n: self._reasons[r][n] for n in ("before", "after", "only")} for r in ranked
            },
        }


def _datasets(path: pathlib.Path) -> dict[str, Dataset]:
    """The datasets to decide about, by what their rows were before."""
    if is_run(path):
        return {outcome: open_folder(path / outcome) for outcome in ("kept", "dropped")}
    found = open_folder(path)
    name = str(found.manifest.get("dataset", "kept"))
    if name not in ("kept", "dropped"):
        raise ConfigError(
            "policies decide about kept and dropped rows only",
            where=path,
            got=f"a dataset of {name} rows",
            fix="give the output folder of the run",
        )
    return {name: found}


def _columns(datasets: Mapping[str, Dataset]) -> list[pa.Field]:
    """The columns that every dataset with rows has."""
    found = [list(d.schema) for d in datasets.values() if d.shards]
    if not found:
        where = next(iter(datasets.values())).path
        raise CastorError("there are no rows to decide about", where=where)
    return [f for f in found[0] if all(f in fields for fields in found[1:])]


def _refuse_other(folder: pathlib.Path, datasets: Mapping[str, Dataset]) -> None:
    """Refuses a folder that holds anything but earlier decisions."""
    manifest = folder / MANIFEST
    decisions = manifest.is_file() and storage.read_json(manifest).get("dataset") == "decisions"
    inside = any(folder == p for d in datasets.values() for p in (d.path.resolve().parent, d.path))
    names = {p.name for p in folder.iterdir()} if folder.is_dir() else set()
    others = names - {".work"}
    if ".work" in names and all(n.startswith(("part-", storage.TEMPORARY)) for n in others):
        others = set()  # what decisions left that did not finish
    if inside or (others and not decisions):
        raise ConfigError(
            "the output folder holds something else",
            where=folder,
            got=", ".join(sorted(others)[:4]),
            fix="give a new folder",
        )


def _shards(
    datasets: Mapping[str, Dataset],
) -> Iterator[tuple[int, list[tuple[str, pathlib.Path]]]]:
    """(shard number, its files by what their rows were), in order."""
    found: dict[int, list[tuple[str, pathlib.Path]]] = {}
    for before, dataset in datasets.items():
        for shard in dataset.shards:
            number = int(re.sub(r"\D", "", shard.path))
            found.setdefault(number, []).append((before, dataset.path / shard.path))
    yield from sorted(found.items())


def _write(
    folder: pathlib.Path,
    number: int,
    parts: Sequence[tuple[str, pathlib.Path]],
    chosen: Sequence[Policy],
    comparison: Comparison,
) -> dict[str, Any]:
    path = folder / f"part-{number:05d}.parquet"
    writer = ShardWriter(path, SCHEMA)
    try:
        for before, shard in parts:
            for batch in read_shard(shard, _wanted(chosen, before)):
                writer.write(_decided(batch, chosen, before, comparison))
        rows = writer.close()
    except BaseException as error:
        writer.abandon(error)
        raise
    return vars(describe_shard(path, rows))


def _wanted(chosen: Sequence[Policy], before: str) -> list[str]:
    columns = {"key", "source", "modality"} | ({"reasons"} if before == "dropped" else set())
    for name in (c for p in chosen for c in p.columns):
        columns.add("meta" if name.startswith("meta.") else name)
    return sorted(columns)


def _decided(
    batch: pa.RecordBatch, chosen: Sequence[Policy], before: str, comparison: Comparison
) -> pa.RecordBatch:
    n_rows = batch.num_rows
    reasons: list[list[str]] = [[] for _ in range(n_rows)]
    for policy in chosen:
        for row, found in zip(reasons, policy.decide(batch).to_pylist(), strict=True):
            row += found
    was_kept = before == "kept"
    earlier = [[]] * n_rows if was_kept else batch.column("reasons").to_pylist()
    sources = batch.column("source").to_pylist()
    for source, then, now in zip(sources, earlier, reasons, strict=True):
        comparison.add(source, then, now, was_kept)
    columns = {
        "kept": [not r for r in reasons],
        "reasons": reasons,
        "before": [before] * n_rows,
        "reasons_before": earlier,
    }
    return pa.RecordBatch.from_arrays(
        [
            pa.array(columns[f.name], f.type) if f.name in columns else batch.column(f.name)
            for f in SCHEMA
        ],
        schema=SCHEMA,
    )
