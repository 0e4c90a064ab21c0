"""The kit of real data, whole: every file is accounted for, and every run gives the same bytes."""

import collections
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import warnings

import psutil
import pytest

from castor.filters import storage
from castor.filters.reasons import Reason
from castor.pipelines import api
from castor.pipelines.dataset import OUTCOMES
from castor.pipelines.verify import verify

pytestmark = pytest.mark.kit
MAX_BYTES = 2_500_000_000  # of all processes together


class Peak(threading.Thread):
    """The most memory that a process and its children held together."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.process, self.n_bytes = psutil.Process(pid), 0

    def run(self) -> None:
        while self.process.is_running() and self.process.status() != psutil.STATUS_ZOMBIE:
            total = 0
            for process in (self.process, *self.process.children(recursive=True)):
                try:
                    total += process.memory_info().rss
                except psutil.Error:
                    continue
            self.n_bytes = max(self.n_bytes, total)
            time.sleep(0.2)


def start(out: pathlib.Path, kit: pathlib.Path, workers: int) -> subprocess.Popen:
    command = [sys.executable, "-m", "castor.pipelines.cli", "run", "kit", str(out)]
    return subprocess.Popen(
        [*command, "--set", f"data={kit}", "--workers", str(workers)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def contents(out: pathlib.Path) -> dict[str, str]:
    """Digest of every shard and manifest."""
    found = [
        p for p in sorted(out.rglob("*")) if p.suffix == ".parquet" or p.name == "manifest.json"
    ]
    return {str(p.relative_to(out)): storage.digest(p) for p in found if ".work" not in p.parts}


@pytest.fixture(scope="module")
def run(kit, tmp_path_factory) -> pathlib.Path:
    """The run of the whole kit with two workers."""
    out = tmp_path_factory.mktemp("kit") / "out"
    began = time.monotonic()
    process = start(out, kit, 2)
    peak = Peak(process.pid)
    peak.start()
    _, errors = process.communicate(timeout=600)
    seconds = time.monotonic() - began
    print(f"\nthe whole kit, two workers: {seconds:.0f} s, {peak.n_bytes / 1e6:.0f} MB in all")
    assert process.returncode == 0, errors.decode()
    assert peak.n_bytes < MAX_BYTES
    return out


@pytest.fixture(scope="module")
def rows(run) -> dict[str, list[dict]]:
    """(source, path of the file) -> outcome, reason and facts of every row that it became."""
    found = collections.defaultdict(list)
    for outcome in OUTCOMES:
        dataset = api.open_dataset(run / outcome)
        if not dataset.rows:
            continue
        wanted = ["key"] + (["reason"] if outcome == "rejected" else ["meta"])
        for row in dataset.table(wanted).to_pylist():
            source, _, place = row["key"].partition(":")
            path = place.split("@")[0]
            facts = dict(row.get("meta") or ())
            found[source, path].append({"outcome": outcome, "reason": row.get("reason"), **facts})
    return found


def test_the_counts_add_up_and_everything_verifies(run):
    counts = json.loads((run / "manifest.json").read_text())["counts"]
    for table in (counts["total"], *counts["by_source"].values(), *counts["by_modality"].values()):
        assert table["in"] == sum(table[o] for o in OUTCOMES)
    assert verify(run) == []


def test_every_file_of_the_kit_is_accounted_for(run, kit, rows):
    roots = json.loads((run / "run.json").read_text())["roots"]
    manifest = json.loads((run / "manifest.json").read_text())
    entries = [json.loads(line) for line in (run / "inputs.jsonl").read_text().splitlines()]
    named = {os.path.realpath(os.path.join(roots[e["source"]], e["path"])) for e in entries}
    beside = {"manifest.jsonl", "README.md", "SOURCES.md", "licences.tar.xz"}
    elsewhere = (
        "evals/",
        "lists/",
        "text/",
    )  # benchmarks, lists, and files with a source of their own
    for line in (kit / "manifest.jsonl").read_text().splitlines():
        path = json.loads(line)["path"]
        if path not in beside and not path.startswith(elsewhere):
            assert os.path.realpath(kit / path) in named, path
    silent = [
        (e["source"], e["path"])
        for e in entries
        if not e.get("ignored") and (e["source"], e["path"]) not in rows
    ]
    # What became no row holds nothing but skips: WARC files of requests, and sidecars.
    skipped = manifest["counts"]["skipped"]
    assert {source for source, _ in silent} <= {"warc", "images", "audio", "video", "code"}
    assert sum(skipped.values()) >= len(silent)


def test_every_rejection_is_typed(rows):
    reasons = {r["reason"] for own in rows.values() for r in own if r["outcome"] == "rejected"}
    assert reasons <= {str(r) for r in Reason} - {"reader_failed", "worker_died", "timeout"}
    assert {"bomb", "corrupt", "empty", "truncated", "not_decodable"} <= reasons


def test_every_picture_that_does_not_decode_is_rejected_or_marked(kit, rows):
    """By another's word: Pillow, told to raise on what it would only warn of."""
    from PIL import Image

    broken = []
    for path in sorted((kit / "images" / "edge").iterdir()):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                with Image.open(path) as picture:
                    if picture.width * picture.height > 64_000_000:
                        raise Image.DecompressionBombError
                    picture.load()
        except Exception:
            broken.append(f"edge/{path.name}")
    assert len(broken) >= 25
    for path in broken:
        own = rows["images", path]
        assert own, path
        assert all(r["outcome"] == "rejected" or r.get("truncated") == "true" for r in own), path


@pytest.mark.parametrize(
    ("source", "part"),
    [("warc", "trunc"), ("warc", "clipped"), ("warc", "pywb-bad.arc"), ("warc", "invalid_example"),
     ("audio", "empty_file"), ("books", "password")],
)  # fmt: skip
def test_files_that_are_broken_by_name_have_a_rejection(rows, source, part):
    own = [r for (s, path), rs in rows.items() if s == source and part in path for r in rs]
    assert any(r["outcome"] == "rejected" for r in own)


@pytest.mark.parametrize("workers", [1, 4])
def test_the_bytes_do_not_depend_on_the_workers(run, kit, tmp_path, workers):
    process = start(tmp_path / "out", kit, workers)
    _, errors = process.communicate(timeout=900)
    assert process.returncode == 0, errors.decode()
    assert contents(tmp_path / "out") == contents(run)


def test_a_run_killed_half_way_gives_the_same_bytes(run, kit, tmp_path):
    out = tmp_path / "out"
    process = start(out, kit, 2)
    while len(list((out / ".work" / "measured").glob("*.json"))) < 15:
        assert process.poll() is None
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (out / "manifest.json").exists()
    process = start(out, kit, 2)
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 0, errors.decode()
    assert contents(out) == contents(run)


def test_an_unchanged_second_run_does_nothing(run, kit, castor):
    before = {p: p.stat().st_mtime_ns for p in run.rglob("*.parquet")}
    began = time.monotonic()
    done = castor("run", "kit", run, "--set", f"data={kit}", "--json")
    print(f"\nan unchanged second run: {time.monotonic() - began:.1f} s")
    assert json.loads(done.stdout)["skipped"] is True
    assert before == {p: p.stat().st_mtime_ns for p in run.rglob("*.parquet")}
