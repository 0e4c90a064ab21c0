"""The tables that a terminal shows; plain lines without colour where there is no terminal."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from castor.pipelines.catalogue import catalogue, detail
from castor.pipelines.figures import size

PLAIN_WIDTH = 160  # columns where nothing says how wide the output is
REASONS_SHOWN = 12
WHOLE_CHARACTERS = 40  # a column of cells up to this length is not folded, unless it is a last one


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
    print_ = _printer()
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
    print_ = _printer()
    if found["kind"] == "run":
        print_(f"[bold]{_safe(found['recipe'])}[/bold]  {_safe(found['about'])}".rstrip())
        when = found["started"] or "an unknown time"
        took = f", took {found['seconds']:.1f} s" if found["seconds"] is not None else ""
        print_(f"run at {when}{took}")
        if found["limit"]:
            print_(f"limited to {found['limit']} records of every source and shard")
        _counts(print_, found["counts"])
        _reasons(print_, found["reasons"], found["counts"]["total"]["in"])
        for title in ("rejected", "skipped", "errors"):
            if found[title]:
                print_(_table(title, ["", "count"], list(found[title].items())))
        if found["rules_never_fired"]:
            print_("rules that never fired: " + _safe(", ".join(found["rules_never_fired"])))
    rows = [
        [name, d["rows"], size(d["bytes"]), d["shards"], len(d["columns"])]
        for name, d in found["datasets"].items()
    ]
    print_(_table("datasets", ["", "rows", "on disk", "shards", "columns"], rows))
    for name, samples in found["samples"].items():
        for sample in samples:
            why = sample.get("reasons") or sample.get("reason") or sample.get("duplicate_of")
            why = ", ".join(why) if isinstance(why, list) else why
            print_(
                f"[bold]{name}[/bold]  {_safe(sample['key'])}"
                + (f"  ({_safe(why)})" if why else "")
            )
            text = sample.get("excerpt") or sample.get("message")
            if text:
                print_(f"    {_safe(text)}")


def show_story(found: Mapping[str, Any]) -> None:
    """Prints what `inspection.story` found about one row."""
    print_ = _printer()
    print_(f"[bold]{_safe(found['key'])}[/bold]  {found['outcome']}"
           f"  (row {found['row']} of {found['shard']})")  # fmt: skip
    if found["reasons"]:
        print_("dropped for " + _safe(", ".join(found["reasons"])))
    if "duplicate_of" in found:
        kept = found["duplicate_of"]
        columns = found["columns"]
        print_(f"duplicates {_safe(kept['key'])}: {columns['method']}, similarity "
               f"{columns['similarity']:.3f}")  # fmt: skip
        if "excerpt" in kept:
            print_(f"    the kept row: {_safe(kept['excerpt'])}")
    if found.get("duplicates"):
        print_("its duplicates: " + _safe(", ".join(found["duplicates"])))
    for match in found.get("matches") or ():
        print_("matches " + _safe(", ".join(f"{k} {v}" for k, v in match.items())))
    if found["checks"]:
        failed = ("failed", "missing")
        checks = sorted(found["checks"], key=lambda c: c["verdict"] not in failed)
        rows = [
            [c["verdict"], c["reason"], c["signal"], _value(c["value"]),
             c["keeps"] + (f", when {c['when']}" if c["when"] else ""), c["cite"]]
            for c in checks
        ]  # fmt: skip
        titles = ["", "rule", "signal", "measured", "keeps", "source of the threshold"]
        print_(_table("rules", titles, rows))
    columns = {k: v for k, v in found["columns"].items() if v is not None and k != "key"}
    rows = [[name, _value(value)] for name, value in columns.items()]
    print_(_table("columns (null ones left out)", ["", "value"], rows))


def show_filters(found: Sequence[Mapping[str, Any]]) -> None:
    """Prints what there is to choose from, by kind."""
    print_ = _printer()
    for kind in dict.fromkeys(f["kind"] for f in found):
        rows = [
            [f["name"], f["version"], f["summary"], ", ".join(_brief(f["writes"], f["name"]))]
            for f in found
            if f["kind"] == kind
        ]
        writes = {"policy": "reasons", "source": "files"}.get(kind, "signals")
        plural = "policies" if kind == "policy" else f"{kind}s"
        print_(_table(plural, ["", "version", "what it does", writes], rows))
    print_("castor filters NAME shows one in full, with its thresholds and citations.")


def show_filter(found: Sequence[Mapping[str, Any]]) -> None:
    """Prints everything of one name in full."""
    print_ = _printer()
    for one in found:
        given = f", for {', '.join(one['modalities'])}" if "modalities" in one else ""
        title = f"[bold]{one['kind']} {_safe(one['name'])}[/bold]"
        print_(f"{title}, version {one['version']}{given}")
        if one["doc"]:
            print_(_safe(one["doc"]))
        if one.get("module"):
            print_(_safe(f"\n{one['module']}\n"))
        if "files" in one:
            print_("reads " + _safe(", ".join(one["files"])))
        if one.get("options"):
            rows = [[o["name"], o["type"], o["default"]] for o in one["options"]]
            print_(_table("options", ["", "type", "default"], rows))
        if "signals" in one:
            rows = [[s["name"], s["type"]] for s in one["signals"]]
            print_(_table("signals", ["", "type"], rows))
        if "rules" in one:
            rows = [
                [r["name"], r["signal"], r["keeps"], r["when"], r["cite"]] for r in one["rules"]
            ]
            print_(_table("rules", ["reason", "signal", "keeps", "when", "source"], rows))


def show_decisions(found: Mapping[str, Any]) -> None:
    """Prints what another decision would change."""
    print_ = _printer()
    names = ("rows", "kept_before", "kept_after", "newly_kept", "newly_dropped")
    rows = [[s, *(row[n] for n in names)] for s, row in found["by_source"].items()]
    rows.append(["total", *(found[n] for n in names)])
    titles = ["", "rows", "kept before", "kept now", "newly kept", "newly dropped"]
    print_(_table("decisions", titles, rows))
    reasons = [[r, n["before"], n["after"], n["only"]] for r, n in found["reasons"].items()]
    if reasons:
        print_(_table("reasons", ["", "rows before", "rows now", "as only reason"], reasons))
    print_(f"written to {_safe(found['out'])}")


def show_problems(path: str | os.PathLike[str], problems: Sequence[Any]) -> None:
    """Prints the problems that `verify` found, one line each."""
    print_ = _printer()
    for problem in problems:
        print_(_safe(str(problem)))
    n = len(problems)
    print_(f"{_safe(path)}: {f'{n} problem' + 's' * (n > 1) if n else 'whole, and it adds up'}")


def _brief(writes: Sequence[str], name: str) -> list[str]:
    """Signals without the name they all begin with; file patterns without their packed forms."""
    signals = [w.removeprefix(f"{name}.") for w in writes if w != f"{name}.error"]
    return [w for w in signals if not any(w.startswith(f"{v}.") for v in signals)]


def _counts(print_: Any, counts: Mapping[str, Any]) -> None:
    names = list(counts["total"])
    used = [n for n in names if n in ("in", "kept") or counts["total"][n]]
    for title, table in (("sources", "by_source"), ("modalities", "by_modality")):
        rows = [[name, *(row[n] for n in used)] for name, row in counts[table].items()]
        if title == "sources":
            rows.append(["total", *(counts["total"][n] for n in used)])
        elif len(rows) < 2:
            continue
        print_(_table(title, ["", *used], rows))


def _reasons(print_: Any, reasons: Mapping[str, Mapping[str, int]], n_in: int) -> None:
    rows = [
        [reason, n["rows"], f"{n['rows'] / max(1, n_in):.1%}", n["only"]]
        for reason, n in list(reasons.items())[:REASONS_SHOWN]
    ]
    if rows:
        print_(_table("why rows were dropped", ["", "rows", "of all", "as only reason"], rows))
    if len(reasons) > REASONS_SHOWN:
        print_(f"and {len(reasons) - REASONS_SHOWN} more reasons: see the report")


def _printer() -> Any:
    """A function that prints text or a table to stdout.

    A reader that went away (`castor filters | head`) is an error for the command to answer.
    """
    from rich.console import Console

    console = Console(highlight=False)
    if console.is_terminal:
        return console.print
    plain = Console(width=PLAIN_WIDTH, color_system=None, highlight=False)

    def print_plain(value: Any) -> None:
        with plain.capture() as text:
            plain.print(value, soft_wrap=isinstance(value, str))
        print("\n".join(line.rstrip() for line in text.get().splitlines()))

    return print_plain


def _table(title: str, titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> Any:
    """A table whose numbers are right-aligned and whose text is never read as markup."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    rows = [list(r) for r in rows]
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD,
                  pad_edge=False, show_edge=False, padding=(0, 1))  # fmt: skip
    for i, name in enumerate(titles):
        number = bool(rows) and all(isinstance(r[i], int | float) or _is_figure(r[i]) for r in rows)
        whole = i < len(titles) - 2 and all(len(str(r[i])) <= WHOLE_CHARACTERS for r in rows)
        justify: Any = "right" if number else "left"
        table.add_column(name, justify=justify, overflow="fold", no_wrap=whole)
    for row in rows:
        table.add_row(*(Text(f"{v:,}" if isinstance(v, int) else _printable(v)) for v in row))
    return table


def _is_figure(value: Any) -> bool:
    return isinstance(value, str) and value[:1].isdigit() and value[-1:] in "%B0123456789"


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if value is None:
        return "null"
    text = value if isinstance(value, str) else str(value)
    return text if len(text) <= 400 else f"{text[:400]}... ({len(text):,} characters)"


def _printable(value: Any) -> str:
    """Text without control characters, which could move the cursor or colour the terminal."""
    text = str(value)
    with contextlib.suppress(AttributeError):
        if text.isprintable():
            return text
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)


def _safe(value: Any) -> str:
    """Text for `print_`: nothing in it is read as rich's markup."""
    from rich.markup import escape

    return escape(_printable(value))
