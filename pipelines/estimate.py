"""What `--dry-run` shows: the resolved configuration, the plan, and a rough estimate."""

from __future__ import annotations

import dataclasses
import os
import shutil
from typing import Any

from castor.pipelines.job import Job, tools_of
from castor.pipelines.storage import to_json

# Seconds per MB of raw input on one core, and MB of scratch and output per MB read, by kind
# of source. Measured on the kit, one core of a two-core Xeon; good to a factor of two.
COSTS = {
    "web": (0.5, 0.5),
    "books": (0.4, 1.5),
    "code": (1.0, 3.0),
    "rows": (0.3, 3.0),
    "dataset": (0.1, 2.0),
    "images": (0.6, 0.1),
    "audio": (0.8, 0.1),
    "video": (0.6, 0.1),
    "interleaved": (0.3, 0.2),
}
UNKNOWN = (0.5, 2.0)
START_S = 12.0  # until the engine and its workers are up
BASE_MB, WORKER_MB = 400, 500  # resident: the driver, and each worker with its decoder


@dataclasses.dataclass(frozen=True)
class Estimate:
    """About what a run takes: wall seconds, memory and scratch disk in MB."""

    seconds: float
    memory_mb: float
    disk_mb: float


def estimate(job: Job, todo: int, workers: int) -> Estimate:
    """The estimate for a job of which `todo` shards are still to be measured."""
    kinds = {s.name: s.kind for s in job.recipe.sources}
    share = todo / max(1, len(job.shards))
    seconds = disk = 0.0
    for shard in job.shards:
        megabytes = sum(f.n_bytes for f in shard.files) / 1e6
        cost, written = COSTS.get(kinds[shard.source], UNKNOWN)
        seconds += cost * megabytes * share
        disk += 2 * written * megabytes  # the measured rows and the output
    return Estimate(START_S + seconds / workers, BASE_MB + WORKER_MB * workers, disk)


def describe(job: Job, todo: list[int], workers: int | None) -> dict[str, Any]:
    """Configuration, plan and estimate as JSON values."""
    workers = workers or min(len(os.sched_getaffinity(0)), len(job.shards))
    guess = estimate(job, len(todo), workers)
    existing = job.work
    while not existing.exists():
        existing = existing.parent
    plan = []
    for source in job.recipe.sources:
        shards = [s for s in job.shards if s.source == source.name]
        plan.append(
            {
                "source": source.name,
                "kind": source.kind,
                "files": sum(len(s.files) for s in shards),
                "bytes": sum(f.n_bytes for s in shards for f in s.files),
                "ignored": len(job.ignored[source.name]),
                "shards": len(shards),
            }
        )
    return {
        "config": job.config,
        "versions": tools_of(job).versions,
        "roots": job.roots,
        "plan": plan,
        "shards_to_measure": len(todo),
        "workers": workers,
        "estimate": {
            "seconds": round(guess.seconds),
            "memory_mb": round(guess.memory_mb),
            "disk_mb": round(guess.disk_mb),
            "disk_free_mb": round(shutil.disk_usage(existing).free / 1e6),
        },
    }


def render(found: dict[str, Any]) -> str:
    """The description as text for a terminal."""
    lines = ["resolved configuration:", to_json(found["config"]).decode().rstrip(), "", "plan:"]
    lines += [
        f"  {p['source']} ({p['kind']}): {p['files']} files, {p['bytes'] / 1e6:.1f} MB, "
        f"{p['shards']} shards" + (f", {p['ignored']} other files ignored" * bool(p["ignored"]))
        for p in found["plan"]
    ]
    guess = found["estimate"]
    lines += [
        f"  {found['shards_to_measure']} shards to measure with {found['workers']} workers",
        "",
        f"estimate (within a factor of two): {guess['seconds']} s, {guess['memory_mb']} MB of "
        f"memory, {guess['disk_mb']} MB of disk ({guess['disk_free_mb']} MB free)",
        "nothing was run",
    ]
    return "\n".join(lines)
