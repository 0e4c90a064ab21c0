"""What the report says of the tokenizer in a run's folder, and of the tokens it made."""

from __future__ import annotations

import pathlib
from typing import Any

from castor.filters import outputs, storage
from castor.pipelines.figures import percent, size

SCORES = (
    ("bytes_per_token", "bytes / token"),
    ("characters_per_token", "characters / token"),
    ("fertility", "tokens / word"),
    ("strr", "words of one token"),
    ("renyi_efficiency", "Rényi efficiency"),
    ("byte_share", "byte tokens"),
    ("utilisation", "vocabulary used"),
)
SHARES = {"strr", "byte_share", "utilisation"}
ABSENT = "–"  # a measure that is not defined there, such as words in Chinese


def section(out: pathlib.Path) -> dict[str, Any] | None:
    """The context of the section, or None if there is no tokenizer in `out`/tokenizer.

    Keys: `facts`, `heads`, `tables` (title, rows of cells), `gates`, `tokens` (rows or None).
    """
    folder = out / "tokenizer"
    if not (folder / outputs.MANIFEST).is_file():
        return None
    manifest = outputs.read(folder, "tokenizer")
    path = folder / "evaluation.json"
    found = storage.read_json(path) if path.is_file() else None
    tables = []
    if found:
        for key, title in (("sources", "source"), ("languages", "language")):
            rows = [_row(name, row) for name, row in _largest_first(found[key])]
            tables.append((title, [*rows, _row("mean, equal weights", found["macro"][key])]))
    return {
        "facts": _facts(manifest),
        "heads": [title for _, title in SCORES],
        "tables": tables,
        "gates": _gates(found) if found else [],
        "tokens": _tokens(out / "tokens"),
    }


def _facts(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    ids = manifest["id_space"]
    strata = manifest["sample"]["strata"]
    first, end = ids["image_codes"]
    text = sum(s["taken_bytes"] for s in strata)
    documents = sum(s["taken_documents"] for s in strata)
    facts = [
        ("pieces", f"{ids['text_size']:,}, byte-pair encoding by sentencepiece"),
        ("ids in all", f"{ids['size']:,}, of which {end - first:,} are for image codes"),
        ("trained on", f"{size(text)} of text in {documents:,} documents"),
        ("distinct rows", f"{manifest['counts']['rows']:,}"),
        ("sha256 of the model", manifest["model"]["sha256"]),
    ]
    if manifest["f_min"] is not None:
        facts.insert(4, ("last merge seen", f"{manifest['f_min']:,} times"))
    return facts


def _largest_first(groups: dict[str, dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    return sorted(groups.items(), key=lambda item: (-item[1]["bytes"], item[0]))


def _row(name: str, row: dict[str, Any]) -> list[str]:
    return [name, *(_cell(key, row.get(key)) for key, _ in SCORES)]


def _cell(key: str, value: float | None) -> str:
    if value is None:
        return ABSENT
    return percent(value) if key in SHARES else f"{value:.3f}"


def _gates(found: dict[str, Any]) -> list[tuple[str, str]]:
    lost = sum(row["round_trip_failures"] for row in found["sources"].values())
    documents = sum(row["documents"] for row in found["sources"].values())
    injections, training = found["injections"], found["training"]
    rows = [
        ("documents that do not come back byte by byte", f"{lost:,} of {documents:,}"),
        ("texts that name a control piece and give its id",
         f"{injections['failures']:,} of {injections['texts']:,}"),
    ]  # fmt: skip
    if training:
        rows.append(("ordinary pieces that do not occur in training", f"{training['scaffold']:,}"))
    return rows


def _tokens(folder: pathlib.Path) -> list[dict[str, Any]] | None:
    """A row per source and split: documents, tokens, bytes of text, soft inputs."""
    if not (folder / outputs.MANIFEST).is_file():
        return None
    sources = outputs.read(folder, "tokens")["sources"]
    return [
        {
            "source": name,
            "split": split,
            "documents": row["documents"],
            "tokens": row["tokens"],
            "text_bytes": row["text_bytes"],
            "soft": ", ".join(f"{n:,} {m}" for m, n in sorted(row["soft"].items()) if n),
        }
        for name, splits in sorted(sources.items())
        for split, row in sorted(splits.items(), reverse=True)
        if row["documents"]
    ]
