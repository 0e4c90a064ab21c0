"""What the tests of whole runs share: rows of every outcome, and runs as processes."""

import contextlib
import json
import pathlib
import subprocess
import sys
import time

from castor.filters import storage

RECIPE = """\
castor: 1
name: mixed
set: {input: null}
sources:
  - {name: rows, kind: rows, input: "${input}"}
rewrite: [mask_pii]
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


def contents(out: pathlib.Path) -> dict[str, str]:
    """Digest of every file that belongs to the dataset."""
    beside = {"run.json", "run.log", "report.html"}
    return {
        str(p.relative_to(out)): storage.digest(p)
        for p in sorted(out.rglob("*"))
        if p.is_file() and ".work" not in p.parts and p.name not in beside
    }


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

    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it ended meanwhile
            # (a shell starts each of them)
            if "sdk_worker_main" in " ".join(child.cmdline()) and child.name() != "sh":
                found.append(child.pid)
    return found
