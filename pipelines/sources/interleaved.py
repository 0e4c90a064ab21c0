"""Pages of HTML and Markdown with the pictures they show, in document order."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import posixpath
from collections.abc import Callable, Iterator

from castor.filters.media.decoder import examine
from castor.filters.media.failure import MediaError
from castor.filters.media.magic import sniff
from castor.filters.media.reference import HEAD_BYTES, open_media
from castor.filters.reasons import Reason, Skip
from castor.filters.record import MediaRef, Modality, Part, Record
from castor.pipelines.source import InputFile, Item, Rejected, RejectError, Skipped, source
from castor.pipelines.sources import _media, _members, _pages
from castor.pipelines.sources._pages import Page, Picture, Text

HTML_SUFFIXES = (".html", ".htm", ".xhtml")
MARKDOWN_SUFFIXES = (".md", ".markdown", ".mkd")
PICTURES = _media.IMAGE_SUFFIXES | _media.UNREAD_IMAGE_SUFFIXES

# Where the bytes at a path of the folder or archive lie, None when there is no such file.
Find = Callable[[str], MediaRef | None]


@dataclasses.dataclass(frozen=True)
class Options:
    """Options of the source.

    Attributes:
        max_media_bytes: a picture over this is left out, and counted as broken.
        max_page_bytes: a page over this is rejected as `too_large`.
    """

    max_media_bytes: int = 64_000_000
    max_page_bytes: int = 8_000_000


@source(version=1, files=["*"], options=Options)
def interleaved(file: InputFile, options: Options) -> Iterator[Item]:
    """One record per page; parts are text spans and pictures as they follow each other.

    Pictures are looked up beside the page, in the same folder tree or archive, by their
    path on the page (src, srcset, lazy-loading attributes, picture sources, base href);
    never on the network. An alternative text is a span of its own, of kind `alt`, behind its
    picture, and stays where the picture is missing. `meta` has title, language, mime and
    counts where they are not 0: `missing_media` (not beside the page), `external_media` (on
    the network or inside the page), `broken_media` (not decodable,
    or a format without a reader), `unsafe_media` (a path
    that climbs out of the root). Pages without a picture are records too.
    """
    if _members.is_archive(file.path):
        yield from _in_archive(file, options)
        return
    if not _is_page(file.path):
        yield Skipped(_skip(file.path))
        return

    def find(path: str) -> MediaRef | None:
        beside = posixpath.relpath(path, posixpath.dirname(file.path) or ".")
        found = file.beside(beside)
        if found is None:
            return None
        return MediaRef(f"{file.source}:{path}", None, 0, found.stat().st_size, "", b"")

    if file.size > options.max_page_bytes:
        limit = options.max_page_bytes
        raise RejectError(Reason.TOO_LARGE, f"{file.size} bytes, the limit is {limit}")
    with file.open() as stream:
        yield _item(file, None, stream.read(), find, options)


def _in_archive(file: InputFile, options: Options) -> Iterator[Item]:
    index: dict[str, MediaRef] = {}
    # What breaks the archive is raised again, and reported, when its pages are read.
    with file.open() as stream, contextlib.suppress(RejectError):
        for member in _members.members(stream, file.path):
            if member.fault is None:
                ref = MediaRef(file.uri, member.path, member.offset or 0, member.size, "", b"")
                index[member.path] = ref
    with file.open() as stream:
        for member in _members.members(stream, file.path, limit_bytes=options.max_page_bytes):
            if not _is_page(member.path):
                yield Skipped(_skip(member.path))
                continue
            try:
                data = member.read()
            except RejectError as fault:
                place = member.path
                if fault.reason is Reason.DUPLICATE_KEY:
                    place += f"@{member.offset}"
                yield Rejected(file.key(place), member.path, fault.reason, str(fault))
                continue
            yield _item(file, member.path, data, index.get, options)


def _is_page(name: str) -> bool:
    return name.lower().endswith((*HTML_SUFFIXES, *MARKDOWN_SUFFIXES))


def _skip(name: str) -> Skip:
    """Pictures are read together with the pages that show them."""
    suffix = posixpath.splitext(name)[1].lower()
    return Skip.SIDECAR if suffix in PICTURES else Skip.OTHER_KIND


def _item(file: InputFile, member: str | None, data: bytes, find: Find, options: Options) -> Item:
    name = member if member is not None else file.path
    key, place = file.key(member or ""), member or ""
    if not data:
        return Rejected(key, place, Reason.EMPTY, "zero bytes")
    is_html = name.lower().endswith(HTML_SUFFIXES)
    if is_html:
        page = _pages.from_html(_pages.decode_html(data))
    else:
        try:
            page = _pages.from_markdown(data.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            return Rejected(key, place, Reason.BAD_ENCODING, f"Markdown that is no UTF-8: {error}")
    layout = _Layout(file, name, page, find, options)
    layout.fill()
    if not layout.parts:
        return Rejected(key, place, Reason.NO_TEXT, "neither text nor a picture")
    return Record(
        key=key,
        source=file.source,
        modality=Modality.INTERLEAVED,
        text="\n".join(layout.lines) or None,
        media=tuple(layout.media),
        parts=tuple(layout.parts),
        meta={
            **page.meta,
            "mime": "text/html" if is_html else "text/markdown",
            **{f"{what}_media": str(n) for what, n in sorted(layout.absent.items())},
        },
    )


class _Layout:
    """Turns the steps of a page into text, media and parts."""

    def __init__(
        self, file: InputFile, name: str, page: Page, find: Find, options: Options
    ) -> None:
        self.file, self.name, self.page, self.find, self.options = file, name, page, find, options
        self.lines: list[str] = []
        self.media: list[MediaRef] = []
        self.parts: list[Part] = []
        self.absent: collections.Counter[str] = collections.Counter()
        self._at = 0

    def fill(self) -> None:
        """Goes through the steps."""
        for step in self.page.steps:
            if isinstance(step, Text):
                self._add_text("text", step.text)
                continue
            ref, why = self._picture(step)
            if ref is None:
                self.absent[why] += 1
            else:
                self.parts.append(Part("image", media_index=len(self.media)))
                self.media.append(ref)
            if step.alt:
                self._add_text("alt", step.alt)

    def _add_text(self, kind: str, text: str) -> None:
        text = text.replace("\0", "").encode("utf-8", "replace").decode()
        n_bytes = len(text.encode())
        self.parts.append(Part(kind, self._at, self._at + n_bytes))
        self.lines.append(text)
        self._at += n_bytes + 1

    def _picture(self, picture: Picture) -> tuple[MediaRef | None, str]:
        """The first of its addresses that can be shown, else why none can."""
        why = "missing"
        for address in picture.addresses:
            try:
                path = _pages.resolve(self.name, self.page.base, address)
            except ValueError:
                why = "unsafe"
                continue
            if path is None:
                why = "external" if why == "missing" else why
                continue
            found = self.find(path)
            if found is not None:
                ref = self._examined(found)
                if ref is not None:
                    return ref, ""
                why = "broken"
        return None, why

    def _examined(self, found: MediaRef) -> MediaRef | None:
        """The reference with media type and digest, None if the picture does not decode."""
        if not 0 < found.length <= self.options.max_media_bytes:
            return None
        try:
            with open_media(found, {self.file.source: self.file.root}) as window:
                kind = sniff(window.at(0, HEAD_BYTES), window.at)
                if kind is None or kind.kind != "image":
                    return None
                digest = window.digest()
                examine("image", window, digest, kind.mime, kind.reader)
        except MediaError:
            return None
        return dataclasses.replace(found, mime=kind.mime, blake2b=digest)
