"""Runs a job in a process group of its own, and ends all of it when one part fails.

The supervisor stays light (no Beam), so it can draw progress, answer Ctrl-C at once and
tell what happened when a worker is killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Callable

from castor.filters.errors import CastorError
from castor.pipelines import progress
from castor.pipelines.job import Job

POLL_S = 0.2
# One worker per core needs no threads inside; and freed memory goes back to the system: with
# these, the workers of the kit's run peak at 550 MB each instead of 780.
LEAN = {
    "OMP_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_TRIM_THRESHOLD_": "10000000",
}


def lean() -> None:
    """Does for this process what LEAN does for a driver and its workers."""
    import ctypes

    import pyarrow as pa

    pa.set_memory_pool(pa.system_memory_pool())
    with contextlib.suppress(AttributeError, OSError):  # another C library than glibc
        library = ctypes.CDLL(None)
        library.mallopt(-8, 2)  # M_ARENA_MAX
        library.mallopt(-1, 10_000_000)  # M_TRIM_THRESHOLD


def run(
    job: Job,
    todo: list[int],
    done: list[int],
    *,
    mode: str,
    workers: int,
    log: pathlib.Path,
    watch: Callable[[], None],
) -> None:
    """Runs a job to its end.

    Args:
        todo: shards to measure.
        done: shards that were measured before.
        mode: as in `engines.local.run`.
        log: the log file that the driver and its workers append to.
        watch: called about five times a second while the job runs.

    Raises:
        CastorError: a step failed, or a worker died.
        KeyboardInterrupt: after every process of the run was ended.
    """
    plan = {"job": job.save(), "todo": todo, "done": done, "mode": mode, "workers": workers}
    plan["supervisor"] = os.getpid()
    path = job.work / "plan.json"
    path.write_text(json.dumps(plan), encoding="utf-8")
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "castor.pipelines.engines.driver", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
            env={**LEAN, **os.environ},
        )
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(POLL_S)
                watch()
                if process.returncode is not None:
                    break
        finally:
            _end_group(process)
    if process.returncode != 0:
        raise _failure(job, process.returncode, log)


def _end_group(process: subprocess.Popen) -> None:
    """Kills what is left of the process group; the files of a shard appear whole or not."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _failure(job: Job, status: int, log: pathlib.Path) -> CastorError:
    found = progress.first_error(job.work)
    if found:
        error, trace = found
        with log.open("a", encoding="utf-8") as file:
            file.write(trace)
        return error
    if status < 0:
        what = f"the run was killed by {signal.Signals(-status).name}"
    else:
        what = "a worker process was killed before it could finish"
    return CastorError(
        what,
        where=job.out,
        got="out of memory?" if status in (-9, 70) else f"exit status {status}",
        fix=f"run the same command again: it resumes (fewer --workers need less memory; see {log})",
    )
