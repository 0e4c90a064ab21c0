"""The demonstration end to end: everything that was planted ends where it must."""

import json
import os
import pathlib

import pyarrow.parquet as pq
import pytest

from castor.pipelines import demo
from castor.pipelines.demo import expectations

SOURCES = ("web", "books", "code", "images", "audio", "video", "interleaved", "rows")
OUTCOMES = ("kept", "dropped", "rejected", "duplicate", "contaminated")


@pytest.fixture(scope="module")
def done(raw, tmp_path_factory, castor):
    """(raw folder, output folder) of a small demonstration, run as a person runs it."""
    out = tmp_path_factory.mktemp("demo-run") / "out"
    castor("run", "demo", out, "--set", f"data={raw.folder}", "--workers", 1)
    return raw.folder, out


@pytest.fixture(scope="module")
def rows(done):
    """Every row of the run by source: its outcome, key, and what the outcome adds."""
    found = {source: [] for source in SOURCES}
    for outcome in OUTCOMES:
        for path in sorted((done[1] / outcome).glob("*.parquet")):
            table = pq.read_table(path)
            wanted = ("key", "source", "text", "meta", "place", "reason", "reasons", "message")
            wanted += ("duplicate_of", "matches")
            columns = [c for c in wanted if c in table.column_names]
            for row in table.select(columns).to_pylist():
                row["meta"] = dict(row.get("meta") or ())
                found[row["source"]].append(row | {"outcome": outcome})
    return found


def is_of(plant, row) -> bool:
    """Whether a row is the one that was planted."""
    start = f"{plant.source}:{plant.file}"
    if not row["key"].startswith(start) or row["key"][len(start) : len(start) + 1] not in ("", "@"):
        return False
    if not plant.place:
        return row["outcome"] == "rejected" or plant.outcome != ("rejected",)
    inner = row["key"][len(start) + 1 :]
    return plant.place in (inner, row["meta"].get("url"), row.get("place"))


def faults(plant, mine, names) -> list[str]:
    """What is wrong with the rows of one plant, one line each."""
    outcomes = {row["outcome"] for row in mine} or {"skipped"}
    if not outcomes <= set(plant.outcome):
        why = [row.get("reasons") or row.get("reason") or row.get("matches") for row in mine]
        return [f"{plant.why}: {outcomes} instead of {plant.outcome} {why}"]
    found = []
    for row in mine:
        if plant.reason and plant.reason not in (row.get("reason"), *(row.get("reasons") or ())):
            found.append(f"{plant.why}: {row.get('reason') or row.get('reasons')}")
        if plant.of and plant.of not in names.get(row["duplicate_of"], ()):
            found.append(f"{plant.why}: duplicate of {row['duplicate_of']}")
        if plant.item and plant.item.rpartition("/")[0] not in row["matches"]:
            found.append(f"{plant.why}: matches {row['matches']}")
        text = row.get("text")
        if text is not None:
            found += [f"{plant.why}: {a!r} is left" for a in plant.absent if a in text]
            found += [f"{plant.why}: {p!r} is gone" for p in plant.present if p not in text]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES)
def test_what_was_planted_ends_where_it_must(done, rows, source):
    plants = expectations.expected(done[0])[source]
    names = {}
    for row in rows[source]:
        path, _, inner = row["key"].partition(":")[2].partition("@")
        names[row["key"]] = (path, inner, row["meta"].get("url"))
    found = {
        f"{p.file} {p.place}": wrong
        for p in plants
        if (wrong := faults(p, [r for r in rows[source] if is_of(p, r)], names))
    }
    assert plants
    assert not found, json.dumps(found, indent=1)


@pytest.mark.slow
def test_every_stage_had_something_to_do(rows):
    outcomes = {source: {row["outcome"] for row in rows[source]} for source in SOURCES}
    assert outcomes["web"] == set(OUTCOMES)
    assert all("kept" in found for found in outcomes.values())
    assert set.union(*outcomes.values()) == set(OUTCOMES)


@pytest.mark.slow
def test_counts_add_up(done, rows):
    manifest = json.loads((done[1] / "manifest.json").read_text())
    total = manifest["counts"]["total"]
    assert total["in"] == sum(total[outcome] for outcome in OUTCOMES)
    assert total["in"] == sum(len(found) for found in rows.values())


def test_data_of_the_user_is_used_as_it_is(tmp_path):
    assert demo.prepare("out", str(tmp_path)) == ("kit", "out", [f"data={tmp_path}"])
    assert os.listdir(tmp_path) == []


def test_material_lies_in_the_output_folder(raw, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(
        "castor.pipelines.demo.material.gather", lambda folder, report: asked.append(folder) or raw
    )
    assert demo.prepare("out", None) == ("demo", "out", [f"data={raw.folder}"])
    assert asked == [pathlib.Path("out/raw")]
    said = capsys.readouterr().err
    assert f"{raw.bytes / 1e6:.0f} MB in {raw.folder}" in said
    assert "video: packages ship no clips; all are made" in said
