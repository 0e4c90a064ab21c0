"""XML read safely, and its text in blocks.

No DTD is loaded, no external entity is resolved, nothing is fetched; libxml2's own limits
on depth, text size and entity amplification are on.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

from lxml import etree

from castor.filters.reasons import Reason
from castor.pipelines.source import RejectError
from castor.pipelines.sources._book import BREAK, SPACE, BookBuilder, squeeze

XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
XML_ID = "{http://www.w3.org/XML/1998/namespace}id"
# libxml2's xmlParserErrors: entity loop; a resource limit (depth, text node, amplification).
_BOMB_CODES = (89, 114)
_EMPTY_CODE = 4


def parse(data: bytes, name: str) -> etree._Element:
    """The root element.

    Raises:
        RejectError: `bomb` for entity bombs and endless nesting; `empty`; `corrupt` with the
            line for what is not well-formed.
    """
    parser = etree.XMLParser(
        resolve_entities="internal",
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        line = f"line {error.lineno or 1}"
        reason = Reason.CORRUPT
        if error.code in _BOMB_CODES:
            reason = Reason.BOMB
        elif error.code == _EMPTY_CODE and not data.strip():
            reason = Reason.EMPTY
        message = f"{name}: not readable XML at {line}: {error.msg}"
        raise RejectError(reason, message, place=line) from error
    except (ValueError, LookupError) as error:
        raise RejectError(Reason.CORRUPT, f"{name}: not readable XML: {error}") from error


def local(element: etree._Element) -> str:
    """The element's name without its namespace; empty for what is not an element."""
    tag = element.tag
    return local_of(tag) if isinstance(tag, str) else ""


@functools.lru_cache(maxsize=4096)
def local_of(tag: str) -> str:
    """The tag without its namespace."""
    return tag.rpartition("}")[2]


def find(element: etree._Element, *path: str) -> etree._Element | None:
    """The first descendant along local names, whatever the namespace."""
    found = element
    for name in path:
        found = next((e for e in found.iter(f"{{*}}{name}") if e is not found), None)
        if found is None:
            return None
    return found


def find_all(element: etree._Element, name: str) -> list[etree._Element]:
    """All descendants of that local name, in document order."""
    return list(element.iter(f"{{*}}{name}"))


def text_of(element: etree._Element | None) -> str:
    """All text in the element as one line."""
    return "" if element is None else " ".join("".join(element.itertext()).split())


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """How a kind of markup is read.

    Attributes:
        blocks: elements that stand on lines of their own.
        headings: blocks that are titles of what follows.
        lines: elements that begin and end a line inside a block (verse, table rows).
        notes: elements whose text follows the block that they interrupt.
        skip: whether the element and all in it is no text of the book.
        openers: headings that begin a section of the same kind as the one they stand in.
        section: the kind of section that the element is, or None.
        replace: text to read instead of the element's own, or None.
        verbatim: blocks whose lines and spaces stay.
    """

    blocks: frozenset[str]
    headings: frozenset[str]
    lines: frozenset[str]
    notes: frozenset[str]
    skip: Callable[[etree._Element], bool]
    section: Callable[[etree._Element], str | None]
    openers: frozenset[str] = frozenset()
    replace: Callable[[etree._Element], str | None] = lambda element: None
    verbatim: frozenset[str] = frozenset({"pre"})


# A method of the walker that has begun: it yields others, which are run to their end first, so
# that nesting costs no stack of the interpreter.
Steps = Iterator[Any]


class Walker:
    """Gives the text of elements to a BookBuilder, block by block, in document order."""

    def __init__(self, vocabulary: Vocabulary, builder: BookBuilder) -> None:
        self._words, self._builder = vocabulary, builder
        self._buffer: list[str] = []
        self._deferred: list[str] = []
        self._pre = self._within_notes = self._within_headings = 0
        self._kind = "chapter"

    def walk(self, element: etree._Element, kind: str = "chapter") -> None:
        """Reads the element as a section of that kind."""
        self._kind = kind
        self._builder.section(kind)
        self._run(self._element(element))
        self._flush()

    def _run(self, steps: Steps) -> None:
        running = [steps]
        while running:
            step = next(running[-1], None)
            if step is None:
                running.pop()
            else:
                running.append(step)

    def _element(self, element: etree._Element) -> Steps:
        words, name = self._words, local(element)
        if not name or words.skip(element):
            return
        instead = words.replace(element)
        if instead is not None:
            self._buffer.append(instead)
        elif name in words.notes and "".join(self._buffer).strip():
            yield self._note(element)
        elif name in words.lines:
            yield self._line(element)
        else:
            yield self._block(element, name)

    def _block(self, element: etree._Element, name: str) -> Steps:
        outer, kind = self._kind, self._words.section(element)
        is_block = name in self._words.blocks or kind is not None
        if is_block:
            self._flush()
        if kind is not None:
            self._kind = kind
            self._builder.section(kind)
        elif name in self._words.openers:
            self._builder.section(outer)
        is_heading = name in self._words.headings
        self._pre += name in self._words.verbatim
        self._within_headings += is_heading
        yield self._content(element)
        self._pre -= name in self._words.verbatim
        if is_block:
            self._flush()
        self._within_headings -= is_heading
        if kind is not None:
            self._kind = outer
            self._builder.section(outer)

    def _line(self, element: etree._Element) -> Steps:
        """A line of its own; an empty element is a break, and two of them a blank line."""
        if not len(element) and not (element.text or "").strip():
            self._buffer.append(BREAK)
            return
        self._break_once()
        yield self._content(element)
        self._break_once()

    def _break_once(self) -> None:
        before = next((t for c in reversed(self._buffer) if (t := c.rstrip(" \t\r\n"))), BREAK)
        if not before.endswith(BREAK):
            self._buffer.append(BREAK)

    def _content(self, element: etree._Element) -> Steps:
        self._text(element.text)
        for child in element:
            if not self._plain(child):
                yield self._element(child)
            self._text(child.tail)

    def _plain(self, element: etree._Element) -> bool:
        """Reads the element at once if its text is all that it has; whether it did."""
        return False

    def _note(self, element: etree._Element) -> Steps:
        outer, self._buffer = self._buffer, []
        self._within_notes += 1
        yield self._content(element)
        self._within_notes -= 1
        self._deferred.append(squeeze("".join(self._buffer)))
        self._buffer = outer

    def _text(self, text: str | None) -> None:
        if text:
            if self._pre:
                text = text.replace("\n", BREAK).replace(" ", SPACE).replace("\t", SPACE * 4)
            self._buffer.append(text)

    def _flush(self) -> None:
        if self._within_notes:  # the paragraph that the note interrupts is not whole yet
            self._break_once()
            return
        text = "".join(self._buffer)
        if text and not text.isspace():
            self._builder.block(squeeze(text), heading=self._within_headings > 0)
        for note in self._deferred:
            self._builder.block(note)
        self._buffer, self._deferred = [], []
