"""Commit: the manifests, last. Their presence says that the dataset is whole."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterable, Iterator
from typing import Any

from castor.filters import storage
from castor.filters.errors import CastorError
from castor.filters.record import SCHEMA_VERSION
from castor.pipelines import leaks, progress
from castor.pipelines.dataset import FINDINGS, MANIFEST, OUTCOMES
from castor.pipelines.job import castor_version
from castor.pipelines.stages.statistics import Statistics
from castor.pipelines.stages.step import Step


class Commit(Step):
    """The results of all shards -> the manifests of the run."""

    def process(self, element: tuple[int, Iterable[bytes]]) -> Iterator[int]:
        """Writes them, once every shard has given its result; yields the number of shards."""
        with progress.reporting(self.job.work):
            results = sorted((json.loads(r) for r in element[1]), key=lambda r: r["number"])
            if [r["number"] for r in results] != [s.number for s in self.job.written]:
                raise CastorError(
                    "the results do not cover all shards",
                    got=f"{len(results)} results for {len(self.job.written)} shards",
                    fix="run the same command again",
                )
            self._commit(results)
            yield len(results)

    def _commit(self, results: list[dict[str, Any]]) -> None:
        out = pathlib.Path(self.job.out)
        common = {"castor": castor_version(), "schema_version": SCHEMA_VERSION}
        datasets = {}
        for outcome in (*OUTCOMES, FINDINGS):
            shards = [r["shards"][outcome] for r in results if outcome in r["shards"]]
            _remove_others(out / outcome, {s["path"] for s in shards})
            manifest = common | {
                "dataset": outcome,
                "rows": sum(s["rows"] for s in shards),
                "bytes": sum(s["bytes"] for s in shards),
                "shards": shards,
            }
            _write(out / outcome / MANIFEST, manifest)
            datasets[outcome] = {k: manifest[k] for k in ("rows", "bytes")} | {
                "blake2b": storage.digest(out / outcome / MANIFEST)
            }
        statistics = Statistics()
        for result in results:
            statistics.add(Statistics.from_json(result["statistics"]))
        storage.write_json(out / "statistics.json", statistics.to_json())
        written = {r["number"]: r for r in results}
        read = [
            written.get(s.number) or storage.read_json(self.job.note(s.number))
            for s in self.job.shards
        ]
        lines = [
            json.dumps(
                {"source": r["source"], "path": p, "bytes": n, "blake2b": d}, ensure_ascii=False
            )
            for r in read
            for p, n, d in r["inputs"]
        ]
        lines += [
            json.dumps({"source": source, "path": path, "ignored": True}, ensure_ascii=False)
            for source, paths in self.job.ignored.items()
            for path in paths
        ]
        storage.write_bytes(out / "inputs.jsonl", "".join(f"{x}\n" for x in lines).encode())
        counts = counts_of(statistics)
        for outcome in OUTCOMES:
            if counts["total"][outcome] != datasets[outcome]["rows"]:
                raise CastorError(
                    "the counts do not add up",
                    where=outcome,
                    got=f"{counts['total'][outcome]} counted, {datasets[outcome]['rows']} written",
                )
        manifest = common | {
            "counts": counts,
            "datasets": datasets,
            "inputs": _inputs(read, self.job.ignored),
            "inputs_blake2b": storage.digest(out / "inputs.jsonl"),
            "statistics_blake2b": storage.digest(out / "statistics.json"),
            "limit": self.job.limit,
            "benchmarks": self._benchmarks(),
            "config": self.job.config,
            "policies": self.job.policies_by_name,
            "versions": self.tools.versions,
            "rules_never_fired": self._never_fired(statistics),
        }
        _write(out / MANIFEST, manifest)

    def _benchmarks(self) -> dict[str, Any] | None:
        if not self.job.against:
            return None
        return leaks.describe(self.job.work, self.job.against)

    def _never_fired(self, statistics: Statistics) -> list[str]:
        fired = {
            k.split("\t")[2].removesuffix(":missing")
            for k in statistics.counts
            if k.startswith("reason\t")
        }
        return [
            f"{policy.name}: {reason}"
            for _, policy in self.tools.policies
            for reason in policy.reasons
            if reason not in fired
        ]


def counts_of(statistics: Statistics) -> dict[str, Any]:
    """Rows in and rows by outcome: in total, by source, by modality; they add up."""
    empty = dict.fromkeys(("in", *OUTCOMES), 0)
    total = dict(empty)
    sources: dict[str, dict[str, int]] = {}
    modalities: dict[str, dict[str, int]] = {}
    skipped: dict[str, int] = {}
    for path, n in statistics.counts.items():
        kind, *rest = path.split("\t")
        if kind == "outcome":
            source, modality, outcome = rest
            tables = [total, sources.setdefault(source, dict(empty))]
            tables.append(modalities.setdefault(modality or "unread", dict(empty)))
            for table in tables:
                table["in"] += n
                table[outcome] += n
        elif kind == "skipped":
            skipped[rest[1]] = skipped.get(rest[1], 0) + n
    return {"total": total, "by_source": sources, "by_modality": modalities, "skipped": skipped}


def _inputs(results: list[dict[str, Any]], ignored: dict[str, list[str]]) -> dict[str, Any]:
    found: dict[str, dict[str, int]] = {}
    for result in results:
        entry = found.setdefault(
            result["source"], {"files": 0, "bytes": 0, "shards": 0, "ignored": 0}
        )
        entry["files"] += len(result["inputs"])
        entry["bytes"] += sum(n for _, n, _ in result["inputs"])
        entry["shards"] += 1
        entry["ignored"] = len(ignored.get(result["source"], ()))
    return found


def _write(path: pathlib.Path, manifest: dict[str, Any]) -> None:
    """Writes a manifest with the digest of all else in it, so that no byte can change unseen."""
    storage.write_json(path, manifest | {"blake2b": storage.digest_of(manifest)})


def _remove_others(folder: pathlib.Path, names: set[str]) -> None:
    """Removes shards of an earlier configuration that this one did not write."""
    for path in folder.glob("part-*.parquet"):
        if path.name not in names:
            path.unlink()
