"""The verbs of the command line as plain functions, for notebooks and other programs.

from castor.pipelines import api
api.run("web", "out/", settings=["input=crawl/*.warc.gz"])
api.open_dataset("out/").table(["key", "text.n_words"]).to_pandas()
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from castor.pipelines.dataset import Dataset, open_folder
from castor.pipelines.run import Outcome, Watch
from castor.pipelines.run import run as run_recipe


def open_dataset(path: str | os.PathLike[str]) -> Dataset:
    """Opens a dataset: `OUT/dropped`, or `OUT` of a run for the rows that it kept.

    The result gives `.rows`, `.schema`, `.batches(columns)`, `.table(columns)` (and with it
    `.to_pandas()`), and `.manifest`.

    Raises:
        CastorError: there is no finished dataset, or it is of a newer version.
    """
    return open_folder(os.fspath(path))


def run(
    recipe: str,
    out: str | os.PathLike[str],
    *,
    settings: Sequence[str] = (),
    workers: int | None = None,
    mode: str | None = None,
    limit: int | None = None,
    force: bool = False,
    watch: Watch | None = None,
) -> Outcome:
    """Runs a recipe, by name or path, into an output folder; resumes what was interrupted.

    Args:
        settings: `key=value` strings, as after `--set`.
        workers, mode, limit, force, watch: as in `castor.pipelines.run.run`.
    """
    from castor.pipelines.recipe import load

    return run_recipe(
        load(recipe, settings),
        out,
        workers=workers,
        mode=mode,
        limit=limit,
        force=force,
        watch=watch,
    )


def doctor() -> list[Any]:
    """What is installed and works, as `castor doctor` shows it."""
    from castor.pipelines.doctor import diagnose

    return diagnose()
