"""run.log: what Beam and the steps say while a run goes on, for whoever looks for a fault."""

from __future__ import annotations

import contextlib
import logging
import pathlib
from collections.abc import Iterator


class _Log(logging.FileHandler):
    """A log that a full disk only shortens: the fault itself is told by what needs the disk."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Leaves the record out."""

    def close(self) -> None:
        """Closes the file, whole or not."""
        with contextlib.suppress(OSError):
            super().close()


@contextlib.contextmanager
def beam_to(path: pathlib.Path) -> Iterator[None]:
    """Sends what Beam logs in this process to a file, and keeps it from the terminal."""
    handler = _Log(path, delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("apache_beam")
    before = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate = before
        logger.removeHandler(handler)
        handler.close()
