"""The process that drives the worker processes of one run; started by supervisor.py."""

from __future__ import annotations

import logging
import os
import pathlib
import sys

from castor.pipelines import progress


def main(path: str) -> None:
    """Runs the job that a file describes."""
    import ctypes
    import json
    import signal

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: no orphan drivers
    plan = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    if os.getppid() != plan["supervisor"]:
        sys.exit("the supervisor died before its driver had started")  # no signal comes any more
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    from castor.pipelines.engines import local
    from castor.pipelines.job import load_job
    from castor.pipelines.stages.pipeline import build

    job = load_job(plan["job"])
    with progress.reporting(job.work):
        local.run(
            lambda p: build(p, job, plan["todo"], plan["done"]),
            mode=plan["mode"],
            workers=plan["workers"],
        )


if __name__ == "__main__":
    main(sys.argv[1])
