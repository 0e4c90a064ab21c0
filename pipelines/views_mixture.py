"""The tables of `castor mixture`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from castor.pipelines.console import printer, safe, table
from castor.pipelines.figures import number, percent, size

CHANGES_SHOWN = 40
PADDING_SHOWN = 0.05  # of a source's positions; less is the usual rest of a packing


def show_preview(found: Mapping[str, Any]) -> None:
    """Prints the preview of a mixture: every stage, then the run."""
    print_ = printer()
    print_(
        f"[bold]{safe(found['name'])}[/bold]  {number(found['tokens'])} tokens in "
        f"{number(found['sequences'])} sequences of {number(found['sequence_length'])}, "
        f"{found['packing']}"
    )
    _budget(print_, found["budget"])
    for stage in found["stages"]:
        _stage(print_, stage)
    _total(print_, found)
    for problem in found["problems"]:
        print_(
            f"[bold]{safe(problem['source'])} runs dry[/bold] in stage {safe(problem['stage'])} at "
            f"token {number(problem['token'])} (sequence {number(problem['sequence'])}): the plan "
            f"reads {problem['epochs']:.2f} epochs, {safe(problem['limit'])} is "
            f"{problem['max_epochs']:g}"
        )


def show_compiled(outcome: Any) -> None:
    """Prints what compiling did."""
    print_ = printer()
    if outcome.skipped:
        print_(f"Nothing to do: spec and tokens are unchanged in {safe(outcome.out)}")
        return
    show_preview(outcome.preview)
    print_(f"mixture  {safe(outcome.out)}")


def show_diff(found: Mapping[str, Any]) -> None:
    """Prints what differs between two mixtures, and from where on."""
    print_ = printer()
    changes = found["changes"]
    if changes:
        rows = [[c["what"], _value(c["old"]), _value(c["new"])] for c in changes[:CHANGES_SHOWN]]
        print_(table("changes", ["", "old", "new"], rows))
        if len(changes) > CHANGES_SHOWN:
            print_(f"and {len(changes) - CHANGES_SHOWN} more: --json shows all")
    for i, stage in enumerate(found["stages"]):
        old, new = stage["old"], stage["new"]
        if old == new:
            continue
        names = list(dict.fromkeys([*(old or new)["shares"], *(new or old)["shares"]]))
        title = f"stage {i + 1}: {(old or new)['name']}"
        rows = [[name, _share(old, name), _share(new, name)] for name in names]
        print_(table(title, ["", "old share", "new share"], rows))
    old_length, new_length = found["sequences"]["old"], found["sequences"]["new"]
    same = found["same_until"]
    if found["moved"]:
        print_(
            f"The order is the same for the first {number(same)} sequences; "
            f"sequence {number(same)} is the first that moves."
        )
    elif old_length == new_length:
        print_(f"The order is the same: all {number(same)} sequences.")
    else:
        print_(
            f"No sequence moves: {number(old_length)} before, {number(new_length)} now, and the "
            f"first {number(same)} are the same."
        )


def _budget(print_: Any, budget: Mapping[str, Any] | None) -> None:
    if budget is None:
        return
    line = f"budget {number(budget['tokens'])} tokens"
    if budget["optimum"] is not None:
        line += (
            f"; compute-optimal are {number(round(budget['optimum']))}, "
            f"this is {budget['overtraining']:.2f} times that"
        )
    print_(line)


def _stage(print_: Any, stage: Mapping[str, Any]) -> None:
    rows = []
    for name, s in stage["sources"].items():
        moves = s["first"] != s["last"]
        share = f"{s['first']:.1%} to {s['last']:.1%}" if moves else percent(s["share"])
        rows.append([
            name, share, s["tokens"], f"{s['epochs']:.2f}", f"{s['epochs_so_far']:.2f}",
            s["unique_tokens"], "-" if s["unique"] is None else percent(s["unique"]),
            f"capped, asked {s['asked']:.1%}" if s["capped"] else "",
        ])  # fmt: skip
    told = f"{stage['rule']}, ramp" if stage["ramp"] == "linear" else stage["rule"]
    title = f"stage {stage['name']}: {told}, {number(stage['tokens'])} tokens"
    if stage["tokens"] < stage["asked_tokens"]:
        title += f", shortened from {number(stage['asked_tokens'])}"
    titles = ["", "share", "tokens", "epochs", "so far", "unique tokens", "unique", ""]
    print_(table(title, titles, rows))


def _total(print_: Any, found: Mapping[str, Any]) -> None:
    total, rows = found["total"], []
    for name, s in total["sources"].items():
        most = "" if s["max_epochs"] is None else f"{s['max_epochs']:g}"
        rows.append([
            name, percent(s["share"]), s["tokens"], f"{s['epochs']:.2f}", most,
            s["unique_tokens"], size(s["text_bytes"]), _raise(s, found["stages"]),
        ])  # fmt: skip
    titles = ["", "share", "tokens", "epochs", "max epochs", "unique tokens", "text", "last/first"]
    print_(table("total", titles, rows))
    print_(f"{percent(total['unique'])} of all tokens are read for the first time")
    for name, s in found["sources"].items():
        if s["padding"] >= PADDING_SHOWN:
            print_(
                f"{safe(name)}: {percent(s['padding'])} of its positions are padding, "
                f"{number(s['tokens'])} tokens in {number(s['rows'])} rows"
            )


def _raise(source: Mapping[str, Any], stages: list[Any]) -> str:
    """How the share in the last stage compares with that in the first."""
    if len(stages) == 1:
        return ""
    return "new" if source["raise"] is None else f"x{source['raise']:.2f}"


def _share(stage: Mapping[str, Any] | None, name: str) -> str:
    if stage is None:
        return "no stage"
    share = stage["shares"].get(name)
    return "no source" if share is None else f"{share:.4%}"


def _value(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.6g}"
    return number(value) if isinstance(value, int) else str(value)
