"""What the command line does around a run: dry run, progress, engine choice, report."""

from __future__ import annotations

import json
import pathlib
import shlex
import sys
import time
from collections.abc import Sequence
from typing import Any

from castor.filters.display import LINE_EVERY_S, bars
from castor.filters.errors import ConfigError
from castor.pipelines import run as runs
from castor.pipelines.engines import supervisor
from castor.pipelines.figures import size
from castor.pipelines.inputs import is_there
from castor.pipelines.job import Job, reusable
from castor.pipelines.progress import Totals
from castor.pipelines.recipe import load
from castor.pipelines.run import Outcome


def launch(
    recipe: str,
    out: str,
    settings: Sequence[str],
    *,
    runner: str = "local",
    dry_run: bool = False,
    beam_options: Sequence[str] = (),
    limit: int | None = None,
    workers: int | None = None,
    mode: str | None = None,
    force: bool = False,
    as_json: bool = False,
) -> Outcome | None:
    """Runs a recipe with progress on stderr; None if there is no outcome to show.

    Args:
        as_json: print what `dry_run` finds as JSON.
    """
    found = load(recipe, settings)
    for source in found.sources:
        if source.optional and not is_there(source):
            print(f"left out: {source.name}, nothing at {source.input}", file=sys.stderr)
    if dry_run:
        from castor.pipelines import estimate

        job = runs.plan(found, pathlib.Path(out).resolve(), limit=limit)
        todo = [s.number for s in job.shards if not reusable(job, s)]
        plan = estimate.describe(job, todo, workers)
        print(json.dumps(plan, indent=1) if as_json else estimate.render(plan))
        return None
    if runner == "dataflow":
        from castor.pipelines.engines import dataflow

        dataflow.submit(runs.plan(found, pathlib.Path(out).resolve(), limit=limit), beam_options)
        return None
    if beam_options:
        raise ConfigError(
            "the local runner takes no Beam options",
            got=" ".join(beam_options),
            fix="use --workers and --mode, or --runner dataflow",
        )
    supervisor.lean()
    with watching() as watch:
        outcome = runs.run(
            found,
            out,
            workers=workers,
            mode=mode,
            limit=limit,
            force=force,
            watch=watch,
            command=shlex.join(["castor", *sys.argv[1:]]),
        )
    if not outcome.skipped or not (outcome.out / "report.html").is_file():
        from castor.pipelines import report

        report.build(outcome.out)
    return outcome


class watching:
    """Draws progress bars on a terminal, and plain lines every five seconds elsewhere."""

    def __enter__(self) -> Any:
        self._progress: Any = None
        self._last = time.monotonic()
        return self._look

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()

    def _look(self, job: Job, totals: dict[str, Totals]) -> None:
        n_bytes = sum(f.n_bytes for s in job.shards for f in s.files)
        shards = len(job.shards)
        if sys.stderr.isatty():
            self._draw(totals, n_bytes, shards)
        elif time.monotonic() - self._last >= LINE_EVERY_S:
            self._last = time.monotonic()
            measured = totals["measure"]
            if not measured.bytes:
                print("starting workers", file=sys.stderr, flush=True)
                return
            print(
                f"measured {measured.rows:,} rows, {size(measured.bytes)} of "
                f"{size(n_bytes)}; matched {totals['match'].shards} and wrote "
                f"{totals['write'].shards} of {shards} shards",
                file=sys.stderr,
                flush=True,
            )

    def _draw(self, totals: dict[str, Totals], n_bytes: int, shards: int) -> None:
        if self._progress is None:
            self._progress = bars()
            self._tasks = {
                name: self._progress.add_task(name, total=total or 1, note="")
                for name, total in (("measure", n_bytes), ("match", shards), ("write", shards))
            }
        for name, task in self._tasks.items():
            total = totals[name]
            done = total.bytes if name == "measure" else total.shards
            note = f"{total.rows:,} rows" if name != "match" else f"{total.shards} of {shards}"
            self._progress.update(task, completed=done, note=note)
