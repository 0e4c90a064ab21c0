"""The verbs `castor mixture preview|compile|diff|export`."""

from __future__ import annotations

import json

import click

from castor.pipelines.commands.options import as_json

settings = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="Any value of SPEC by its path, or one of its variables.",
)


@click.group(short_help="Mixtures of token datasets: preview, compile, diff, export.")
def mixture() -> None:
    """Mixtures of token datasets: what is mixed, in which order, how often.

    \b
    castor mixture preview SPEC.yaml           tokens, shares and epochs before anything runs
    castor mixture compile SPEC.yaml OUT       what `castor train` reads
    castor mixture diff OLD NEW                what changes, and from which sequence on
    castor mixture export SPEC.yaml OUT --format maxtext

    A spec names sources, stages, how weights are made, and caps on repetition:

    \b
      castor: 1
      name: two-stages
      sequence_length: 2048
      sources:
        web:   {tokens: tokens/}
        books: {tokens: tokens/, max_epochs: 4}
      budget: {tokens: 2B}            # or {rule: hoffmann, active_parameters: 100M}
      stages:
        - {name: start, until: 0.8, rule: proportional}
        - {name: late, rule: explicit, weights: {web: 0.6, books: 0.4}, cap: water-fill}

    docs/mixture.md says what each key means.
    """


@mixture.command(short_help="Tokens, shares and epochs of a mixture, by stage and in total.")
@click.argument("spec", type=click.Path())
@settings
@as_json
def preview(spec: str, settings: tuple[str, ...], as_json: bool) -> None:
    """What the mixture SPEC will do: tokens, shares, epochs, unique tokens and caps.

    Nothing is written. Exit code 3 if a source runs dry: if its `max_epochs` are used up before
    the end; it says where, and what to do.

    \b
    castor mixture preview mixture.yaml
    castor mixture preview mixture.yaml --set budget.tokens=4B
    castor mixture preview mixture.yaml --json
    """
    from castor.mixtures.preview import check
    from castor.pipelines import api

    found = api.mixture_preview(spec, settings=settings)
    if as_json:
        click.echo(json.dumps(found, indent=1, sort_keys=True))
    else:
        from castor.pipelines import views_mixture

        views_mixture.show_preview(found)
    check(found, where=spec)


@mixture.command("compile", short_help="Decides everything before a run, into one folder.")
@click.argument("spec", type=click.Path())
@click.argument("out", type=click.Path(file_okay=False))
@settings
@click.option("--force", is_flag=True, help="Replace another mixture in OUT.")
@as_json
def compile_(spec: str, out: str, settings: tuple[str, ...], force: bool, as_json: bool) -> None:
    """Compiles the mixture SPEC into the folder OUT, which `castor train` reads.

    OUT holds the order of the sequences as a few numbers, the indexes of the packing, the preview
    and the spec; the tokens stay where they are. If nothing changed, nothing is done. Exit code
    3, and nothing written, if a source runs dry.

    \b
    castor mixture compile mixture.yaml OUT
    """
    from castor.pipelines import api

    outcome = api.mixture_compile(spec, out, settings=settings, force=force)
    if as_json:
        told = {"out": str(outcome.out), "skipped": outcome.skipped, "preview": outcome.preview}
        click.echo(json.dumps(told, indent=1, sort_keys=True))
        return
    from castor.pipelines import views_mixture

    views_mixture.show_compiled(outcome)


@mixture.command(short_help="What changes between two mixtures, and from which sequence on.")
@click.argument("old", type=click.Path())
@click.argument("new", type=click.Path())
@as_json
def diff(old: str, new: str, as_json: bool) -> None:
    """What changes from the mixture OLD to NEW, each a spec or a compiled folder.

    It ends with the first sequence that moves: a run that has not come so far can go on with the
    new mixture as if it had been there from the beginning.

    \b
    castor mixture diff OUT mixture.yaml
    """
    from castor.pipelines import api

    found = api.mixture_diff(old, new)
    if as_json:
        click.echo(json.dumps(found, indent=1, sort_keys=True))
        return
    from castor.pipelines import views_mixture

    views_mixture.show_diff(found)


@mixture.command(short_help="Writes a mixture for MaxText, OLMo-core or Levanter.")
@click.argument("spec", type=click.Path())
@click.argument("out", type=click.Path(file_okay=False))
@click.option(
    "--format",
    "target",
    required=True,
    type=click.Choice(["maxtext", "olmo-core", "levanter"]),
    help="Whose file it is.",
)
@click.option(
    "--paths",
    metavar="PATTERN",
    help="Where each source's data lie, with {name}, {source} or {split} in it; "
    "default: in its token dataset.",
)
@click.option("--batch-rows", type=click.IntRange(1), help="Sequences in a batch (Levanter).")
@settings
@click.option("--force", is_flag=True, help="Replace files in OUT that are others.")
def export(
    spec: str,
    out: str,
    target: str,
    paths: str | None,
    batch_rows: int | None,
    settings: tuple[str, ...],
    force: bool,
) -> None:
    """Writes the mixture SPEC, or a compiled folder, in the form of another trainer into OUT.

    MaxText and OLMo-core know no stages: there is one file for each. A ramp becomes its mean
    shares.

    \b
    castor mixture export mixture.yaml OUT --format maxtext --paths 'gs://data/{name}/*.array_record'
    castor mixture export mixture.yaml OUT --format olmo-core
    castor mixture export mixture.yaml OUT --format levanter --batch-rows 512
    """
    from castor.pipelines import api

    found = api.mixture_export(
        spec, out, target=target, paths=paths, batch_rows=batch_rows, settings=settings, force=force
    )
    for path, new in found.items():
        click.echo(path if new else f"{path} (unchanged)")
