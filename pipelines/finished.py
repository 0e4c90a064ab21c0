"""Whether an output folder holds a finished run already, and whether it is this one."""

from __future__ import annotations

import json
import pathlib
from typing import Any

from castor.filters import storage
from castor.filters.errors import CastorError, ConfigError
from castor.pipelines.dataset import FINDINGS, MANIFEST, OUTCOMES, open_folder, read_manifest
from castor.pipelines.job import Job, castor_version, measure_fingerprint, tools_of


def state_of(job: Job) -> dict[str, Any]:
    """What a finished run is compared with: configuration, versions, and the input's stat."""
    config = {
        "config": job.config,
        "policies": job.policies_by_name,
        "versions": tools_of(job).versions,
        "castor": castor_version(),
        "limit": job.limit,
        "against": job.against,
        "shards": [measure_fingerprint(job, s) for s in job.shards],
    }
    files = [[s.source, f.path, f.n_bytes, f.mtime_ns] for s in job.shards for f in s.files]
    return {"config": storage.digest_of(config), "files": storage.digest_of(files)}


def whole(folder: pathlib.Path) -> dict[str, Any] | None:
    """The manifest of the finished run in a folder if nothing of it is missing or cut short.

    Only sizes of shards are compared, not their bytes: that is what `castor verify` is for.
    """
    if not (folder / MANIFEST).is_file():
        return None
    try:
        manifest = read_manifest(folder)
        for name, digest in (("inputs.jsonl", "inputs"), ("statistics.json", "statistics")):
            if storage.digest(folder / name) != manifest[f"{digest}_blake2b"]:
                return None
        for outcome in (*OUTCOMES, FINDINGS):
            if (
                storage.digest(folder / outcome / MANIFEST)
                != manifest["datasets"][outcome]["blake2b"]
            ):
                return None
            for shard in open_folder(folder / outcome).shards:
                if (folder / outcome / shard.path).stat().st_size != shard.bytes:
                    return None
    except (CastorError, OSError, KeyError):
        return None
    return manifest


def is_same(job: Job, state: dict[str, Any], manifest: dict[str, Any] | None) -> bool:
    """Whether the folder's run had the same configuration, versions and input.

    Args:
        manifest: that of the run, if it is whole.
    """
    folder = pathlib.Path(job.out)
    try:
        before = storage.read_json(folder / "run.json")["state"]
        if before["config"] != state["config"]:
            return False
        return before["files"] == state["files"] or (manifest is not None and _same_content(job))
    except (CastorError, KeyError, TypeError):
        return False


def _same_content(job: Job) -> bool:
    """Whether the input's bytes are those that the finished run read, whatever their times."""
    lines = (pathlib.Path(job.out) / "inputs.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [e for e in map(json.loads, lines) if "blake2b" in e]
    before = {(e["source"], e["path"]): e["blake2b"] for e in entries}
    now = [(s.source, f.path) for s in job.shards for f in s.files]
    return set(before) == set(now) and all(
        storage.digest(pathlib.Path(job.roots[source], path)) == before[source, path]
        for source, path in now
    )


def refuse_other(folder: pathlib.Path) -> None:
    """Refuses to replace a finished run.

    Raises:
        ConfigError: there is one in the folder.
    """
    if (folder / MANIFEST).is_file():
        raise ConfigError(
            "the output folder holds a finished run of other input, configuration or version",
            where=folder,
            fix="give another folder, or --force to replace it (unchanged shards are reused)",
        )
