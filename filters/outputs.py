"""Output folders that are whole or not there: what made them, and whether it is made already.

A tokenizer, a token dataset, a compiled mixture, an ablation and a training each live in a
folder whose `manifest.json` is written last. It holds only what determines the bytes; its
`made_from` is what a verb compares to decide whether there is anything to do.
"""

from __future__ import annotations

import importlib.metadata
import pathlib
from collections.abc import Mapping
from typing import Any

from castor.filters import storage
from castor.filters.errors import CastorError, ConfigError

MANIFEST = "manifest.json"
WORK = ".work"  # what an unfinished run keeps, and may be deleted


def is_finished(out: pathlib.Path, kind: str, made_from: Mapping[str, Any], *, force: bool) -> bool:
    """Whether `out` holds a finished output of this kind, made from the same.

    False means that there is work to do: the folder is absent, empty, or holds an unfinished
    run of ours, or `force` was given and its old manifest is now removed.

    Args:
        kind: `tokenizer`, `tokens`, `mixture`, `ablation`, `training`.
        made_from: digests, versions and configuration that determine the bytes, as JSON.

    Raises:
        ConfigError: `out` holds something else, and `force` was not given; or an output of
            another kind, or files that are not ours, which `force` does not touch either.
    """
    if out.exists() and not out.is_dir():
        raise ConfigError("the output is a file", where=out, fix="give a folder")
    if (out / MANIFEST).is_file():
        try:
            found = read(out, kind)
        except CastorError as error:
            other = error.what == f"this is no {kind}"
            if other or not force:
                raise ConfigError(
                    "the output folder is in use",
                    where=out,
                    got=str(error).splitlines()[0],
                    fix="give another folder"
                    + ("" if other else ", or --force to replace what is there"),
                ) from error
        else:
            if not force and found["made_from"] == _plain(made_from):
                return True
            if not force:
                raise ConfigError(
                    f"the output folder holds {_one(kind)} made from something else",
                    where=out,
                    got=", ".join(_differences(found["made_from"], _plain(made_from))),
                    fix="give another folder, or --force to replace what is there",
                )
        (out / MANIFEST).unlink()
        return False
    strange = [p.name for p in out.iterdir() if p.name != WORK] if out.is_dir() else []
    if strange and not (out / WORK).is_dir():
        raise ConfigError(
            "the output folder holds files that Castor did not write",
            where=out,
            got=", ".join(sorted(strange)[:3]),
            fix="give a new or empty folder",
        )
    return False


def write(out: pathlib.Path, kind: str, made_from: Mapping[str, Any], **content: Any) -> None:
    """Writes the manifest of a finished output; the last thing that a verb writes.

    Raises:
        CastorError: the operating system refuses to write.
    """
    manifest = {
        "kind": kind,
        "schema_version": 1,
        "castor": importlib.metadata.version("castor"),
        "made_from": dict(made_from),
        **content,
    }
    storage.write_json(out / MANIFEST, manifest | {"blake2b": storage.digest_of(manifest)})


def read(out: pathlib.Path, kind: str) -> dict[str, Any]:
    """The manifest of a finished output of this kind.

    Raises:
        CastorError: there is none, it is of another kind or a newer version, or was changed.
    """
    path = out / MANIFEST
    if not path.is_file():
        unfinished = (out / WORK).is_dir()
        raise CastorError(
            f"no finished {kind} here" if unfinished else f"no {kind} here",
            where=out,
            got="a run that did not finish" if unfinished else f"no {MANIFEST}",
            fix="run the command that makes it again: it resumes" if unfinished else
            "check the path",
        )  # fmt: skip
    manifest = storage.read_json(path)
    found = manifest.get("kind", "dataset") if isinstance(manifest, dict) else "something else"
    if found != kind:
        raise CastorError(f"this is no {kind}", where=out, got=_one(found), fix="check the path")
    if manifest.get("schema_version") != 1:
        raise CastorError(
            f"the {kind} has schema version {manifest.get('schema_version')}, this Castor reads 1",
            where=out,
            fix="install a newer Castor",
        )
    own = storage.digest_of({k: v for k, v in manifest.items() if k != "blake2b"})
    if manifest.get("blake2b") != own:
        raise CastorError(
            "the manifest was changed",
            where=path,
            got="content that does not fit its own digest",
            fix="restore it, or run the command that made it again with --force",
        )
    return manifest


def _one(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _plain(value: Any) -> Any:
    """The value as JSON gives it back: tuples are lists, keys are strings."""
    import json

    return json.loads(storage.to_json(value))


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [f"another {k}" for k in sorted({*old, *new}) if old.get(k) != new.get(k)]
