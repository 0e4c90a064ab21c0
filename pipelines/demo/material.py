"""The raw input of the demonstration: gathered from this machine, made where it has none."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pathlib
import shutil
import sys
from collections.abc import Callable

from castor.filters.errors import CastorError
from castor.pipelines.demo import expectations, machine
from castor.pipelines.demo.ledger import Entry, Ledger

VERSION = 1  # raise it whenever the same machine would give other material
BUDGET_MB = 32.0
_MARK = "material.json"  # written last: with it the folder is whole


@dataclasses.dataclass(frozen=True)
class Material:
    """What lies in the folder.

    Attributes:
        folder: the six kinds of raw input, each in a folder of its name, rows, interleaved
            documents and benchmarks beside them, and planted.json.
        entries: how much of each kind was found and how much was made.
        notes: what this machine does not have, in one line each.
        bytes: size of all files on disk.
        fresh: whether it was gathered now, or was there already.
    """

    folder: pathlib.Path
    entries: tuple[Entry, ...]
    notes: tuple[str, ...]
    bytes: int
    fresh: bool

    def lines(self) -> list[str]:
        """The account for the terminal: one line per kind, then the notes."""
        out = []
        for kind in dict.fromkeys(e.kind for e in self.entries):
            parts = [
                f"{e.count:,} {e.origin} ({e.bytes / 1e6:.1f} MB)"
                for e in self.entries
                if e.kind == kind
            ]
            out.append(f"{kind:<12} {', '.join(parts)}")
        return [*out, *self.notes]


def gather(
    folder: pathlib.Path,
    *,
    budget_mb: float = BUDGET_MB,
    report: Callable[[str], None] = lambda line: None,
) -> Material:
    """Writes raw input of about `budget_mb` megabytes into the folder.

    Nothing is fetched, imported or run: documentation is read out of source files. The same
    machine, Python and budget give the same bytes; material that is there already and is
    whole is left alone.

    Args:
        folder: made if absent; it must be empty, or hold material gathered earlier.
        budget_mb: what is found or made is cut to about this size; what is planted stays.
        report: takes one line per kind as it is gathered.

    Raises:
        CastorError: the folder holds something else, or cannot be written.
    """
    fingerprint = _fingerprint(budget_mb)
    before = _gathered(folder)
    if before is not None and before["fingerprint"] == fingerprint:
        return _material(folder, before, fresh=False)
    _check_ours(folder, before)
    partial = folder.with_name(folder.name + ".partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        account = _write(Ledger(partial), int(budget_mb * 1e6), report)
        account["fingerprint"] = fingerprint
        (partial / _MARK).write_text(json.dumps(account, indent=1) + "\n", encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    except OSError as error:
        raise CastorError(
            "cannot write the raw input of the demonstration",
            where=error.filename or folder,
            got=error.strerror,
            fix=f"free {2 * budget_mb:.0f} MB, or give another folder",
        ) from error
    return _material(folder, account, fresh=True)


def _write(ledger: Ledger, budget: int, report: Callable[[str], None]) -> dict[str, object]:
    """Writes every kind with its share of the budget; returns the account."""
    from castor.pipelines.demo import (
        benchmarks,
        books,
        clips,
        code,
        interleaved,
        pictures,
        rows,
        sounds,
        web,
    )

    questions = benchmarks.items()
    benchmarks.write(ledger, questions)
    for kind, write in (
        # Shares of the bytes before compression; text shrinks to a quarter on disk.
        ("web", lambda: web.write(ledger, budget * 30 // 100, questions)),
        ("books", lambda: books.write(ledger, budget * 12 // 100, questions)),
        ("code", lambda: code.write(ledger, budget * 20 // 100, questions)),
        ("images", lambda: pictures.write(ledger, budget * 16 // 100)),
        ("audio", lambda: sounds.write(ledger, budget * 20 // 100)),
        ("video", lambda: clips.write(ledger, budget * 8 // 100)),
        ("interleaved", lambda: interleaved.write(ledger, budget * 8 // 100, questions)),
        ("rows", lambda: rows.write(ledger, budget * 6 // 100, questions)),
    ):
        write()
        n = sum(e.count for e in ledger.entries() if e.kind == kind)
        report(f"gathered {kind}: {n:,}")
    expectations.write(ledger.folder, ledger.plants)
    entries = [dataclasses.asdict(e) for e in ledger.entries()]
    size = sum(p.stat().st_size for p in ledger.folder.rglob("*") if p.is_file())
    return {"entries": entries, "notes": ledger.notes, "bytes": size}


def _fingerprint(budget_mb: float) -> str:
    """What the material depends on: this code, Python, and what is installed beside it."""
    installed = [f"{d.name} {d.version}" for d in machine.distributions()]
    state = [VERSION, budget_mb, sys.version, installed]
    return hashlib.blake2b(json.dumps(state).encode(), digest_size=16).hexdigest()


def _gathered(folder: pathlib.Path) -> dict | None:
    mark = folder / _MARK
    return json.loads(mark.read_text(encoding="utf-8")) if mark.is_file() else None


def _check_ours(folder: pathlib.Path, before: dict | None) -> None:
    if before is None and folder.is_dir() and os.listdir(folder):
        raise CastorError(
            "the folder for the raw input is not empty, and not the demonstration's",
            where=folder,
            fix="give another folder, or empty this one",
        )


def _material(folder: pathlib.Path, account: dict, *, fresh: bool) -> Material:
    entries = tuple(Entry(**e) for e in account["entries"])
    return Material(folder, entries, tuple(account["notes"]), account["bytes"], fresh)
