"""A finished run made by hand: every outcome, a picture, two policies, hostile text."""

import dataclasses
import json
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest
import yaml

from castor.filters import storage
from castor.filters.record import MAX_ROWS, RECORD_SCHEMA, MediaRef, Record, to_batch
from castor.pipelines.dataset import (
    FINDINGS,
    MANIFEST,
    OUTCOMES,
    ShardWriter,
    describe_shard,
)
from castor.pipelines.decontaminate.decide import FINDING_SCHEMA

POLICY = """\
name: short
version: 3
modality: [text, code]
about: Pages that are long enough to say something.
rules:
  - {reason: short.too_few_words, signal: text.n_words, at_least: 5, cite: "ours, measured"}
  - {reason: short.too_many_digits, signal: text.digit_fraction, at_most: 0.2, cite: "a paper"}
  - {reason: short.too_long, signal: text.n_words, at_most: 9000, cite: "never fires"}
"""
SIGNALS = [
    pa.field("text.n_words", pa.int64()),
    pa.field("text.digit_fraction", pa.float64()),
    pa.field("text.error", pa.string()),
]
HEAD = [RECORD_SCHEMA.field(n) for n in ("key", "content_hash", "source", "modality", "meta")]
SAMPLE = pa.field("sample", pa.string())
SCHEMAS = {
    "kept": pa.schema([*RECORD_SCHEMA, *SIGNALS]),
    "dropped": pa.schema([*HEAD, pa.field("reasons", pa.list_(pa.string())), SAMPLE, *SIGNALS]),
    "rejected": pa.schema(
        [pa.field(n, pa.string()) for n in ("key", "source", "place", "reason", "message")]
    ),
    "duplicate": pa.schema(
        [
            *HEAD,
            pa.field("duplicate_of", pa.string()),
            pa.field("similarity", pa.float32()),
            pa.field("method", pa.string()),
            SAMPLE,
            *SIGNALS,
        ]
    ),
    "contaminated": pa.schema([*HEAD, pa.field("matches", pa.string()), SAMPLE, *SIGNALS]),
}


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of any outcome; `own` are the columns that only its outcome has."""

    record: Record
    outcome: str = "kept"
    own: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def batch(self) -> pa.RecordBatch:
        if self.outcome == "rejected":
            rows = [{"key": self.record.key, "source": self.record.source, **self.own}]
            return pa.RecordBatch.from_pylist(rows, schema=SCHEMAS["rejected"])
        words = (self.record.text or "").split()
        digits = sum(c.isdigit() for c in self.record.text or "")
        values = {
            "sample": (self.record.text or "")[:500],
            "text.n_words": len(words) if self.record.text is not None else None,
            "text.digit_fraction": digits / max(1, len(self.record.text or "")),
            "text.error": None,
            **self.own,
        }
        plain = to_batch([dataclasses.replace(self.record, content_hash=b"0" * 16)])
        names = set(plain.schema.names)
        columns = [
            plain.column(f.name) if f.name in names else pa.array([values.get(f.name)], f.type)
            for f in SCHEMAS[self.outcome]
        ]
        return pa.RecordBatch.from_arrays(columns, schema=SCHEMAS[self.outcome])


def write_run(out: pathlib.Path, rows: Sequence[Row], policy: str, roots: dict[str, str]) -> None:
    """Writes a run's output folder: one shard per source, as the stages write and commit it."""
    from castor.pipelines.stages.statistics import Statistics

    statistics = Statistics()
    sources = list(dict.fromkeys(r.record.source for r in rows))
    shards: dict[str, list[dict]] = {o: [] for o in OUTCOMES}
    for number, source in enumerate(sources):
        for outcome in OUTCOMES:
            mine = [r for r in rows if (r.record.source, r.outcome) == (source, outcome)]
            if not mine:
                continue
            path = out / outcome / f"part-{number:05d}.parquet"
            writer = ShardWriter(path, SCHEMAS[outcome])
            table = pa.Table.from_batches([r.batch() for r in mine]).combine_chunks()
            for batch in table.to_batches(MAX_ROWS):
                writer.write(batch)
                count(statistics, batch, source, outcome)
            shards[outcome].append(vars(describe_shard(path, writer.close())))
    found = [f for r in rows for f in findings_of(r)]
    shards[FINDINGS] = []
    if found:
        path = out / FINDINGS / "part-00000.parquet"
        writer = ShardWriter(path, FINDING_SCHEMA)
        writer.write(pa.RecordBatch.from_pylist(found, schema=FINDING_SCHEMA))
        shards[FINDINGS].append(vars(describe_shard(path, writer.close())))
    common = {"castor": "0", "schema_version": 1}
    datasets = {}
    for outcome in (*OUTCOMES, FINDINGS):
        manifest = common | {"dataset": outcome, "shards": shards[outcome]}
        manifest |= {k: sum(s[k] for s in shards[outcome]) for k in ("rows", "bytes")}
        manifest["blake2b"] = storage.digest_of(manifest)
        storage.write_json(out / outcome / MANIFEST, manifest)
        digest = storage.digest(out / outcome / MANIFEST)
        datasets[outcome] = {"rows": manifest["rows"], "bytes": manifest["bytes"]}
        datasets[outcome]["blake2b"] = digest
    if sources:
        statistics.count("skipped", sources[0], "not_html", n=3)
    storage.write_json(out / "statistics.json", statistics.to_json())
    line = b'{"source": "web", "path": "a.warc.gz", "bytes": 99, "blake2b": "00ff"}\n'
    storage.write_bytes(out / "inputs.jsonl", line)
    config = {
        "castor": 1,
        "name": "made",
        "about": "A run made by hand.",
        "sources": [{"name": s, "kind": "rows"} for s in sources],
        "decide": [{"name": "short", "sources": None, "options": {}}],
    }
    manifest = common | {
        "counts": counts_of(rows),
        "datasets": datasets,
        "inputs": {s: {"files": 1, "bytes": 99, "shards": 1} for s in sources},
        "inputs_blake2b": storage.digest(out / "inputs.jsonl"),
        "statistics_blake2b": storage.digest(out / "statistics.json"),
        "limit": None,
        "benchmarks": {
            "items": {f["benchmark"]: 10 for f in found} | {"clean": 7},
            "unprotected": {"clean": 2},
        },
        "config": config,
        "policies": {"short": yaml.safe_load(pathlib.Path(policy).read_text())},
        "versions": {"sources": {"rows": 1}, "policies": {"short": 3}},
        "rules_never_fired": ["short: short.too_long"],
    }
    manifest["blake2b"] = storage.digest_of(manifest)
    storage.write_json(out / MANIFEST, manifest)
    run = {"started": "2026-01-02T03:04:05+00:00", "seconds": 12.5, "workers": 2, "mode": "memory"}
    storage.write_json(out / "run.json", {**run, "roots": roots, "host": "here", "python": "3"})


def findings_of(row: Row) -> list[dict[str, Any]]:
    """What `findings/` holds of a contaminated row."""
    matches = json.loads(row.own["matches"]) if row.outcome == "contaminated" else []
    return [
        {
            "key": row.record.key,
            "benchmark": m["benchmark"],
            "item_id": m["item"],
            "part": m["part"],
            "rule": m["rule"],
            "contaminated": True,
            "matched_units": m["units"],
            "part_units": m["units"],
            "coverage": m["coverage"],
            "spans": [{"start_byte": m["start_byte"], "end_byte": m["end_byte"]}],
        }
        for m in matches
    ]


def counts_of(rows: Sequence[Row]) -> dict[str, Any]:
    """Rows in and by outcome, in total, by source and by modality, counted one by one."""
    empty = dict.fromkeys(("in", *OUTCOMES), 0)
    counts: dict[str, Any] = {"total": dict(empty), "by_source": {}, "by_modality": {}}
    for row in rows:
        modality = "unread" if row.outcome == "rejected" else str(row.record.modality)
        for table in (
            counts["total"],
            counts["by_source"].setdefault(row.record.source, dict(empty)),
            counts["by_modality"].setdefault(modality, dict(empty)),
        ):
            table["in"] += 1
            table[row.outcome] += 1
    return counts | {"skipped": {"not_html": 3}}


def count(statistics: Any, batch: pa.RecordBatch, source: str, outcome: str) -> None:
    """Counts the rows of one batch as the writing stage does."""
    import numpy as np

    columns = batch.to_pydict()
    for i in range(batch.num_rows):
        modality = "" if outcome == "rejected" else columns["modality"][i]
        statistics.count("outcome", source, modality, outcome)
        if outcome == "rejected":
            statistics.count("rejected", source, columns["reason"][i])
            continue
        text = columns["text" if outcome == "kept" else "sample"][i] or ""
        statistics.count("text_bytes", source, outcome, n=len(text.encode()))
        for reason in columns.get("reasons", [[]] * (i + 1))[i]:
            statistics.count("reason", source, reason)
            if len(columns["reasons"][i]) == 1:
                statistics.count("only_reason", source, reason)
    if outcome != "rejected":
        passed = np.full(batch.num_rows, outcome != "dropped")
        statistics.observe(batch.select([f.name for f in SIGNALS]), source, passed)


@pytest.fixture
def policy_file(tmp_path: pathlib.Path) -> str:
    path = tmp_path / "short.yaml"
    path.write_text(POLICY)
    return str(path)


@pytest.fixture
def make_run(tmp_path: pathlib.Path, policy_file: str) -> Callable[..., pathlib.Path]:
    """`make_run(rows, roots={})` writes a finished run of these rows and gives its folder."""

    def make(rows: Sequence[Row], roots: dict[str, str] | None = None) -> pathlib.Path:
        out = tmp_path / "out"
        write_run(out, rows, policy_file, roots or {})
        return out

    return make


@pytest.fixture
def row() -> type[Row]:
    """The rows that `make_run` takes."""
    return Row


def sentence(i: int) -> str:
    return f"Sentence {i} of this page says in plain words what the others do not say at all."


@pytest.fixture
def some_rows() -> list[Row]:
    """Two sources and every outcome, seven of them kept."""
    rows = [Row(Record(f"web:a@{i}", "web", "text", sentence(i))) for i in range(5)]
    rows += [
        Row(Record(f"code:b.py@{i}", "code", "code", f"def f{i}(): return {i}\n" * 3))
        for i in range(2)
    ]
    few, digits = "short.too_few_words", "short.too_many_digits"
    rows.append(Row(Record("web:a@90", "web", "text", "too short"), "dropped", {"reasons": [few]}))
    both = {"reasons": [few, digits]}
    rows.append(Row(Record("web:a@91", "web", "text", "1234 5678"), "dropped", both))
    bad = {"place": "offset 7", "reason": "corrupt", "message": "no gzip header"}
    rows.append(Row(Record("web:z@7", "web", "text"), "rejected", bad))
    same = {"duplicate_of": "web:a@1", "similarity": 0.9, "method": "near"}
    text = sentence(1).replace("plain", "clear")
    rows.append(Row(Record("web:a@92", "web", "text", text), "duplicate", same))
    match = {
        "benchmark": "quiz",
        "item": "3",
        "part": "question",
        "rule": "question",
        "units": 14,
        "coverage": 0.75,
        "start_byte": 0,
        "end_byte": 10,
        "text": "Sentence 9",
    }
    own = {"matches": json.dumps([match])}
    rows.append(Row(Record("web:a@93", "web", "text", sentence(9)), "contaminated", own))
    return rows


@pytest.fixture
def made(make_run: Callable[..., pathlib.Path], some_rows: list[Row]) -> pathlib.Path:
    """The output folder of a small finished run."""
    return make_run(some_rows)


HOSTILE = '</pre><script>alert(1)</script>"><img src=x onerror=alert(2)>'


@pytest.fixture
def hostile_text() -> str:
    return HOSTILE


@pytest.fixture
def hostile_run(make_run: Callable[..., pathlib.Path]) -> pathlib.Path:
    """Every place that takes words from the web takes hostile ones."""
    meta = {"title": HOSTILE, "url": f"https://a.example/{HOSTILE}"}
    same = {"duplicate_of": f"web:{HOSTILE}0", "similarity": 0.9, "method": HOSTILE}
    match = {"benchmark": HOSTILE, "item": HOSTILE, "part": HOSTILE, "rule": HOSTILE,
             "start_byte": 2, "end_byte": 20, "text": HOSTILE, "coverage": 1.0,
             "units": 3}  # fmt: skip

    def record(i: int) -> Record:
        return Record(f"web:{HOSTILE}{i}", "web", "text", f"{HOSTILE} \x00\x1b and more", meta=meta)

    bad = {"place": HOSTILE, "reason": HOSTILE, "message": HOSTILE}
    return make_run([
        Row(record(0)),
        Row(record(1), "dropped", {"reasons": [HOSTILE]}),
        Row(record(2), "rejected", bad),
        Row(record(3), "duplicate", same),
        Row(record(4), "contaminated", {"matches": json.dumps([match])}),
        Row(Record(f"{HOSTILE}:1", HOSTILE, "text", "a source with a hostile name")),
    ])  # fmt: skip


@pytest.fixture
def pictured_run(make_run: Callable[..., pathlib.Path], tmp_path: pathlib.Path) -> pathlib.Path:
    """A run that kept a large picture, a broken one and one that is not there any more."""
    import numpy as np
    from PIL import Image

    root = tmp_path / "pictures"
    root.mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (400, 600, 3), np.uint8)
    Image.fromarray(pixels).save(root / "noise.png")
    (root / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no picture at all")

    def kept(name: str):
        path = root / name
        n_bytes = path.stat().st_size if path.exists() else 9
        ref = MediaRef(f"pictures:{name}", None, 0, n_bytes, "image/png", b"0" * 16)
        return Row(Record(f"pictures:{name}", "pictures", "image", f"the picture {name}", (ref,)))

    names = ("noise.png", "broken.png", "gone.png")
    return make_run([kept(n) for n in names], {"pictures": str(root)})
