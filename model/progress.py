"""How far a training or a scoring is, with the time that remains."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from castor.filters.display import Display


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
        self._display = Display()

    def __enter__(self) -> Progress:
        self._display.__enter__()
        if self._shown and sys.stderr.isatty():
            self._display.show(self._what, self._from, self._total, "compiling")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._display.__exit__(kind, error, at)

    def update(self, done: int, note: str = "") -> None:
        """Shows that `done` of the total are done; the first call starts the clock.

        The first step compiles, so the time that remains is judged from the steps after it.
        """
        now = time.monotonic()
        if not self._begun:
            self._begun, self._from = now, done
        rest = self._remaining(done, now)
        parts = (f"{done:,} of {self._total:,}", note, f"{_duration(rest)} left" if rest else "")
        if self._shown:
            text = ", ".join(part for part in parts if part)
            self._display.show(self._what, done, self._total, text)

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
