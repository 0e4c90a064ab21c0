"""What the report shows of the rows themselves: texts, pairs of duplicates, media, matches."""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from castor.filters.record import MediaRef
from castor.pipelines.dataset import FINDINGS, Dataset, read_shard
from castor.pipelines.report.thumbnails import Thumbnails
from castor.pipelines.results import Results, columns_of
from castor.pipelines.sampling import sample

PER_SOURCE = 5
CHARACTERS = 600
SAMPLE_CHARACTERS = 500  # at most, of the samples that a run stores
PAIRS = 8
PICTURES = 24
MEDIA_ROWS = 6
MATCHES_PER_BENCHMARK = 3
EXAMINED = 200  # contaminated documents that the examples are taken from
WORDS_COMPARED = 120
TITLES = ("title", "url", "path", "language", "licence")
MEASURES = ("duration_s", "width_px", "height_px", "fps", "sample_rate_hz", "channels",
            "silence_share", "has_audio")  # fmt: skip
Pieces = list[tuple[str, bool]]


@dataclasses.dataclass(frozen=True)
class Text:
    """One row of text: its key, some facts, the beginning, why it was dropped."""

    key: str
    source: str
    modality: str
    text: str
    more: int
    facts: Mapping[str, str]
    reasons: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Pair:
    """A duplicate beside the row that was kept; pieces are (words, whether they differ)."""

    key: str
    kept_key: str
    method: str
    similarity: float
    left: Pieces
    right: Pieces


@dataclasses.dataclass(frozen=True)
class Picture:
    """The thumbnail of one kept image, or why there is none, and what is said about it."""

    key: str
    uri: str | None
    why: str
    caption: str
    facts: str


def texts(results: Results, outcome: str) -> dict[str, list[Text]]:
    """A few rows of every source, by source: of `kept` or of `dropped`."""
    dataset = results.dataset(outcome)
    column = "text" if outcome == "kept" else "sample"
    columns = ["modality", "meta", column, *(["reasons"] if outcome == "dropped" else [])]
    found: dict[str, list[Text]] = {}
    for row in _sampled(dataset, columns, PER_SOURCE, by=["source"]):
        text = row[column] or ""
        if not text and outcome == "kept":
            continue  # a picture, sound or clip without words is shown further down
        found.setdefault(row["source"], []).append(
            Text(
                key=row["key"],
                source=row["source"],
                modality=row["modality"],
                text=text[:CHARACTERS],
                more=max(0, len(text) - CHARACTERS) if outcome == "kept" else 0,
                facts=_facts(row["meta"]),
                reasons=tuple(row.get("reasons") or ()),
            )
        )
    return found


def pairs(results: Results) -> list[Pair]:
    """Duplicates beside what was kept, near ones before exact ones."""
    columns = ["duplicate_of", "similarity", "method", "sample"]
    rows = _sampled(results.dataset("duplicate"), columns, PAIRS, by=["method"])
    rows = [r for r in rows if r["sample"]]
    rows.sort(key=lambda r: r["method"] == "exact")
    rows = rows[:PAIRS]
    kept = _texts_of(results.dataset("kept"), {r["duplicate_of"] for r in rows})
    found = []
    for row in rows:
        left, right = _compared(kept.get(row["duplicate_of"], ""), row["sample"])
        found.append(
            Pair(row["key"], row["duplicate_of"], row["method"], row["similarity"], left, right)
        )
    return found


def pictures(results: Results) -> list[Picture]:
    """Thumbnails of kept images, as many of every source as there is room for."""
    dataset = results.dataset("kept")
    rows = _sampled(dataset, ["media", "meta", "text"], PICTURES, by=["source"],
                    where=("modality", ("image", "interleaved")))  # fmt: skip
    rows = [r for r in rows if _image(r["media"])]
    by_source: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_source.setdefault(row["source"], []).append(row)
    found = []
    with Thumbnails(results.roots) as thumbnails:
        for row in _in_turn(by_source.values(), PICTURES):
            ref = _image(row["media"])
            uri, why = thumbnails.of(ref) if ref else (None, "")
            meta = dict(row["meta"])
            size = f"{meta['width']} × {meta['height']}" if "width" in meta else ""
            caption = row["text"] or meta.get("title") or meta.get("alt") or ""
            facts = " · ".join(p for p in (size, ref.mime if ref else "") if p)
            found.append(Picture(row["key"], uri, why, caption[:200], facts))
    return found


def recordings(results: Results) -> list[dict[str, Any]]:
    """Kept sounds and clips as rows of facts."""
    dataset = results.dataset("kept")
    signals = [c for c in columns_of(dataset) if c.partition(".")[2] in MEASURES]
    rows = _sampled(dataset, ["modality", "meta", "text", *signals], MEDIA_ROWS,
                    by=["source"], where=("modality", ("audio", "video")))  # fmt: skip
    return [
        {
            "key": row["key"],
            "modality": row["modality"],
            "facts": [
                (name.partition(".")[2], row[name])
                for name in signals
                if name.startswith(row["modality"]) and row[name] is not None
            ],
            "text": (row["text"] or "")[:200],
        }
        for row in rows
    ]


def benchmarks(results: Results) -> list[dict[str, Any]]:
    """Per benchmark: its items, those found, documents removed and only reported, examples."""
    known = results.manifest.get("benchmarks") or {}
    found = {
        name: {"name": name, "n_items": n, "unprotected": known["unprotected"].get(name, 0),
               "items": set(), "removed": set(), "reported": set(), "examples": []}
        for name, n in known.get("items", {}).items()
    }  # fmt: skip
    columns = ["key", "benchmark", "item_id", "contaminated"]
    for batch in results.dataset(FINDINGS).batches(columns) if known else ():
        for row in batch.to_pylist():
            entry = found[row["benchmark"]]
            entry["removed" if row["contaminated"] else "reported"].add(row["key"])
            if row["contaminated"]:
                entry["items"].add(row["item_id"])
    for row in sample(results.dataset("contaminated"), ["matches", "sample"], EXAMINED):
        for match in json.loads(row["matches"]):
            examples = found[match["benchmark"]]["examples"] if match["benchmark"] in found else []
            seen = {e["key"] for e in examples}
            if len(examples) < MATCHES_PER_BENCHMARK and row["key"] not in seen:
                examples.append(_example(row, match))
    for entry in found.values():
        entry["reported"] -= entry["removed"]
        for name in ("removed", "reported"):
            entry[name] = len(entry[name])
        entry["found"] = len(entry.pop("items"))
    return sorted(found.values(), key=lambda b: (-b["removed"], -b["reported"], b["name"]))


def _example(row: Mapping[str, Any], match: Mapping[str, Any]) -> dict[str, Any]:
    facts = [(n, match[n]) for n in ("part", "rule", "coverage", "units") if n in match]
    start, end = match["start_byte"], match["end_byte"]
    text = row["sample"] or ""
    if start >= len(text.encode()):  # it stands further down than the sample reaches
        pieces: Pieces = [("… ", False), (match["text"], True), (" …", False)]
    else:
        pieces = _marked(text, [(start, end)])
    return {"key": row["key"], "item": str(match["item"]), "facts": facts, "pieces": pieces}


def _marked(text: str, spans: Sequence[tuple[int, int]]) -> Pieces:
    """The text cut at byte spans: (piece, whether it matched)."""
    data = text.encode()
    pieces: Pieces = []
    at = 0
    for start, end in sorted(spans):
        start, end = max(at, min(start, len(data))), min(end, len(data))
        if end > start:
            pieces += [(data[at:start].decode(errors="ignore"), False),
                       (data[start:end].decode(errors="ignore"), True)]  # fmt: skip
            at = end
    return [p for p in (*pieces, (data[at:].decode(errors="ignore"), False)) if p[0]]


def _compared(kept: str, other: str) -> tuple[Pieces, Pieces]:
    """Both texts in pieces, with the words marked that the other one lacks."""
    cut = len(other) >= SAMPLE_CHARACTERS
    a, b = (t[:SAMPLE_CHARACTERS].split()[:WORDS_COMPARED] for t in (kept, other))
    steps = difflib.SequenceMatcher(a=a, b=b, autojunk=False).get_opcodes()
    if cut and steps and steps[-1][0] != "equal":
        steps.pop()  # where a sample ends is no difference between the documents
    left = [(" ".join(a[i0:i1]), kind != "equal") for kind, i0, i1, _, _ in steps]
    right = [(" ".join(b[j0:j1]), kind != "equal") for kind, _, _, j0, j1 in steps]
    return [p for p in left if p[0]], [p for p in right if p[0]]


def _texts_of(dataset: Dataset, keys: set[str]) -> dict[str, str]:
    """The texts of some kept rows; reads the key column, and the text of their row groups."""
    found: dict[str, str] = {}
    wanted = pa.array(sorted(keys), pa.string())
    for shard in dataset.shards if keys else ():
        path = dataset.path / shard.path
        if not any(
            pc.any(pc.is_in(b.column("key"), value_set=wanted)).as_py()
            for b in read_shard(path, ["key"])
        ):
            continue
        for batch in read_shard(path, ["key", "text"]):
            mine = batch.filter(pc.is_in(batch.column("key"), value_set=wanted))
            found |= dict(
                zip(mine.column("key").to_pylist(), mine.column("text").to_pylist(), strict=True)
            )
        if len(found) == len(keys):
            break
    return {k: v or "" for k, v in found.items()}


def _sampled(
    dataset: Dataset,
    columns: Sequence[str],
    n: int,
    *,
    by: Sequence[str],
    where: tuple[str, tuple[str, ...]] | None = None,
) -> list[dict[str, Any]]:
    if where is None:
        return sample(dataset, columns, n, by=by)
    column, values = where
    return sample(dataset, columns, n, by=[*by, column], where=lambda row: row[column] in values)


def _image(media: Iterable[Mapping[str, Any]]) -> MediaRef | None:
    """The first picture of a row."""
    return next((MediaRef(**m) for m in media if m["mime"].startswith("image/")), None)


def _facts(meta: Iterable[tuple[str, str]]) -> dict[str, str]:
    known = dict(meta)
    return {name: known[name][:160] for name in TITLES if known.get(name)}


def _in_turn(groups: Iterable[list[Any]], n: int) -> Iterator[Any]:
    """One of every group, then the next of every group, until there are `n`."""
    lists = [list(g) for g in groups]
    taken = 0
    while any(lists) and taken < n:
        for rows in lists:
            if rows and taken < n:
                taken += 1
                yield rows.pop(0)
