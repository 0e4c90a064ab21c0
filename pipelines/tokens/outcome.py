"""What a verb that makes an output folder from a dataset did."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """What was done.

    Attributes:
        out: the output folder.
        manifest: its manifest.
        skipped: whether everything was up to date and nothing ran.
        seconds: wall time.
        reused: shards that were done before.
    """

    out: pathlib.Path
    manifest: dict[str, Any]
    skipped: bool
    seconds: float
    reused: int = 0

    def summary(self) -> dict[str, Any]:
        """The outcome as JSON values."""
        return {
            "out": str(self.out),
            "skipped": self.skipped,
            "seconds": round(self.seconds, 2),
            "shards_reused": self.reused,
        }
