"""How far a training is: a bar on a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

LINE_EVERY_S = 5.0


def say(message: str) -> None:
    """A line on stderr that stays; of several hosts the first says it."""
    import jax

    if jax.process_index() == 0:
        print(message, file=sys.stderr, flush=True)


class Progress:
    """Shows steps, loss, speed and the time that remains on stderr.

    Args:
        what: the unit that is counted: "steps", "documents".
        total: how many there are in all.
        done: how many were done before, by an earlier run.
        shown: False says nothing; all hosts but the first are silent.
    """

    def __init__(self, what: str, total: int, *, done: int = 0, shown: bool = True) -> None:
        self._what, self._total, self._shown = what, total, shown
        self._from, self._begun = done, 0.0
        self._last_line = time.monotonic()
        self._bar: Any = None

    def __enter__(self) -> Progress:
        if self._shown and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bars

            self._bar = Bars(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.completed:,.0f} of {task.total:,.0f}  {task.fields[note]}"),
                TimeElapsedColumn(),
                console=Console(stderr=True),
            )
            self._task = self._bar.add_task(self._what, total=self._total, note="compiling")
            self._bar.update(self._task, completed=self._from)
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, done: int, note: str = "") -> None:
        """Shows that `done` of the total are done; the first call starts the clock.

        The first step compiles, so the time that remains is judged from the steps after it.
        """
        now = time.monotonic()
        if not self._begun:
            self._begun, self._from = now, done
        rest = self._remaining(done, now)
        note = ", ".join(part for part in (note, f"{_duration(rest)} left" if rest else "") if part)
        if self._bar is not None:
            self._bar.update(self._task, completed=done, note=note)
        elif self._shown and (now - self._last_line >= LINE_EVERY_S or done == self._total):
            self._last_line = now
            line = f"{self._what} {done:,} of {self._total:,}" + (f": {note}" if note else "")
            print(line, file=sys.stderr, flush=True)

    def _remaining(self, done: int, now: float) -> float:
        """Seconds; 0 where there is nothing to judge by."""
        if done <= self._from or done >= self._total:
            return 0.0
        return (now - self._begun) / (done - self._from) * (self._total - done)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
