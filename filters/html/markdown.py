"""Chosen blocks as Markdown: headings, lists, quotations, tables and code; formulas stay TeX.

Signs that Markdown would read as markup are left as they are: this is text for reading, and what
follows wants the words of the page, not escapes.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from castor.filters.html.tokens import tags
from castor.filters.html.tokens.state import (
    B_ELEMENT,
    B_END,
    B_FLAGS,
    B_START,
    E_END,
    E_FIRST,
    E_PARENT,
    E_TAG,
    IN_PRE,
    Tokens,
)

_HEADINGS = {tags.TAG[f"h{level}"]: level for level in range(1, 7)}
_LISTS = {tags.TAG[name] for name in ("ul", "ol", "menu", "dir")}
_OL, _LI, _QUOTE = tags.TAG["ol"], tags.TAG["li"], tags.TAG["blockquote"]
_PRE = {tags.TAG["pre"], tags.TAG["listing"]}
_ROW, _TABLE = tags.TAG["tr"], tags.TAG["table"]
_CELLS = {tags.TAG["td"], tags.TAG["th"]}
MAX_NESTING = 8  # lists and quotations in one another; more is layout


@dataclasses.dataclass(frozen=True, slots=True)
class _Place:
    """What a block's ancestors make of it; elements by number, -1 for none.

    Attributes:
        heading: level, 0 for none.
        pre, row, table: the nearest such element.
        items: the list items around it, the outermost first.
        quotes: how many quotations are around it.
    """

    heading: int
    pre: int
    row: int
    table: int
    items: tuple[int, ...]
    quotes: int


class Writer:
    """Writes the blocks of one page."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._text = tokens.text.tobytes()
        self._tags: list[int] = tokens.elements[:, E_TAG].tolist()
        self._parents: list[int] = tokens.elements[:, E_PARENT].tolist()
        self._place = functools.cache(self._find_place)

    def write(self, chosen: np.ndarray) -> str:
        """The Markdown of the blocks that are chosen, bool [n_blocks]."""
        parts: list[str] = []
        last: _Place | None = None
        seen: dict[int, int] = {}  # list items that have their mark, and its width
        for b in np.flatnonzero(chosen).tolist():
            row = self._tokens.blocks[b]
            place = self._place(int(row[B_ELEMENT]))
            body = self._body(b, row, place)
            if not body:
                continue
            lines = self._lines(body, place, last, seen)
            parts.append(_gap(place, last))
            parts.append(lines)
            last = place
        if last is not None and last.pre >= 0:
            parts.append("\n```")
        return "".join(parts).strip("\n")

    def _find_place(self, element: int) -> _Place:
        heading, pre, row, table, quotes = 0, -1, -1, -1, 0
        items = []
        e = element
        while e > 0:
            tag = self._tags[e]
            if tag in _HEADINGS:
                heading = heading or _HEADINGS[tag]
            elif tag in _PRE:
                pre = e if pre < 0 else pre
            elif tag == _ROW:
                row = e if row < 0 else row
            elif tag == _TABLE:
                table = e if table < 0 else table
            elif tag == _LI:
                items.append(e)
            elif tag == _QUOTE:
                quotes += 1
            e = self._parents[e]
        return _Place(heading, pre, row, table, tuple(items[MAX_NESTING::-1]), quotes)

    def _body(self, b: int, row: np.ndarray, place: _Place) -> str:
        """The text of a block by itself."""
        raw = self._text[row[B_START] : row[B_END]].decode("utf-8", "replace")
        if row[B_FLAGS] & IN_PRE:
            return raw.rstrip()
        if self._tokens.origin[b + 1] - self._tokens.origin[b] > 1:
            return "| " + " | ".join(self._cells(place.row, b)) + " |"
        if place.heading:
            return "#" * place.heading + " " + raw.replace("\n", " ")
        return raw

    def _cells(self, row: int, b: int) -> list[str]:
        """The texts of a table row's cells, empty ones too, that block b is."""
        tokens = self._tokens
        first, last = int(tokens.origin[b]), int(tokens.origin[b + 1])
        found = []
        e = row + 1
        n = len(self._tags)
        while e < n and self._parents[e] >= row:
            if self._parents[e] == row and self._tags[e] in _CELLS:
                start, end = tokens.elements[e, E_FIRST], tokens.elements[e, E_END]
                held = range(max(first, int(start)), min(last, int(end)))
                texts = [
                    self._text[tokens.cells[c, B_START] : tokens.cells[c, B_END]] for c in held
                ]
                text = b" ".join(texts).decode("utf-8", "replace")
                found.append(text.replace("\n", " ").replace("|", "\\|"))
            e += 1
        return found

    def _lines(self, body: str, place: _Place, last: _Place | None, seen: dict[int, int]) -> str:
        """A block's lines, each behind the marks of its quotations and list items."""
        begins_table = place.table >= 0 and (last is None or last.table != place.table)
        if begins_table and body.startswith("| "):
            body += "\n|" + " --- |" * body.count(" | ") + " --- |"
        if place.pre >= 0 and (last is None or last.pre != place.pre):
            body = "```\n" + body
        first = rest = "> " * min(place.quotes, MAX_NESTING)
        for item in place.items:
            if item in seen:
                mark = " " * seen[item]
            else:
                mark = self._mark(item)
                seen[item] = len(mark)
            rest += " " * len(mark)
            first += mark
        if not first:
            return body
        lines = body.split("\n")
        return "\n".join([first + lines[0], *(rest + line for line in lines[1:])])

    def _mark(self, item: int) -> str:
        """The mark of a list item: its number in an ordered list, else a dash."""
        parent = self._parents[item]
        if parent < 0 or self._tags[parent] != _OL:
            return "- "
        return f"{self._numbers[item]}. "

    @functools.cached_property
    def _numbers(self) -> dict[int, int]:
        """The place, from 1, of every item of an ordered list in its list."""
        counts: dict[int, int] = {}
        numbers = {}
        for e in np.flatnonzero(self._tokens.elements[:, E_TAG] == _LI).tolist():
            parent = self._parents[e]
            counts[parent] = numbers[e] = counts.get(parent, 0) + 1
        return numbers


def _gap(place: _Place, last: _Place | None) -> str:
    """What stands between two blocks: a line break inside lists, tables and code, else a blank."""
    if last is None:
        return ""
    end = "\n```" if last.pre >= 0 and place.pre != last.pre else ""
    if place.pre >= 0 and place.pre == last.pre:
        return "\n"
    same_table = place.table >= 0 and place.table == last.table and place.row != last.row
    both_items = bool(place.items) and bool(last.items) and place.quotes == last.quotes
    return end + ("\n" if same_table or both_items else "\n\n")
