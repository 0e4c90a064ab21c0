"""Where an EPUB says that its chapters begin: nav, NCX, landmarks and guide."""

from __future__ import annotations

import dataclasses
import posixpath
import urllib.parse

from lxml import etree

from castor.pipelines.sources._book import first_level
from castor.pipelines.sources._xml import find, find_all, local, text_of

EPUB_TYPE = "{http://www.idpf.org/2007/ops}type"
MAX_ENTRIES = 20_000
# (level from 0, what the entry says)
Entry = tuple[int, str]


@dataclasses.dataclass
class Contents:
    """What the navigation of a book says.

    Attributes:
        entries: path of a document -> fragment (empty for its beginning) -> entries.
        body: path of the document with which the body begins, or None.
    """

    entries: dict[str, dict[str, list[Entry]]] = dataclasses.field(default_factory=dict)
    body: str | None = None

    def add(self, path: str, fragment: str, depth: int, title: str) -> None:
        """Adds an entry; one without words is none."""
        if title and path:
            self.entries.setdefault(path, {}).setdefault(fragment, []).append((depth, title))

    def level(self) -> int:
        """The first level that divides the book."""
        places = (found for names in self.entries.values() for found in names.values())
        return first_level(depth for found in places for depth, _ in found)

    def __len__(self) -> int:
        """How many places the entries point to."""
        return sum(map(len, self.entries.values()))


def resolve(folder: str, href: str) -> str:
    """The member's path of a reference relative to a folder of the archive."""
    path = urllib.parse.unquote(href.split("#")[0])
    return posixpath.normpath(posixpath.join(folder, path)).lstrip("/")


def target(document: str, href: str) -> tuple[str, str]:
    """(path, fragment) of a reference that stands in a document."""
    place, _, fragment = href.partition("#")
    path = resolve(posixpath.dirname(document), place) if place else document
    return path, urllib.parse.unquote(fragment)


def types_of(element: etree._Element) -> set[str]:
    """Its epub:type and role, roles without their `doc-`."""
    found = element.get(EPUB_TYPE) or element.get("epub:type") or ""
    return {*found.split(), *(element.get("role") or "").replace("doc-", "").split()}


def read_nav(root: etree._Element, document: str, contents: Contents) -> None:
    """The lists of a navigation document (EPUB 3.3, section 7)."""
    for nav in find_all(root, "nav"):
        types = types_of(nav)
        if "landmarks" in types:
            for link in find_all(nav, "a"):
                if "bodymatter" in types_of(link) and contents.body is None:
                    contents.body = target(document, link.get("href", ""))[0]
        elif "toc" in types:
            for link in find_all(nav, "a")[:MAX_ENTRIES]:
                depth = sum(local(e) == "ol" for e in link.iterancestors()) - 1
                contents.add(*target(document, link.get("href", "")), max(0, depth), text_of(link))


def read_ncx(root: etree._Element, document: str, contents: Contents) -> None:
    """The tree of an NCX (OPF 2.0.1, section 2.4.1)."""
    for point in find_all(root, "navPoint")[:MAX_ENTRIES]:
        content = next((e for e in point if local(e) == "content"), None)
        label = next((e for e in point if local(e) == "navLabel"), None)
        if content is not None and content.get("src"):
            depth = sum(local(e) == "navPoint" for e in point.iterancestors())
            contents.add(*target(document, content.get("src", "")), depth, text_of(label))


def read_guide(opf: etree._Element, folder: str, contents: Contents) -> None:
    """The beginning of the text, as the guide of EPUB 2 gives it."""
    guide = find(opf, "guide")
    for reference in [] if guide is None else find_all(guide, "reference"):
        if (reference.get("type") or "").lower() in ("text", "start") and contents.body is None:
            contents.body = resolve(folder, reference.get("href", ""))
