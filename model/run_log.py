"""The log of a training: one JSON object a line, written at once, continued without doubles."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from castor.filters import storage
from castor.filters.errors import CastorError


class RunLog:
    """Appends records; opening it drops those of steps after the one that is resumed.

    Args:
        path: the file; made if absent.
        step: the step of the checkpoint from which training goes on; 0 begins anew.

    Raises:
        CastorError: the file is damaged, or the operating system refuses to write.
    """

    def __init__(self, path: pathlib.Path, *, step: int) -> None:
        kept = [r for r in read(path) if r["step"] <= step] if step and path.is_file() else []
        storage.write_bytes(path, b"".join(_line(r) for r in kept))
        self._path = path
        self._file = path.open("ab", buffering=0)  # a record is on its way when write returns

    def write(self, record: Mapping[str, Any]) -> None:
        """Appends one record, which has a `step`, in one write."""
        with storage.writing(self._path):
            self._file.write(_line(record))

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def __enter__(self) -> RunLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()


def read(path: pathlib.Path) -> list[dict[str, Any]]:
    """The records of a log, in order. A last line without an end is what a kill cut: left out.

    Raises:
        CastorError: there is none, or a line before the last is no record.
    """
    try:
        *lines, _ = path.read_bytes().split(b"\n")
    except OSError as error:
        raise CastorError("cannot read the log", where=path, got=error.strerror) from error
    records = []
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict) or not isinstance(record.get("step"), int):
            raise CastorError(
                "the log is damaged",
                where=f"{path}, line {number}",
                got=line[:80].decode(errors="replace"),
                fix="move the file away: training goes on and begins a new one",
            )
        records.append(record)
    return records


def _line(record: Mapping[str, Any]) -> bytes:
    # NaN is no JSON; a step whose loss is none ends the run with an error that names it
    return json.dumps(record, ensure_ascii=False, allow_nan=False).encode() + b"\n"
