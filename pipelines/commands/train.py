"""The verb `castor train`."""

from __future__ import annotations

import json

import click

from castor.pipelines.commands.options import as_json


@click.command(short_help="Trains a model on a mixture; resumes by itself.")
@click.argument("config", type=click.Path())
@click.argument("out", type=click.Path(file_okay=False))
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Any value of CONFIG by its path, or one of its variables.",
)
@click.option("--steps", type=click.IntRange(1), help="Train so many steps, whatever CONFIG says.")
@click.option("--force", is_flag=True, help="Begin anew: remove the checkpoints and log in OUT.")
@as_json
def train(
    config: str,
    out: str,
    settings: tuple[str, ...],
    steps: int | None,
    force: bool,
    as_json: bool,
) -> None:
    """Trains the model that CONFIG describes, into the folder OUT.

    \b
    castor train train.yaml OUT
    castor train train.yaml OUT --set optimizer.peak_lr=1e-3 --set model.experts=8
    castor train train.yaml OUT --steps 2000       go on, or further than before

    CONFIG names a compiled mixture or a mixture's spec, which is then compiled into OUT/mixture:

    \b
      castor: 1
      mixture: mixture/
      model: {layers: 4, d_model: 128, heads: 4, kv_heads: 1, experts: 4, top_k: 2}
      optimizer: {peak_lr: 3e-3, schedule: wsd, warmup: 0.05}
      batch_rows: 16
      steps: 500

    A training that was stopped, by Ctrl-C, SIGTERM or a crash, goes on from its newest
    checkpoint with the same command, and ends with the same parameters, bit for bit, as one
    that was not. OUT/log.jsonl holds loss, loss by source, speed and router load;
    `castor evaluate OUT TOKENS` scores the model. docs/training.md says the rest.
    """
    from castor.pipelines import api

    outcome = api.train(config, out, settings=settings, steps=steps, force=force)
    if as_json:
        click.echo(json.dumps(outcome, indent=1, sort_keys=True))
        return
    if outcome["skipped"]:
        click.echo(f"{outcome['out']}: nothing to do, {outcome['steps']:,} steps are trained")
        return
    from castor.pipelines.figures import duration

    click.echo(
        f"{outcome['out']}: step {outcome['steps']:,}, {outcome['tokens']:,} tokens, "
        f"loss {outcome['loss']:.3f}, {duration(outcome['seconds'])}"
    )
