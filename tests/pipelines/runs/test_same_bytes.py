"""A run gives the same bytes however it is spread, and does only what is left to do."""

import json

import pytest
from runs import contents

from castor.pipelines.dataset import OUTCOMES

pytestmark = pytest.mark.slow


def test_every_outcome_is_there_and_the_counts_add_up(reference):
    manifest = json.loads((reference / "manifest.json").read_text())
    total = manifest["counts"]["total"]
    assert total["in"] == sum(total[o] for o in OUTCOMES) == 5 * 45
    assert total["rejected"] == total["dropped"] == 5
    # The same words, the near ones, and once masked the address: of five files four each.
    assert total["duplicate"] == 12
    from castor.pipelines.api import open_dataset

    texts = open_dataset(reference).table(["key", "text"]).to_pydict()
    assert texts["text"].count("write me at |||EMAIL_ADDRESS||| today") == 1
    duplicates = open_dataset(reference / "duplicate").table().to_pydict()
    assert set(duplicates["duplicate_of"]) <= set(texts["key"])
    assert set(duplicates["method"]) == {"exact", "near"}


def test_the_bytes_do_not_depend_on_the_workers(castor, recipe, rows, reference, tmp_path):
    """On four; what two that were killed had begun, one ends in test_resume.py."""
    out = tmp_path / "out"
    castor("run", recipe, out, "--set", f"input={rows}", "--workers", 4)
    assert contents(out) == contents(reference)


def test_threads_give_the_same_bytes(castor, recipe, rows, reference, tmp_path):
    out = tmp_path / "out"
    castor("run", recipe, out, "--set", f"input={rows}", "--workers", 2, "--mode", "threads")
    assert contents(out) == contents(reference)


def test_an_unchanged_run_does_nothing(castor, recipe, rows, reference):
    before = {p: p.stat().st_mtime_ns for p in reference.rglob("*.parquet")}
    done = castor("run", recipe, reference, "--set", f"input={rows}", "--json")
    assert json.loads(done.stdout)["skipped"] is True
    assert before == {p: p.stat().st_mtime_ns for p in reference.rglob("*.parquet")}


def test_other_thresholds_reuse_what_was_measured(castor, recipe, rows, finished):
    settings = ["--set", f"input={rows}", "--workers", 1]
    done = castor(
        "run", recipe, finished, *settings, "--set", "dedup.near=null", "--force", "--json"
    )
    assert json.loads(done.stdout)["shards_measured"] == 5  # the bands are a column of their own
    other = recipe.with_name("other.yaml")
    other.write_text(
        (recipe.with_name("short.yaml")).read_text().replace("at_least: 5", "at_least: 7")
    )
    done = castor("run", recipe, finished, *settings, "--set", f"decide.0.name={other}",
                  "--set", "dedup.near=null", "--force", "--json")  # fmt: skip
    found = json.loads(done.stdout)
    assert found["shards_measured"] == 0
    assert found["counts"]["total"]["dropped"] > 5


def test_a_finished_run_is_not_replaced_unasked(castor, recipe, rows, finished):
    settings = ["--set", f"input={rows}", "--workers", 1, "--limit", 3]
    done = castor("run", recipe, finished, *settings, check=False)
    assert done.returncode == 2
    assert "holds a finished run of other input" in done.stderr
    assert "--force" in done.stderr
    castor("run", recipe, finished, *settings, "--force")
    assert json.loads((finished / "manifest.json").read_text())["counts"]["total"]["in"] == 5 * 3
