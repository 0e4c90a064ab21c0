"""Inspect: what is in a dataset, and the whole story of one row.

Rows are found by reading the key column alone; the other columns are read for the one row
group that holds the row.
"""

from __future__ import annotations

import difflib
import json
import os
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from castor.filters.errors import ConfigError
from castor.filters.policy import Policy, Rule
from castor.pipelines.catalogue import rule_facts
from castor.pipelines.dataset import OUTCOMES, Dataset, open_folder, opened_shard
from castor.pipelines.results import MISSING, Results, columns_of, is_run, open_run
from castor.pipelines.sampling import sample
from castor.pipelines.signatures import COLUMNS

EXCERPT_CHARACTERS = 300
CANDIDATE_KEYS = 50_000  # keys that a mistyped one is compared with
LISTED_DUPLICATES = 20


def summary(path: str | os.PathLike[str], samples: int = 3) -> dict[str, Any]:
    """What is in the output of a run, or in one dataset.

    Args:
        samples: rows shown of every dataset, chosen by the hash of their keys.

    Returns:
        For both: `path`, `kind` (`run` or `dataset`), `datasets` (name -> rows, bytes,
        shards, columns), `samples` (name -> rows). For a run also `recipe`, `counts`,
        `reasons` (reason -> rows, only), `rejected`, `skipped`, `errors` (annotator -> rows),
        `rules_never_fired`, `inputs`, `started`, `seconds`.

    Raises:
        CastorError: there is no finished dataset, or it is damaged.
    """
    if not is_run(path):
        dataset = open_folder(os.fspath(path))
        name = str(dataset.manifest.get("dataset", dataset.path.name))
        return {
            "path": str(path),
            "kind": "dataset",
            "datasets": {name: _facts(dataset)},
            "samples": {name: _samples(dataset, samples)},
        }
    results = open_run(path)
    datasets = {o: results.dataset(o) for o in OUTCOMES}
    return {
        "path": str(path),
        "kind": "run",
        "recipe": results.name,
        "about": results.manifest["config"].get("about", ""),
        "started": results.run.get("started"),
        "seconds": results.run.get("seconds"),
        "limit": results.manifest["limit"],
        "counts": results.counts,
        "inputs": results.manifest["inputs"],
        "datasets": {o: _facts(d) for o, d in datasets.items()},
        "reasons": reasons_of(results),
        "rejected": _summed(results, "rejected"),
        "skipped": results.counts["skipped"],
        "errors": _summed(results, "error"),
        "rules_never_fired": results.manifest["rules_never_fired"],
        "samples": {o: _samples(d, samples) for o, d in datasets.items()},
    }


def reasons_of(results: Results) -> dict[str, dict[str, int]]:
    """Every reason to drop a row, the most frequent first: rows, and rows with no other."""
    rows, only = _summed(results, "reason"), _summed(results, "only_reason")
    return {reason: {"rows": n, "only": only.get(reason, 0)} for reason, n in rows.items()}


def story(path: str | os.PathLike[str], key: str) -> dict[str, Any]:
    """Everything that is known of one row of a run or dataset.

    Returns:
        `key`, `outcome`, `shard`, `row` (its number in the shard), `columns`, `reasons` (for a
        dropped row), `checks` (every rule that applied: measured value, bounds, citation,
        verdict), `duplicate_of` (the kept row's head, for a duplicate), `duplicates` (keys of
        what duplicates this row, for a kept one), `matches` (of benchmarks).

    Raises:
        ConfigError: no row has that key; the nearest keys are named.
    """
    run = open_run(path) if is_run(path) else None
    datasets = (
        {o: run.dataset(o) for o in OUTCOMES} if run else {"": open_folder(os.fspath(path))}
    )  # fmt: skip
    place = find(datasets, key)
    if place is None:
        near = _nearest(datasets, key)
        raise ConfigError(
            "no row with this key", where=path, got=repr(key),
            fix=f"the nearest: {', '.join(near)}" if near else "list keys with `castor inspect`",
        )  # fmt: skip
    name, shard, number, columns = place
    outcome = name or str(datasets[""].manifest.get("dataset", "kept"))
    found = {
        "key": key,
        "outcome": outcome,
        "shard": shard,
        "row": number,
        "columns": columns,
        "reasons": columns.get("reasons") or [],
        "checks": _checks(run, columns) if run else [],
    }
    if "duplicate_of" in columns:
        # The row that was to be kept may have turned out to be contaminated.
        others = {o: datasets[o] for o in ("kept", "contaminated")} if run else {}
        kept = find(others, columns["duplicate_of"])
        found["duplicate_of"] = {"key": columns["duplicate_of"], **(_head(kept[3]) if kept else {})}
    if run and outcome == "kept":
        found["duplicates"] = _duplicates(datasets["duplicate"], key)
    if columns.get("matches") is not None:
        found["matches"] = json.loads(columns["matches"])
    return found


def find(datasets: dict[str, Dataset], key: str) -> tuple[str, str, int, dict[str, Any]] | None:
    """(dataset, shard, row number in it, columns) of a key, or None."""
    for name, dataset in datasets.items():
        for shard, group, at, first in _occurrences(dataset, "key", key):
            row = _row(dataset.path / shard, group, at)
            return name, shard, first + at, row
    return None


def _occurrences(dataset: Dataset, column: str, value: str) -> Iterator[tuple[str, int, int, int]]:
    """(shard, row group, row in it, first row of it) where a column holds a value."""
    for shard in dataset.shards:
        with opened_shard(dataset.path / shard.path) as file:
            first = 0
            for group in range(file.num_row_groups):
                keys = file.read_row_group(group, columns=[column]).column(column)
                at = pc.index(keys, pa.scalar(value, keys.type)).as_py()
                if at >= 0:
                    yield shard.path, group, at, first
                first += len(keys)


def _row(path: pathlib.Path, group: int, at: int) -> dict[str, Any]:
    with opened_shard(path) as file:
        names = [n for n in file.schema_arrow.names if n not in COLUMNS]
        [row] = file.read_row_group(group, columns=names).slice(at, 1).to_pylist()
    return {k: _plain(v) for k, v in row.items()}


def _checks(run: Results, columns: dict[str, Any]) -> list[dict[str, Any]]:
    """Every rule of the recipe that applies to a row, with the value it was held against."""
    modality = columns.get("modality")
    if modality is None:
        return []
    reasons = set(columns.get("reasons") or ())
    return [
        _check(policy, rule, columns, reasons)
        for policy, rule in run.rules(columns["source"], {modality})
    ]


def _check(
    policy: Policy, rule: Rule, columns: dict[str, Any], reasons: set[str]
) -> dict[str, Any]:
    value = columns.get(rule.signal)
    if rule.signal.startswith("meta.") and rule.signal not in columns:
        value = dict(columns.get("meta") or {}).get(rule.signal[5:])
    if rule.reason in reasons:
        verdict = "failed"
    elif rule.reason + MISSING in reasons:
        verdict = "missing"
    else:
        verdict = "passed" if value is not None else "not asked"
    facts = {k: v for k, v in rule_facts(rule).items() if k != "name"}
    return {"policy": policy.name, "reason": rule.reason, "value": value, **facts,
            "verdict": verdict}  # fmt: skip


def _duplicates(dataset: Dataset, key: str) -> list[str]:
    found: list[str] = []
    for shard in dataset.shards:
        with opened_shard(dataset.path / shard.path) as file:
            table = file.read(columns=["key", "duplicate_of"])
        mine = table.filter(pc.equal(table.column("duplicate_of"), key))
        found += mine.column("key").to_pylist()
        if len(found) >= LISTED_DUPLICATES:
            break
    return found[:LISTED_DUPLICATES]


def _nearest(datasets: dict[str, Dataset], key: str) -> list[str]:
    keys: list[str] = []
    inside: list[str] = []
    for dataset in datasets.values():
        for batch in dataset.batches(["key"]):
            column = batch.column("key")
            if len(inside) < 3:
                mask = pc.match_substring(column, key, ignore_case=True)
                inside += column.filter(mask).to_pylist()
            if len(keys) < CANDIDATE_KEYS:
                keys += column.to_pylist()
    return inside[:3] or difflib.get_close_matches(key, keys[:CANDIDATE_KEYS], n=3, cutoff=0.5)


def _facts(dataset: Dataset) -> dict[str, Any]:
    return {
        "rows": dataset.rows,
        "bytes": sum(s.bytes for s in dataset.shards),
        "shards": len(dataset.shards),
        "columns": columns_of(dataset),
    }


def _samples(dataset: Dataset, n: int) -> list[dict[str, Any]]:
    """The heads of a few rows, chosen by the hash of their keys."""
    if n < 1 or not dataset.shards:
        return []
    known = columns_of(dataset)
    wanted = ["text", "sample", "reasons", "reason", "message", "duplicate_of", "modality"]
    return [_head(row) for row in sample(dataset, [c for c in wanted if c in known], n)]


def _head(row: dict[str, Any]) -> dict[str, Any]:
    text = row.get("text") or row.get("sample")
    names = ("key", "source", "modality", "reasons", "reason", "message", "duplicate_of")
    head = {n: row[n] for n in names if row.get(n) is not None}
    return head | ({"excerpt": " ".join(text[:EXCERPT_CHARACTERS].split())} if text else {})


def _summed(results: Results, kind: str) -> dict[str, int]:
    """The counters of a kind over all sources, by their last step, the largest first."""
    found: dict[str, int] = {}
    for path, n in results.counters.get(kind, {}).items():
        found[path[-1]] = found.get(path[-1], 0) + n
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _plain(value: Any) -> Any:
    """A value that JSON can hold: bytes as hexadecimal, maps as objects."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Sequence) and not isinstance(value, str):
        pairs = bool(value) and all(isinstance(v, tuple) and len(v) == 2 for v in value)
        return {k: _plain(v) for k, v in value} if pairs else [_plain(v) for v in value]
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return value
