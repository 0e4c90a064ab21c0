"""A whole run over web archives: pages per second and core, and memory for 1 and 8 times the input.

    python tests/bench/bench_run.py [pages.warc.gz]

From WARC to decided, deduplicated rows on disk, in one process, start-up not counted: imports
and kernels are warm from a run over the first pages.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

FEW = 60  # pages of a short run: what it takes beside the pages is mostly Beam's
PAGES = "web/extraction/trafilatura/pages-a.warc.gz"
CHILD = """
import json, pathlib, re, sys, time
from castor.pipelines import recipe, run
from castor.pipelines.engines import supervisor
supervisor.lean()
pages, out = sys.argv[1], pathlib.Path(sys.argv[2])
found = recipe.load("web", [f"input={pages}"])
run.run(found, out / "warm", workers=1, limit=20)
cpu = time.process_time()
few = run.run(found, out / "few", workers=1, limit=int(sys.argv[3]))
few_cpu_s = time.process_time() - cpu
began, cpu = time.perf_counter(), time.process_time()
outcome = run.run(found, out / "out", workers=1)
print(json.dumps({
    "pages": outcome.manifest["counts"]["total"]["in"],
    "seconds": time.perf_counter() - began,
    "cpu_s": time.process_time() - cpu,
    "few_pages": few.manifest["counts"]["total"]["in"],
    "few_cpu_s": few_cpu_s,
    # (getrusage would count what the parent held before it started this process)
    "peak_mb": int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1000,
}))
"""


def measure(pages: pathlib.Path, folder: pathlib.Path) -> dict[str, float]:
    """Runs the recipe `web` over one file in a process of its own, and over its first pages."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(pages), str(folder), str(FEW)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def main(arguments: list[str] | None = None) -> None:
    """Prints the figures, or why there are none."""
    given = (sys.argv[1:] if arguments is None else arguments)[:1]
    kit = pathlib.Path(os.environ.get("CASTOR_DATA", "../shared/data"))
    pages = pathlib.Path(given[0]) if given else kit / PAGES
    if not pages.is_file():
        print(f"run: no web archive at {pages}; give one, or set CASTOR_DATA")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        eight = folder / "eight.warc.gz"
        with eight.open("wb") as target:
            for _ in range(8):
                with pages.open("rb") as source:
                    shutil.copyfileobj(source, target)
        for times, path in ((1, pages), (8, eight)):
            found = measure(path, folder / str(times))
            print(
                f"run: {times} x {pages.name}: {found['pages']:.0f} pages, "
                f"{found['pages'] / found['seconds']:.0f} pages/s "
                f"({found['pages'] / found['cpu_s']:.0f} per CPU second), "
                f"peak {found['peak_mb']:.0f} MB"
            )


if __name__ == "__main__":
    main()
