"""Progress that crosses processes: every worker appends lines to a file of its own.

The local runner says nothing until it ends, so workers write what they did to
`.work/progress/`, and whoever watches adds it up. A fault is written there too, because
the runner hands over the text of an exception only, not the exception.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import time
import traceback
from collections.abc import Callable, Iterator

from castor.filters import storage
from castor.filters.errors import CastorError, ConfigError

STAGES = ("measure", "match", "write")
RESERVE = "reserve"  # room for a fault's note on a disk that is full
RESERVE_BYTES = 65_536


@dataclasses.dataclass
class Totals:
    """What all workers have done so far in one stage."""

    shards: int = 0
    rows: int = 0
    bytes: int = 0


def tell(
    work: pathlib.Path, stage: str, *, shards: int = 0, rows: int = 0, n_bytes: int = 0
) -> None:
    """Appends what this process just did. One write call, so lines never mix."""
    line = json.dumps([stage, shards, rows, n_bytes]) + "\n"
    with contextlib.suppress(OSError):  # a full disk is reported by what needs the disk
        path = work / "progress" / f"{os.getpid()}.jsonl"
        with path.open("ab", buffering=0) as file:
            file.write(line.encode())


class BytesRead:
    """Tells the bytes read of one file, twice a second at most; a file counts once.

    Args:
        tell: called with `n_bytes=`; `tell` of this module with its folder and stage.
        n_bytes: the size of the file.
    """

    EVERY_S = 0.5

    def __init__(self, tell: Callable[..., None], n_bytes: int) -> None:
        self._report, self._left, self._pending = tell, n_bytes, 0
        self._last = time.monotonic()

    def add(self, n_bytes: int) -> None:
        """Some were read."""
        self._pending = min(self._left, self._pending + n_bytes)
        if time.monotonic() - self._last >= self.EVERY_S:
            self._tell(self._pending)

    def end(self) -> None:
        """The file is done, by whichever way it was read."""
        self._tell(self._left)

    def _tell(self, n_bytes: int) -> None:
        self._report(n_bytes=n_bytes)
        self._left -= n_bytes
        self._pending = 0
        self._last = time.monotonic()


def read(work: pathlib.Path) -> dict[str, Totals]:
    """The totals of all workers by stage; the stages of a run are there from the start."""
    totals = {stage: Totals() for stage in STAGES}
    for path in sorted((work / "progress").glob("*.jsonl")):
        for line in path.read_bytes().splitlines():
            with contextlib.suppress(ValueError):  # a line still being written
                stage, shards, rows, n_bytes = json.loads(line)
                total = totals.setdefault(stage, Totals())
                total.shards += shards
                total.rows += rows
                total.bytes += n_bytes
    return totals


@contextlib.contextmanager
def reporting(work: pathlib.Path) -> Iterator[None]:
    """Writes down the exception that leaves the block, so that the driver can tell it."""
    try:
        yield
    except Exception as error:
        ours = error if isinstance(error, CastorError) else None
        note = {
            "time": time.time(),
            "ours": ours is not None,
            "usage": isinstance(error, ConfigError),
            "what": ours.what if ours else " ".join(f"{type(error).__name__}: {error}".split()),
            "where": None if ours is None or ours.where is None else str(ours.where),
            "got": None if ours is None or ours.got is None else str(ours.got),
            "fix": ours.fix if ours else None,
            "traceback": traceback.format_exc(),
        }
        with contextlib.suppress(OSError):
            (work / "progress" / RESERVE).unlink(missing_ok=True)  # the disk may be full
            path = work / "progress" / f"{os.getpid()}.error"
            path.write_text(json.dumps(note), encoding="utf-8")
        raise


def first_error(work: pathlib.Path, log: pathlib.Path) -> tuple[CastorError, str] | None:
    """The first fault that a worker wrote down, with its traceback.

    Args:
        log: the file in which whoever asks keeps the traceback, for the message.
    """
    notes = []
    for path in (work / "progress").glob("*.error"):
        with contextlib.suppress(ValueError):
            notes.append(json.loads(path.read_text(encoding="utf-8")))
    if not notes:
        return None
    note = min(notes, key=lambda n: n["time"])
    if note["ours"]:
        kind = ConfigError if note["usage"] else CastorError
        error = kind(note["what"], where=note["where"], got=note["got"], fix=note["fix"])
    else:
        error = CastorError(
            "a worker failed", got=note["what"][:400], fix=f"see {log.name} for the traceback"
        )
    return error, note["traceback"]


def clear(work: pathlib.Path) -> None:
    """Starts anew: forgets what an earlier run reported."""
    folder = work / "progress"
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        path.unlink(missing_ok=True)
    storage.write_bytes(folder / RESERVE, bytes(RESERVE_BYTES))
