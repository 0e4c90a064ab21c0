"""A run, through the command line: same bytes, resume, killed workers, clear errors."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from castor.filters.errors import ConfigError
from castor.pipelines import storage
from castor.pipelines.dataset import OUTCOMES

RECIPE = """\
castor: 1
name: mixed
set: {input: null}
sources:
  - {name: rows, kind: rows, input: "${input}"}
rewrite: [mask_email]
annotate: [text]
decide: [POLICY]
limits: {shard_files: 1}
"""
POLICY = """\
name: short
version: 1
modality: text
rules:
  - {reason: short.too_few_words, signal: text.n_words, at_least: 5, cite: "for the test"}
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("recipe")
    (folder / "short.yaml").write_text(POLICY)
    path = folder / "mixed.yaml"
    path.write_text(RECIPE.replace("POLICY", str(folder / "short.yaml")))
    return path


def write_rows(folder: pathlib.Path, *, files: int, rows: int) -> None:
    """JSONL files of texts that differ, repeat, almost repeat, are short, or are no JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    for f in range(files):
        lines = []
        for r in range(rows):
            words = [f"{f}x{r}x{i * i % 31}" for i in range(60)]
            lines.append(json.dumps({"id": f"{f}-{r}", "text": " ".join(words)}))
        changed = [*[f"{'abcdefgh'[(i * 3) % 8]}{i % 977}" for i in range(120)], f"end{f}"]
        lines.append(json.dumps({"id": f"near-{f}", "text": " ".join(changed)}))
        lines.append(json.dumps({"id": f"same-{f}", "text": "the same words in every file here"}))
        lines.append(json.dumps({"id": f"mail-{f}", "text": f"write me at a{f}@example.com today"}))
        lines.append(json.dumps({"id": f"short-{f}", "text": "too short"}))
        lines.append('{"id": "broken')
        (folder / f"rows-{f}.jsonl").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("rows")
    write_rows(folder, files=5, rows=40)
    return folder


def contents(out: pathlib.Path) -> dict[str, str]:
    """Digest of every file that belongs to the dataset."""
    beside = {"run.json", "run.log", "report.html"}
    return {
        str(p.relative_to(out)): storage.digest(p)
        for p in sorted(out.rglob("*"))
        if p.is_file() and ".work" not in p.parts and p.name not in beside
    }


@pytest.fixture(scope="module")
def reference(castor, recipe, rows, tmp_path_factory) -> pathlib.Path:
    """The run with one worker, in this process's own thread."""
    out = tmp_path_factory.mktemp("reference") / "out"
    castor("run", recipe, out, "--set", f"input={rows}", "--workers", 1)
    return out


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


@pytest.mark.parametrize("workers", [2, 4])
def test_the_bytes_do_not_depend_on_the_workers(castor, recipe, rows, reference, tmp_path, workers):
    out = tmp_path / "out"
    castor("run", recipe, out, "--set", f"input={rows}", "--workers", workers)
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


def start(recipe: pathlib.Path, out: pathlib.Path, rows: pathlib.Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "castor.pipelines.cli", "run", str(recipe), str(out)]
    return subprocess.Popen(
        [*command, "--set", f"input={rows}", "--workers", "2"],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def wait_for(found, process: subprocess.Popen, seconds: float = 90) -> None:
    limit = time.monotonic() + seconds
    while not found():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < limit, "it did not come so far"
        time.sleep(0.05)


def workers_of(process: subprocess.Popen) -> list[int]:
    import psutil

    children = psutil.Process(process.pid).children(recursive=True)
    return [c.pid for c in children if "sdk_worker_main" in " ".join(c.cmdline())]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("many")
    write_rows(folder, files=16, rows=1500)
    return folder


@pytest.mark.parametrize("victim", ["a worker", "everything"])
def test_a_killed_run_resumes(castor, recipe, many, tmp_path, victim):
    out, other = tmp_path / "out", tmp_path / "other"
    process = start(recipe, out, many)
    wait_for(lambda: len(list((out / ".work" / "measured").glob("*.json"))) >= 2, process)
    killed = time.monotonic()
    if victim == "a worker":
        os.kill(workers_of(process)[0], signal.SIGKILL)
        _, errors = process.communicate(timeout=20)
        assert time.monotonic() - killed < 10
        assert process.returncode == 1
        assert "a worker process was killed" in errors
        assert "run the same command again: it resumes" in errors
    else:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=20)
    assert not (out / "manifest.json").exists()
    done = castor("run", recipe, out, "--set", f"input={many}", "--workers", 2, "--json")
    assert json.loads(done.stdout)["shards_reused"] >= 2
    castor("run", recipe, other, "--set", f"input={many}", "--workers", 2)
    assert contents(out) == contents(other)
    assert not list(out.rglob(".tmp-*"))


def test_control_c_ends_every_process_and_says_what_to_do(recipe, many, tmp_path):
    import psutil

    process = start(recipe, tmp_path / "out", many)
    wait_for(lambda: len(workers_of(process)) == 2, process)
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "the same command resumes where it stopped" in errors
    psutil.wait_procs(family, timeout=5)
    assert not [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def test_two_runs_do_not_write_to_one_folder(castor, recipe, rows, tmp_path):
    from castor.pipelines.lock import locked

    out = tmp_path / "out"
    with locked(out):
        done = castor("run", recipe, out, "--set", f"input={rows}", check=False)
    assert done.returncode == 1
    assert "another run is writing to this folder" in done.stderr


def test_a_finished_run_is_not_replaced_unasked(castor, recipe, rows, tmp_path):
    out = tmp_path / "out"
    settings = ["--set", f"input={rows}", "--workers", 1]
    castor("run", recipe, out, *settings, "--limit", 3)
    done = castor("run", recipe, out, *settings, check=False)
    assert done.returncode == 2
    assert "holds a finished run of other input" in done.stderr
    assert "--force" in done.stderr
    castor("run", recipe, out, *settings, "--force")
    assert json.loads((out / "manifest.json").read_text())["counts"]["total"]["in"] == 5 * 45


def test_other_thresholds_reuse_what_was_measured(castor, recipe, rows, tmp_path):
    out = tmp_path / "out"
    settings = ["--set", f"input={rows}", "--workers", 1]
    castor("run", recipe, out, *settings)
    done = castor("run", recipe, out, *settings, "--set", "dedup.near=null", "--force", "--json")
    assert json.loads(done.stdout)["shards_measured"] == 5  # the bands are a column of their own
    other = recipe.with_name("other.yaml")
    other.write_text(
        (recipe.with_name("short.yaml")).read_text().replace("at_least: 5", "at_least: 7")
    )
    done = castor("run", recipe, out, *settings, "--set", f"decide.0.name={other}",
                  "--set", "dedup.near=null", "--force", "--json")  # fmt: skip
    found = json.loads(done.stdout)
    assert found["shards_measured"] == 0
    assert found["counts"]["total"]["dropped"] > 5


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        pytest.param(["rnu"], 2, ["No such command 'rnu'"], id="verb"),
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
    assert len(done.stderr.splitlines()) <= 6


def test_a_misspelt_signal_is_found_before_anything_runs(castor, recipe, rows, tmp_path):
    policy = tmp_path / "wrong.yaml"
    policy.write_text(POLICY.replace("text.n_words", "text.n_wrods"))
    out = tmp_path / "out"
    done = castor("run", recipe, out, "--set", f"input={rows}", "--set", f"decide.0.name={policy}",
                  check=False)  # fmt: skip
    assert done.returncode == 2
    assert "no signal named 'text.n_wrods'" in done.stderr
    assert "did you mean 'text.n_words'?" in done.stderr
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
    assert not (tmp_path / "out").exists()
