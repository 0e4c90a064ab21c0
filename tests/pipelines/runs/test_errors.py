"""Every error says what, where, got, and what to do."""

import json
import os
import subprocess

import pytest
from runs import POLICY

from castor.filters.errors import ConfigError

pytestmark = pytest.mark.slow


def test_two_runs_do_not_write_to_one_folder(castor, recipe, rows, tmp_path):
    from castor.filters.lock import locked

    out = tmp_path / "out"
    with locked(out):
        done = castor("run", recipe, out, "--set", f"input={rows}", check=False)
    assert done.returncode == 1
    assert "another run is writing to this folder" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        pytest.param(["rnu"], 2, ["error: No such command 'rnu'", "-> see `castor --help`"],
                     id="verb"),
        pytest.param(["run", "web", "OUT", "--workers", "0"], 2,
                     ["'--workers': 0 is not in the range", "-> see `castor run --help`"],
                     id="option"),
        pytest.param(["run", "wbe", "OUT"], 2, ["no recipe named 'wbe'", "'web'"], id="recipe"),
        pytest.param(["run", "web", "OUT"], 2, ["needs a value for 'input'", "--set input="],
                     id="variable"),
        pytest.param(["run", "web", "OUT", "--set", "inptu=x"], 2,
                     ["no setting named 'inptu'", "'input'"], id="setting"),
        pytest.param(["run", "rows", "OUT", "--set", "input=/nowhere/*.jsonl"], 2,
                     ["matches no file", "/nowhere/*.jsonl", "glob"], id="glob"),
        pytest.param(["run", "rows", "OUT", "--set", "input=/nowhere"], 2,
                     ["does not exist", "/nowhere"], id="folder"),
        pytest.param(["run", "rows", "OUT", "--set", "input=.", "--set", "dedup.neer.jaccard=1"],
                     2, ["no key", "'near'"], id="key"),
        pytest.param(["run", "rows", "OUT", "--set", "input=.", "--set", "dedup.near.jaccard=7"],
                     2, ["dedup.near.jaccard", "less than or equal to 1", "got 7"], id="value"),
        pytest.param(["inspect", "OUT"], 1, ["no dataset here"], id="nothing"),
    ],
)  # fmt: skip
def test_errors_say_what_where_got_and_what_to_do(castor, tmp_path, arguments, code, words):
    arguments = [str(tmp_path / "out") if a == "OUT" else a for a in arguments]
    done = castor(*arguments, check=False)
    assert done.returncode == code, done.stderr
    for word in words:
        assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 2


def test_a_misspelt_signal_is_found_before_anything_runs(castor, recipe, rows, tmp_path):
    policy = tmp_path / "wrong.yaml"
    policy.write_text(POLICY.replace("text.n_words", "text.n_wrods"))
    out = tmp_path / "out"
    done = castor("run", recipe, out, "--set", f"input={rows}", "--set", f"decide.0.name={policy}",
                  check=False)  # fmt: skip
    assert done.returncode == 2
    assert "no signal named 'text.n_wrods'" in done.stderr
    assert "did you mean 'text.n_words'" in done.stderr
    assert not (out / ".work" / "measured").exists()


def test_an_output_that_cannot_be_written(castor, recipe, rows, tmp_path):
    (tmp_path / "file").write_text("in the way")
    done = castor("run", recipe, tmp_path / "file" / "out", "--set", f"input={rows}", check=False)
    assert done.returncode == 1
    assert "cannot write" in done.stderr
    assert "choose an output folder" in done.stderr


def test_an_input_that_cannot_be_read(monkeypatch, tmp_path):
    from castor.pipelines import inputs
    from castor.pipelines.recipe import SourceSpec
    from castor.pipelines.source import load

    (tmp_path / "a.jsonl").write_text("{}")

    stat = os.stat

    def refuse(path: object, **options: object) -> os.stat_result:
        if str(path).endswith("a.jsonl"):
            raise PermissionError(13, "Permission denied", path)
        return stat(path, **options)

    monkeypatch.setattr(inputs.os.path, "isfile", lambda path: True)
    monkeypatch.setattr(inputs.os, "stat", refuse)
    with pytest.raises(ConfigError, match="cannot read an input file") as caught:
        inputs.find(SourceSpec(name="rows", kind="rows", input=str(tmp_path)), load("rows"))
    assert "Permission denied" in str(caught.value)


def test_a_full_disk(castor, recipe, many, tmp_path):
    """On a file system of 2 MB of its own, where that may be mounted."""
    small = tmp_path / "small"
    small.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(small)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a small file system here")
    try:
        done = castor("run", recipe, small / "out", "--set", f"input={many}", "--workers", 1,
                      check=False)  # fmt: skip
        assert done.returncode == 1
        assert "the disk is full" in done.stderr
        assert "run the same command again: it resumes" in done.stderr
        assert "Traceback" not in done.stderr
        assert not (small / "out" / "manifest.json").exists()
    finally:
        subprocess.run(["umount", str(small)], check=False)


def test_a_corrupt_shard_is_named(castor, reference, tmp_path):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(reference, copy, ignore=shutil.ignore_patterns(".work"))
    shard = next((copy / "kept").glob("*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-200])
    done = castor("dedup", copy, tmp_path / "out", "--workers", 1, check=False)
    assert done.returncode == 1
    assert "a shard is damaged" in done.stderr
    assert shard.name in done.stderr
    assert "castor verify" in done.stderr


def test_a_dry_run_writes_nothing(castor, recipe, rows, tmp_path):
    done = castor("run", recipe, tmp_path / "out", "--set", f"input={rows}", "--dry-run")
    assert "5 files" in done.stdout
    assert "estimate" in done.stdout
    done = castor("run", recipe, tmp_path / "out", "--set", f"input={rows}", "--dry-run", "--json")
    assert json.loads(done.stdout)["plan"][0]["files"] == 5
    assert not (tmp_path / "out").exists()
