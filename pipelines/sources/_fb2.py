"""FictionBook 2 (http://www.gribuser.ru/xml/fictionbook/2.0): bodies of nested sections.

Title, author, language and date from the description; the body named `notes` is notes,
annotations and pictures (which are held in the file itself as base64) leave the text.
"""

from __future__ import annotations

from lxml import etree

from castor.pipelines.sources import _languages
from castor.pipelines.sources._book import Book, BookBuilder, facts
from castor.pipelines.sources._xml import Vocabulary, Walker, find, find_all, local, text_of


def read_fb2(root: etree._Element) -> Book:
    """The one book of a FictionBook document."""
    builder = BookBuilder()
    walker = Walker(_VOCABULARY, builder)
    for body in (e for e in root if local(e) == "body"):
        kind = "notes" if (body.get("name") or "") in ("notes", "comments") else "chapter"
        walker.walk(body, kind)
    text, parts = builder.build()
    return Book(text, parts, _facts(root))


def _facts(root: etree._Element) -> dict[str, str]:
    about = find(root, "description", "title-info")
    if about is None:
        return facts(format="fb2")
    authors = [_name(e) for e in about if local(e) == "author"]
    translators = [_name(e) for e in about if local(e) == "translator"]
    date = find(about, "date")
    return facts(
        format="fb2",
        title=text_of(find(about, "book-title")),
        author="; ".join(filter(None, authors)),
        translator="; ".join(filter(None, translators)),
        language=_languages.primary(text_of(find(about, "lang"))),
        date=None if date is None else date.get("value") or text_of(date),
        identifier=text_of(find(root, "document-info", "id")),
        series=next((e.get("name") for e in find_all(about, "sequence")), None),
    )


def _name(person: etree._Element) -> str:
    names = ("first-name", "middle-name", "last-name")
    parts = (text_of(find(person, n)) for n in names)
    return " ".join(filter(None, parts)) or text_of(find(person, "nickname"))


def _skip(element: etree._Element) -> bool:
    name = local(element)
    return name in ("image", "binary", "annotation") or (
        name == "a" and element.get("type") == "note"
    )


def _section(element: etree._Element) -> str | None:
    """The kind of the body that a section stands in; only sections with a title begin one."""
    if local(element) != "section" or all(local(child) != "title" for child in element):
        return None
    body = next((e for e in element.iterancestors() if local(e) == "body"), None)
    named = "" if body is None else body.get("name") or ""
    return None if named in ("notes", "comments") else "chapter"


_VOCABULARY = Vocabulary(
    blocks=frozenset(
        "body section title subtitle p epigraph cite poem stanza text-author table tr date".split()
    ),
    headings=frozenset({"title"}),
    lines=frozenset({"v", "empty-line"}),
    notes=frozenset(),
    skip=_skip,
    section=_section,
)
