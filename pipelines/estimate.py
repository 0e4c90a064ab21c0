"""What `--dry-run` shows: the resolved configuration, the plan, and a rough estimate."""

from __future__ import annotations

import dataclasses
import os
import shutil
from typing import Any

from castor.filters.storage import to_json
from castor.pipelines.job import Job, tools_of

# Seconds per MB of raw input on one core, and MB of scratch and output per MB read, by kind of
# source: whole runs of each recipe over a folder of the kit, one core of a two-core Xeon. Input
# differs: good to a factor of three. Rows were packed ones of a sentence each.
COSTS = {
    "web": (0.17, 0.22),
    "books": (0.26, 1.29),
    "code": (0.82, 2.03),
    "rows": (1.67, 8.88),
    "dataset": (0.25, 2.18),
    "images": (0.29, 0.08),
    "audio": (0.21, 0.02),
    "video": (0.09, 0.02),
    "interleaved": (0.16, 0.04),
}
UNKNOWN = (0.3, 2.0)  # about the middle of the above
START_S = 6.0  # of a run over two rows with two workers
BASE_MB, WORKER_MB = 530, 640  # resident at the peak: supervisor and driver; worker and decoder


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
        disk += written * megabytes
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
        f"estimate (good to a factor of three): {guess['seconds']} s, {guess['memory_mb']} MB of "
        f"memory, {guess['disk_mb']} MB of disk ({guess['disk_free_mb']} MB free)",
        "nothing was run",
    ]
    return "\n".join(lines)
