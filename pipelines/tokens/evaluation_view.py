"""What `castor tokenizer eval` and `inspect` print."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from castor.pipelines.console import printable, printer, safe, table
from castor.pipelines.figures import duration, number, percent, size
from castor.pipelines.tokens.evaluation import Evaluated

GROUPS_SHOWN = 100
EXAMPLES_SHOWN = 5


def evaluation(found: Evaluated) -> None:
    """Prints the figures by language and source, and what is true of the vocabulary."""
    print_ = printer()
    result = found.result
    for axis in ("languages", "sources"):
        print_(_figures(axis, *groups(result, axis)))
        hidden = len(result[axis]) - GROUPS_SHOWN
        if hidden > 0:
            print_(f"and {hidden} more, with less text: see {safe(found.path.name)}")
    for line in _vocabulary(result):
        print_(line)
    if result["parallel"]:
        _parallel(print_, result["parallel"])
    sample = result["sample"]
    took = "unchanged, nothing ran" if found.skipped else duration(found.seconds)
    n_documents = number(sample["documents"])
    print_(f"sample of {n_documents} documents, {size(sample['bytes'])} of text ({took})")
    print_(f"evaluation  {safe(found.path)}")


def _figures(title: str, titles: Sequence[str], rows: Sequence[Sequence[Any]]) -> Any:
    """A table whose first column is names and whose others are figures, even where one lacks."""
    made = table(title, titles, rows)
    for column in made.columns[1:]:
        column.justify = "right"
    return made


def groups(result: Mapping[str, Any], axis: str) -> tuple[list[str], list[list[Any]]]:
    """Titles and rows of the table of languages or sources, the mean of all groups last.

    Args:
        result: what evaluation.json holds.
        axis: `languages` or `sources`.
    """
    compared = result["against"] is not None
    titles = ["", "documents", "text", "bytes/token", "chars/token", "tokens/word", "one token",
              "Renyi", "bytes", "vocabulary used", "lost"]  # fmt: skip
    groups = sorted(result[axis].items(), key=lambda g: (-g[1]["bytes"], g[0]))[:GROUPS_SHOWN]
    named = [*groups, ("all", result["total"])]
    rows = [
        [name, number(f["documents"]), size(f["bytes"]), *_ratios(f), percent(f["utilisation"]),
         number(f["round_trip_failures"])]
        for name, f in named
    ]  # fmt: skip
    rows.append(["mean of groups", "-", "-", *_ratios(result["macro"][axis]), "-", "-"])
    if compared:
        titles.append(f"NSL to {result['against']['name']}")
        all_of = [*(f for _, f in named), result["macro"][axis]]
        for row, f in zip(rows, all_of, strict=True):
            row.append(_figure(f["nsl"]))
    return titles, rows


def _ratios(figures: Mapping[str, Any]) -> list[str]:
    share = figures["byte_share"]
    return [
        _figure(figures["bytes_per_token"]),
        _figure(figures["characters_per_token"]),
        _figure(figures["fertility"]),
        _share(figures["strr"]),
        _figure(figures["renyi_efficiency"]),
        _share(share),
    ]


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "-" if value is None else percent(value)


def _vocabulary(result: Mapping[str, Any]) -> list[str]:
    vocabulary, injections = result["vocabulary"], result["injections"]
    unreachable, training = vocabulary["unreachable"], result["training"]
    lines = [
        _occur(vocabulary),
        f"in training {_occur(training)}; {number(training['scaffold'])} ordinary ones never"
        if training
        else "how often pieces occurred in training: train with --keep-counts to see it",
        f"{number(unreachable['count'])} ordinary pieces that their own text does not give",
        f"{number(injections['failures'])} of {number(injections['texts'])} texts that name a "
        "control piece give a control id",
        f"{number(result['total']['round_trip_failures'])} documents do not come back byte by byte "
        f"({result['total']['round_trip_failures_per_million']:.0f} in a million)",
    ]
    lines += [
        f"    {safe(key)}, {safe(what)}"
        for key, what in result["round_trip_examples"][:EXAMPLES_SHOWN]
    ]
    return lines


def _occur(usage: Mapping[str, Any]) -> str:
    below = ", ".join(
        f"{number(usage['below'][times])} fewer than {times} times"
        for times in sorted(usage["below"], key=int)
        if times != "1"  # those are the ones that do not occur
    )
    used, of = number(usage["used"]), number(usage["size"])
    return f"{used} of {of} pieces occur ({percent(usage['utilisation'])}); {below}"


def _parallel(print_: Any, found: Mapping[str, Any]) -> None:
    rows = [
        [name, number(f["sentences"]), number(f["tokens"]), _figure(f["premium"]),
         _figure(f["bytes_per_token"]), _share(f["byte_share"])]
        for name, f in sorted(found["languages"].items(), key=lambda g: (g[1]["premium"], g[0]))
    ]  # fmt: skip
    titles = ["", "sentences", "tokens", f"premium to {found['reference']}", "bytes/token", "bytes"]
    print_(_figures("the same sentences", titles, rows))
    print_(f"premium: {_spread(found)}")
    if found["byte_languages"]:
        without = _spread(found["without_byte_languages"])
        print_(
            f"without {safe(', '.join(found['byte_languages']))}, written in bytes for the most "
            f"part: {without}"
        )


def _spread(found: Mapping[str, Any]) -> str:
    return (
        f"mean {_figure(found['mean'])}, max {_figure(found['max'])}, Gini {_figure(found['gini'])}"
    )


# Two colours in turn for ordinary pieces, so that their edges show; one each for the others.
_TURNS = ("black on bright_cyan", "black on bright_green")
_STYLES = {
    "byte": "black on bright_yellow",
    "user-defined": "black on bright_magenta",
    "control": "white on red",
    "unknown": "white on red",
}


def pieces(found: Sequence[Mapping[str, Any]]) -> None:
    """Prints the tokens of a text: coloured in one line on a terminal, then a table of all."""
    if sys.stdout.isatty():
        _coloured(found)
    print_ = printer()
    rows = [
        [str(p["id"]), p["kind"], _visible(p["piece"]), " ".join(_hex(p["bytes"])), str(p["start"])]
        for p in found
    ]
    print_(table("", ["id", "kind", "piece", "bytes", "at byte"], rows))
    n_bytes = sum(len(p["bytes"]) // 2 for p in found)
    print_(f"{number(len(found))} tokens, {number(n_bytes)} bytes")


def _coloured(found: Sequence[Mapping[str, Any]]) -> None:
    from rich.console import Console
    from rich.text import Text

    line = Text()
    for i, piece in enumerate(found):
        shown = f"[{piece['bytes']}]" if piece["text"] is None else piece["text"]
        line.append(_visible(shown), style=_STYLES.get(piece["kind"], _TURNS[i % 2]))
    Console(highlight=False).print(line)
    print()


def _visible(text: str) -> str:
    """Text on one line whose control characters show as escapes."""
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return printable(escaped)


def _hex(data: str) -> list[str]:
    return [data[i : i + 2] for i in range(0, len(data), 2)]
