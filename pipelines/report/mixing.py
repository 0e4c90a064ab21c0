"""What the report says of a compiled mixture and of an ablation in a run's folder."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from typing import Any

from castor.filters import outputs, storage
from castor.pipelines.report.lines import Curve, stacked


def mixture(out: pathlib.Path) -> dict[str, Any] | None:
    """The context of the mixture's section, or None if none is compiled in `out`/mixture.

    Keys: `preview`, `names`, `drawing`.
    """
    folder = out / "mixture"
    if not (folder / outputs.MANIFEST).is_file():
        return None
    outputs.read(folder, "mixture")
    preview = storage.read_json(folder / "preview.json")
    return {"preview": preview, "names": sorted(preview["sources"]), "drawing": _drawing(preview)}


def _drawing(preview: Mapping[str, Any]) -> Any:
    """Shares over the tokens of the run: level within a stage, or sloping where it ramps."""
    length = preview["sequence_length"]
    series = [
        Curve(
            name,
            [
                point
                for stage in preview["stages"]
                for point in (
                    (stage["begin"] * length, stage["sources"][name]["first"]),
                    (stage["end"] * length, stage["sources"][name]["last"]),
                )
            ],
        )
        for name in sorted(preview["sources"])
    ]
    borders = [(stage["begin"] * length, stage["name"]) for stage in preview["stages"]]
    return stacked(series, x="tokens", borders=borders)


def ablation(out: pathlib.Path) -> dict[str, Any] | None:
    """The context of the ablation's section, or None if there is none in `out`/ablation.

    Keys: `result` (what ablation.json holds) and `drawing`.
    """
    folder = out / "ablation"
    if not (folder / outputs.MANIFEST).is_file():
        return None
    from castor.mixtures.ablate.figure import figure

    outputs.read(folder, "ablation")
    result = storage.read_json(folder / "ablation.json")
    return {"result": result, "drawing": figure(result)}
