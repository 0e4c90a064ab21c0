"""EPUB 2 and 3 files, written as the specifications ask."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Sequence

from castor.pipelines.demo import archives

_CONTAINER = """<?xml version="1.0"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/>
</rootfiles></container>"""
_OPF = """<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="{version}" unique-identifier="id">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:opf="http://www.idpf.org/2007/opf">
<dc:identifier id="id">urn:castor-demo:{slug}</dc:identifier>
<dc:title>{title}</dc:title><dc:creator>{author}</dc:creator>
<dc:language>{language}</dc:language>{modified}</metadata>
<manifest>{manifest}</manifest>
<spine{toc}>{spine}</spine></package>"""
_PAGE = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">
<head><title>{title}</title></head><body>{body}</body></html>"""
_NCX = """<?xml version="1.0" encoding="utf-8"?>
<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/" version="2005-1"><head>
<meta name="dtb:uid" content="urn:castor-demo:{slug}"/></head>
<docTitle><text>{title}</text></docTitle><navMap>{points}</navMap></ncx>"""


@dataclasses.dataclass(frozen=True)
class Book:
    """A book: chapters of (title, HTML body), in reading order."""

    slug: str
    title: str
    author: str
    chapters: Sequence[tuple[str, str]]
    language: str = "en"


def epub(book: Book, version: int = 3) -> bytes:
    """The book as EPUB 3, with a navigation document, or EPUB 2, with an NCX.

    The chapters lie in the archive in the reverse of their reading order: a reader has to
    follow the spine.
    """
    names = [f"chapter-{i:03d}.xhtml" for i in range(len(book.chapters))]
    files = [
        (
            f"OEBPS/{name}",
            _page(title, f"<h1>{html.escape(title)}</h1>{body}"),
        )
        for name, (title, body) in zip(names, book.chapters)
    ]
    index = _nav(book, names) if version == 3 else _ncx(book, names)
    members = [("mimetype", "application/epub+zip"), ("META-INF/container.xml", _CONTAINER)]
    members += [("OEBPS/book.opf", _opf(book, names, version)), index, *reversed(files)]
    return archives.zipped(((n, t.encode()) for n, t in members), stored=frozenset(["mimetype"]))


def _page(title: str, body: str) -> str:
    return _PAGE.format(title=html.escape(title), body=body)


def _opf(book: Book, names: list[str], version: int) -> str:
    xhtml = "application/xhtml+xml"
    items = [f'<item id="c{i}" href="{n}" media-type="{xhtml}"/>' for i, n in enumerate(names)]
    if version == 3:
        items.append(f'<item id="nav" href="nav.xhtml" media-type="{xhtml}" properties="nav"/>')
    else:
        items.append('<item id="ncx" href="book.ncx" media-type="application/x-dtbncx+xml"/>')
    modified = '<meta property="dcterms:modified">2024-01-01T00:00:00Z</meta>'
    return _OPF.format(
        version="3.0" if version == 3 else "2.0",
        slug=book.slug,
        title=html.escape(book.title),
        author=html.escape(book.author),
        language=book.language,
        modified=modified if version == 3 else "",
        manifest="".join(items),
        toc="" if version == 3 else ' toc="ncx"',
        spine="".join(f'<itemref idref="c{i}"/>' for i in range(len(names))),
    )


def _nav(book: Book, names: list[str]) -> tuple[str, str]:
    entries = "".join(
        f'<li><a href="{name}">{html.escape(title)}</a></li>'
        for name, (title, _) in zip(names, book.chapters)
    )
    body = f'<nav epub:type="toc"><ol>{entries}</ol></nav>'
    return "OEBPS/nav.xhtml", _page(book.title, body)


def _ncx(book: Book, names: list[str]) -> tuple[str, str]:
    points = "".join(
        f'<navPoint id="p{i}" playOrder="{i + 1}"><navLabel><text>{html.escape(title)}</text>'
        f'</navLabel><content src="{name}"/></navPoint>'
        for i, (name, (title, _)) in enumerate(zip(names, book.chapters))
    )
    text = _NCX.format(slug=book.slug, title=html.escape(book.title), points=points)
    return "OEBPS/book.ncx", text
