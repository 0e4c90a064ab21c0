"""The recipes behind the verbs that take a dataset: `castor dedup` and `castor decontaminate`."""

from __future__ import annotations

import json
import os
import pathlib
from collections.abc import Sequence

from castor.pipelines.dataset import is_ours, open_folder


def dedup(
    dataset: str | os.PathLike[str],
    *,
    against: str | os.PathLike[str] | None = None,
    jaccard: float = 0.8,
    containment: float | None = None,
) -> tuple[str, list[str]]:
    """The recipe and the settings by which `dedup` runs."""
    path, kind = _rows_or_dataset(dataset)
    settings = [f"input={path}", f"kind={kind}", f"dedup.near.jaccard={jaccard}"]
    if containment is not None:
        settings.append(f"dedup.near.containment={containment}")
    if against is None:
        return "dedup", settings
    old, old_kind = _rows_or_dataset(against)
    return "dedup-against", [*settings, f"old={old}", f"old_kind={old_kind}"]


def decontaminate(
    dataset: str | os.PathLike[str], *, against: Sequence[str]
) -> tuple[str, list[str]]:
    """The recipe and the settings by which `decontaminate` runs."""
    path, kind = _rows_or_dataset(dataset)
    listed = json.dumps([os.fspath(a) for a in against])
    return "decontaminate", [f"input={path}", f"kind={kind}", f"decontaminate.against={listed}"]


def _rows_or_dataset(dataset: str | os.PathLike[str]) -> tuple[pathlib.Path, str]:
    """Where the rows lie, and the kind of source that reads them."""
    path = pathlib.Path(dataset)
    return (open_folder(path).path, "dataset") if is_ours(path) else (path, "rows")
