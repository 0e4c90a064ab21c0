"""One self-contained HTML page about a run.

No request leaves it, and nothing in it is markup that did not come from here.
"""

from __future__ import annotations

import pathlib


def build(out: pathlib.Path, *, target: pathlib.Path | None = None) -> pathlib.Path:
    """Writes the page of a finished run; see `castor.pipelines.report.page.build`."""
    from castor.pipelines.report import page

    return page.build(out, target=target)
