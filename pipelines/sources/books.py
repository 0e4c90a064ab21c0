"""The source `books`: long texts of one author, in the formats that libraries give."""

from __future__ import annotations

import dataclasses
import io
import posixpath
from collections.abc import Iterator
from typing import BinaryIO

from castor.filters.errors import ConfigError
from castor.filters.reasons import Reason, Skip
from castor.filters.record import Modality, Record, utf8_length
from castor.pipelines.source import InputFile, Item, Rejected, RejectError, Skipped, source
from castor.pipelines.sources import _languages, _members, _unpack
from castor.pipelines.sources._book import Book

PLAIN = (".txt", ".text")
MARKDOWN = (".md", ".markdown", ".mdown")
XML = (".xml", ".tei", ".fb2", ".dbk", ".docbook")
UNSUPPORTED = (".mobi", ".azw", ".azw3", ".djvu", ".docx", ".odt", ".rtf")
READABLE = (*PLAIN, *MARKDOWN, *XML, ".epub", ".pdf")
_PACKED = tuple(f"{s}{c}" for s in (*PLAIN, *MARKDOWN, *XML) for c in _unpack.SUFFIXES)
_PATTERNS = [f"*{s}" for s in (*READABLE, *_PACKED, *UNSUPPORTED, *_members.SUFFIXES)]


@dataclasses.dataclass(frozen=True)
class Options:
    """Options of the source.

    Attributes:
        language: the language where neither the document nor a folder of its path says one
            (BCP 47); empty if unknown.
        pictures: whether the pictures of an EPUB or a PDF are looked at and become parts. A
            book with pictures is of the modality `interleaved`, one without of `text`.
    """

    language: str = ""
    pictures: bool = True

    def __post_init__(self) -> None:
        """Refuses what is no language tag."""
        if self.language and _languages.primary(self.language) is None:
            raise ConfigError(
                "not a language tag",
                where="option language of the source books",
                got=repr(self.language),
                fix="give a BCP 47 tag such as en or pt-BR",
            )


@source(version=3, files=_PATTERNS, options=Options)
def books(file: InputFile, options: Options) -> Iterator[Item]:
    """Plain text, Markdown, EPUB, PDF, TEI, DocBook, FictionBook, Aozora Bunko, CES Bibles, UDHR.

    One document per book (per book of a Bible). Title, author, language, date and identifier
    go to meta where the book states them; parts are its chapters, front and back matter and
    notes, in order, and cover the text, with the pictures of EPUB and PDF between them. Headers,
    colophons, running heads and markup leave the text; of an archive's other members nothing
    is read.
    """
    if _members.is_archive(file.path):
        with file.open() as raw:
            for member in _members.members(raw, file.path, limit_bytes=file.max_document_bytes):
                yield from _member(file, options, member)
        return
    name = file.path.lower()
    if name.endswith(UNSUPPORTED):
        yield _unsupported(file, "", name)
        return
    with file.open() as raw:
        if name.endswith((".epub", ".pdf")):
            yield from _items(file, options, file.path, "", raw)
            return
        data = _unpack.unpack(raw, file.path, limit_bytes=file.max_document_bytes)
    yield from _items(file, options, _stem(file.path), "", io.BytesIO(data))


def _member(file: InputFile, options: Options, member: _members.Member) -> Iterator[Item]:
    name = _stem(member.path).lower()
    if member.fault is not None:
        yield Rejected(file.key(member.path), member.path, member.fault.reason, str(member.fault))
    elif name.endswith(UNSUPPORTED) or _members.is_archive(member.path):
        yield _unsupported(file, member.path, name)
    elif not name.endswith(READABLE) or posixpath.basename(name).startswith("."):
        yield Skipped(Skip.OTHER_KIND)
    else:
        try:
            limit = file.max_document_bytes
            raw = io.BytesIO(member.read())
            data = _unpack.unpack(raw, member.path, limit_bytes=limit)
        except RejectError as error:
            yield Rejected(file.key(member.path), member.path, error.reason, str(error))
            return
        yield from _items(file, options, _stem(member.path), member.path, io.BytesIO(data))


def _items(
    file: InputFile, options: Options, name: str, member: str, raw: BinaryIO
) -> Iterator[Item]:
    """The documents of one book file; `name` is its path without a compression's suffix."""
    try:
        uri = None if member or _stem(file.path) != file.path else file.uri
        for book in _read(name, raw, file.max_document_bytes, uri, options.pictures):
            place = "#".join(filter(None, (member, book.place)))
            yield _item(file, options, book, member or file.path, place)
    except RejectError as error:
        yield Rejected(file.key(member), member or error.place, error.reason, str(error))


def _item(file: InputFile, options: Options, book: Book, path: str, place: str) -> Item:
    key = file.key(place)
    if not book.text.strip():
        return Rejected(key, place, Reason.NO_TEXT, "the book has no text")
    if utf8_length(book.text) > file.max_document_bytes:
        message = f"the text is over {file.max_document_bytes} bytes"
        return Rejected(key, place, Reason.TOO_LARGE, message)
    meta = dict(book.meta)
    if "language" not in meta:
        named = _languages.of_path(path) or _languages.primary(options.language)
        if named:
            meta["language"] = named
    return Record(
        key=key,
        source=file.source,
        modality=Modality.INTERLEAVED if book.media else Modality.TEXT,
        text=book.text,
        media=book.media,
        parts=book.parts,
        meta=meta,
    )


def _read(
    name: str, raw: BinaryIO, limit_bytes: int, uri: str | None, pictures: bool
) -> Iterator[Book]:
    """The books of a file, by its suffix and its first bytes.

    Args:
        name: its path.
        raw: its bytes, seekable.
        limit_bytes: of text.
        uri: of the file if it is one of the input; None inside an archive or a compression.
        pictures: whether those of an EPUB or a PDF are looked at.
    """
    from castor.pipelines.sources import _aozora, _decode, _epub, _plain_book

    head = raw.read(1024)
    raw.seek(0)
    lower = name.lower()
    if not head:
        raise RejectError(Reason.EMPTY, f"{name} has no bytes")
    if lower.endswith(".pdf") or head.startswith(b"%PDF-"):
        yield _read_pdf(raw, name, limit_bytes, uri, pictures)
        return
    if lower.endswith(".epub"):
        yield _epub.read_epub(raw, name, limit_bytes=limit_bytes, uri=uri, pictures=pictures)
        return
    data = raw.read()
    if lower.endswith(XML) or data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<?xml"):
        yield from _read_xml(data, name)
        return
    text, _ = _decode.decode(data)
    if not text.strip():
        raise RejectError(Reason.NO_TEXT, f"{name} is only white space")
    if lower.endswith(MARKDOWN):
        yield _plain_book.read_markdown(text)
    elif _aozora.is_aozora(text):
        yield _aozora.read_aozora(text)
    else:
        yield _plain_book.read_plain(text)


def _read_pdf(raw: BinaryIO, name: str, limit_bytes: int, uri: str | None, pictures: bool) -> Book:
    from castor.filters.media.window import Window
    from castor.pipelines.sources import _pdf

    try:
        window = Window(raw.fileno(), 0, raw.seek(0, io.SEEK_END))
    except io.UnsupportedOperation:  # a member of an archive, in memory
        raw.seek(0)
        window = Window.of_bytes(raw.read())
    with window:
        return _pdf.read_pdf(window, name, limit_bytes=limit_bytes, uri=uri, pictures=pictures)


def _read_xml(data: bytes, name: str) -> Iterator[Book]:
    from castor.pipelines.sources import _docbook, _fb2, _scripture, _tei, _xml

    root = _xml.parse(data, name)
    kind = _xml.local(root)
    if _tei.is_tei(root):
        yield _tei.read_tei(root)
    elif kind == "cesDoc":
        yield from _scripture.read_ces(root)
    elif kind == "udhr":
        yield _scripture.read_udhr(root)
    elif kind == "FictionBook":
        yield _fb2.read_fb2(root)
    elif kind in _docbook.ROOTS:
        yield _docbook.read_docbook(root)
    else:
        raise RejectError(
            Reason.UNSUPPORTED_FORMAT, f"{name}: XML with the root <{kind}> has no reader"
        )


def _unsupported(file: InputFile, member: str, name: str) -> Rejected:
    suffix = posixpath.splitext(name)[1].lstrip(".")
    what = "an archive inside an archive" if _members.is_archive(name) else suffix.upper()
    message = f"{what} has no reader yet"
    return Rejected(file.key(member), member, Reason.UNSUPPORTED_FORMAT, message)


def _stem(path: str) -> str:
    """The path without the suffix of a compression."""
    suffix = next((s for s in _unpack.SUFFIXES if path.lower().endswith(s)), "")
    return path[: len(path) - len(suffix)]
