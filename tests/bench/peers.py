"""Runs a peer in its own environment (`make peers`) and brings back what it measured.

A script in tests/bench/peers/ reads one JSON object from standard input and prints one to
standard output; it takes `time.process_time` around the work itself, with imports and warm-up
outside, so start-up and the way there and back cost a peer nothing.
"""

import json
import os
import pathlib
import subprocess
from typing import Any

FOLDER = pathlib.Path(__file__).resolve().parent / "peers"
PYTHON = FOLDER.parents[2] / ".venv-peers" / "bin" / "python"
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TOKENIZERS_PARALLELISM"), "1"
)


class NoPeersError(RuntimeError):
    """The environment of the peers is not there."""


def ask(script: str, *, timeout_s: float = 900, **payload: Any) -> dict[str, Any]:
    """What `tests/bench/peers/<script>.py` answers to a payload of JSON values.

    Raises:
        NoPeersError: there is no environment of peers; the benchmark then prints ours alone.
        RuntimeError: the script failed; the last of what it wrote is told.
    """
    if not PYTHON.exists():
        raise NoPeersError(f"no {PYTHON.parents[1].name}, so no peers to compare with: make peers")
    done = subprocess.run(
        [PYTHON, "-P", FOLDER / f"{script}.py"],  # -P: a script may be named as its peer
        input=json.dumps(payload),
        env={**os.environ, **ONE_THREAD},
        capture_output=True,
        encoding="utf-8",
        timeout=timeout_s,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"peer {script} exited {done.returncode}:\n{done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
