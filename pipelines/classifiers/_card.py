"""The card of a trained model: what it is, what it was trained on, how well it does.

card.json is for programs and card.md, the same facts, for people.
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from castor.filters import storage

JSON, TEXT = "card.json", "card.md"
MAX_DATA_ROWS = 40  # of card.md; card.json lists every file
FIRST, LAST = ("castor", "source", "licence", "seed"), ("options", "files", "data")


def make(
    made_from: Mapping[str, Any], files: Mapping[str, Any], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """The card, as JSON gives it back; `facts` of the kind win over what the verb knows."""
    card = {
        "classifier": made_from["classifier"],
        "castor": importlib.metadata.version("castor"),
        "seed": made_from["seed"],
        "options": made_from["options"],
        "source": made_from["source"] or "not stated",
        "licence": made_from["licence"] or "not stated",
        "data": made_from["data"],
        "files": files,
        **facts,
    }
    plain: dict[str, Any] = json.loads(storage.to_json(card))
    return plain


def write(folder: Path, card: Mapping[str, Any]) -> None:
    """Writes card.json and card.md into a folder."""
    storage.write_json(folder / JSON, dict(card))
    storage.write_bytes(folder / TEXT, markdown(card).encode())


def markdown(card: Mapping[str, Any]) -> str:
    """The card as Markdown: scalars first, then one section for every mapping or table."""
    lines = [f"# Model card: {card['classifier']}", ""]
    middle = sorted(set(card) - {"classifier", *FIRST, *LAST})
    ordered = {k: card[k] for k in (*FIRST, *middle, *LAST) if k in card}
    lines += list(_section(ordered, 2))
    return "\n".join(lines).rstrip() + "\n"


def _section(values: Mapping[str, Any], level: int) -> Iterator[str]:
    plain = {k: v for k, v in values.items() if not _is_nested(v)}
    if plain:
        yield from ("| | |", "| --- | --- |")
        for key, value in plain.items():
            yield f"| {_words(key)} | {_cell(value)} |"
        yield ""
    for key, value in values.items():
        if not _is_nested(value) or not value:
            continue
        yield f"{'#' * min(level, 6)} {_words(key).capitalize()}"
        yield ""
        if isinstance(value, Mapping) and all(map(_is_nested, value.values())):
            yield from _table([{"": name, **row} for name, row in value.items()])
        elif isinstance(value, Mapping):
            yield from _section(value, level + 1)
        else:
            yield from _table(value)


def _table(rows: list[Mapping[str, Any]]) -> Iterator[str]:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    yield f"| {' | '.join(_words(c) for c in columns)} |"
    yield f"|{' --- |' * len(columns)}"
    for row in rows[:MAX_DATA_ROWS]:
        yield f"| {' | '.join(_cell(row.get(c, '')) for c in columns)} |"
    if len(rows) > MAX_DATA_ROWS:
        yield f"\n{len(rows) - MAX_DATA_ROWS} more in {JSON}."
    yield ""


def interval(value: Any) -> str | None:
    """An estimate with its interval as text: 0.96 (0.95-0.97); None for any other value."""
    if not isinstance(value, Mapping) or set(value) != {"value", "low", "high"}:
        return None
    if value["value"] is None:
        return "not measurable"
    return f"{value['value']:.4f} ({value['low']:.4f}-{value['high']:.4f})"


def _is_nested(value: Any) -> bool:
    if isinstance(value, Mapping):
        return interval(value) is None
    return isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) for v in value)


def _words(key: str) -> str:
    return str(key).replace("_", " ")


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_cell, value))
    if isinstance(value, Mapping):
        return interval(value) or ", ".join(f"{k} {_cell(v)}" for k, v in value.items())
    return " ".join(str(value).split()).replace("|", "\\|")
