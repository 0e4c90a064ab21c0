"""inspect: what a run and a dataset hold, and the whole story of one row."""

import json
import os
import re
import shutil

import pyarrow.parquet as pq
import pytest

from castor.filters.errors import CastorError, ConfigError
from castor.filters.record import Record
from castor.pipelines import sampling
from castor.pipelines.dataset import open_folder
from castor.pipelines.inspection import story, summary


def test_a_run_is_summed_up(made):
    found = summary(made)
    assert (found["kind"], found["recipe"], found["seconds"]) == ("run", "made", 12.5)
    assert found["counts"]["total"] == {
        "in": 12, "rejected": 1, "dropped": 2, "duplicate": 1, "contaminated": 1, "kept": 7,
    }  # fmt: skip
    assert list(found["counts"]["by_source"]) == ["web", "code"]
    assert found["reasons"] == {
        "short.too_few_words": {"rows": 2, "only": 1},
        "short.too_many_digits": {"rows": 1, "only": 0},
    }
    assert found["rejected"] == {"corrupt": 1}
    assert found["rules_never_fired"] == ["short: short.too_long"]
    assert found["datasets"]["dropped"]["rows"] == 2
    assert "text.n_words" in found["datasets"]["kept"]["columns"]
    assert [s["key"] for s in found["samples"]["rejected"]] == ["web:z@7"]
    json.dumps(found)


def test_one_dataset_is_summed_up(made):
    found = summary(made / "dropped", samples=9)
    assert (found["kind"], list(found["datasets"])) == ("dataset", ["dropped"])
    assert {s["key"] for s in found["samples"]["dropped"]} == {"web:a@90", "web:a@91"}
    assert "reasons" in found["samples"]["dropped"][0]


def test_no_samples_when_none_are_asked_for(made):
    assert set(map(len, summary(made, samples=0)["samples"].values())) == {0}


def test_a_dropped_row_tells_rule_bound_and_measured_value(made):
    found = story(made, "web:a@91")
    assert (found["outcome"], found["shard"], found["row"]) == ("dropped", "part-00000.parquet", 1)
    assert found["reasons"] == ["short.too_few_words", "short.too_many_digits"]
    assert [
        (c["reason"], c["signal"], c["value"], c["keeps"], c["cite"], c["verdict"])
        for c in found["checks"]
    ] == [
        ("short.too_few_words", "text.n_words", 2, "at least 5", "ours, measured", "failed"),
        ("short.too_many_digits", "text.digit_fraction", 8 / 9, "at most 0.2", "a paper", "failed"),
        ("short.too_long", "text.n_words", 2, "at most 9000", "never fires", "passed"),
    ]
    json.dumps(found)


def test_a_kept_row_names_what_duplicates_it(made):
    found = story(made, "web:a@1")
    assert (found["outcome"], found["duplicates"]) == ("kept", ["web:a@92"])
    assert {c["verdict"] for c in found["checks"]} == {"passed"}


def test_a_duplicate_shows_the_kept_row(made):
    found = story(made, "web:a@92")
    assert found["duplicate_of"]["key"] == "web:a@1"
    assert found["duplicate_of"]["excerpt"].startswith("Sentence 1 of this page")
    assert found["columns"]["method"] == "near"


def test_a_contaminated_row_shows_its_matches(made):
    [match] = story(made, "web:a@93")["matches"]
    assert (match["benchmark"], match["item"]) == ("quiz", "3")


def test_a_rejected_row_shows_place_and_message(made):
    columns = story(made, "web:z@7")["columns"]
    assert (columns["place"], columns["message"]) == ("offset 7", "no gzip header")


def test_a_row_of_a_single_dataset(made):
    found = story(made / "dropped", "web:a@90")
    assert (found["outcome"], found["reasons"]) == ("dropped", ["short.too_few_words"])


def test_an_unknown_key_names_the_nearest(made):
    with pytest.raises(ConfigError, match="no row with this key") as error:
        story(made, "code:b.py@11")
    assert "code:b.py@1" in str(error.value)
    with pytest.raises(ConfigError) as error:
        story(made, "b.py")
    assert "the nearest: code:b.py@0, code:b.py@1" in str(error.value)


def test_locating_reads_nothing_but_keys(made):
    for path in (made / "kept").glob("*.parquet"):
        table = pq.read_table(path)
        pq.write_table(table.select(["key"]), path)
    with pytest.raises(ConfigError, match="no row with this key"):
        story(made, "web:nowhere")


def test_a_damaged_shard_is_named(made):
    path = made / "kept" / "part-00000.parquet"
    path.write_bytes(b"PAR1 nothing of the kind")
    for look in (lambda: story(made, "web:a@1"), lambda: summary(made)):
        with pytest.raises(CastorError, match=f"a shard is damaged, in {re.escape(str(path))}"):
            look()


def test_the_checks_are_those_of_the_run_even_if_the_policy_is_gone(made, policy_file):
    os.unlink(policy_file)
    found = story(made, "web:a@90")
    assert found["reasons"] == ["short.too_few_words"]
    assert "short.too_few_words" in [c["reason"] for c in found["checks"]]


def test_nothing_there_is_an_error(tmp_path):
    with pytest.raises(CastorError, match="no dataset here"):
        summary(tmp_path)


def test_samples_do_not_depend_on_how_rows_are_spread(make_run, row, tmp_path):
    rows = [row(Record(f"a:{i}", "a", "text", f"some words in row {i}")) for i in range(50)]
    out = make_run(rows)
    first = sampling.sample(open_folder(out), ["text"], 5)
    assert len(first) == 5
    assert [r["key"] for r in first] == sorted((r["key"] for r in first), key=sampling.rank)
    shutil.rmtree(out)
    again = sampling.sample(open_folder(make_run(rows[::-1])), ["text"], 5)
    assert first == again


def test_samples_are_taken_from_every_group(made):
    found = sampling.sample(open_folder(made), ["modality"], 2, by=["source"])
    assert [r["source"] for r in found] == ["code", "code", "web", "web"]


def test_only_so_many_keys_are_looked_at(make_run, row, monkeypatch):
    rows = [row(Record(f"{s}:{i}", s, "text", "words")) for s in ("a", "b", "c") for i in range(9)]
    out = make_run(rows)
    monkeypatch.setattr(sampling, "MAX_ROWS_SEEN", 10)
    found = sampling.sample(open_folder(out), [], 9, by=["source"])
    assert {r["source"] for r in found} == {"a", "b"}
