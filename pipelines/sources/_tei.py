"""TEI books, as the European Literary Text Collection encodes them (ELTeC levels 0 to 2).

https://distantreading.github.io/Schema/eltec-1.html. The text is front, body and back
without title pages; notes follow the paragraph they stand in, or keep their place at the
end. Words that the markup cuts (page breaks, highlighting) stay whole.
"""

from __future__ import annotations

import re

from lxml import etree

from castor.pipelines.sources import _languages
from castor.pipelines.sources._book import Book, BookBuilder, facts
from castor.pipelines.sources._xml import (
    XML_ID,
    XML_LANG,
    Vocabulary,
    Walker,
    find,
    find_all,
    local,
    text_of,
)

_DIVISIONS = frozenset({"div", *(f"div{i}" for i in range(8))})
_SKIPPED = frozenset({"teiHeader", "pb", "fw", "titlePage", "figDesc", "gap", "graphic", "cb"})
_SECTIONS = {"front": "front", "back": "back", "body": "chapter"}
# A reference to a note holds its number or sign, not words: (1), *, 12.
_NOTE_MARK = re.compile(r"[\s()\[\].*†‡\d]{0,8}")
# Title of the electronic edition: "Mon Village : édition ELTeC".
_EDITION = re.compile(r"\s*[:;(,.-]\s*[^:;(]*\bELTeC\b.*$")
_DATES_OF_LIFE = re.compile(r"\s*\([^()]*\d{3,4}[^()]*\)\s*$")
_LICENCE_URL = re.compile(r"creativecommons\.org/(licenses|publicdomain)/([a-z-]+)/(\d\.\d)")


def is_tei(root: etree._Element) -> bool:
    """Whether the root is that of a TEI document (one text)."""
    return local(root) in ("TEI", "TEI.2")


def read_tei(root: etree._Element) -> Book:
    """The one book of a TEI document."""
    builder = BookBuilder()
    walker = Walker(_VOCABULARY, builder)
    for part in root:
        if local(part) != "teiHeader":
            walker.walk(part, _SECTIONS.get(local(part), "chapter"))
    text, parts = builder.build()
    return Book(text, parts, _facts(root))


def _facts(root: etree._Element) -> dict[str, str]:
    statement = find(root, "teiHeader", "titleStmt")
    title = find(statement, "title") if statement is not None else None
    authors = [] if statement is None else find_all(statement, "author")
    names = filter(None, (_author(a) for a in authors))
    language = root.get(XML_LANG) or next(
        (e.get("ident") for e in find_all(root, "language") if e.get("ident")), None
    )
    return facts(
        format="tei",
        title=_EDITION.sub("", text_of(title)),
        author="; ".join(names),
        date=_date(root),
        identifier=root.get(XML_ID),
        language=_languages.primary(language),
        licence=_licence(root),
    )


def _author(element: etree._Element) -> str:
    surname, forename = find(element, "surname"), find(element, "forename")
    if surname is not None:
        return f"{text_of(forename)} {text_of(surname)}".strip()
    return _DATES_OF_LIFE.sub("", text_of(element))


def _date(root: etree._Element) -> str | None:
    """The first edition's date, else that of the printed source, else any of the sources."""
    described = find(root, "sourceDesc")
    if described is None:
        return None
    editions = {b.get("type"): b for b in reversed(find_all(described, "bibl"))}
    for edition in (editions.get("firstEdition"), editions.get("printSource"), described):
        date = None if edition is None else find(edition, "date")
        if date is not None and (text_of(date) or date.get("when")):
            return text_of(date) or date.get("when")
    return None


def _licence(root: etree._Element) -> str | None:
    """The SPDX id of a Creative Commons licence that the header links to."""
    for element in find_all(root, "licence"):
        match = _LICENCE_URL.search(element.get("target") or "")
        if match:
            kind, name, version = match.groups()
            name = {"zero": "CC0", "mark": "PDM"}.get(name, f"CC-{name.upper()}")
            return f"{name}-{version}" if kind == "licenses" or name == "CC0" else None
    return None


def _skip(element: etree._Element) -> bool:
    name = local(element)
    if name in _SKIPPED:
        return True
    if name in _DIVISIONS and "titlepage" in (element.get("type") or "").lower():
        return True
    is_reference = name in ("ref", "ptr") and (element.get("target") or "").startswith("#")
    return is_reference and _NOTE_MARK.fullmatch(text_of(element)) is not None


def _section(element: etree._Element) -> str | None:
    name = local(element)
    if name in _SECTIONS:
        return _SECTIONS[name]
    if name in _DIVISIONS and (element.get("type") or "").startswith("note"):
        return "notes"
    has_heading = name in ("p", "ab") and any(local(child) == "head" for child in element)
    if name not in _DIVISIONS and not has_heading:
        return None
    around = next((local(e) for e in element.iterancestors() if local(e) in _SECTIONS), "body")
    return _SECTIONS[around]


_BLOCKS = (
    "p ab head note quote lg sp speaker stage trailer closer opener salute signed dateline "
    "epigraph list item table row text figure floatingText cit bibl byline argument "
    "milestone"
)
_VOCABULARY = Vocabulary(
    blocks=frozenset(_BLOCKS.split()),
    headings=frozenset({"head"}),
    lines=frozenset({"l", "lb"}),
    notes=frozenset({"note"}),
    skip=_skip,
    section=_section,
)
