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
import shutil
import time
from collections.abc import Callable
from typing import Any

from castor.filters import storage
from castor.filters.errors import CastorError, ConfigError
from castor.filters.lock import locked
from castor.pipelines import finished, inputs, leaks, progress
from castor.pipelines.dataset import FINDINGS, MANIFEST, OUTCOMES, open_folder
from castor.pipelines.engines.call import Call
from castor.pipelines.engines.execute import check_mode, execute
from castor.pipelines.job import (
    Job,
    portable,
    read_policies,
    reusable,
    sidecar_digest,
    tools_of,
)
from castor.pipelines.recipe import Recipe
from castor.pipelines.source import load as load_source

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
        workers: threads or processes; default: the cores that this process may use, and no
            more than there are shards.
        mode: `memory`, `threads` or `processes`; default: processes, or memory for one worker.
        limit: at most this many records of every source and shard, for a first look.
        force: replace a finished run of another configuration.
        watch: called a few times a second with the job and the totals so far.
        command: the command line, for run.json and the report.

    Raises:
        CastorError: see its message; a run that failed resumes with the same call.
    """
    started = time.time()
    check_mode(mode)
    folder = pathlib.Path(out).resolve()
    job = plan(found, folder, limit=limit)
    workers = workers or min(len(os.sched_getaffinity(0)), len(job.shards))
    mode = mode or ("memory" if workers == 1 else "processes")
    fresh = not folder.exists()
    with locked(folder):
        state = finished.state_of(job)
        manifest = finished.whole(folder)
        same = finished.is_same(job, state, manifest)
        if manifest is not None and same:
            return Outcome(folder, manifest, True, time.time() - started, 0, len(job.shards))
        if not (same or force):
            finished.refuse_other(folder)
        _index(job, fresh=fresh)
        todo, done = _prepare(job)
        note = _note(job, state, started, mode=mode, workers=workers, command=command)
        storage.write_json(folder / "run.json", note)  # a run killed after its manifest is whole
        _engine(job, todo, done, mode=mode, workers=workers, watch=watch)
        manifest = storage.read_json(folder / MANIFEST)
        seconds = time.time() - started
        storage.write_json(folder / "run.json", note | {"seconds": round(seconds, 3)})
    return Outcome(folder, manifest, False, seconds, len(todo), len(done))


def _engine(
    job: Job, todo: list[int], done: list[int], *, mode: str, workers: int, watch: Watch | None
) -> None:
    def look() -> None:
        if watch:
            watch(job, progress.read(job.work))

    execute(
        Call(
            "castor.pipelines.stages.pipeline:build_saved",
            {"job": job.save(), "todo": todo, "done": done},
        ),
        work=job.work,
        out=job.out,
        log=pathlib.Path(job.out) / "run.log",
        mode=mode,
        workers=workers,
        watch=look if watch else None,
    )


def _index(job: Job, *, fresh: bool) -> None:
    """Indexes the benchmarks; if one cannot be read, an output folder that was made goes again."""
    if not (job.recipe.decontaminate and job.against):
        return
    try:
        leaks.prepare(job.recipe.decontaminate, job.work, job.against)
    except CastorError:
        if fresh:
            shutil.rmtree(job.out)
        raise


def _prepare(job: Job) -> tuple[list[int], list[int]]:
    """Clears what a killed run left; the shards to measure, biggest first, and the others."""
    folder = pathlib.Path(job.out)
    for name in (*OUTCOMES, FINDINGS, "."):
        (folder / name / MANIFEST).unlink(missing_ok=True)
    (folder / "report.html").unlink(missing_ok=True)  # of an older run
    storage.remove_temporaries(folder)
    progress.clear(job.work)
    done = [s.number for s in job.shards if reusable(job, s)]
    ready = set(done)
    todo = [s for s in job.shards if s.number not in ready]
    # Beam deals the shards out to the workers in turn: from big to small, all end together.
    todo.sort(key=lambda s: (-sum(f.n_bytes for f in s.files), s.number))
    return [s.number for s in todo], done


def _note(
    job: Job,
    state: dict[str, Any],
    started: float,
    *,
    mode: str,
    workers: int,
    command: str | None,
) -> dict[str, Any]:
    """What is known of this run and is not part of the dataset."""
    moment = datetime.datetime.fromtimestamp(started, datetime.UTC)
    return {
        "state": state,
        "started": moment.isoformat(timespec="seconds"),
        "seconds": None,
        "mode": mode,
        "workers": workers,
        "command": command,
        "host": platform.node(),
        "python": platform.python_version(),
        "roots": job.roots,
        "recipe": job.recipe.model_dump(mode="json"),
    }
