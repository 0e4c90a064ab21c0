"""verify: silent on a whole run, and it names the file for every byte that is flipped."""

import json
import pathlib
import shutil

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from castor.filters import storage
from castor.filters.errors import CastorError
from castor.filters.record import Record
from castor.pipelines.dataset import ShardWriter, describe_shard
from castor.pipelines.verify import verify

PART = "kept/part-00000.parquet"


def reseal(out: pathlib.Path, outcome: str) -> None:
    """Brings the digests of an outcome's shards and manifests up to what lies there now."""
    folder = out / outcome
    manifest = json.loads((folder / "manifest.json").read_text())
    for shard in manifest["shards"]:
        rows = pq.read_metadata(folder / shard["path"]).num_rows
        shard.update(vars(describe_shard(folder / shard["path"], rows)))
    for quantity in ("rows", "bytes"):
        manifest[quantity] = sum(s[quantity] for s in manifest["shards"])
    write(folder / "manifest.json", manifest)
    run = json.loads((out / "manifest.json").read_text())
    run["datasets"][outcome] = {k: manifest[k] for k in ("rows", "bytes")}
    run["datasets"][outcome]["blake2b"] = storage.digest(folder / "manifest.json")
    write(out / "manifest.json", run)


def write(path: pathlib.Path, manifest: dict) -> None:
    manifest.pop("blake2b", None)
    storage.write_json(path, manifest | {"blake2b": storage.digest_of(manifest)})


def rewrite_shard(path: pathlib.Path, change) -> None:
    """Replaces the rows of a shard by `change(rows)`."""
    table = change(pq.read_table(path))
    writer = ShardWriter(path, table.schema)
    for batch in table.to_batches():
        writer.write(batch)
    writer.close()


def test_a_whole_run_has_no_problem(made):
    assert verify(made) == []


def test_each_dataset_of_it_has_no_problem(made):
    for outcome in ("kept", "dropped", "rejected", "duplicate", "contaminated"):
        assert verify(made / outcome) == []


def test_a_real_run_has_no_problem_and_a_report(tmp_path):
    from castor.pipelines import api, report

    texts = [f"Row {i} says {'a word and ' * (i % 3)} another thing entirely." for i in range(40)]
    lines = [json.dumps({"id": str(i), "text": t}) for i, t in enumerate([*texts, texts[0]])]
    (tmp_path / "rows.jsonl").write_text("\n".join([*lines, "no JSON"]))
    settings = [f"input={tmp_path / 'rows.jsonl'}"]
    outcome = api.run("rows", tmp_path / "out", settings=settings, mode="memory", workers=1)
    assert outcome.manifest["counts"]["total"]["in"] == 42
    assert verify(tmp_path / "out") == []
    assert "no JSON" in report.build(tmp_path / "out").read_text()


def test_an_empty_outcome_is_no_problem(make_run, row):
    out = make_run([row(Record("a:1", "a", "text", "one row and nothing else at all"))])
    assert verify(out) == []


FILES = ("manifest.json", "statistics.json", "inputs.jsonl", "kept/manifest.json",
         "rejected/manifest.json", PART, "dropped/part-00000.parquet")  # fmt: skip


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=15, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(where=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_any_flipped_byte_is_found_and_its_file_named(made, name, where, flip):
    path = made / name
    whole = path.read_bytes()
    data = bytearray(whole)
    data[int(where * len(data))] ^= flip
    path.write_bytes(data)
    try:
        problems = verify(made)
    finally:
        path.write_bytes(whole)
    assert name in {p.where for p in problems}


@pytest.mark.parametrize("name", FILES[1:])
def test_a_missing_file_is_named(made, name):
    (made / name).unlink()
    assert next(p.where for p in verify(made)) == name


def test_a_truncated_shard_is_named_with_its_size(made):
    path = made / PART
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-9])
    [problem] = verify(made)
    assert str(problem).startswith(
        f"a file has another size, in {PART}: got {size - 9} bytes, not {size} -> restore it"
    )


def test_files_that_no_manifest_names_are_told(made):
    (made / "notes.txt").write_text("mine")
    shutil.copy(made / PART, made / "kept" / "part-00009.parquet")
    (made / "kept" / ".tmp-1-part-00003.parquet").touch()
    found = {(p.what, p.where) for p in verify(made)}
    assert found == {
        ("no manifest names this", "notes.txt"),
        ("no manifest names this", "kept/part-00009.parquet"),
        ("a run left a temporary file", "kept/.tmp-1-part-00003.parquet"),
    }


def test_what_a_run_and_a_report_leave_beside_is_no_problem(made):
    for name in ("run.log", "report.html", ".work"):
        (made / name).touch()
    assert verify(made) == []


def test_a_key_in_two_outcomes_is_named(make_run, row):
    text = "the same key twice, once kept and once dropped"
    out = make_run([
        row(Record("web:a@1", "web", "text", text)),
        row(Record("web:a@1", "web", "text", text), "dropped", {"reasons": ["too_short"]}),
    ])  # fmt: skip
    [problem] = verify(out)
    assert (problem.what, problem.where) == ("two rows have one key", "web:a@1")
    assert problem.got == "kept/part-00000.parquet, dropped/part-00000.parquet"


def test_a_rejection_as_duplicate_key_may_share_the_key(make_run, row):
    bad = {"place": "row 2", "reason": "duplicate_key", "message": "twice"}
    first = Record("web:a@1", "web", "text", "a row whose key another one took as well")
    out = make_run([row(first), row(first, "rejected", bad)])
    assert verify(out) == []


def test_a_duplicate_must_name_a_kept_row(make_run, row):
    same = {"duplicate_of": "web:gone", "similarity": 1.0, "method": "exact"}
    out = make_run([row(Record("web:a@1", "web", "text", "a copy"), "duplicate", same)])
    [problem] = verify(out)
    assert problem.what == "a duplicate names a row that was not kept"
    assert "'web:gone'" in problem.got


def test_a_shard_of_other_rows_with_true_digests_is_found(made):
    rewrite_shard(made / PART, lambda table: table.slice(0, 4))
    reseal(made, "kept")
    what = {p.what for p in verify(made)}
    assert "the counts of kept do not agree" in what
    assert "the kept rows of web do not agree" in what


def test_a_shard_without_a_column_is_found(made):
    rewrite_shard(made / PART, lambda table: table.drop_columns(["parts"]))
    reseal(made, "kept")
    problems = verify(made)
    assert ("a shard lacks columns", PART, "no parts") in [
        (p.what, p.where, p.got) for p in problems
    ]


def test_a_shard_with_another_schema_than_the_first_is_found(made):
    rewrite_shard(made / "kept/part-00001.parquet",
                  lambda table: table.drop_columns(["text.n_words"]))  # fmt: skip
    reseal(made, "kept")
    [problem] = verify(made)
    assert problem.what == "a shard has another schema than the first"
    assert "text.n_words" in problem.got


def test_lost_rows_are_found_when_every_digest_is_true(made):
    manifest = json.loads((made / "manifest.json").read_text())
    manifest["counts"]["total"]["in"] += 1
    write(made / "manifest.json", manifest)
    what = [p.what for p in verify(made)]
    assert "rows were lost: total" in what


def test_shards_out_of_order_are_found(made):
    manifest = json.loads((made / "kept" / "manifest.json").read_text())
    manifest["shards"].reverse()
    write(made / "kept" / "manifest.json", manifest)
    assert "the shards are not in order, each once" in [p.what for p in verify(made / "kept")]


def test_a_newer_dataset_is_refused(made):
    manifest = json.loads((made / "kept" / "manifest.json").read_text())
    write(made / "kept" / "manifest.json", manifest | {"schema_version": 99})
    [problem] = verify(made / "kept")
    assert problem.what == "the manifest is of another version"


def test_nothing_to_verify_is_an_error(tmp_path):
    with pytest.raises(CastorError, match="nothing finished to verify here"):
        verify(tmp_path)
