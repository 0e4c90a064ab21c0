"""The verb `castor evaluate`."""

from __future__ import annotations

import json
from typing import Any

import click

from castor.pipelines.commands.options import as_json


@click.command(short_help="Bits per byte of a trained model on held-out documents.")
@click.argument("checkpoint", type=click.Path(file_okay=False))
@click.argument("suite", type=click.Path(file_okay=False))
@click.option(
    "--limit", type=click.IntRange(1), help="Only the first N held-out documents of every source."
)
@as_json
def evaluate(checkpoint: str, suite: str, limit: int | None, as_json: bool) -> None:
    """Scores a model on the held-out documents of SUITE, a token dataset.

    \b
    castor evaluate OUT tokens/                    the newest checkpoint of a training
    castor evaluate OUT/checkpoints/400 tokens/    one checkpoint
    castor evaluate OUT tokens/ --limit 20         a first look

    For every source: bits per byte of the model, and of the unigram model of the same tokenizer,
    from the source's own training documents and from those of all sources. For all sources: the
    loss by position. The result is written to evaluation.json in the training's folder
    (evaluation-<step>.json for one checkpoint); docs/training.md says what is counted.
    """
    from castor.pipelines import api

    result = api.evaluate(checkpoint, suite, limit=limit)
    click.echo(json.dumps(result, indent=1, sort_keys=True) if as_json else render(result))


def render(result: dict[str, Any]) -> str:
    """The evaluation as text: a table of sources, and the loss by position."""
    titles = ["", "documents", "tokens", "bytes", "bits/byte", "unigram: own", "all"]
    rows = [[name, *_cells(row)] for name, row in result["sources"].items()]
    rows.append(["total", *_cells(result["total"])])
    lines = [f"step {result['step']:,}, held-out documents", "", *_aligned([titles, *rows])]
    points = result["nll_by_position"]
    if points:
        curve = [["up to position", *(f"{p['up_to']:,}" for p in points)]]
        curve.append(["nats per token", *(f"{p['nll']:.3f}" for p in points)])
        lines += ["", *_aligned(curve)]
    law = result["power_law"]
    if law:
        lines.append(
            f"follows {law['alpha']:.3g} x^{law['beta']:.3f} + {law['gamma']:.3f} "
            f"(R^2 {law['r2']:.4f}, {law['points']} points)"
        )
    return "\n".join(lines)


def _cells(row: dict[str, Any]) -> list[str]:
    def bits(value: float | None) -> str:
        return "-" if value is None else f"{value:.4f}"

    unigram = row["unigram_bits_per_byte"]
    counts = [f"{row[name]:,}" for name in ("documents", "tokens", "bytes")]
    return [*counts, *map(bits, (row["bits_per_byte"], unigram["own"], unigram["all"]))]


def _aligned(rows: list[list[str]]) -> list[str]:
    """Rows as lines: the first column to the left, figures to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))])
        for row in rows
    ]
