"""Progress of a verb that works in steps: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
import types
from typing import Any

LINE_EVERY_S = 5.0


class Display:
    """Shows how far the present step is, on stderr.

    with Display() as display:
        display.show("count", 3e6, 8e6, "1,200 documents")
    """

    def __init__(self) -> None:
        self._bars: Any = None
        self._tasks: dict[str, Any] = {}
        self._ended: set[str] = set()
        self._last = time.monotonic()

    def __enter__(self) -> Display:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def show(self, step: str, done: float, total: float, note: str = "") -> None:
        """Says how far a step is; called as often as one likes.

        Args:
            step: its name; another name begins another bar.
            done, total: in any unit; a total of 0 is unknown.
            note: what else there is to say.
        """
        if sys.stderr.isatty():
            self._draw(step, done, total, note)
            return
        ends = total > 0 and done >= total and step not in self._ended
        if ends or time.monotonic() - self._last >= LINE_EVERY_S:
            self._last = time.monotonic()
            if ends:
                self._ended.add(step)
            share = f" {min(1.0, done / total):.0%}" if total else ""
            print(f"{step}{share}  {note}".rstrip(), file=sys.stderr, flush=True)

    def _draw(self, step: str, done: float, total: float, note: str) -> None:
        if self._bars is None:
            self._bars = bars()
        if step not in self._tasks:
            for task in self._tasks.values():  # what came before is done
                shown = self._bars.tasks[task]
                self._bars.update(task, total=shown.total or 1, completed=shown.total or 1)
            self._tasks[step] = self._bars.add_task(step, total=total or None, note=note)
        self._bars.update(self._tasks[step], completed=done, total=total or None, note=note)


def bars() -> Any:
    """Bars on a terminal, started; tasks have the field `note`."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    found = Progress(
        TextColumn("{task.description:<8}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %  {task.fields[note]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
    found.start()
    return found
