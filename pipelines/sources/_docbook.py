"""DocBook 4 and 5 books and articles (https://docs.oasis-open.org/docbook/docbook/v5.1/).

Chapters are parts; preface, dedication, appendix, index and the like are front and back
matter; code and literal layouts keep their lines; footnotes follow their paragraph.
"""

from __future__ import annotations

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

ROOTS = frozenset({"book", "article", "set", "part", "chapter"})
_INFO = ("info", "bookinfo", "articleinfo", "chapterinfo", "setinfo")
_KINDS = {
    "dedication": "front",
    "preface": "front",
    "acknowledgements": "front",
    "chapter": "chapter",
    "article": "chapter",
    "refentry": "chapter",
    "appendix": "back",
    "bibliography": "back",
    "glossary": "back",
    "index": "back",
}
_SKIPPED = frozenset(
    (*_INFO, *"toc lot indexterm remark imageobject videoobject audioobject titleabbrev".split())
)


def read_docbook(root: etree._Element) -> Book:
    """The one book of a DocBook document."""
    builder = BookBuilder()
    Walker(_VOCABULARY, builder).walk(root)
    text, parts = builder.build()
    return Book(text, parts, _facts(root))


def _facts(root: etree._Element) -> dict[str, str]:
    info = next((e for e in root if local(e) in _INFO), None)
    title = next((e for e in root if local(e) == "title"), None)
    if title is None and info is not None:
        title = find(info, "title")
    authors = [] if info is None else find_all(info, "author")
    date = None if info is None else find(info, "pubdate")
    if date is None and info is not None:
        date = find(info, "date")
    return facts(
        format="docbook",
        title=text_of(title),
        author="; ".join(filter(None, map(_name, authors))),
        date=text_of(date),
        language=_languages.primary(root.get(XML_LANG) or root.get("lang")),
        identifier=root.get(XML_ID) or root.get("id"),
    )


def _name(person: etree._Element) -> str:
    parts = (text_of(find(person, n)) for n in ("firstname", "givenname", "surname"))
    return " ".join(filter(None, parts)) or text_of(find(person, "personname"))


def _skip(element: etree._Element) -> bool:
    name = local(element)
    return name in _SKIPPED or (name in ("xref", "footnoteref") and not len(element))


_VOCABULARY = Vocabulary(
    blocks=frozenset(
        "para simpara formalpara title subtitle programlisting screen literallayout synopsis "
        "blockquote epigraph attribution listitem term varlistentry itemizedlist orderedlist "
        "variablelist note tip warning caution important sidebar example informalexample figure "
        "table informaltable row caption bibliomixed biblioentry glossentry glossterm glossdef "
        "section sect1 sect2 sect3 sect4 sect5 simplesect bridgehead member footnote "
        "dedication preface chapter appendix part book article".split()
    ),
    headings=frozenset({"title", "subtitle"}),
    lines=frozenset(),
    notes=frozenset({"footnote"}),
    skip=_skip,
    section=lambda element: _KINDS.get(local(element)),
    verbatim=frozenset({"programlisting", "screen", "literallayout", "synopsis"}),
)
