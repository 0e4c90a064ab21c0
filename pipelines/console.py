"""Text and tables on the standard output: coloured on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from typing import Any

PLAIN_WIDTH = 160  # columns where nothing says how wide the output is
WHOLE_CHARACTERS = 40  # a column of cells up to this length is not folded, unless it is a last one


def printer() -> Any:
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


def table(title: str, titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> Any:
    """A table whose numbers are right-aligned and whose text is never read as markup."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    rows = [list(r) for r in rows]
    made = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD,
                  pad_edge=False, show_edge=False, padding=(0, 1))  # fmt: skip
    for i, name in enumerate(titles):
        number = bool(rows) and all(isinstance(r[i], int | float) or _is_figure(r[i]) for r in rows)
        whole = i < len(titles) - 2 and all(len(str(r[i])) <= WHOLE_CHARACTERS for r in rows)
        justify: Any = "right" if number else "left"
        made.add_column(name, justify=justify, overflow="fold", no_wrap=whole)
    for row in rows:
        made.add_row(*(Text(f"{v:,}" if isinstance(v, int) else printable(v)) for v in row))
    return made


def _is_figure(value: Any) -> bool:
    return isinstance(value, str) and value[:1].isdigit() and value[-1:] in "%B0123456789"


def printable(value: Any) -> str:
    """Text without control characters, which could move the cursor or colour the terminal."""
    text = str(value)
    with contextlib.suppress(AttributeError):
        if text.isprintable():
            return text
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)


def safe(value: Any) -> str:
    """Text for `print_`: nothing in it is read as rich's markup."""
    from rich.markup import escape

    return escape(printable(value))
