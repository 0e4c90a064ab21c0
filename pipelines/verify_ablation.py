"""Verify of an ablation: the files of its folder against the digests in its manifest."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from castor.filters import outputs, storage
from castor.pipelines.verify_manifest import Problem

AGAIN = "run the same `castor ablate` again with --force: runs that fit are not trained again"
RUN = "run.json"  # how long it took; no part of the result


def problems(folder: pathlib.Path, manifest: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything that is wrong in the folder of an ablation."""
    named = manifest["files"]
    for name, digest in sorted(named.items()):
        if not (folder / name).is_file():
            yield Problem("a file is missing", name, "nothing", AGAIN)
            continue
        found = storage.digest(folder / name)
        if found != digest:
            yield Problem("a file is damaged", name, f"digest {found}, not {digest}", AGAIN)
    known = {*named, outputs.MANIFEST, outputs.WORK, RUN}
    for path in sorted(folder.iterdir()):
        if path.name in known:
            continue
        if path.name.startswith(storage.TEMPORARY):
            yield Problem("a run left a temporary file", path.name, "", "delete it")
        else:
            yield Problem("no manifest names this", path.name, "", "move it elsewhere")
