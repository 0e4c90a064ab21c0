"""Makes a call in a process group of its own, and ends all of it when one part fails.

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
from castor.pipelines.engines.call import Call

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
    call: Call,
    *,
    work: pathlib.Path,
    out: object,
    log: pathlib.Path,
    watch: Callable[[], None],
    need_less: str = "fewer --workers need less memory",
) -> None:
    """Makes a call in a process of its own, and waits for its end.

    Args:
        work: the folder in which the process and its workers leave `progress/`.
        out: the output folder, for messages.
        log: the log file that the driver and its workers append to.
        watch: called about five times a second while it runs.
        need_less: what to do where memory does not suffice.

    Raises:
        CastorError: the call raised, or a process of it died.
        KeyboardInterrupt: after every process of it was ended.
    """
    plan = {"supervisor": os.getpid(), "work": str(work)}
    plan |= {"function": call.function, "arguments": dict(call.arguments)}
    path = work / "plan.json"
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
        raise _failure(work, out, process.returncode, log, need_less)


def _end_group(process: subprocess.Popen) -> None:
    """Kills what is left of the process group; the files of a shard appear whole or not."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _failure(
    work: pathlib.Path, out: object, status: int, log: pathlib.Path, need_less: str
) -> CastorError:
    found = progress.first_error(work, log)
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
        where=out,
        got="out of memory?" if status in (-9, 70) else f"exit status {status}",
        fix=f"run the same command again: it resumes ({need_less}; see {log})",
    )
