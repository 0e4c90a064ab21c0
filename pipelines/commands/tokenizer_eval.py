"""The verbs `castor tokenizer eval` and `castor tokenizer inspect`."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from castor.pipelines.commands.bytes import Bytes
from castor.pipelines.commands.options import as_json, local_options


@click.command("eval", short_help="Measures a tokenizer on a dataset, by language and source.")
@click.argument("tokenizer", type=click.Path(file_okay=False))
@click.argument("dataset", type=click.Path())
@click.option(
    "--against",
    type=click.Path(),
    help="Another tokenizer's folder, or a model of sentencepiece, to compare with.",
)
@click.option(
    "--parallel",
    type=click.Path(),
    help="Sentences that say the same in several languages: JSON lines, .tsv, or a folder.",
)
@click.option("--reference", metavar="LANG", help="Language of the premiums; default: English.")
@click.option(
    "--sample-bytes",
    type=Bytes(),
    default="32MB",
    show_default=True,
    help="Text of the sample in all; every language of every source gives the same until it ends.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
              help="Another one chooses another sample.")  # fmt: skip
@local_options
@as_json
def evaluate(tokenizer: str, dataset: str, as_json: bool, **options: Any) -> None:
    """Measures TOKENIZER on a sample of DATASET, by language and by source.

    Bytes, characters and words a token, words that are one token, Renyi efficiency, share of the
    vocabulary that occurs, bytes that stand in for rare characters, documents that do not come
    back from their ids; and of the vocabulary by itself, pieces that no text gives and texts that
    give a control id. docs/tokenizer-evaluation.md defines each. The result is written to
    evaluation.json in TOKENIZER.

    \b
    castor tokenizer eval tokenizer/ OUT
    castor tokenizer eval tokenizer/ 'heldout/*.jsonl' --against other/
    castor tokenizer eval tokenizer/ OUT --parallel flores/dev --reference eng_Latn

    Exit code 3 if a text gives a control id or <unk>, which must never be.
    """
    from castor.filters.display import Display
    from castor.filters.errors import GateError
    from castor.pipelines import api
    from castor.tokenizer.vocabulary_checks import faults

    with Display() as display:
        found = api.tokenizer_eval(tokenizer, dataset, watch=display.show, **options)
    if as_json:
        click.echo(json.dumps(found.result, indent=1, ensure_ascii=False, sort_keys=True))
    else:
        from castor.pipelines.tokens import evaluation_view

        evaluation_view.evaluation(found)
    wrong = faults(found.result)
    if wrong:
        raise GateError(
            "the tokenizer gives ids that text must never give",
            where=tokenizer,
            got="; ".join(wrong),
            fix="train it again; `castor tokenizer train` reserves these pieces",
        )


@click.command("inspect", short_help="Shows the pieces of a text, with ids and bytes.")
@click.argument("tokenizer", type=click.Path(file_okay=False))
@click.argument("text")
@as_json
def inspect(tokenizer: str, text: str, as_json: bool) -> None:
    """Shows the pieces of TEXT: id, kind, name and raw bytes of each; `-` reads standard input.

    TOKENIZER is the folder of a tokenizer, or a token dataset.

    \b
    castor tokenizer inspect tokenizer/ 'The quick brown fox'
    castor tokenizer inspect tokens/ - < page.txt
    castor tokenizer inspect tokenizer/ '<start_of_image>' --json

    On a terminal the text comes first, each piece in its own colour; kinds are normal,
    user-defined, byte (of a character that has no piece), control and unknown. The last two
    never come from text.
    """
    from castor.pipelines import api

    given: str | bytes = sys.stdin.buffer.read() if text == "-" else text
    found = api.tokenizer_inspect(tokenizer, given)
    if as_json:
        click.echo(json.dumps(found, indent=1, ensure_ascii=False))
        return
    from castor.pipelines.tokens import evaluation_view

    evaluation_view.pieces(found)
