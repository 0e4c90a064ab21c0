"""The demonstration: the whole chain on what this machine has, or on a folder of data."""

from __future__ import annotations

import pathlib
import sys


def prepare(out: str, data: str | None) -> tuple[str, str, list[str]]:
    """Recipe, output folder and settings of the demonstration; gathers its input if needed.

    Args:
        out: folder of the run; the raw input goes to `raw` inside it.
        data: a folder laid out like the kit, which is used instead.

    Raises:
        CastorError: the raw input cannot be written.
    """
    if data is not None:
        return "kit", out, [f"data={data}"]
    from castor.pipelines.demo.material import gather

    def report(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    material = gather(pathlib.Path(out, "raw"), report=report)
    if material.fresh:
        report(f"raw input: {material.bytes / 1e6:.0f} MB in {material.folder}")
        for line in material.lines():
            report(f"  {line}")
    return "demo", out, [f"data={material.folder}"]
