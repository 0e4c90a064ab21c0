"""The process in which a supervised call runs; started by supervisor.py."""

from __future__ import annotations

import logging
import os
import pathlib
import sys

from castor.pipelines import progress
from castor.pipelines.engines.call import Call


def main(path: str) -> None:
    """Makes the call that a file describes; a fault is written down beside the progress."""
    import ctypes
    import json
    import signal

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: no orphan drivers
    plan = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    if os.getppid() != plan["supervisor"]:
        sys.exit("the supervisor died before its driver had started")  # no signal comes any more
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    with progress.reporting(pathlib.Path(plan["work"])):
        Call(plan["function"], plan["arguments"])()


if __name__ == "__main__":
    main(sys.argv[1])
