"""EPUB 2 and 3: the text of the spine in reading order, with its pictures.

https://www.w3.org/TR/epub-33/ and http://idpf.org/epub/20/spec/OPF_2.0.1_draft.htm. Sections
begin where the table of contents says, else at headings. Left out: navigation documents, and
what epub:type or the guide marks as cover, title page, table of contents, copyright page or
colophon; page-break and note-reference marks; the readings of ruby. Footnotes follow the
paragraph that refers to them. Documents outside the linear order come last, as `auxiliary`.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from html.entities import html5
from typing import BinaryIO

from lxml import etree

from castor.filters.reasons import Reason
from castor.pipelines.source import RejectError
from castor.pipelines.sources import _gutenberg, _languages, _members
from castor.pipelines.sources._book import Book, BookBuilder, facts
from castor.pipelines.sources._epub_markup import DocumentWalker, is_apparatus
from castor.pipelines.sources._epub_pictures import Pictures
from castor.pipelines.sources._epub_toc import (
    Contents,
    read_guide,
    read_nav,
    read_ncx,
    resolve,
)
from castor.pipelines.sources._xml import find, find_all, parse, text_of

# Obfuscated fonts hide no text: EPUB 3.3, section 4.2.5, and Adobe's older scheme.
_FONT_SCHEMES = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_GUIDE_APPARATUS = frozenset({"cover", "title-page", "toc", "loi", "lot", "copyright-page"})
# File names that say the same in books without epub:type.
_APPARATUS_FILES = re.compile(
    r"(cover|title_?-?page|copyright|toc|contents|colophon|imprint)", re.I
)
_DOCUMENTS = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")
_XML_ENTITIES = frozenset({"amp", "lt", "gt", "quot", "apos"})
_ENTITY = re.compile(rb"&([A-Za-z][A-Za-z0-9]{1,31});")
_SUBSET = re.compile(rb"<!DOCTYPE[^<>\[]*\[[^\]]*\]\s*>")  # which HTML does not know
_VERTICAL = re.compile(rb"writing-mode\s*:\s*(vertical-(?:rl|lr)|tb-rl)")
MAX_STYLE_BYTES, MAX_STYLES = 1 << 20, 16


def read_epub(
    file: BinaryIO, name: str, *, limit_bytes: int, uri: str | None = None, pictures: bool = True
) -> Book:
    """The one book of an EPUB.

    Args:
        file: seekable, at its beginning.
        name: of the file, for messages.
        limit_bytes: of the spine's documents together.
        uri: of the file, so that its pictures can be referred to; None inside an archive.
        pictures: whether they are looked at; their alternative texts stay without them.

    Raises:
        RejectError: `encrypted` under a digital lock, `corrupt`, `truncated`, `bomb`,
            `too_large` over `limit_bytes`.
    """
    head = file.read(2)
    file.seek(0)
    if head != b"PK":
        raise RejectError(Reason.CORRUPT, f"{name} does not begin as a zip, so it is no EPUB")
    found = _members.members(file, name, limit_bytes=limit_bytes)
    members = {m.path: m for m in found}
    opf_path = _package_path(members, name)
    opf = parse(_read(members, opf_path), opf_path)
    folder = posixpath.dirname(opf_path)
    linear, auxiliary = _spine(opf, folder)
    _refuse_locked(members, {*linear, *auxiliary, opf_path})
    contents = _contents(members, opf, folder)
    shown = Pictures(members if pictures else {}, uri)
    builder, missing, n_bytes, lenient = BookBuilder(), [], 0, 0
    walker = DocumentWalker(builder, contents, shown.number)
    for path, kind in _kinds(linear, auxiliary, contents):
        if path not in members:
            missing.append(path)
            continue
        n_bytes += members[path].size
        if n_bytes > limit_bytes:
            raise RejectError(Reason.TOO_LARGE, f"{name}: its text is over {limit_bytes} bytes")
        root, strict = _document(members[path].read(), path)
        lenient += not strict
        if not is_apparatus(root):
            walker.read(root, path, kind)
    gutenberg = builder.cut(_gutenberg.START, _gutenberg.END, _gutenberg.WORDS)
    text, parts = builder.build()
    meta = _facts(opf) | facts(
        missing_documents=", ".join(missing),
        malformed_documents=str(lenient) if lenient else None,
        publisher="Project Gutenberg" if gutenberg else None,
        writing_mode=_writing_mode(members, opf, folder),
        **({f"{why}_media": str(n) for why, n in sorted(shown.absent.items())} if pictures else {}),
    )
    return Book(text, parts, meta, media=tuple(shown.media))


def _kinds(linear: list[str], auxiliary: list[str], contents: Contents) -> list[tuple[str, str]]:
    """(path, kind) of the documents in reading order: what comes before the body is `front`."""
    body = contents.body
    if body not in linear and len(contents) > 1:
        body = next((p for p in linear if p in contents.entries), None)
    begin = linear.index(body) if body in linear else 0
    kinds = [(path, "front" if i < begin else "chapter") for i, path in enumerate(linear)]
    return kinds + [(path, "auxiliary") for path in auxiliary]


def _contents(members: Mapping[str, _members.Member], opf: etree._Element, folder: str) -> Contents:
    """What the navigation says, the newest kind first; a broken one says nothing."""
    contents = Contents()
    items = find_all(opf, "item")
    navs = [e for e in items if "nav" in (e.get("properties") or "").split()]
    ncxs = [e for e in items if e.get("media-type") == "application/x-dtbncx+xml"]
    for reader, found in ((read_nav, navs), (read_ncx, ncxs)):
        path = resolve(folder, found[0].get("href", "")) if found else ""
        if len(contents) > 1 or path not in members:
            continue
        try:
            root, _ = _document(members[path].read(), path)
        except RejectError as error:
            if error.reason is Reason.BOMB:
                raise
            continue
        reader(root, path, contents)
    read_guide(opf, folder, contents)
    return contents


def _writing_mode(
    members: Mapping[str, _members.Member], opf: etree._Element, folder: str
) -> str | None:
    """`vertical-rl` or `vertical-lr`, as the package or a style sheet says."""
    for element in find_all(opf, "meta"):
        mode = element.get("content") or ""
        if element.get("name") == "primary-writing-mode" and mode.startswith("vertical"):
            return mode
    styles = [e.get("href", "") for e in find_all(opf, "item") if e.get("media-type") == "text/css"]
    for href in styles[:MAX_STYLES]:
        member = members.get(resolve(folder, href))
        if member is None or member.fault is not None or member.size > MAX_STYLE_BYTES:
            continue
        found = _VERTICAL.search(member.read())
        if found:
            return found[1].decode().replace("tb-rl", "vertical-rl")
    return None


def _package_path(members: dict[str, _members.Member], name: str) -> str:
    if "META-INF/container.xml" not in members:
        raise RejectError(Reason.CORRUPT, f"{name}: no META-INF/container.xml in the EPUB")
    root = parse(_read(members, "META-INF/container.xml"), "META-INF/container.xml")
    for element in find_all(root, "rootfile"):
        path = element.get("full-path")
        if path:
            return resolve("", path)
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
        if scheme not in _FONT_SCHEMES and resolve("", uri) in needed:
            raise RejectError(Reason.ENCRYPTED, f"{uri} is encrypted with {scheme}", place=uri)


def _spine(opf: etree._Element, folder: str) -> tuple[list[str], list[str]]:
    """Paths of the linear and of the auxiliary documents, without navigation and apparatus."""
    guide = {
        resolve(folder, e.get("href", ""))
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
        path = resolve(folder, item.get("href", ""))
        stem = posixpath.splitext(posixpath.basename(path))[0]
        is_apparatus = path in guide or _APPARATUS_FILES.fullmatch(stem)
        if item.get("media-type") in _DOCUMENTS and not is_apparatus:
            (auxiliary if reference.get("linear") == "no" else linear).append(path)
    # A document is read once, however often the spine of a broken book names it.
    return list(dict.fromkeys(linear)), list(dict.fromkeys(auxiliary))


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
        return lxml.html.document_fromstring(_SUBSET.sub(b"", data, count=1)), False
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise RejectError(Reason.CORRUPT, f"{path}: {error}", place=path) from error


def _character(match: re.Match[bytes]) -> bytes:
    name = match[1].decode("ascii")
    found = html5.get(f"{name};")
    if found is None or name in _XML_ENTITIES:
        return match[0]
    return "".join(f"&#{ord(c)};" for c in found).encode("ascii")


def _facts(opf: etree._Element) -> dict[str, str]:
    def first(name: str) -> str:
        return next(filter(None, (text_of(e) for e in find_all(opf, name))), "")

    spine = find(opf, "spine")
    rtl = spine is not None and spine.get("page-progression-direction") == "rtl"
    unique = opf.get("unique-identifier")
    identifiers = {e.get("id"): text_of(e) for e in find_all(opf, "identifier")}
    creators = dict.fromkeys(filter(None, (text_of(e) for e in find_all(opf, "creator"))))
    return facts(
        format="epub",
        title=first("title"),
        author="; ".join(creators),
        language=_languages.primary(first("language")),
        date=first("date"),
        page_progression="rtl" if rtl else None,
        publisher=first("publisher"),
        identifier=identifiers.get(unique) or first("identifier"),
        rights=first("rights"),
    )
