"""Web archives and saved pages: the main text of every HTML page that they hold.

WARC, ARC, WET and WACZ, plain or packed with gzip, zstd, lz4, xz or bzip2; and single HTML
files. What a file is, is told by its content. Keys are `<source>:<path>@<offset>`, the offset
of the record in the file (see `_webarchive.Entry.place`).
"""

from __future__ import annotations

import dataclasses
import itertools
import re
import zipfile
from collections.abc import Iterator
from typing import BinaryIO, cast

from castor.filters.html import charset as charsets
from castor.filters.html import metadata
from castor.filters.html.extract import extract_html
from castor.filters.html.page_kind import PageKind
from castor.filters.reasons import Reason, Skip
from castor.filters.record import Modality, Record
from castor.pipelines.source import InputFile, Item, Rejected, RejectError, Skipped, source
from castor.pipelines.sources import _compression, _http, _languages, _webarchive

_PACKED = ("", ".gz", ".zst", ".lz4", ".xz", ".bz2")
_ARCHIVES = ("warc", "arc", "wet", "wat", "warc.wet", "warc.wat")
_PAGES = ("html", "htm", "xhtml")
_FILES = [f"*.{k}{p}" for k, p in itertools.product((*_ARCHIVES, *_PAGES), _PACKED)]

WANTED = frozenset({"response", "resource", "conversion"})
HTML = frozenset({"text/html", "application/xhtml+xml", "application/vnd.wap.xhtml+xml"})
PLAIN = "text/plain"
_LOOKS_LIKE_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|title|meta)\b",
    re.I | re.S,
)
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)")


@dataclasses.dataclass(frozen=True)
class Options:
    """Options of the source.

    Attributes:
        main_content: keep the main text only; false keeps navigation, headers and footers.
        comments: keep readers' comments too, after the main text.
    """

    main_content: bool = True
    comments: bool = False


@source(version=3, files=[*_FILES, "*.wacz"], options=Options)
def web(file: InputFile, options: Options) -> Iterator[Item]:
    """The pages of web archives (WARC, ARC, WET, WACZ) and of HTML files, main text only."""
    with file.open() as raw:
        if not raw.read(1):
            yield Rejected(file.key(), "", Reason.EMPTY, "the file has no bytes")
            return
        raw.seek(0)
        if raw.read(4) == b"PK\x03\x04":
            yield from _read_wacz(file, raw, options)
            return
        raw.seek(0)
        if _names(file.path, _ARCHIVES) or _webarchive.begins_archive(_first_bytes(raw, file)):
            yield from _read_archive(file, raw, "", options)
        else:
            yield _read_page_file(file, raw, options)


def _names(path: str, kinds: tuple[str, ...]) -> bool:
    """Whether the name ends in one of the kinds, packed or not."""
    return path.lower().endswith(tuple(f".{k}{p}" for k, p in itertools.product(kinds, _PACKED)))


def _first_bytes(raw: BinaryIO, file: InputFile) -> bytes:
    """Some unpacked bytes from the beginning; the file is where it was afterwards."""
    try:
        return _compression.open_stream(raw, file.path, limit_bytes=None).read(1 << 12)
    finally:
        raw.seek(0)


def _read_archive(file: InputFile, raw: BinaryIO, member: str, options: Options) -> Iterator[Item]:
    """The items of one WARC or ARC; `member` names it inside a WACZ."""
    name = f"{file.path}/{member}" if member else file.path
    entries = _webarchive.read_archive(raw, name, max_bytes=file.max_document_bytes, wanted=WANTED)
    for entry in entries:
        place = f"{member}@{entry.place}" if member else entry.place
        where = f"{member} offset {entry.place}" if member else f"offset {entry.place}"
        key = file.key(place)
        if isinstance(entry, _webarchive.Fault):
            yield Rejected(key, where, entry.reason, entry.message)
            continue
        try:
            yield _read_entry(file, key, entry, options)
        except RejectError as error:
            yield Rejected(key, where, error.reason, str(error))


def _read_wacz(file: InputFile, raw: BinaryIO, options: Options) -> Iterator[Item]:
    """The archives inside a WACZ, a zip with WARC files under archive/."""
    try:
        with zipfile.ZipFile(raw) as zipped:
            names = [n for n in zipped.namelist() if n.startswith("archive/") and n[-1] != "/"]
            if not names:
                message = "a zip without archive/*.warc.gz, so no WACZ"
                yield Rejected(file.key(), "", Reason.UNSUPPORTED_FORMAT, message)
            for name in names:
                if zipped.getinfo(name).flag_bits & 1:
                    yield Rejected(file.key(name), name, Reason.ENCRYPTED, "needs a password")
                    continue
                with zipped.open(name) as member:
                    yield from _read_archive(file, cast(BinaryIO, member), name, options)
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        yield Rejected(file.key(), "", Reason.CORRUPT, f"bad WACZ: {error}")


def _read_page_file(file: InputFile, raw: BinaryIO, options: Options) -> Item:
    """A file that is one page."""
    limit = file.max_document_bytes
    body = _compression.open_stream(raw, file.path, limit_bytes=None).read(limit + 1)
    if len(body) > limit:
        raise RejectError(Reason.TOO_LARGE, f"a page of more than {limit} bytes")
    if not _names(file.path, _PAGES) and not _LOOKS_LIKE_HTML.match(body):
        raise RejectError(Reason.UNSUPPORTED_FORMAT, "neither WARC, ARC, WACZ nor HTML")
    return _document(file, file.key(), body, "text/html", None, {}, options)


def _read_entry(file: InputFile, key: str, entry: _webarchive.Entry, options: Options) -> Item:
    """One record of an archive as an item.

    Raises:
        RejectError: it holds a page that cannot be read.
    """
    if entry.kind == "revisit":
        return Skipped(Skip.REVISIT)
    if entry.kind not in WANTED or _is_crawlers_own(entry):
        return Skipped(Skip.NOT_A_DOCUMENT)
    stated = entry.headers.get("content-type", "")
    response = _http.parse_response(entry.content) if entry.kind == "response" else None
    if response is None:
        if entry.kind == "response" and stated.lower().startswith("application/http"):
            raise RejectError(Reason.CORRUPT, "an HTTP response without a status line")
        response = _http.Response(200, {"content-type": stated}, entry.content)
    if not 200 <= response.status <= 299:
        return Skipped(Skip.NOT_OK)
    if entry.kind == "response" and "application/http" in stated.lower():
        stated = entry.headers.get("warc-identified-payload-type", "")
    mime, charset = _http.media_type(response.headers.get("content-type", "") or stated)
    if not mime and _LOOKS_LIKE_HTML.match(response.body[:4096]):
        mime = "text/html"
    if mime not in HTML and mime != PLAIN:
        return Skipped(Skip.NOT_HTML)
    if entry.n_bytes > file.max_document_bytes:
        message = f"a record of {entry.n_bytes} bytes, the limit is {file.max_document_bytes}"
        raise RejectError(Reason.TOO_LARGE, message)
    body, cut = _http.decode_body(response, file.max_document_bytes)
    return _document(file, key, body, mime, charset, _facts(entry, response, cut), options)


def _is_crawlers_own(entry: _webarchive.Entry) -> bool:
    """Whether it is a log or an argument list of wget or wpull, or a site's robots.txt."""
    url = _url(entry)
    return url.startswith(("metadata:", "urn:")) or url.endswith("/robots.txt")


def _url(entry: _webarchive.Entry) -> str:
    return entry.headers.get("warc-target-uri", "").strip("<> ")  # wget 1.14 writes brackets


def _facts(entry: _webarchive.Entry, response: _http.Response, cut: bool) -> dict[str, str | None]:
    """What the record's headers say about the page."""
    date = entry.headers.get("warc-date", "")
    spoken = entry.headers.get("warc-identified-content-language", "")
    language_tag = response.headers.get("content-language", "") or spoken
    truncated = entry.headers.get("warc-truncated") or ("content-encoding" if cut else None)
    return {
        "url": _url(entry) or None,
        "date": date if _DATE.fullmatch(date) else None,
        "language_tag": language_tag.split(",")[0].strip() or None,
        "truncated": truncated,
        "robots": ",".join(metadata.directives(response.headers.get("x-robots-tag", ""))) or None,
    }


def _document(
    file: InputFile,
    key: str,
    body: bytes,
    mime: str,
    charset: str | None,
    facts: dict[str, str | None],
    options: Options,
) -> Record:
    """The record of one page; what the page says of its language goes before the headers.

    Raises:
        RejectError: BAD_ENCODING, NO_TEXT.
    """
    try:
        if mime == PLAIN:
            text, used = charsets.decode(body, charset, html=False)
            text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
        else:
            page = extract_html(
                body,
                url=facts.get("url"),
                charset=charset,
                main_content=options.main_content,
                comments=options.comments,
            )
            text, used = "\n\n".join(filter(None, (page.text, page.comments))), page.charset
            facts = {**facts, **_stated(page.metadata, facts)}
            facts["kind"] = None if page.kind == PageKind.OTHER else str(page.kind)
            if page.truncated:
                facts["truncated"] = "elements"
    except charsets.UnreadableError as error:
        raise RejectError(error.reason, error.what) from error
    facts = {**facts, "mime": mime, "charset": used}
    if not text:
        raise RejectError(Reason.NO_TEXT, f"{len(body)} bytes of {mime} without text")
    facts["language"] = _languages.primary(facts.get("language_tag"))
    meta = {name: value for name, value in sorted(facts.items()) if value is not None}
    return Record(key=key, source=file.source, modality=Modality.TEXT, text=text, meta=meta)


def _stated(page: metadata.Metadata, facts: dict[str, str | None]) -> dict[str, str | None]:
    """What the page says about itself, as meta; robots together with the header's."""
    robots = {*page.robots, *filter(None, (facts.get("robots") or "").split(","))}
    return {
        "title": page.title,
        "canonical": page.canonical,
        "language_tag": page.language or facts.get("language_tag"),
        "author": page.author,
        "published": page.date,
        "licence": page.licence,
        "licence_url": page.licence_url,
        "robots": ",".join(sorted(robots)) or None,
    }
