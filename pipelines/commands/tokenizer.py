"""The verbs `castor tokenizer train|encode|decode`; others of the group have files of their own."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from castor.pipelines.commands import tokenizer_eval
from castor.pipelines.commands.bytes import Bytes
from castor.pipelines.commands.options import as_json, local_options
from castor.tokenizer import flags, id_space


@click.group(short_help="Trains tokenizers, and turns datasets into tokens and back.")
def tokenizer() -> None:
    """Trains SentencePiece tokenizers, and turns datasets into tokens and back.

    \b
    castor tokenizer train OUT tokenizer/ --vocab-size 32000
    castor tokenizer encode OUT tokens/ --tokenizer tokenizer/
    castor tokenizer decode tokens/ --source web --n 3
    """


@tokenizer.command(short_help="Trains a tokenizer on a sample of a dataset.")
@click.argument("dataset", type=click.Path())
@click.argument("out", type=click.Path(file_okay=False))
@click.option(
    "--vocab-size",
    type=click.IntRange(1),
    required=True,
    help="Pieces of the model, control pieces and bytes included.",
)
@click.option(
    "--sample-bytes",
    type=Bytes(),
    default="10GB",
    show_default=True,
    help="Text of the sample in all; every language of every source gives the same until it ends.",
)
@click.option("--stratum-bytes", type=Bytes(), help="Text of one language of one source at most.")
@click.option(
    "--languages", metavar="LANG,...", help="Only these languages (und: those that say none)."
)
@click.option(
    "--cap", "caps", multiple=True, metavar="LANG=BYTES",
    help="Text of one language at most; may be given again.",
)  # fmt: skip
@click.option(
    "--coverage",
    type=click.FloatRange(flags.LEAST_COVERAGE, 1),
    default=flags.COVERAGE,
    show_default=True,
    help="Share of the characters that get a piece of their own; the rest is written in bytes.",
)
@click.option(
    "--image-codes",
    type=click.IntRange(0),
    default=id_space.IMAGE_CODES,
    show_default=True,
    help="Ids for discrete image codes, after those of the text.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True,
              help="Another one chooses another sample.")  # fmt: skip
@click.option(
    "--keep-counts", is_flag=True, help="Leave the counts of the sample beside the model."
)
@local_options
@as_json
def train(
    dataset: str,
    out: str,
    languages: str | None,
    caps: tuple[str, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Trains a tokenizer on a sample of DATASET, into the folder OUT.

    DATASET is the output of a run, or a file, glob or folder of JSONL or Parquet rows. The sample
    takes from every language of every source the documents with the smallest hashes of their
    keys. It is counted exactly, so the vocabulary is the one that SentencePiece learns from the
    same text; the manifest in OUT has the flags for that.

    \b
    castor tokenizer train OUT tokenizer/ --vocab-size 32000
    castor tokenizer train 'rows/*.jsonl.gz' tokenizer/ --vocab-size 64000 --sample-bytes 2GB
    castor tokenizer train OUT tokenizer/ --vocab-size 256000 --cap en=5GB --languages en,de,ja

    A training that was interrupted resumes with the same command.
    """
    from castor.filters.display import Display
    from castor.pipelines import api

    wanted = tuple(w.strip() for w in languages.split(",") if w.strip()) if languages else None
    with Display() as display:
        trained = api.tokenizer_train(
            dataset, out, languages=wanted, caps=_caps(caps), watch=display.show, **options
        )
    if as_json:
        click.echo(json.dumps(trained.summary(), indent=1, ensure_ascii=False))
        return
    from castor.pipelines.tokens import show

    show.trained(trained)


def _caps(given: tuple[str, ...]) -> dict[str, int]:
    from castor.filters.errors import ConfigError
    from castor.pipelines.tokens.train import read_bytes

    caps = {}
    for text in given:
        language, equals, n_bytes = text.partition("=")
        if not equals or not language:
            raise ConfigError("--cap needs LANG=BYTES", got=text, fix="such as --cap en=2GB")
        caps[language] = read_bytes(n_bytes)
    return caps


@tokenizer.command(short_help="Writes the documents of a dataset as token shards.")
@click.argument("dataset", type=click.Path())
@click.argument("out", type=click.Path(file_okay=False))
@click.option("--tokenizer", "tokenizer_", required=True, type=click.Path(file_okay=False),
              help="The folder of a tokenizer.")  # fmt: skip
@click.option(
    "--heldout",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.02,
    show_default=True,
    help="Share of the documents, by hash of the key, kept apart for evaluation.",
)
@click.option(
    "--media/--no-media",
    default=True,
    show_default=True,
    help="Whether pictures, sounds and clips become spans of soft inputs.",
)
@click.option("--image-patches", type=click.IntRange(1), help="Soft inputs of a picture at most.")
@click.option("--video-frames", type=click.IntRange(1), help="Frames of a clip.")
@click.option("--frame-patches", type=click.IntRange(1), help="Soft inputs of a frame at most.")
@click.option("--audio-rows", type=click.IntRange(1),
              help="Soft inputs of a sound at most, 25 a second.")  # fmt: skip
@click.option(
    "--root", "roots", multiple=True, metavar="NAME=DIR",
    help="Where the media of an input root lie now; may be given again.",
)  # fmt: skip
@local_options
@as_json
def encode(
    dataset: str,
    out: str,
    tokenizer_: str,
    roots: tuple[str, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Writes the documents of DATASET as token shards, into the folder OUT.

    OUT holds, for every source, the splits train and heldout: flat little-endian uint32 ids,
    int64 document offsets, and a Parquet file of keys and media spans; and a copy of the
    tokenizer. docs/tokens.md says the rest. DATASET is the output of a run, or rows.

    \b
    castor tokenizer encode OUT tokens/ --tokenizer tokenizer/
    castor tokenizer encode 'rows/*.parquet' tokens/ --tokenizer tokenizer/ --heldout 0.005
    castor tokenizer encode OUT tokens/ --tokenizer tokenizer/ --root images=/mnt/pictures

    A medium that cannot be read is left out and counted, with its reason, in the manifest.
    An encoding that was interrupted resumes with the same command.
    """
    from castor.filters.display import Display
    from castor.filters.errors import ConfigError
    from castor.pipelines import api

    numbers = ("image_patches", "video_frames", "frame_patches", "audio_rows")
    given = {name: options.pop(name) for name in numbers}
    soft = {name: value for name, value in given.items() if value is not None}
    if soft and not options["media"]:
        raise ConfigError(
            "--no-media leaves out what other options shape",
            got=", ".join(f"--{name.replace('_', '-')}" for name in soft),
            fix="give one or the other",
        )
    places = dict(root.split("=", 1) for root in roots if "=" in root)
    if len(places) != len(roots):
        raise ConfigError("--root needs NAME=DIR, each name once", got=" ".join(roots))
    with Display() as display:
        encoded = api.tokenizer_encode(
            dataset,
            out,
            tokenizer=tokenizer_,
            soft=soft,
            roots=places,
            watch=display.show,
            **options,
        )
    if as_json:
        click.echo(json.dumps(encoded.summary(), indent=1, ensure_ascii=False))
        return
    from castor.pipelines.tokens import show

    show.encoded(encoded)


@tokenizer.command(short_help="Turns ids, or documents of a token dataset, back into text.")
@click.argument("path", type=click.Path())
@click.argument("ids", nargs=-1)
@click.option("--key", "keys", multiple=True, help="The document with this key; may be repeated.")
@click.option("--source", help="Only documents of this source.")
@click.option("--split", type=click.Choice(["train", "heldout"]), help="Only this split.")
@click.option("--n", type=click.IntRange(1), help="How many documents of each source; default 3.")
@as_json
def decode(
    path: str,
    ids: tuple[str, ...],
    keys: tuple[str, ...],
    source: str | None,
    split: str | None,
    n: int | None,
    as_json: bool,
) -> None:
    """Turns IDS back into text, by the tokenizer or token dataset in PATH.

    `-` reads the ids from standard input, as does a tokenizer without IDS; of a token dataset
    documents are shown then.

    \b
    castor tokenizer decode tokenizer/ 4521 88 17
    echo '[4521, 88, 17]' | castor tokenizer decode tokenizer/
    castor tokenizer decode tokens/ --source web --n 2
    castor tokenizer decode tokens/ --key 'web:a.warc.gz@1234' --json
    """
    from castor.pipelines import api
    from castor.pipelines.tokens import decode as decoding
    from castor.pipelines.tokens import tokenizers

    shown = bool(keys or source or split or n)
    if not ids and (shown or tokenizers.kind_of(path) == tokenizers.TOKENS):
        found = api.tokenizer_decode(path, keys=keys, source=source, split=split, n=n or 3)
        if as_json:
            click.echo(json.dumps(found, indent=1, ensure_ascii=False))
            return
        from castor.pipelines.tokens import show

        show.documents(found)
        return
    if ids and shown:
        raise click.UsageError("give IDS, or options that choose documents, not both")
    written = " ".join(ids) if ids and ids != ("-",) else sys.stdin.read()
    text = api.tokenizer_decode(path, decoding.parse_ids(written))
    click.echo(json.dumps({"text": text}, ensure_ascii=False) if as_json else text)


tokenizer.add_command(tokenizer_eval.evaluate)
tokenizer.add_command(tokenizer_eval.inspect)
