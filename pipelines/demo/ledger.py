"""What was written, where it came from, and what was planted in it."""

from __future__ import annotations

import dataclasses
import os
import pathlib

FOUND, MADE = "found", "made"
EPOCH_S = 1_700_000_000  # every file gets this time: the same machine makes the same bytes


@dataclasses.dataclass(frozen=True)
class Plant:
    """One thing put into the input on purpose, and what a run must say about it.

    Attributes:
        source: the kind of input (`web`, `books` ...), the name of the source in the recipe.
        file: path relative to the folder of that kind.
        place: where in the file: a URL, the member of an archive, the id of a row; or empty
            when the whole file is meant.
        outcome: what may become of it: `kept`, `dropped`, `rejected`, `duplicate`,
            `contaminated`, or `skipped`, which leaves no row at all.
        why: what it is, in a few words.
        reason: the typed reason of a rejection or of a drop, where only one is right.
        of: place (or file) of what it duplicates.
        item: id of the benchmark item that leaked into it.
        absent: strings that must not be left in the text, such as an e-mail address.
        present: strings that must be in the text.
    """

    source: str
    file: str
    place: str
    outcome: tuple[str, ...]
    why: str
    reason: str | None = None
    of: str | None = None
    item: str | None = None
    absent: tuple[str, ...] = ()
    present: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Entry:
    """How much of one kind was found on the machine, or made on the spot.

    Attributes:
        kind: `web`, `books`, `code` ... the folder under which it lies.
        origin: `found` or `made`.
        count: documents: pages, books, source files, pictures, sounds, clips, rows, items.
        bytes: their bytes before they were packed into archives.
    """

    kind: str
    origin: str
    count: int
    bytes: int


class Ledger:
    """Writes the files of the material and keeps account of them."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.plants: list[Plant] = []
        self.notes: list[str] = []
        self._totals: dict[tuple[str, str], tuple[int, int]] = {}

    def write(self, path: str, data: bytes) -> pathlib.Path:
        """Writes `data` at `path` (posix, relative to the folder) with a fixed time."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return self.stamp(target)

    def stamp(self, target: pathlib.Path) -> pathlib.Path:
        """Gives a file that something else wrote the fixed time."""
        os.utime(target, (EPOCH_S, EPOCH_S))
        return target

    def count(self, kind: str, origin: str, n_bytes: int, n: int = 1) -> None:
        """Adds `n` documents of `n_bytes` bytes in all to the account."""
        n0, b0 = self._totals.get((kind, origin), (0, 0))
        self._totals[kind, origin] = (n0 + n, b0 + n_bytes)

    def plant(
        self,
        source: str,
        file: str,
        place: str,
        outcome: str | tuple[str, ...],
        why: str,
        **more: str | tuple[str, ...] | None,
    ) -> None:
        """Records what a run must find; see `Plant` for the fields."""
        outcomes = (outcome,) if isinstance(outcome, str) else outcome
        self.plants.append(Plant(source, file, place, outcomes, why, **more))  # type: ignore[arg-type]

    def note(self, line: str) -> None:
        """A line for the user, such as what was not found and therefore made."""
        self.notes.append(line)

    def entries(self) -> tuple[Entry, ...]:
        """The account, in the order in which the kinds were written."""
        return tuple(Entry(k, o, n, b) for (k, o), (n, b) in self._totals.items())
