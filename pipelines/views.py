"""The tables that a terminal shows; plain lines without colour where there is no terminal."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from castor.pipelines.catalogue import catalogue, detail
from castor.pipelines.console import printer, safe, table
from castor.pipelines.figures import size

REASONS_SHOWN = 12


def filters() -> list[dict[str, Any]]:
    """What sources, rewriters, annotators and policies there are; see `catalogue`."""
    return catalogue()


def filter_detail(name: str) -> list[dict[str, Any]]:
    """Everything of that name in full.

    Raises:
        ConfigError: nothing has that name; the nearest one that exists is named.
    """
    return detail(name)


def show_outcome(outcome: Any) -> None:
    """Prints what a run did: where rows came from, where they went, and why."""
    from castor.pipelines.inspection import reasons_of
    from castor.pipelines.results import open_run

    results = open_run(outcome.out)
    print_ = printer()
    _counts(print_, results.counts)
    _reasons(print_, reasons_of(results), results.counts["total"]["in"])
    total = results.counts["total"]
    seconds = f"{outcome.seconds:.1f} s"
    if outcome.skipped:
        print_(f"Nothing to do: input and configuration are unchanged ({seconds}).")
    else:
        reused = f", {outcome.reused} shards reused" if outcome.reused else ""
        print_(f"{total['in']:,} rows in, {total['kept']:,} kept, in {seconds}{reused}.")
    print_(f"dataset  {outcome.out}")
    report = outcome.out / "report.html"
    if report.is_file():
        print_(f"report   {report}")


def show_summary(found: Mapping[str, Any]) -> None:
    """Prints what `inspection.summary` found."""
    print_ = printer()
    if found["kind"] == "run":
        print_(f"[bold]{safe(found['recipe'])}[/bold]  {safe(found['about'])}".rstrip())
        when = found["started"] or "an unknown time"
        took = f", took {found['seconds']:.1f} s" if found["seconds"] is not None else ""
        print_(f"run at {when}{took}")
        if found["limit"]:
            print_(f"limited to {found['limit']} records of every source and shard")
        _counts(print_, found["counts"])
        _reasons(print_, found["reasons"], found["counts"]["total"]["in"])
        for title in ("rejected", "skipped", "errors"):
            if found[title]:
                print_(table(title, ["", "count"], list(found[title].items())))
        if found["rules_never_fired"]:
            print_("rules that never fired: " + safe(", ".join(found["rules_never_fired"])))
    rows = [
        [name, d["rows"], size(d["bytes"]), d["shards"], len(d["columns"])]
        for name, d in found["datasets"].items()
    ]
    print_(table("datasets", ["", "rows", "on disk", "shards", "columns"], rows))
    for name, samples in found["samples"].items():
        for sample in samples:
            why = sample.get("reasons") or sample.get("reason") or sample.get("duplicate_of")
            why = ", ".join(why) if isinstance(why, list) else why
            print_(
                f"[bold]{name}[/bold]  {safe(sample['key'])}" + (f"  ({safe(why)})" if why else "")
            )
            text = sample.get("excerpt") or sample.get("message")
            if text:
                print_(f"    {safe(text)}")


def show_story(found: Mapping[str, Any]) -> None:
    """Prints what `inspection.story` found about one row."""
    print_ = printer()
    print_(f"[bold]{safe(found['key'])}[/bold]  {found['outcome']}"
           f"  (row {found['row']} of {found['shard']})")  # fmt: skip
    if found["reasons"]:
        print_("dropped for " + safe(", ".join(found["reasons"])))
    if "duplicate_of" in found:
        kept = found["duplicate_of"]
        columns = found["columns"]
        print_(f"duplicates {safe(kept['key'])}: {columns['method']}, similarity "
               f"{columns['similarity']:.3f}")  # fmt: skip
        if "excerpt" in kept:
            print_(f"    the kept row: {safe(kept['excerpt'])}")
    if found.get("duplicates"):
        print_("its duplicates: " + safe(", ".join(found["duplicates"])))
    for match in found.get("matches") or ():
        print_("matches " + safe(", ".join(f"{k} {v}" for k, v in match.items())))
    if found["checks"]:
        failed = ("failed", "missing")
        checks = sorted(found["checks"], key=lambda c: c["verdict"] not in failed)
        rows = [
            [c["verdict"], c["reason"], c["signal"], _value(c["value"]),
             c["keeps"] + (f", when {c['when']}" if c["when"] else ""), c["cite"]]
            for c in checks
        ]  # fmt: skip
        titles = ["", "rule", "signal", "measured", "keeps", "source of the threshold"]
        print_(table("rules", titles, rows))
    columns = {k: v for k, v in found["columns"].items() if v is not None and k != "key"}
    rows = [[name, _value(value)] for name, value in columns.items()]
    print_(table("columns (null ones left out)", ["", "value"], rows))


def show_filters(found: Sequence[Mapping[str, Any]]) -> None:
    """Prints what there is to choose from, by kind."""
    print_ = printer()
    for kind in dict.fromkeys(f["kind"] for f in found):
        rows = [
            [f["name"], f["version"], f["summary"], ", ".join(_brief(f["writes"], f["name"]))]
            for f in found
            if f["kind"] == kind
        ]
        writes = {"policy": "reasons", "source": "files"}.get(kind, "signals")
        plural = "policies" if kind == "policy" else f"{kind}s"
        print_(table(plural, ["", "version", "what it does", writes], rows))
    print_("castor filters NAME shows one in full, with its thresholds and citations.")


def show_filter(found: Sequence[Mapping[str, Any]]) -> None:
    """Prints everything of one name in full."""
    print_ = printer()
    for one in found:
        given = f", for {', '.join(one['modalities'])}" if "modalities" in one else ""
        title = f"[bold]{one['kind']} {safe(one['name'])}[/bold]"
        print_(f"{title}, version {one['version']}{given}")
        if one["doc"]:
            print_(safe(one["doc"]))
        if one.get("module"):
            print_(safe(f"\n{one['module']}\n"))
        if "files" in one:
            print_("reads " + safe(", ".join(one["files"])))
        if one.get("options"):
            rows = [[o["name"], o["type"], o["default"]] for o in one["options"]]
            print_(table("options", ["", "type", "default"], rows))
        if "signals" in one:
            rows = [[s["name"], s["type"]] for s in one["signals"]]
            print_(table("signals", ["", "type"], rows))
        if "rules" in one:
            rows = [
                [r["name"], r["signal"], r["keeps"], r["when"], r["cite"]] for r in one["rules"]
            ]
            print_(table("rules", ["reason", "signal", "keeps", "when", "source"], rows))


def show_decisions(found: Mapping[str, Any]) -> None:
    """Prints what another decision would change."""
    print_ = printer()
    names = ("rows", "kept_before", "kept_after", "newly_kept", "newly_dropped")
    rows = [[s, *(row[n] for n in names)] for s, row in found["by_source"].items()]
    rows.append(["total", *(found[n] for n in names)])
    titles = ["", "rows", "kept before", "kept now", "newly kept", "newly dropped"]
    print_(table("decisions", titles, rows))
    reasons = [[r, n["before"], n["after"], n["only"]] for r, n in found["reasons"].items()]
    if reasons:
        print_(table("reasons", ["", "rows before", "rows now", "as only reason"], reasons))
    print_(f"written to {safe(found['out'])}")


def show_problems(path: str | os.PathLike[str], problems: Sequence[Any]) -> None:
    """Prints the problems that `verify` found, one line each."""
    print_ = printer()
    for problem in problems:
        print_(safe(str(problem)))
    n = len(problems)
    print_(f"{safe(path)}: {f'{n} problem' + 's' * (n > 1) if n else 'whole, and it adds up'}")


def _brief(writes: Sequence[str], name: str) -> list[str]:
    """Signals without the name they all begin with; file patterns without their packed forms."""
    signals = [w.removeprefix(f"{name}.") for w in writes if w != f"{name}.error"]
    return [w for w in signals if not any(w.startswith(f"{v}.") for v in signals)]


def _counts(print_: Any, counts: Mapping[str, Any]) -> None:
    names = list(counts["total"])
    used = [n for n in names if n in ("in", "kept") or counts["total"][n]]
    for title, key in (("sources", "by_source"), ("modalities", "by_modality")):
        rows = [[name, *(row[n] for n in used)] for name, row in counts[key].items()]
        if title == "sources":
            rows.append(["total", *(counts["total"][n] for n in used)])
        elif len(rows) < 2:
            continue
        print_(table(title, ["", *used], rows))


def _reasons(print_: Any, reasons: Mapping[str, Mapping[str, int]], n_in: int) -> None:
    rows = [
        [reason, n["rows"], f"{n['rows'] / max(1, n_in):.1%}", n["only"]]
        for reason, n in list(reasons.items())[:REASONS_SHOWN]
    ]
    if rows:
        print_(table("why rows were dropped", ["", "rows", "of all", "as only reason"], rows))
    if len(reasons) > REASONS_SHOWN:
        print_(f"and {len(reasons) - REASONS_SHOWN} more reasons: see the report")


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if value is None:
        return "null"
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= 400 else f"{text[:400]}... ({len(text):,} characters)"
