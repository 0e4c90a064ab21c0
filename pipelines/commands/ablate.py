"""The verb `castor ablate`."""

from __future__ import annotations

import json
import sys

import click

from castor.pipelines.commands.options import as_json


@click.command(short_help="Finds weights of a mixture with many small models.")
@click.argument("spec", type=click.Path())
@click.argument("out", type=click.Path(file_okay=False))
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Any value of SPEC by its path, or one of its variables.",
)
@click.option("--refit", is_flag=True, help="Train nothing: fit the runs in OUT again.")
@click.option("--force", is_flag=True, help="Replace a finished ablation; runs that fit stay.")
@as_json
def ablate(
    spec: str, out: str, settings: tuple[str, ...], refit: bool, force: bool, as_json: bool
) -> None:
    """Finds the weights of a mixture's sources with many small models, into the folder OUT.

    \b
    castor ablate ablation.yaml OUT
    castor ablate ablation.yaml OUT --refit --set kl=0.1     other fit, same runs
    castor ablate ablation.yaml OUT --json | jq .weights

    SPEC names a mixture, the held-out domains that count, and the size of the swarm:

    \b
      castor: 1
      mixture: mixture.yaml
      stage: late
      targets: [books]
      swarm: {runs: 16, tokens_per_run: 60k}
      model: {layers: 1, d_model: 32, heads: 2}
      confirm: {seeds: 3}

    A swarm of mixtures is drawn and a small model trained on each, many in one program, with data
    repeated as often as the target run would; a law of the held-out losses gives weights, with
    intervals; runs of the old and the new weights decide. OUT/weights.yaml is the mixture's
    spec with the new weights, OUT/ablation.html the page that says what may be claimed.
    Exit code 3: the new weights are not surely better; everything is written all the same.
    A run that was interrupted trains only what is missing. docs/ablation.md says the rest.
    """
    from castor.pipelines import api

    outcome = api.ablate(spec, out, settings=settings, refit=refit, force=force)
    if as_json:
        click.echo(json.dumps(outcome, indent=1, sort_keys=True))
    else:
        _show(outcome)
    api.check_ablation(outcome)


def _show(outcome: dict) -> None:
    """The weights as a table on stdout, what was done on stderr."""
    from castor.pipelines.figures import duration, percent

    if outcome["skipped"]:
        click.echo(f"{outcome['out']}: nothing to do, the ablation is finished", err=True)
    else:
        done = f"{outcome['trained']} models trained in {duration(outcome['seconds'])}"
        click.echo(f"{outcome['out']}: {done}", err=True)
    width = max(map(len, outcome["domains"])) + 2
    click.echo(f"{'domain':{width}}{'baseline':>10}{'proposed':>10}   95 % interval")
    for name, d in sorted(outcome["domains"].items(), key=lambda i: -i[1]["proposed"]):
        click.echo(
            f"{name:{width}}{percent(d['baseline']):>10}{percent(d['proposed']):>10}"
            f"   {percent(d['low'])} to {percent(d['high'])}"
        )
    click.echo(outcome["verdict"])
    sys.stdout.flush()
