"""A pipeline on this machine, in any of the three modes; what a run and a fan-out share."""

from __future__ import annotations

import contextlib
import pathlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

from castor.filters.errors import ConfigError
from castor.pipelines import logs, progress
from castor.pipelines.engines import supervisor
from castor.pipelines.engines.call import Call

MODES = ("memory", "threads", "processes")
WATCH_S = 0.2


def check_mode(mode: str | None) -> None:
    """Refuses a mode that does not exist."""
    if mode is not None and mode not in MODES:
        raise ConfigError("no such mode", got=mode, fix=f"give one of {', '.join(MODES)}")


def execute(
    build: Call,
    *,
    work: pathlib.Path,
    out: object,
    log: pathlib.Path,
    mode: str,
    workers: int,
    watch: Callable[[], None] | None = None,
) -> None:
    """Builds a pipeline and runs it to its end.

    Args:
        build: a function of an empty pipeline, by name, with the arguments that follow it.
        work: the folder in which workers leave `progress/`.
        out: the output folder, for messages.
        log: the file that the engine and its workers append to.
        mode: `memory`, `threads` or `processes`.
        workers: number of threads or processes.
        watch: called a few times a second while it runs, and once at the end.

    Raises:
        CastorError: a step failed, or a worker died.
        KeyboardInterrupt: after every process was ended.
    """
    if mode == "processes":
        arguments: dict[str, Any] = {
            "function": build.function,
            "arguments": dict(build.arguments),
            "mode": mode,
            "workers": workers,
        }
        call = Call("castor.pipelines.engines.local:run_named", arguments)
        supervisor.run(call, work=work, out=out, log=log, watch=watch or _nothing)
        return
    from castor.pipelines.engines import local

    try:
        with logs.beam_to(log), _watched(watch):
            local.run(build, mode=mode, workers=workers)
    except Exception as error:
        # Beam raises what a step raised anew, by its words alone; the step wrote down all of it.
        found = progress.first_error(work, log)
        raise (found[0] if found else error) from error


def _nothing() -> None:
    return


@contextlib.contextmanager
def _watched(watch: Callable[[], None] | None) -> Iterator[None]:
    """Calls `watch` from a thread of its own while the block runs in this one."""
    if watch is None:
        yield
        return
    over = threading.Event()

    def look() -> None:
        while not over.wait(WATCH_S):
            watch()

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        watch()
