"""One run: from a recipe and an output folder to a finished dataset.

    plan -> (nothing to do) or: measure -> match -> write -> commit -> run.json

What is written to the dataset depends on the input, the configuration and the versions
only; when, where and how it ran goes to run.json and run.log beside it.
"""

from __future__ import annotations

import dataclasses
import datetime
import os
import pathlib
import platform
import time
from collections.abc import Callable, Sequence
from typing import Any

from castor.filters.errors import ConfigError
from castor.pipelines import inputs, leaks, logs, progress, recipe, storage
from castor.pipelines.dataset import FINDINGS, MANIFEST, OUTCOMES, open_folder
from castor.pipelines.job import (
    Job,
    castor_version,
    measure_fingerprint,
    portable,
    read_policies,
    reusable,
    sidecar_digest,
    tools_of,
)
from castor.pipelines.lock import locked
from castor.pipelines.recipe import Recipe
from castor.pipelines.source import load as load_source

MODES = ("memory", "threads", "processes")
Watch = Callable[[Job, dict[str, progress.Totals]], None]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a run did.

    Attributes:
        out: the output folder.
        manifest: its manifest.
        skipped: whether everything was up to date and nothing ran.
        seconds: wall time.
        measured: shards that were measured now.
        reused: shards whose measured rows were there.
    """

    out: pathlib.Path
    manifest: dict[str, Any]
    skipped: bool
    seconds: float
    measured: int
    reused: int

    def summary(self) -> dict[str, Any]:
        """The outcome as JSON values."""
        return {
            "out": str(self.out),
            "counts": self.manifest["counts"],
            "datasets": self.manifest["datasets"],
            "skipped": self.skipped,
            "seconds": round(self.seconds, 2),
            "shards_measured": self.measured,
            "shards_reused": self.reused,
        }


def plan(found: Recipe, out: pathlib.Path, *, limit: int | None = None) -> Job:
    """Resolves a recipe against the input that is there now; runs nothing.

    Raises:
        ConfigError: an unknown name, a signal that nothing writes, an input without files.
    """
    if limit is not None and limit < 1:
        raise ConfigError("--limit must be at least 1", got=limit)
    kinds = {spec.name: load_source(spec.kind) for spec in found.sources}
    absent = {s.name for s in found.sources if s.optional and not inputs.is_there(s)}
    if absent == set(kinds):
        raise ConfigError(
            "none of the recipe's inputs exists",
            where=f"recipe {found.name}",
            got=", ".join(s.input for s in found.sources),
            fix="check the folder that was set",
        )
    found = found.model_copy(
        update={"sources": tuple(s for s in found.sources if s.name not in absent)}
    )
    passed = _passed(found)
    policies = read_policies(found)
    tools = tools_of(Job(found, str(out), {}, (), {}, {}, limit, passed, policies=policies))
    config = portable(found, tools)  # all names and options are refused before any input is read
    sources = [inputs.find(spec, kinds[spec.name]) for spec in found.sources]
    for spec, files in zip(found.sources, sources, strict=True):
        inputs.refuse_output(spec, files, out)
    return Job(
        recipe=found,
        out=str(out),
        roots={s.source: s.root for s in sources},
        shards=tuple(inputs.shards(sources, found.limits)),
        sidecars={s.source: sidecar_digest(s) for s in sources},
        ignored={s.source: [f.path for f in s.others] for s in sources},
        limit=limit,
        passed=passed,
        against=leaks.pin(found.decontaminate) if found.decontaminate else None,
        policies=policies,
        config=config,
    )


def _passed(found: Recipe) -> str | None:
    """The schema of the first dataset among the sources, as Job.passed."""
    for spec in found.sources:
        if spec.kind == "dataset" and not spec.reference:
            return open_folder(spec.input).schema.serialize().to_pybytes().hex()
    return None


def run(
    found: Recipe,
    out: str | os.PathLike[str],
    *,
    workers: int | None = None,
    mode: str | None = None,
    limit: int | None = None,
    force: bool = False,
    watch: Watch | None = None,
    command: str | None = None,
) -> Outcome:
    """Runs a recipe on this machine.

    Args:
        out: output folder; made if absent. An interrupted run in it is resumed.
        workers: threads or processes; default: the cores that this process may use.
        mode: `memory`, `threads` or `processes`; default: processes, or memory for one worker.
        limit: at most this many records of every source and shard, for a first look.
        force: replace a finished run of another configuration.
        watch: called a few times a second with the job and the totals so far.
        command: the command line, for run.json and the report.

    Raises:
        CastorError: see its message; a run that failed resumes with the same call.
    """
    started = time.time()
    workers = workers or len(os.sched_getaffinity(0))
    mode = mode or ("memory" if workers == 1 else "processes")
    if mode not in MODES:
        raise ConfigError("no such mode", got=mode, fix=f"give one of {', '.join(MODES)}")
    folder = pathlib.Path(out).resolve()
    job = plan(found, folder, limit=limit)
    with locked(folder):
        state = _state(job)
        if _finished(job, state):
            manifest = storage.read_json(folder / MANIFEST)
            return Outcome(folder, manifest, True, time.time() - started, 0, len(job.shards))
        _refuse_other(job, state, force)
        todo, done = _prepare(job)
        _engine(job, todo, done, mode=mode, workers=workers, watch=watch)
        manifest = storage.read_json(folder / MANIFEST)
        seconds = time.time() - started
        _note(job, state, started, seconds, mode=mode, workers=workers, command=command)
    return Outcome(folder, manifest, False, seconds, len(todo), len(done))


def _engine(
    job: Job, todo: list[int], done: list[int], *, mode: str, workers: int, watch: Watch | None
) -> None:
    log = pathlib.Path(job.out) / "run.log"
    if mode == "processes":
        from castor.pipelines.engines import supervisor

        def look() -> None:
            if watch:
                watch(job, progress.read(job.work))

        supervisor.run(job, todo, done, mode=mode, workers=workers, log=log, watch=look)
        return
    from castor.pipelines.engines import local
    from castor.pipelines.stages.pipeline import build

    try:
        with logs.beam_to(log):
            local.run(lambda p: build(p, job, todo, done), mode=mode, workers=workers)
    except Exception as error:
        # Beam raises what a step raised anew, by its words alone; the step wrote down all of it.
        found = progress.first_error(job.work)
        raise (found[0] if found else error) from error


def _prepare(job: Job) -> tuple[list[int], list[int]]:
    """Clears what a killed run left; the shards to measure, biggest first, and the others."""
    folder = pathlib.Path(job.out)
    for name in (*OUTCOMES, FINDINGS, "."):
        (folder / name / MANIFEST).unlink(missing_ok=True)
    storage.remove_temporaries(folder)
    progress.clear(job.work)
    if job.recipe.decontaminate and job.against:
        leaks.prepare(job.recipe.decontaminate, job.work, job.against)
    done = [s.number for s in job.shards if reusable(job, s)]
    ready = set(done)
    todo = [s for s in job.shards if s.number not in ready]
    # Beam deals the shards out to the workers in turn: from big to small, all end together.
    todo.sort(key=lambda s: (-sum(f.n_bytes for f in s.files), s.number))
    return [s.number for s in todo], done


def _state(job: Job) -> dict[str, Any]:
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


def _finished(job: Job, state: dict[str, Any]) -> bool:
    """Whether OUT holds a whole run of the same configuration over the same input."""
    folder = pathlib.Path(job.out)
    if not (folder / MANIFEST).is_file() or not (folder / "run.json").is_file():
        return False
    before = storage.read_json(folder / "run.json").get("state", {})
    if before.get("config") != state["config"]:
        return False
    if before.get("files") != state["files"] and not _same_content(job):
        return False
    for outcome in (*OUTCOMES, FINDINGS):
        manifest = storage.read_json(folder / outcome / MANIFEST)
        for shard in manifest["shards"]:
            path = folder / outcome / shard["path"]
            if not path.is_file() or path.stat().st_size != shard["bytes"]:
                return False
    return True


def _same_content(job: Job) -> bool:
    """Whether the input's bytes are those that the finished run read, whatever their times."""
    import json

    lines = (pathlib.Path(job.out) / "inputs.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [e for e in map(json.loads, lines) if "blake2b" in e]
    before = {(e["source"], e["path"]): e["blake2b"] for e in entries}
    now = [(s.source, f.path) for s in job.shards for f in s.files]
    return set(before) == set(now) and all(
        storage.digest(pathlib.Path(job.roots[source], path)) == before[source, path]
        for source, path in now
    )


def _refuse_other(job: Job, state: dict[str, Any], force: bool) -> None:
    folder = pathlib.Path(job.out)
    if force or not (folder / MANIFEST).is_file():
        return
    raise ConfigError(
        "the output folder holds a finished run of other input, configuration or version",
        where=folder,
        fix="give another folder, or --force to replace it (unchanged shards are reused)",
    )


def _note(
    job: Job,
    state: dict[str, Any],
    started: float,
    seconds: float,
    *,
    mode: str,
    workers: int,
    command: str | None,
) -> None:
    moment = datetime.datetime.fromtimestamp(started, datetime.UTC)
    storage.write_json(
        pathlib.Path(job.out) / "run.json",
        {
            "state": state,
            "started": moment.isoformat(timespec="seconds"),
            "seconds": round(seconds, 3),
            "mode": mode,
            "workers": workers,
            "command": command,
            "host": platform.node(),
            "python": platform.python_version(),
            "roots": job.roots,
            "recipe": job.recipe.model_dump(mode="json"),
        },
    )


def load(name: str, settings: Sequence[str] = ()) -> Recipe:
    """The recipe of that name or path, with `key=value` settings applied."""
    return recipe.load(name, settings)
