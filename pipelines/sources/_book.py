"""A book while it is read: blocks of text in sections, then one text with spans."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping

from castor.filters.record import Part, utf8_length

BREAK = "\x0b"  # a line break that stays; a character that neither XML nor text files hold
SPACE = "\x0c"  # a space that stays
# Between these no language writes spaces: a source line's end is no space there.
_CJK = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
_CJK_BREAK = re.compile(rf"(?<=[{_CJK}])[ \t]*[\r\n]\s*(?=[{_CJK}])")
_BLANKS = re.compile(r"[ \t\r\n]+")


@dataclasses.dataclass(frozen=True)
class Book:
    """One document as a reader gives it.

    Attributes:
        text: paragraphs separated by blank lines, or the lines as they were.
        parts: spans that together cover the text, in order.
        meta: `title`, `author`, `language`, `date`, `identifier` ... where they are known.
        place: what distinguishes it from other documents of the same file.
    """

    text: str
    parts: tuple[Part, ...]
    meta: Mapping[str, str]
    place: str = ""


class BookBuilder:
    """Collects blocks; a section begins where `section` was called and a block follows."""

    def __init__(self) -> None:
        self._blocks: list[str] = []
        self._starts: list[tuple[str, int]] = []  # kind and first block of each section
        self._next: str | None = "chapter"
        self._has_body = True

    def section(self, kind: str = "chapter") -> None:
        """The next block begins a section, unless the present one has only headings so far.

        So that the heading of a volume is not a chapter of its own.
        """
        self._next = kind

    def block(self, text: str, *, heading: bool = False) -> None:
        """Adds a paragraph or a heading; empty ones are dropped."""
        if not text.strip():
            return
        if self._next is not None:
            if self._has_body:
                self._starts.append((self._next, len(self._blocks)))
                self._has_body = False
            else:
                self._starts[-1] = (self._next, self._starts[-1][1])
            self._next = None
        self._has_body |= not heading
        self._blocks.append(text)

    def build(self, separator: str = "\n\n") -> tuple[str, tuple[Part, ...]]:
        """The text and one part per section; each part ends where the next one begins."""
        n_separator = utf8_length(separator)
        offsets, position = [], 0
        for block in self._blocks:
            offsets.append(position)
            position += utf8_length(block) + n_separator
        total = max(0, position - n_separator)
        starts = [(kind, offsets[first]) for kind, first in self._starts]
        return separator.join(self._blocks), spans(starts, total)


def spans(starts: Iterable[tuple[str, int]], total: int) -> tuple[Part, ...]:
    """Parts from (kind, first byte) in order; the first one reaches back to byte 0."""
    starts = list(starts)
    edges = [0, *(start for _, start in starts[1:]), total]
    return tuple(
        Part(kind, begin, end)
        for (kind, _), begin, end in zip(starts, edges, edges[1:], strict=False)
    )


def lines_to_parts(lines: list[str], headings: set[int]) -> tuple[Part, ...]:
    """Parts of a text that keeps its lines: a chapter begins at each heading line.

    What comes before the first heading is `front`. Headings with only blank lines between
    them begin one chapter together.

    Args:
        lines: of the text, without line ends; the text is them joined by line feeds.
        headings: indices of the lines that are chapter headings.
    """
    starts: list[tuple[str, int]] = []
    position, has_body = 0, True
    for i, line in enumerate(lines):
        if i in headings and has_body:
            if position and not starts:
                starts.append(("front", 0))
            starts.append(("chapter", position))
            has_body = False
        elif line.strip() and i not in headings:
            has_body = True
        position += utf8_length(line) + 1
    total = max(0, position - 1)
    return spans(starts or [("chapter", 0)], total) if total else ()


def squeeze(text: str) -> str:
    """The text of one block of markup: white space collapsed, BREAK and SPACE made real."""
    if not text.isascii() and "\n" in text:
        text = _CJK_BREAK.sub("", text)
    text = _BLANKS.sub(" ", text)
    if BREAK in text:
        lines = [line.strip(" ") for line in text.split(BREAK)]
        text = "\n".join(line.rstrip(SPACE) for line in lines).strip("\n")
    return text.strip(" ").replace(SPACE, " ")


def facts(**values: str | None) -> dict[str, str]:
    """Meta of the values that are there, each as one line."""
    clean = {name: " ".join((value or "").split()) for name, value in values.items()}
    return {name: value for name, value in clean.items() if value}
