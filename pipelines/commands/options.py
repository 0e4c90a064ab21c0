"""Options that several verbs share."""

from __future__ import annotations

from typing import Any

import click

as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def local_options(function: Any) -> Any:
    """The options of a verb that spreads its work over the shards of a dataset, here."""
    for option in reversed(
        [
            click.option(
                "--workers",
                type=click.IntRange(1),
                help="How many processes; default: one per core, and fewer for little data.",
            ),
            click.option(
                "--mode",
                type=click.Choice(["memory", "threads", "processes"]),
                help="How work is spread; default: processes, memory for one.",
            ),
            click.option("--force", is_flag=True, help="Replace what is finished in OUT."),
        ]
    ):
        function = option(function)
    return function


def engine_options(function: Any) -> Any:
    """The options of every verb that runs a pipeline."""
    for option in reversed(
        [
            click.option(
                "--workers",
                type=click.IntRange(1),
                help="How many processes; default: one per core, and no more than shards.",
            ),
            click.option(
                "--mode",
                type=click.Choice(["memory", "threads", "processes"]),
                help="How work is spread on this machine; default: processes, memory for one.",
            ),
            click.option(
                "--runner",
                type=click.Choice(["local", "dataflow"]),
                default="local",
                show_default=True,
                help="Which engine runs it. Dataflow reads its own options after `--`.",
            ),
            click.option(
                "--limit", type=click.IntRange(1), help="Only the first N records of every shard."
            ),
            click.option("--force", is_flag=True, help="Replace a finished run in OUT."),
            click.option(
                "--dry-run",
                is_flag=True,
                help="Show configuration, plan and estimate, and run nothing.",
            ),
            as_json,
        ]
    ):
        function = option(function)
    return function
