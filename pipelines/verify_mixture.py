"""Verify of a compiled mixture: its own files, and the tokens that it reads."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from castor.filters import outputs, storage
from castor.filters.errors import CastorError
from castor.pipelines.verify_manifest import Problem

AGAIN = "run `castor mixture compile` again with --force"


def problems(folder: pathlib.Path, manifest: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything that is wrong in the folder of a compiled mixture, or with its tokens' places."""
    from castor.mixtures.compiled import files, open_mixture

    named, whole = files(manifest), True
    for name, file in sorted(named.items()):
        problem = _of_file(folder / name, name, file)
        if problem:
            whole = False
            yield problem
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        known = name in named or name == outputs.MANIFEST or name.startswith(f"{outputs.WORK}/")
        if path.is_file() and not known:
            temporary = path.name.startswith(storage.TEMPORARY)
            what = "a run left a temporary file" if temporary else "no manifest names this"
            fix = "delete it" if temporary else "move it elsewhere"
            yield Problem(what, name, f"{path.stat().st_size} bytes", fix)
    if not whole:
        return
    try:
        open_mixture(folder)
    except CastorError as error:
        got = str(error.where) if error.got is None else f"{error.where}: {error.got}"
        yield Problem(error.what, outputs.MANIFEST, got, error.fix or AGAIN)


def _of_file(path: pathlib.Path, name: str, file: Mapping[str, Any]) -> Problem | None:
    if not path.is_file():
        return Problem("a file is missing", name, "nothing", AGAIN)
    size = path.stat().st_size
    if size != file["bytes"]:
        return Problem("a file has another size", name, f"{size} bytes, not {file['bytes']}", AGAIN)
    found = storage.digest(path)
    if found != file["blake2b"]:
        return Problem("a file is damaged", name, f"digest {found}, not {file['blake2b']}", AGAIN)
    return None
