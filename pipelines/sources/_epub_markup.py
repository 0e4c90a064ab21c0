"""The content documents of EPUBs: which elements are text, sections, notes, pictures."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from lxml import etree

from castor.pipelines.sources import _gutenberg
from castor.pipelines.sources._book import SPACE, BookBuilder
from castor.pipelines.sources._epub_toc import EPUB_TYPE, Contents, Entry, target, types_of
from castor.pipelines.sources._xml import (
    Steps,
    Vocabulary,
    Walker,
    find,
    find_all,
    local,
    local_of,
    text_of,
)

_APPARATUS = frozenset(
    "cover titlepage halftitlepage toc landmarks page-list loi lot loa lov copyright-page "
    "colophon imprint imprimatur other-credits".split()
)
# Parts of the work, even where the markup puts them on the title page.
_KEPT = frozenset({"epigraph", "dedication", "preface", "foreword", "introduction", "prologue"})
_MARKS = frozenset({"noteref", "annoref", "pagebreak", "backlink"})
_SKIPPED = frozenset(
    "head script style nav template rt rp rtc audio video iframe canvas noscript case form".split()
)
# The structural vocabulary of EPUB 3 (https://www.w3.org/TR/epub-ssv-11/).
_FRONT = frozenset({"frontmatter", "preface", "foreword", "preamble"})
_BACK = frozenset("backmatter appendix afterword index glossary bibliography errata".split())
_NOTES = frozenset({"footnotes", "endnotes", "rearnotes"})
_NOTE = frozenset({"footnote", "note"})
_DIVISIONS = frozenset({"body", "section", "div", "article", "aside"})
# A mark as books without types write it: 12, [12], *; raised, in brackets, or named so.
_MARK = re.compile(r"[\s\[(]*(\d{1,4}|[*†‡§¶]{1,3}|[a-z])[\s\])]*")
_BACK_LINK = re.compile(r"[\s\[(]*[↩↑⤴⏎^\ufe0e]+[\s\])]*")
_NOTE_CLASS = re.compile(r"note-?(ref|anchor|call)|(foot|end)-?note", re.I)
_XLINK = "{http://www.w3.org/1999/xlink}href"
# What is all text, and a paragraph or a part of one, unless there is something else in it.
_INLINE = frozenset(
    "i em b strong span small big u s q cite abbr dfn var sub sup code tt kbd samp font".split()
)
_PLAIN_BLOCKS = frozenset({"p", "div", "li", "blockquote", "dd", "dt"})
_READINGS = frozenset({"rt", "rp", "rtc"})
_NAMED = etree.XPath("//*[@id or @name]")
_MARKS_OF = "@role or @hidden or contains(@class, 'pg') or starts-with(@id, 'pg-')"
_MARKED = etree.XPath(
    f"descendant-or-self::*[@e:type or {_MARKS_OF}]",
    namespaces={"e": EPUB_TYPE[1:].partition("}")[0]},
)
# In documents read as HTML the prefix is a part of the name.
_MARKED_HTML = etree.XPath(f"descendant-or-self::*[@*[name() = 'epub:type'] or {_MARKS_OF}]")
# What alternative texts say where nobody wrote one.
_NO_ALT = re.compile(
    r"(image|img|picture|photo|figure|cover|illustration|graphic|logo|\W|\d)*"
    r"|.*\.(jpe?g|png|gif|svg|webp)",
    re.I,
)


def is_apparatus(root: etree._Element) -> bool:
    """Whether a whole document is about the book: its contents, or matter around a colophon."""
    body = find(root, "body")
    if body is None:
        return False
    kinds = set().union(*map(types_of, _marked(body)))
    about = kinds & {"colophon", "copyright-page"} and kinds & {"frontmatter", "backmatter"}
    if about and kinds.isdisjoint(_KEPT | {"bodymatter", "chapter"}):
        return True
    links = [
        text_of(e)
        for e in find_all(body, "a")
        if e.get("href") and ":" not in e.get("href", "").split("#")[0]
    ]
    # A page that is mostly links into the book.
    return len(links) >= 3 and sum(map(len, links)) > 0.7 * len(text_of(body))


class DocumentWalker(Walker):
    """Reads the documents of one book, one after the other.

    Args:
        builder: takes the text.
        contents: its entries begin the sections; without entries headings do.
        number: gives a picture at a path its number in the record, or None.
    """

    def __init__(
        self, builder: BookBuilder, contents: Contents, number: Callable[[str], int | None]
    ) -> None:
        self._by_contents = len(contents) > 1
        super().__init__(_BY_CONTENTS if self._by_contents else _BY_HEADINGS, builder)
        self._contents, self._number = contents, number
        self._level = contents.level()
        self._path = ""
        self._entries: Mapping[str, Sequence[Entry]] = {}
        self._notes: dict[str, etree._Element] = {}
        self._told: set[etree._Element] = set()
        self._busy: set[etree._Element] = set()
        self._marked: set[etree._Element] = set()
        self._pictures: list[tuple[int | None, str]] = []
        self._matter = ""
        self._begun = False

    def read(self, root: etree._Element, path: str, kind: str) -> None:
        """Reads one document; `kind` is of what it holds as far as the package says."""
        self._path, self._kind = path, kind
        entries = self._contents.entries.get(path, {})
        ids = {e.get("id") or e.get("name"): e for e in _NAMED(root)}
        marked = set(_marked(root))
        self._notes = {n: e for n, e in ids.items() if n and e in marked and _is_footnote(e)}
        self._told = set()
        start = [e for name, found in entries.items() if name not in ids for e in found]
        self._entries = {name: found for name, found in entries.items() if name in ids}
        marked.update(ids[name] for name in self._entries)
        self._marked, self._busy = marked, _busy(root, marked)
        if not self._by_contents or kind != self._matter or not self._begun:
            self._builder.section(kind)
        self._matter, self._begun = kind, True
        self._begin(start, kind)
        self._run(self._element(root))
        self._flush()

    def _begin(self, entries: Sequence[Entry], kind: str) -> None:
        if self._by_contents:
            for depth, title in entries:
                self._builder.entry(max(0, depth - self._level), title, kind)

    def _element(self, element: etree._Element) -> Steps:
        name = local(element)
        if not name:
            return
        if element in self._marked:
            here = self._entries.get(element.get("id") or element.get("name") or "")
            if here:
                self._begin(here, self._words.section(element) or self._kind)
            if element in self._told or self._is_empty_of_notes(element):
                return
        if name in ("img", "image", "object", "svg"):
            self._picture(element, name)
        elif name == "a" and _is_mark(element):
            yield self._refer(element)
        else:
            yield super()._element(element)

    def _plain(self, element: etree._Element) -> bool:
        if element in self._marked:
            return False
        name = local(element)
        if name == "ruby":
            return self._ruby(element)
        if element in self._busy or self._pre:
            return False
        if name in _INLINE:
            self._buffer.append("".join(element.itertext()))
            return True
        if name not in _PLAIN_BLOCKS:
            return False
        self._flush()
        self._buffer.append("".join(element.itertext()))
        self._flush()
        return True

    def _ruby(self, element: etree._Element) -> bool:
        """What stands under the readings."""
        for child in element:
            known = local(child) in _READINGS or local(child) in _INLINE or local(child) == "rb"
            if not known or child in self._busy or child in self._marked:
                return False
        if self._pre:
            return False
        self._text(element.text)
        for child in element:
            if local(child) not in _READINGS:
                self._text("".join(child.itertext()))
            self._text(child.tail)
        return True

    # --- notes -----------------------------------------------------------------------------------

    def _refer(self, anchor: etree._Element) -> Steps:
        """A reference to a note: the note follows the paragraph, once."""
        path, fragment = target(self._path, anchor.get("href", ""))
        note = self._notes.get(fragment) if path == self._path else None
        if note is None or note in self._told or any(a is note for a in anchor.iterancestors()):
            return
        self._told.add(note)
        yield self._note(note)

    def _is_empty_of_notes(self, element: etree._Element) -> bool:
        """Whether all that a group of notes holds was told where it belongs."""
        if types_of(element).isdisjoint(_NOTES):
            return False
        notes = [e for e in element.iter() if local(e) and _is_footnote(e)]
        return bool(notes) and all(n in self._told for n in notes)

    # --- pictures --------------------------------------------------------------------------------

    def _picture(self, element: etree._Element, name: str) -> None:
        if name == "svg":
            for image in find_all(element, "image"):
                self._picture(image, "image")
            return
        if name == "object" and not (element.get("type") or "").startswith("image/"):
            return
        address = next(filter(None, map(element.get, ("src", _XLINK, "href", "data"))), "")
        alt = " ".join((element.get("alt") or "").split())
        if len(alt) <= 2 and alt.isalnum():  # an initial that is drawn
            self._buffer.append(alt)
            return
        if _NO_ALT.fullmatch(alt) or "presentation" in types_of(element):
            alt = ""
        number = None
        if address and ":" not in address.split("/")[0]:
            number = self._number(target(self._path, address)[0])
        self._pictures.append((number, alt))
        if not "".join(self._buffer).strip():
            self._flush()

    def _flush(self) -> None:
        super()._flush()
        pictures, self._pictures = self._pictures, []
        for number, alt in pictures:
            self._builder.picture(number, alt)


def _marked(root: etree._Element) -> list[etree._Element]:
    """The elements that say what they are: hidden, or Project Gutenberg's, or of a type."""
    return _MARKED(root) if root.tag.startswith("{") else _MARKED_HTML(root)


def _busy(root: etree._Element, marked: set[etree._Element]) -> set[etree._Element]:
    """The elements in which something stands that is more than its text."""
    found: set[etree._Element] = set()
    for element in root.iter():
        tag = element.tag
        if isinstance(tag, str) and local_of(tag) in _INLINE and element not in marked:
            continue
        above = element.getparent()
        while above is not None and above not in found:
            found.add(above)
            above = above.getparent()
    return found


def _is_footnote(element: etree._Element) -> bool:
    """Whether the element is a note that belongs below the text that refers to it."""
    if types_of(element).isdisjoint(_NOTE):
        return False
    return all(types_of(e).isdisjoint({"endnotes", "rearnotes"}) for e in element.iterancestors())


def _is_mark(anchor: etree._Element) -> bool:
    """Whether a link is the mark of a note, or leads back from one."""
    if not types_of(anchor).isdisjoint(_MARKS):
        return True
    href = anchor.get("href") or ""
    if "#" not in href or ":" in href.split("#")[0]:
        return False
    text = "".join(anchor.itertext())
    if _BACK_LINK.fullmatch(text):
        return True
    if not _MARK.fullmatch(text):
        return False
    parent = anchor.getparent()
    raised = any(local(e) == "sup" for e in anchor.iter()) or (
        parent is not None and local(parent) == "sup"
    )
    named = any(_NOTE_CLASS.search(anchor.get(a) or "") for a in ("class", "id", "href"))
    return raised or named or text.strip()[:1] in "[(*†‡"


def _skip(element: etree._Element) -> bool:
    if local(element) in _SKIPPED or element.get("hidden") is not None:
        return True
    if element.get("id") in _gutenberg.ELEMENTS or not _gutenberg.CLASSES.isdisjoint(
        (element.get("class") or "").split()
    ):
        return True
    types = types_of(element)
    if types.isdisjoint(_APPARATUS):
        return not types.isdisjoint(_MARKS)
    return all(types_of(e).isdisjoint(_KEPT) for e in element.iter() if local(e))


def _section(element: etree._Element) -> str | None:
    """The kind of matter that the markup names."""
    if local(element) not in _DIVISIONS:
        return None
    types = types_of(element)
    if not types.isdisjoint(_NOTES):
        return "notes"
    if not types.isdisjoint(_BACK):
        return "back"
    return "front" if not types.isdisjoint(_FRONT) else None


def _replace(element: etree._Element) -> str | None:
    name = local(element)
    if name == "math":
        return element.get("alttext")
    if name in ("td", "th"):
        return text_of(element) + SPACE
    return None


_BLOCKS = (
    "p div h1 h2 h3 h4 h5 h6 li blockquote section article aside header footer main figure "
    "figcaption dt dd pre table caption address hr body ul ol dl"
)


def _vocabulary(openers: frozenset[str]) -> Vocabulary:
    return Vocabulary(
        blocks=frozenset(_BLOCKS.split()),
        headings=frozenset({"h1", "h2", "h3", "h4", "h5", "h6"}),
        lines=frozenset({"br", "tr"}),
        notes=frozenset(),
        skip=_skip,
        section=_section,
        openers=openers,
        replace=_replace,
    )


_BY_CONTENTS = _vocabulary(frozenset())
_BY_HEADINGS = _vocabulary(frozenset({"h1", "h2", "h3"}))
