"""decide: other thresholds over stored signals, compared with what the run had decided."""

import json
import shutil

import pyarrow.parquet as pq
import pytest

from castor.filters.errors import CastorError, ConfigError
from castor.pipelines import dataset
from castor.pipelines.decide import decide
from castor.pipelines.verify import verify


@pytest.fixture
def loose(tmp_path):
    path = tmp_path / "loose.yaml"
    path.write_text(
        "name: loose\nversion: 1\nmodality: text\nrules:\n"
        "  - {reason: loose.too_few_words, signal: text.n_words, at_least: 2, cite: ours}\n"
        "  - {reason: loose.too_many_digits, signal: text.digit_fraction, at_most: 0.01,\n"
        "     cite: ours}\n"
    )
    return str(path)


def rows_of(out):
    return {r["key"]: r for r in dataset.open_folder(out).table().to_pylist()}


def test_the_same_policy_changes_nothing(made, policy_file, tmp_path):
    found = decide(made, [policy_file], tmp_path / "again")
    assert (found["rows"], found["kept_before"], found["kept_after"]) == (9, 7, 7)
    assert (found["newly_kept"], found["newly_dropped"]) == (0, 0)
    for row in rows_of(tmp_path / "again").values():
        assert row["kept"] == (row["before"] == "kept")
        assert row["reasons"] == row["reasons_before"]


def test_another_policy_moves_rows_both_ways(made, loose, tmp_path):
    found = decide(made, [loose], tmp_path / "again")
    names = ("rows", "kept_before", "kept_after", "newly_kept", "newly_dropped")
    assert {k: tuple(v[n] for n in names) for k, v in found["by_source"].items()} == {
        "web": (7, 5, 1, 1, 5),
        "code": (2, 2, 2, 0, 0),
    }
    assert found["reasons"] == {
        "loose.too_many_digits": {"before": 0, "after": 6, "only": 6},
        "short.too_few_words": {"before": 2, "after": 0, "only": 0},
        "short.too_many_digits": {"before": 1, "after": 0, "only": 0},
    }
    rows = rows_of(tmp_path / "again")
    assert rows["web:a@90"] == {
        "key": "web:a@90", "source": "web", "modality": "text", "kept": True, "reasons": [],
        "before": "dropped", "reasons_before": ["short.too_few_words"],
    }  # fmt: skip
    assert rows["web:a@1"]["reasons"] == ["loose.too_many_digits"]


def test_the_decisions_are_a_dataset_that_verifies(made, loose, tmp_path):
    decide(made, [loose], tmp_path / "again")
    assert verify(tmp_path / "again") == []
    manifest = json.loads((tmp_path / "again" / "manifest.json").read_text())
    assert (manifest["dataset"], manifest["policies"]) == ("decisions", {"loose": 1})


def test_deciding_twice_gives_the_same_bytes(made, loose, tmp_path):
    names = ["manifest.json", "part-00000.parquet", "part-00001.parquet"]
    decide(made, [loose], tmp_path / "again")
    first = [(tmp_path / "again" / n).read_bytes() for n in names]
    decide(made, [loose], tmp_path / "again")
    assert first == [(tmp_path / "again" / n).read_bytes() for n in names]


def test_no_text_is_read(made, loose, tmp_path):
    for path in (made / "kept").glob("part-*.parquet"):
        table = pq.read_table(path)
        gone = ["text", "media", "parts", "meta", "content_hash"]
        pq.write_table(table.drop_columns(gone), path)
    assert decide(made, [loose], tmp_path / "again")["rows"] == 9


def test_one_dataset_of_a_run_is_enough(made, loose, tmp_path):
    found = decide(made / "dropped", [loose], tmp_path / "again")
    assert (found["rows"], found["newly_kept"]) == (2, 1)


def test_an_unknown_signal_is_an_error_before_anything_is_written(made, tmp_path):
    path = tmp_path / "wrong.yaml"
    path.write_text(
        "name: wrong\nversion: 1\nmodality: text\nrules:\n"
        "  - {reason: few, signal: text.n_word, at_least: 2, cite: ours}\n"
    )
    with pytest.raises(ConfigError, match=r"no signal named 'text.n_word', in policy wrong") as e:
        decide(made, [str(path)], tmp_path / "again")
    assert "did you mean 'text.n_words'?" in str(e.value)
    assert not (tmp_path / "again").exists()


def test_an_unknown_policy_is_an_error(made, tmp_path):
    with pytest.raises(ConfigError, match="no policy named 'gofer'"):
        decide(made, ["gofer"], tmp_path / "again")


def test_rows_that_no_policy_judged_are_refused(made, loose, tmp_path):
    with pytest.raises(ConfigError, match="policies decide about kept and dropped rows only"):
        decide(made / "rejected", [loose], tmp_path / "again")


def test_a_folder_with_other_files_is_refused(made, loose, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").touch()
    with pytest.raises(ConfigError, match=r"holds something else, in .*full: got thesis.txt"):
        decide(made, [loose], tmp_path / "full")
    with pytest.raises(ConfigError, match="holds something else"):
        decide(made, [loose], made)


@pytest.mark.parametrize("name", ["dropped/part-00000.parquet", "kept/part-00001.parquet"])
def test_a_damaged_shard_leaves_no_dataset(made, loose, tmp_path, name):
    path = made / name
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(CastorError, match=f"a shard is damaged, in .*{name}"):
        decide(made, [loose], tmp_path / "again")
    assert not list(tmp_path.glob("again/manifest.json"))
    assert not list(tmp_path.glob("again/.tmp-*"))
    shutil.copytree(made, tmp_path / "mended")
    (tmp_path / "mended" / name).write_bytes(whole)
    assert decide(tmp_path / "mended", [loose], tmp_path / "again")["rows"] > 0


def test_a_run_without_rows_is_an_error(make_run, loose, tmp_path):
    with pytest.raises(CastorError, match="there are no rows to decide about"):
        decide(make_run([]), [loose], tmp_path / "again")
