"""EPUB 2 and 3: the text of the spine in reading order.

https://www.w3.org/TR/epub-33/ and http://idpf.org/epub/20/spec/OPF_2.0.1_draft.htm. Left
out: navigation documents, and what epub:type or the guide marks as cover, title page, table
of contents, copyright page or colophon; page-break and note-reference marks; the readings
of ruby. Documents outside the linear order come last, as `auxiliary`.
"""

from __future__ import annotations

import posixpath
import re
import urllib.parse
from html.entities import html5
from typing import BinaryIO

from lxml import etree

from castor.filters.reasons import Reason
from castor.pipelines.source import RejectError
from castor.pipelines.sources import _languages, _members
from castor.pipelines.sources._book import SPACE, Book, BookBuilder, facts
from castor.pipelines.sources._xml import Vocabulary, Walker, find, find_all, local, parse, text_of

EPUB_TYPE = "{http://www.idpf.org/2007/ops}type"
# Obfuscated fonts hide no text: EPUB 3.3, section 4.2.5, and Adobe's older scheme.
_FONT_SCHEMES = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_APPARATUS_TYPES = (
    "cover titlepage halftitlepage toc landmarks page-list loi lot loa lov copyright-page "
    "colophon imprint imprimatur other-credits"
)
_APPARATUS = frozenset(_APPARATUS_TYPES.split())
# Parts of the work, even where the markup puts them on the title page.
_KEPT = frozenset({"epigraph", "dedication", "preface", "foreword", "introduction", "prologue"})
_GUIDE_APPARATUS = frozenset({"cover", "title-page", "toc", "loi", "lot", "copyright-page"})
# File names that say the same in books without epub:type.
_APPARATUS_FILES = re.compile(
    r"(cover|title_?-?page|copyright|toc|contents|colophon|imprint)", re.I
)
_MARKS = frozenset({"noteref", "annoref", "pagebreak", "backlink"})
_SKIPPED_ELEMENTS = (
    "head script style nav template svg rt rp rtc audio video object iframe canvas noscript "
    "case form"
)
_SKIPPED = frozenset(_SKIPPED_ELEMENTS.split())
_DOCUMENTS = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")
_XML_ENTITIES = frozenset({"amp", "lt", "gt", "quot", "apos"})
_ENTITY = re.compile(rb"&([A-Za-z][A-Za-z0-9]{1,31});")


def read_epub(file: BinaryIO, name: str, *, limit_bytes: int) -> Book:
    """The one book of an EPUB.

    Raises:
        RejectError: `encrypted` under a digital lock, `corrupt`, `truncated`, `bomb`,
            `too_large` when the spine's documents together exceed `limit_bytes`.
    """
    found = _members.members(file, name, limit_bytes=limit_bytes)
    members = {m.path: m for m in found}
    opf_path = _package_path(members, name)
    opf = parse(_read(members, opf_path), opf_path)
    folder = posixpath.dirname(opf_path)
    linear, auxiliary = _spine(opf, folder)
    _refuse_locked(members, {*linear, *auxiliary, opf_path})
    builder, missing, n_bytes, lenient = BookBuilder(), [], 0, 0
    for kind, paths in (("chapter", linear), ("auxiliary", auxiliary)):
        for path in paths:
            if path not in members:
                missing.append(path)
                continue
            n_bytes += members[path].size
            if n_bytes > limit_bytes:
                raise RejectError(Reason.TOO_LARGE, f"{name}: its text is over {limit_bytes} bytes")
            root, strict = _document(members[path].read(), path)
            lenient += not strict
            if not _is_apparatus(root):
                Walker(_VOCABULARY, builder).walk(root, kind)
    text, parts = builder.build()
    meta = _facts(opf) | facts(
        missing_documents=", ".join(missing), malformed_documents=str(lenient) if lenient else None
    )
    return Book(text, parts, meta)


def _package_path(members: dict[str, _members.Member], name: str) -> str:
    if "META-INF/container.xml" not in members:
        raise RejectError(Reason.CORRUPT, f"{name}: no META-INF/container.xml in the EPUB")
    root = parse(_read(members, "META-INF/container.xml"), "META-INF/container.xml")
    for element in find_all(root, "rootfile"):
        path = element.get("full-path")
        if path:
            return _resolve("", path)
    raise RejectError(Reason.CORRUPT, f"{name}: container.xml names no package document")


def _read(members: dict[str, _members.Member], path: str) -> bytes:
    if path not in members:
        raise RejectError(Reason.CORRUPT, f"the EPUB has no {path}", place=path)
    return members[path].read()


def _refuse_locked(members: dict[str, _members.Member], needed: set[str]) -> None:
    if "META-INF/encryption.xml" not in members:
        return
    root = parse(members["META-INF/encryption.xml"].read(), "META-INF/encryption.xml")
    for data in find_all(root, "EncryptedData"):
        method, reference = find(data, "EncryptionMethod"), find(data, "CipherReference")
        scheme = "" if method is None else method.get("Algorithm", "")
        uri = "" if reference is None else reference.get("URI", "")
        if scheme not in _FONT_SCHEMES and _resolve("", uri) in needed:
            raise RejectError(Reason.ENCRYPTED, f"{uri} is encrypted with {scheme}", place=uri)


def _spine(opf: etree._Element, folder: str) -> tuple[list[str], list[str]]:
    """Paths of the linear and of the auxiliary documents, without navigation and apparatus."""
    guide = {
        _resolve(folder, e.get("href", ""))
        for e in find_all(opf, "reference")
        if (e.get("type") or "").lower() in _GUIDE_APPARATUS
    }
    items = {e.get("id"): e for e in find_all(opf, "item")}
    linear: list[str] = []
    auxiliary: list[str] = []
    for reference in find_all(opf, "itemref"):
        item = items.get(reference.get("idref"))
        if item is None or "nav" in (item.get("properties") or "").split():
            continue
        path = _resolve(folder, item.get("href", ""))
        stem = posixpath.splitext(posixpath.basename(path))[0]
        is_apparatus = path in guide or _APPARATUS_FILES.fullmatch(stem)
        if item.get("media-type") in _DOCUMENTS and not is_apparatus:
            (auxiliary if reference.get("linear") == "no" else linear).append(path)
    return linear, auxiliary


def _resolve(folder: str, href: str) -> str:
    """The member's path of a reference relative to a folder of the archive."""
    path = urllib.parse.unquote(href.split("#")[0])
    return posixpath.normpath(posixpath.join(folder, path)).lstrip("/")


def _document(data: bytes, path: str) -> tuple[etree._Element, bool]:
    """The root of a content document, and whether it was the XML that it must be.

    What is not well-formed is read as browsers read it; bombs are refused all the same.
    """
    # Named entities come from a DTD that is never loaded; their meaning is fixed by HTML.
    data = _ENTITY.sub(_character, data)
    try:
        return parse(data, path), True
    except RejectError as error:
        if error.reason is not Reason.CORRUPT:
            raise
    import lxml.html

    try:
        return lxml.html.document_fromstring(data), False
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise RejectError(Reason.CORRUPT, f"{path}: {error}", place=path) from error


def _is_apparatus(root: etree._Element) -> bool:
    """Whether a whole document is about the book: its contents, or matter around a colophon."""
    body = find(root, "body")
    if body is None:
        return False
    kinds = set().union(*(_types(e) for e in body.iter() if local(e)))
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


def _character(match: re.Match[bytes]) -> bytes:
    name = match[1].decode("ascii")
    found = html5.get(f"{name};")
    if found is None or name in _XML_ENTITIES:
        return match[0]
    return "".join(f"&#{ord(c)};" for c in found).encode("ascii")


def _facts(opf: etree._Element) -> dict[str, str]:
    def first(name: str) -> str:
        return next(filter(None, (text_of(e) for e in find_all(opf, name))), "")

    unique = opf.get("unique-identifier")
    identifiers = {e.get("id"): text_of(e) for e in find_all(opf, "identifier")}
    creators = dict.fromkeys(filter(None, (text_of(e) for e in find_all(opf, "creator"))))
    return facts(
        format="epub",
        title=first("title"),
        author="; ".join(creators),
        language=_languages.primary(first("language")),
        date=first("date"),
        publisher=first("publisher"),
        identifier=identifiers.get(unique) or first("identifier"),
        rights=first("rights"),
    )


def _types(element: etree._Element) -> set[str]:
    found = element.get(EPUB_TYPE) or element.get("epub:type") or ""
    return {*found.split(), *(element.get("role") or "").replace("doc-", "").split()}


def _skip(element: etree._Element) -> bool:
    if local(element) in _SKIPPED or element.get("hidden") is not None:
        return True
    types = _types(element)
    if types.isdisjoint(_APPARATUS):
        return not types.isdisjoint(_MARKS)
    return all(_types(e).isdisjoint(_KEPT) for e in element.iter() if local(e))


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
_VOCABULARY = Vocabulary(
    blocks=frozenset(_BLOCKS.split()),
    headings=frozenset({"h1", "h2", "h3", "h4", "h5", "h6"}),
    lines=frozenset({"br", "tr"}),
    notes=frozenset(),
    skip=_skip,
    section=lambda element: None,
    openers=frozenset({"h1", "h2", "h3"}),
    replace=_replace,
)
