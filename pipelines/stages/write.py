"""Write: a shard's measured rows become kept, dropped, duplicate and contaminated rows.

Every shard re-reads its own measured file; what it needs of others are the keys that its
duplicates name. A row takes the first that applies: rejected, dropped, duplicate,
contaminated, kept.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from castor.filters import storage
from castor.filters.record import RECORD_SCHEMA
from castor.pipelines import progress
from castor.pipelines.dataset import (
    FINDINGS,
    OUTCOMES,
    ShardWriter,
    describe_shard,
    opened_shard,
    read_shard,
)
from castor.pipelines.decontaminate.decide import FINDING_SCHEMA, contaminating, to_table
from castor.pipelines.dedup.signatures import MATCH, METHODS
from castor.pipelines.job import castor_version
from castor.pipelines.stages.decisions import reasons_of
from castor.pipelines.stages.leaked import Leaks, matches_json, sample_around
from castor.pipelines.stages.measure import REJECTED_SCHEMA
from castor.pipelines.stages.statistics import Statistics
from castor.pipelines.stages.step import Step

SAMPLE_CHARACTERS = 500
HEAD = [RECORD_SCHEMA.field(n) for n in ("key", "content_hash", "source", "modality", "meta")]
SAMPLE = pa.field("sample", pa.string())


class Write(Step):
    """(shard number, what was found about it) -> (0, the shard's result as JSON)."""

    def setup(self) -> None:
        """Knows which shards are written."""
        super().setup()
        self._written = {s.number for s in self.job.written}

    def process(self, element: tuple[int, dict]) -> Iterator[tuple[int, bytes]]:
        """Splits one shard, unless an interrupted run did it already."""
        number, parts = element
        if number not in self._written:
            return
        with progress.reporting(self.job.work):
            matches = np.frombuffer(b"".join(sorted(parts["matches"])), MATCH)
            leaked = Leaks(self.job, parts.get("hits", ()), parts.get("common", ()))
            path = self.job.work / "written" / f"part-{number:05d}.json"
            fingerprint = self._fingerprint(number, matches, leaked)
            result = _reusable(pathlib.Path(self.job.out), path, fingerprint)
            if result is None:
                result = self._write(number, matches, leaked) | {"fingerprint": fingerprint}
                storage.write_json(path, result)
            rows = sum(result["shards"][o]["rows"] for o in OUTCOMES if o in result["shards"])
            progress.tell(self.job.work, "write", shards=1, rows=rows)
            yield 0, json.dumps(result, sort_keys=True).encode()

    def _fingerprint(self, number: int, matches: np.ndarray, leaked: Leaks) -> str:
        policies = self.tools.policies_of(self.source_of(number))
        return storage.digest_of(
            {
                "castor": castor_version(),
                "note": storage.read_json(self.job.note(number)),
                "measured": storage.digest(self.job.measured(number)),
                "matches": storage.digest_of(matches.tobytes().hex()),
                "kept": _keys(self.job, matches),
                "leaks": leaked.fingerprint,
                "policies": [p.data for p in policies],
                "schema": [str(f) for f in self.tools.measured_schema],
            }
        )

    def _write(self, number: int, matches: np.ndarray, leaked: Leaks) -> dict[str, Any]:
        note = storage.read_json(self.job.note(number))
        out = pathlib.Path(self.job.out)
        paths = {o: out / o / f"part-{number:05d}.parquet" for o in (*OUTCOMES, FINDINGS)}
        writers = {o: ShardWriter(paths[o], self.schema_of(o)) for o in paths}
        try:
            shard = ShardSplitter(self, number, matches, leaked)
            for outcome, batch in shard.split():
                writers[outcome].write(batch)
            rows = {o: w.close() for o, w in writers.items()}
        except BaseException:
            for writer in writers.values():
                writer.abandon()
            raise
        for reason, n in note["skipped"].items():
            shard.statistics.count("skipped", note["source"], reason, n=n)
        return {
            "number": number,
            "source": note["source"],
            "inputs": note["inputs"],
            "shards": {o: vars(describe_shard(paths[o], n)) for o, n in rows.items() if n},
            "statistics": shard.statistics.to_json(),
        }

    def schema_of(self, outcome: str) -> pa.Schema:
        """The schema of a dataset of that outcome in this run."""
        if outcome == "kept":
            return self.tools.measured_schema
        if outcome == "rejected":
            return REJECTED_SCHEMA
        if outcome == FINDINGS:
            return FINDING_SCHEMA
        own = {
            "dropped": [pa.field("reasons", pa.list_(pa.string())), SAMPLE],
            "duplicate": [
                pa.field("duplicate_of", pa.string()),
                pa.field("similarity", pa.float32()),
                pa.field("method", pa.string()),
                SAMPLE,
            ],
            "contaminated": [pa.field("matches", pa.string()), SAMPLE],
        }[outcome]
        return pa.schema([*HEAD, *own, *self.tools.signal_fields])


class ShardSplitter:
    """Splits the measured rows of one shard by outcome, and counts them."""

    def __init__(self, step: Write, number: int, matches: np.ndarray, leaked: Leaks) -> None:
        self._step, self._number, self._matches, self._leaked = step, number, matches, leaked
        self._source = step.source_of(number)
        self._keys = _keys(step.job, matches)
        self.statistics = Statistics()

    def split(self) -> Iterator[tuple[str, pa.RecordBatch]]:
        """(outcome, rows of it), batch by batch, in the order of the shard."""
        first_row = 0
        for batch in read_shard(self._step.job.measured(self._number)):
            yield from self._split(batch, first_row).items()
            first_row += batch.num_rows
        path = self._step.job.rejected(self._number)
        for batch in read_shard(path) if path.exists() else ():
            for reason in batch.column("reason").to_pylist():
                self.statistics.count("rejected", self._source, reason)
            self.statistics.count("outcome", self._source, "", "rejected", n=batch.num_rows)
            yield "rejected", batch

    def _split(self, batch: pa.RecordBatch, first_row: int) -> dict[str, pa.RecordBatch]:
        reasons = reasons_of(batch, self._step.tools, self._source)
        dropped = np.array([bool(r) for r in reasons], bool)
        row = np.arange(first_row, first_row + batch.num_rows)
        at = np.searchsorted(self._matches["row"], row)
        at[at == len(self._matches)] = 0
        matched = (
            self._matches["row"][at] == row if len(self._matches) else np.zeros(len(row), bool)
        )
        duplicate = matched & ~dropped
        found = self._leaked.findings(batch, first_row, ~dropped & ~duplicate)
        guilty = [i for i, findings in found.items() if contaminating(findings)]
        contaminated = np.zeros(batch.num_rows, bool)
        contaminated[guilty] = True
        kept = ~dropped & ~duplicate & ~contaminated
        masks = {"kept": kept, "dropped": dropped, "duplicate": duplicate}
        self._count(batch, reasons, masks | {"contaminated": contaminated})
        keys = batch.column("key")
        table = to_table((keys[i].as_py(), f) for i in sorted(found) for f in found[i])
        self._count_findings(table)
        return {
            FINDINGS: _as_batch(table),
            "contaminated": self._with(
                batch, contaminated, "contaminated",
                {
                    "matches": [matches_json(batch, i, found[i]) for i in sorted(guilty)],
                    SAMPLE.name: [sample_around(batch, i, found[i]) for i in sorted(guilty)],
                },
            ),
            "kept": batch.filter(pa.array(kept)),
            "dropped": self._with(
                batch, dropped, "dropped",
                {"reasons": [r for r, d in zip(reasons, dropped, strict=True) if d]},
            ),
            "duplicate": self._with(batch, duplicate, "duplicate", self._named(at[duplicate])),
        }  # fmt: skip

    def _count_findings(self, table: pa.Table) -> None:
        for row in table.select(["benchmark", "part", "rule", "contaminated"]).to_pylist():
            outcome = "contaminated" if row["contaminated"] else "reported"
            path = (row["benchmark"], row["part"], row["rule"], outcome)
            self.statistics.count("finding", *path)

    def _named(self, at: np.ndarray) -> dict[str, list]:
        return {
            "duplicate_of": [self._keys[i] for i in at.tolist()],
            "similarity": self._matches["similarity"][at].tolist(),
            "method": [METHODS[m] for m in self._matches["method"][at].tolist()],
        }

    def _with(
        self, batch: pa.RecordBatch, mask: np.ndarray, outcome: str, own: dict[str, list]
    ) -> pa.RecordBatch:
        """The rows of a mask in the schema of an outcome."""
        schema = self._step.schema_of(outcome)
        rows = batch.filter(pa.array(mask))
        sample = pc.utf8_slice_codeunits(rows.column("text"), 0, SAMPLE_CHARACTERS)
        columns = []
        for field in schema:
            if field.name in own:
                columns.append(pa.array(own[field.name], field.type))
            elif field.name == SAMPLE.name:
                columns.append(sample.cast(pa.string()))
            else:
                columns.append(rows.column(field.name))
        return pa.RecordBatch.from_arrays(columns, schema=schema)

    def _count(
        self, batch: pa.RecordBatch, reasons: list[list[str]], masks: dict[str, np.ndarray]
    ) -> None:
        modalities = batch.column("modality").to_pylist()
        sizes = pc.fill_null(pc.binary_length(batch.column("text")), 0).to_pylist()
        for outcome, mask in masks.items():
            for i in np.flatnonzero(mask).tolist():
                self.statistics.count("outcome", self._source, modalities[i], outcome)
                self.statistics.count("text_bytes", self._source, outcome, n=sizes[i])
        for row in reasons:
            for reason in row:
                self.statistics.count("reason", self._source, reason)
            if len(row) == 1:
                self.statistics.count("only_reason", self._source, row[0])
        for field in batch.schema:
            if field.name.endswith(".error"):
                n = batch.num_rows - batch.column(field.name).null_count
                if n:
                    self.statistics.count("error", self._source, field.name[:-6], n=n)
        self.statistics.observe(batch, self._source, ~masks["dropped"])


def _as_batch(table: pa.Table) -> pa.RecordBatch:
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)


def _keys(job: Any, matches: np.ndarray) -> list[str]:
    """The keys of the kept rows that the matches name, in the order of the matches."""
    keys: dict[tuple[int, int], str] = {}
    for shard in np.unique(matches["kept_shard"]).tolist():
        with opened_shard(job.measured(shard)) as file:
            column = file.read(columns=["key"]).column("key")
        rows = np.unique(matches["kept_row"][matches["kept_shard"] == shard])
        for row, key in zip(rows.tolist(), column.take(pa.array(rows)).to_pylist(), strict=True):
            keys[shard, row] = key
    pairs = zip(matches["kept_shard"].tolist(), matches["kept_row"].tolist(), strict=True)
    return [keys[p] for p in pairs]


def _reusable(out: pathlib.Path, path: pathlib.Path, fingerprint: str) -> dict[str, Any] | None:
    """The result of an earlier, interrupted run if its files are whole."""
    if not path.is_file():
        return None
    result = storage.read_json(path)
    if result["fingerprint"] != fingerprint:
        return None
    for outcome, shard in result["shards"].items():
        file = out / outcome / shard["path"]
        if not file.is_file() or storage.digest(file) != shard["blake2b"]:
            return None
    return result
