"""Two small kinds of XML: Bibles in the Corpus Encoding Standard, and the UDHR.

A Bible (https://github.com/christos-c/bible-corpus) gives one document per book, with a
verse per line. The Universal Declaration of Human Rights (https://efele.net/udhr) gives one
document per translation, with its articles as chapters.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from castor.pipelines.sources import _languages
from castor.pipelines.sources._book import Book, BookBuilder, facts
from castor.pipelines.sources._xml import (
    XML_LANG,
    Vocabulary,
    Walker,
    find,
    find_all,
    local,
    text_of,
)


def read_ces(root: etree._Element) -> Iterator[Book]:
    """The books of a CES Bible; the place of each is its id."""
    body, language = find(root, "text", "body"), find(root, "langUsage", "language")
    header = find(root, "titleStmt", "h.title")
    tags = [] if body is None else [body.get("lang")]
    if language is not None:
        # The name first: some codes of the corpus are those of other languages.
        name = _languages.NAMES.get(text_of(language).lower())
        tags = [name, language.get("iso639"), language.get("id"), *tags]
    code = next(filter(None, map(_languages.primary, tags)), None)
    books = [e for e in find_all(root, "div") if e.get("type") == "book"]
    for number, book in enumerate(books, start=1):
        name = (book.get("id") or f"book {number}").removeprefix("b.")
        builder = BookBuilder()
        for chapter in (e for e in book if local(e) == "div"):
            builder.section("chapter")
            verses = (text_of(e) for e in find_all(chapter, "seg"))
            builder.block("\n".join(filter(None, verses)))
        text, parts = builder.build()
        title = f"{text_of(header)} {name}"
        yield Book(text, parts, facts(format="ces", title=title, language=code), place=name)


def read_udhr(root: etree._Element) -> Book:
    """One translation."""
    builder = BookBuilder()
    Walker(_UDHR, builder).walk(root)
    text, parts = builder.build()
    title = find(root, "title")
    tags = (root.get(XML_LANG), root.get("iso639-3"))
    meta = facts(
        format="udhr",
        title=text_of(title) or root.get("n"),
        language=next(filter(None, map(_languages.primary, tags)), None),
        language_tag=root.get(XML_LANG),
        script=root.get("iso15924"),
        identifier=root.get("key"),
        date="1948",
    )
    return Book(text, parts, meta)


_UDHR = Vocabulary(
    blocks=frozenset({"title", "para", "listitem", "note", "orderedlist"}),
    headings=frozenset({"title"}),
    lines=frozenset(),
    notes=frozenset(),
    skip=lambda element: False,
    section=lambda e: "chapter" if local(e) in ("preamble", "article") else None,
)
