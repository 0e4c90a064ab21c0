"""A book while it is read: blocks of text in sections, then one text with spans."""

from __future__ import annotations

import collections
import dataclasses
import re
from collections.abc import Iterable, Mapping

from castor.filters.record import MediaRef, Part, utf8_length
from castor.pipelines.sources import _matter

BREAK = "\x0b"  # a line break that stays; a character that neither XML nor text files hold
SPACE = "\x0c"  # a space that stays
# Between these no language writes spaces: a source line's end is no space there.
_CJK = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
_CJK_BREAK = re.compile(rf"(?<=[{_CJK}])[ \t]*[\r\n]\s*(?=[{_CJK}])")
_FIRST_CJK = "\u2e80"
# A list of contents: so many entries at least, and at most so many lines from one to the next.
_CONTENTS_ENTRIES, _CONTENTS_GAP = 3, 4


@dataclasses.dataclass(frozen=True)
class Book:
    """One document as a reader gives it.

    Attributes:
        text: paragraphs separated by blank lines, or the lines as they were.
        parts: spans that together cover the text, in order, with the pictures between them.
        meta: `title`, `author`, `language`, `date`, `identifier` ... where they are known.
        place: what distinguishes it from other documents of the same file.
        media: the pictures that the parts name.
    """

    text: str
    parts: tuple[Part, ...]
    meta: Mapping[str, str]
    place: str = ""
    media: tuple[MediaRef, ...] = ()


@dataclasses.dataclass
class _Entry:
    """An entry of a table of contents while the book is read."""

    depth: int
    opens: bool | None = None  # whether what stands below it begins chapters; not yet known


class BookBuilder:
    """Collects blocks; a section begins where `section` was called and a block follows."""

    def __init__(self) -> None:
        self._blocks: list[str] = []
        # What happened, in order, with the number of blocks there were: a section of a kind, a
        # picture, a block that is an alternative text.
        self._events: list[tuple[int, str, str | int]] = []
        self._kinds: list[str] = []
        self._titles: list[str] = []
        self._next: str | None = "chapter"
        self._title = ""
        self._has_body = True
        self._entries: list[_Entry] = []

    def section(self, kind: str = "chapter", title: str = "") -> None:
        """The next block begins a section, unless the present one has only headings so far.

        So that the heading of a volume is not a chapter of its own.
        """
        self._next, self._title = kind, title

    def entry(self, depth: int, title: str, kind: str = "chapter") -> None:
        """Here begins what an entry of the table of contents names.

        Entries of the first level begin sections. Those below one do so only if nothing but
        headings stands between it and the first of them: chapters of a volume, not the
        sections of a chapter.

        Args:
            depth: level from 0.
            title: what the entry says.
            kind: of the section.
        """
        while self._entries and self._entries[-1].depth >= depth:
            self._entries.pop()
        above = self._entries[-1] if self._entries else None
        if above is not None and above.opens is None:
            above.opens = self._next is not None or not self._has_body
        begins = above is None or bool(above.opens)
        self._entries.append(_Entry(depth, None if begins else False))
        if begins:
            self.section(kind, title)

    def block(self, text: str, *, heading: bool = False) -> None:
        """Adds a paragraph or a heading; empty ones are dropped."""
        if not text.strip():
            return
        self._open()
        if heading and not self._has_body and not self._titles[-1]:
            self._titles[-1] = text
        self._has_body |= not heading
        self._blocks.append(text)

    def picture(self, media_index: int | None, alt: str = "") -> None:
        """Adds a picture, by its number in `Record.media`, and its alternative text."""
        if media_index is not None:
            self._open()
            self._events.append((len(self._blocks), "image", media_index))
        if alt.strip():
            self._open()
            self._events.append((len(self._blocks), "alt", ""))
            self._blocks.append(alt)

    def _open(self) -> None:
        if self._next is None:
            return
        if self._has_body:
            self._events.append((len(self._blocks), "section", len(self._kinds)))
            self._kinds.append(self._next)
            self._titles.append(self._title)
            self._has_body = False
        else:
            self._kinds[-1] = self._next
            self._titles[-1] = self._titles[-1] or self._title
        self._next, self._title = None, ""

    def cut(
        self, start: re.Pattern[str], end: re.Pattern[str], words: tuple[str, ...] = ("",)
    ) -> bool:
        """Drops what stands before a block with a start mark and after one with an end mark.

        Args:
            start: what the mark before the text looks like.
            end: what that behind it looks like.
            words: of which every mark has one.

        Returns:
            Whether there was a mark; one that stands alone counts too.
        """
        marks = [i for i, text in enumerate(self._blocks) if any(w in text for w in words)]
        starts = [i for i in marks if start.search(self._blocks[i])]
        first = starts[0] + 1 if starts and starts[0] < len(self._blocks) / 2 else 0
        ends = (i for i in marks if i >= first and end.search(self._blocks[i]))
        last = next(ends, len(self._blocks))
        if (first, last) == (0, len(self._blocks)):
            return False
        self._blocks = self._blocks[first:last]
        kept = [e for e in self._events if first <= e[0] < last]
        before = [e for e in self._events if e[0] < first and e[1] == "section"]
        if before and not (kept and kept[0][0] == first and kept[0][1] == "section"):
            kept.insert(0, (first, *before[-1][1:]))
        self._events = [(at - first, what, value) for at, what, value in kept]
        return True

    def build(self, separator: str = "\n\n") -> tuple[str, tuple[Part, ...]]:
        """The text, and its parts in order.

        A section is one span of its kind; where a picture or its alternative text (`alt`)
        stands in it, the rest of it is spans of kind `text`.
        """
        n_separator = utf8_length(separator)
        offsets, position = [], 0
        for block in self._blocks:
            offsets.append(position)
            position += utf8_length(block) + n_separator
        offsets.append(max(0, position - n_separator))
        kinds = _matter.settle(self._kinds, self._titles)
        parts: list[Part] = []
        kind, begin = "text", 0

        def close(end: int) -> None:
            nonlocal kind, begin
            if end > begin:
                parts.append(Part(kind, begin, end))
                kind, begin = "text", end

        for at, what, value in self._events:
            close(offsets[at])
            if what == "section":
                kind = kinds[int(value)]
            elif what == "image":
                parts.append(Part("image", media_index=int(value)))
            else:
                held, kind = kind, "alt"
                close(offsets[at + 1])
                kind = held
        close(offsets[-1])
        return separator.join(self._blocks), tuple(parts)


def first_level(depths: Iterable[int]) -> int:
    """The first level of a table of contents that has two entries or more.

    What stands alone above it is the title of the book.
    """
    counts = collections.Counter(depths)
    return next((depth for depth in sorted(counts) if counts[depth] > 1), 0)


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

    What comes before the first heading is `front`, and so is a list of the headings that
    come later. Headings with only blank lines between them begin one chapter together; by
    their words they may begin front or back matter.

    Args:
        lines: of the text, without line ends; the text is them joined by line feeds.
        headings: indices of the lines that are chapter headings.
    """
    headings = headings - _contents(lines, headings)
    starts: list[tuple[str, int]] = []
    titles: list[str] = []
    position, has_body = 0, True
    for i, line in enumerate(lines):
        if i in headings and has_body:
            if position and not starts:
                starts.append(("front", 0))
                titles.append("")
            starts.append(("chapter", position))
            titles.append(line)
            has_body = False
        elif line.strip() and i not in headings:
            has_body = True
        position += utf8_length(line) + 1
    total = max(0, position - 1)
    if not starts:
        starts, titles = [("chapter", 0)], [""]
    kinds = _matter.settle([kind for kind, _ in starts], titles)
    starts = [(kind, start) for kind, (_, start) in zip(kinds, starts, strict=True)]
    return spans(starts, total) if total else ()


def _contents(lines: list[str], headings: set[int]) -> set[int]:
    """The headings that are entries of a list of contents: it comes first, and all recur."""
    order = sorted(i for i in headings if i < len(lines))
    last = {_name(lines[i]): i for i in order}
    entries: list[int] = []
    for i in range(order[0] if order else 0, len(lines)):
        recurs = last.get(_name(lines[i]), -1)
        if recurs == i or i - (entries or [i])[-1] > _CONTENTS_GAP:
            break
        if recurs > i:
            entries.append(i)
    return headings & set(entries) if len(entries) >= _CONTENTS_ENTRIES else set()


def _name(line: str) -> str:
    return "".join(c for c in line.casefold() if c.isalnum())


def squeeze(text: str) -> str:
    """The text of one block of markup: white space collapsed, BREAK and SPACE made real."""
    if "\n" in text and not text.isascii():
        ends = (line.rstrip(" \t\r")[-1:] for line in text.split("\n"))
        if any(end >= _FIRST_CJK for end in ends):
            text = _CJK_BREAK.sub("", text)
    text = text.replace("\n", " ").replace("\t", " ").replace("\r", " ")
    while "  " in text:
        text = text.replace("  ", " ")
    if BREAK in text:
        lines = [line.strip(" ") for line in text.split(BREAK)]
        text = "\n".join(line.rstrip(SPACE) for line in lines).strip("\n")
    return text.strip(" ").replace(SPACE, " ")


def facts(**values: str | None) -> dict[str, str]:
    """Meta of the values that are there, each as one line."""
    clean = {name: " ".join((value or "").split()) for name, value in values.items()}
    return {name: value for name, value in clean.items() if value}
