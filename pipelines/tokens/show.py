"""What the verbs of tokenizers and tokens print when they are done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from castor.pipelines.console import printer, safe, table
from castor.pipelines.figures import duration, number, percent, size
from castor.pipelines.tokens.encode import Encoded
from castor.pipelines.tokens.train import Trained

STRATA_SHOWN = 12
CHARACTERS = 2000  # of a document on the terminal


def trained(found: Trained) -> None:
    """Prints the sample and the size of a tokenizer."""
    print_ = printer()
    manifest = found.manifest
    sample = manifest["sample"]
    strata = sorted(sample["strata"], key=lambda s: (-s["taken_bytes"], s["language"]))
    rows = [
        [s["language"], s["source"], s["documents"], size(s["bytes"]), s["taken_documents"],
         size(s["taken_bytes"]), percent(s["taken_bytes"] / max(1, sample["bytes"]))]
        for s in strata[:STRATA_SHOWN]
    ]  # fmt: skip
    titles = ["language", "source", "documents", "text", "taken", "text taken", "of the sample"]
    print_(table("sample", titles, rows))
    if len(strata) > STRATA_SHOWN:
        print_(f"and {len(strata) - STRATA_SHOWN} more: see the manifest")
    if found.rejected:
        print_("not read: " + ", ".join(f"{n:,} rows {safe(r)}" for r, n in found.rejected.items()))
    space = manifest["id_space"]
    seen = manifest["f_min"]
    print_(
        f"{number(space['text_size'])} pieces from {size(sample['bytes'])} of text, "
        f"{number(manifest['counts']['rows'])} distinct rows; "
        + (f"the last merge was seen {number(seen)} times; " if seen is not None else "")
        + f"{number(space['size'])} ids in all"
    )
    _end(print_, found)
    print_(f"tokenizer  {safe(found.out)}")


def encoded(found: Encoded) -> None:
    """Prints what there is in a token dataset, and what was left out."""
    print_ = printer()
    manifest = found.manifest
    rows = []
    for name, splits in sorted(manifest["sources"].items()):
        for split, n in splits.items():
            if n["documents"]:
                soft = ", ".join(f"{v:,} {m}" for m, v in n["soft"].items() if v)
                written = n["tokens"] - sum(n["soft"].values())
                ratio = f"{n['text_bytes'] / written:.2f}" if n["text_bytes"] else "-"
                rows.append([name, split, n["documents"], n["tokens"], size(n["text_bytes"]),
                             ratio, soft or "-"])  # fmt: skip
    titles = ["source", "split", "documents", "tokens", "text", "bytes/token", "soft inputs"]
    print_(table("tokens", titles, rows))
    _left_out(print_, manifest["left_out"], found.fault)
    if found.tokens:
        speed = f"{found.tokens / max(found.seconds, 1e-9):,.0f} tokens/s"
        print_(f"{number(found.tokens)} tokens in {duration(found.seconds)}, {speed}")
    _end(print_, found)
    print_(f"tokens  {safe(found.out)}")


def _left_out(print_: Any, left_out: Mapping[str, Any], fault: str | None) -> None:
    lines = [f"{n:,} documents {safe(reason)}" for reason, n in left_out["documents"].items()]
    for kind, reasons in left_out["media"].items():
        lines += [f"{n:,} of {kind} {safe(reason)}" for reason, n in reasons.items()]
    if lines:
        print_("left out: " + ", ".join(lines))
        if fault:
            print_(f"    such as {safe(fault)}")


def _end(print_: Any, found: Trained | Encoded) -> None:
    if found.skipped:
        print_("Nothing to do: dataset and options are unchanged.")
    elif found.reused:
        print_(f"shards that were done before: {found.reused}")


def documents(found: Sequence[Mapping[str, Any]]) -> None:
    """Prints documents of a token dataset as text, with their media in brackets."""
    print_ = printer()
    for one in found:
        about = f"{one['tokens']:,} tokens, {one['language']}, {one['modality']}"
        place = f"{one['source']}/{one['split']} {one['number']}"
        print_(f"[bold]{safe(one['key'])}[/bold]  ({safe(place)}: {safe(about)})")
        text = "".join(
            p["text"] if "text" in p else f"<{p['modality']}: {p['length']} soft inputs>"
            for p in one["parts"]
        )
        more = len(text) - CHARACTERS
        print_(safe(text[:CHARACTERS]) + (f"\n... {more:,} characters more" if more > 0 else ""))
