"""What was planted, as a file beside the material: the answers to the demonstration's quiz."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Sequence
from typing import Any

from castor.filters.errors import CastorError
from castor.pipelines.demo.ledger import Plant

FILE = "planted.json"


def write(folder: pathlib.Path, plants: Sequence[Plant]) -> None:
    """Writes what was planted as `planted.json`, in the order in which it was planted."""
    rows = [dataclasses.asdict(p) for p in plants]
    text = json.dumps({"castor_demo": 1, "planted": rows}, indent=1, ensure_ascii=False)
    (folder / FILE).write_text(text + "\n", encoding="utf-8")


def expected(folder: pathlib.Path) -> dict[str, list[Plant]]:
    """What a run over the material in `folder` must say, by source name.

    Raises:
        CastorError: the folder holds no gathered material.
    """
    path = folder / FILE
    if not path.is_file():
        raise CastorError(
            "the folder holds no material of the demonstration",
            where=folder,
            got=f"no {FILE}",
            fix="gather it with `castor demo`",
        )
    found: dict[str, list[Plant]] = {}
    for row in json.loads(path.read_text(encoding="utf-8"))["planted"]:
        plant = Plant(**{k: _tuple(v) for k, v in row.items()})
        found.setdefault(plant.source, []).append(plant)
    return found


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
