"""The verbs `castor classifier train|eval|card`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from castor.pipelines.commands.options import as_json

settings_option = click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="An option of the kind."
)


@click.group(short_help="Trains and evaluates quality, safety and language classifiers.")
def classifier() -> None:
    """Trains classifiers on your own labels, and says how good they are.

    \b
    castor classifier train fasttext labelled.jsonl spam/
    castor classifier eval spam/ other.jsonl
    castor classifier card spam/
    """


@classifier.command(short_help="Trains a model of a kind on labelled or seed data.")
@click.argument("kind")
@click.argument("data", nargs=-1, required=True, type=click.Path())
@click.argument("out", type=click.Path(file_okay=False))
@settings_option
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True,
    help="Another one starts from other weights and draws other folds.",
)  # fmt: skip
@click.option("--source", help="Where the data comes from, for the card.")
@click.option("--licence", help="The licence of the data, for the card.")
@click.option("--force", is_flag=True, help="Replace what is finished in OUT.")
@as_json
def train(
    kind: str,
    data: tuple[str, ...],
    out: str,
    settings: tuple[str, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Trains a model of a KIND on DATA, into the folder OUT.

    \b
    castor classifier train fasttext labelled.jsonl spam/ --set positive=spam
    castor classifier train fasttext rows.csv toxic/ --set label=class --set positive=0,1
    castor classifier train perplexity wiki.jsonl wiki-lm/ --set reference=crawl.jsonl

    `castor classifier kinds` says what kinds there are, and their options. OUT holds the model,
    card.json and card.md with the digests of the data and figures of held-out data, and a
    manifest. The same data, options and seed give the same bytes.
    """
    from castor.pipelines import api

    made = api.classifier_train(kind, data, out, settings=settings, **options)
    if as_json:
        click.echo(json.dumps(made, indent=1, sort_keys=True, ensure_ascii=False))
    elif made["skipped"]:
        click.echo(f"{out}: nothing to do, the {kind} model is trained")
    else:
        _show({k: v for k, v in made.items() if k not in ("data", "files", "out", "skipped")})
        click.echo(f"card       {out}/card.md")


@classifier.command("eval", short_help="Figures of a model on data that it has not seen.")
@click.argument("model", type=click.Path(file_okay=False))
@click.argument("data", nargs=-1, required=True, type=click.Path())
@settings_option
@as_json
def evaluate(model: str, data: tuple[str, ...], settings: tuple[str, ...], as_json: bool) -> None:
    """Figures of MODEL on DATA that it has not seen, with 95 % intervals.

    DATA that MODEL was trained on is refused.

    \b
    castor classifier eval spam/ other.jsonl
    """
    from castor.pipelines import api

    found = api.classifier_eval(model, data, settings=settings)
    if as_json:
        click.echo(json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False))
    else:
        _show(found)


@classifier.command(short_help="The card of a model: data, licence, options, figures.")
@click.argument("model", type=click.Path(file_okay=False))
@as_json
def card(model: str, as_json: bool) -> None:
    """The card of MODEL: what it was trained on and how well it does.

    \b
    castor classifier card spam/
    """
    from castor.pipelines import api

    found = api.classifier_card(model)
    if as_json:
        click.echo(json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False))
    else:
        from castor.pipelines.classifiers import _card

        click.echo(_card.markdown(found), nl=False)


@classifier.command(short_help="The kinds of models there are, and their options.")
def kinds() -> None:
    """The kinds of models there are, and their options."""
    from castor.pipelines import api

    for name, text in api.classifier_kinds().items():
        body = "\n".join(f"  {line}".rstrip() for line in text.splitlines())
        click.echo(f"{name}\n{body}\n")


def _show(values: Mapping[str, Any], indent: int = 0) -> None:
    """Facts as aligned lines; a mapping inside is indented."""
    from castor.pipelines.classifiers._card import interval

    values = {k: interval(v) or v for k, v in values.items()}
    flat = {k: v for k, v in values.items() if not isinstance(v, Mapping)}
    width = max((len(str(k)) for k in flat), default=0) + 2
    for key, value in flat.items():
        click.echo(f"{' ' * indent}{str(key).replace('_', ' '):{width}} {_figure(value)}")
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            click.echo(f"{' ' * indent}{str(key).replace('_', ' ')}")
            _show(value, indent + 2)


def _figure(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_figure, value))
    return str(value)
