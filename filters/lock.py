"""One run at a time writes to an output folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
from collections.abc import Iterator

from castor.filters.errors import CastorError
from castor.filters.storage import cannot_write


@contextlib.contextmanager
def locked(out: pathlib.Path) -> Iterator[None]:
    """Holds the lock of an output folder; the kernel frees it when the process ends.

    Raises:
        CastorError: another run holds it, or the folder cannot be written.
    """
    path = out / ".work" / "lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise cannot_write(out, error) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise CastorError(
                "another run is writing to this folder",
                where=out,
                got=f"process {holder}",
                fix="wait for it, stop it, or give another output folder",
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
