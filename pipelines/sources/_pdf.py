"""PDF: the text of the pages in reading order, as paragraphs and chapters.

The pages are read in the killable child of the media decoders (`castor.filters.media.pdf`),
some at a time. Running heads and page numbers leave the text, words cut at the end of a line
are made whole, paragraphs go on over columns and pages, footnotes follow the paragraph they
stand below. Chapters are those of the bookmarks, else large headings.
"""

from __future__ import annotations

import collections
import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any

from castor.filters.media import decoder
from castor.filters.media.failure import MediaError
from castor.filters.media.window import Window
from castor.filters.reasons import Reason
from castor.pipelines.source import RejectError
from castor.pipelines.sources._book import Book, BookBuilder, facts, first_level
from castor.pipelines.sources._pdf_flow import Flow, Line, Paragraph
from castor.pipelines.sources._pdf_furniture import without_furniture
from castor.pipelines.sources._pdf_pictures import Placed, pictures_of

PAGES_AT_ONCE = 1024  # at most: the child answers earlier where they take long
MAX_PAGES = 20_000
MAX_BYTES = 512 << 20  # the file is mapped by the child, which has 1.5 GB of address space
MAX_CPU_S = 300.0  # 100 times what a book of 500 pages takes
# A page with fewer glyphs than this has no text to speak of: a stamp, a page number.
FEW_GLYPHS = 32
SCANNED_PICTURE, SCANNED_PAGES = 0.5, 0.5  # of the page is picture; of the pages are such
OCR_PICTURE = 0.85  # text upon a picture of the whole page comes from character recognition
UNMAPPED = 0.2  # of the glyphs have no character: words cannot be told any more
_DATE = re.compile(r"D:(\d{4})(\d\d)?(\d\d)?")
_NO_TITLE = re.compile(
    r"(microsoft word - |untitled|unknown|.*\.(docx?|indd|qxd|tex|dvi|rtf|pdf|xlsx?|pages)$)", re.I
)


def read_pdf(
    window: Window, name: str, *, limit_bytes: int, uri: str | None = None, pictures: bool = False
) -> Book:
    """The one book of a PDF.

    Args:
        window: the bytes of the file.
        name: of the file, for messages.
        limit_bytes: of text.
        uri: of the file, so that its pictures can be referred to; None inside an archive.
        pictures: whether they are looked at.

    Raises:
        RejectError: `encrypted`, `scanned`, `bad_encoding` (its fonts do not say which
            characters they draw), `no_text`, `too_large`, `truncated`, `corrupt`, `bomb`,
            `timeout`, `worker_died`.
    """
    if window.length > MAX_BYTES:
        raise RejectError(Reason.TOO_LARGE, f"{name}: {window.length} bytes of PDF")
    try:
        first, pages = _pages(window, name, limit_bytes, pictures)
    except MediaError as error:
        raise RejectError(error.reason, f"{name}: {error.what}") from error
    _refuse(pages, name)
    lines = [[Line(*line) for line in page["lines"]] for page in pages]
    direction = _direction(pages)
    kept = without_furniture(lines)
    flow = Flow(kept, rtl=direction == "rtl")
    builder = BookBuilder()
    media, placed, absent = pictures_of(pages, kept, window, uri)
    _fill(builder, flow.paragraphs(), _marks(first["outline"], kept), placed)
    text, parts = builder.build()
    scanned = sum(p["picture"] > SCANNED_PICTURE and p["glyphs"] < FEW_GLYPHS for p in pages)
    recognised = sum(p["picture"] > OCR_PICTURE and p["glyphs"] >= FEW_GLYPHS for p in pages)
    meta = _facts(first["facts"]) | facts(
        pages=str(len(pages)),
        direction=direction if direction != "ltr" else None,
        scanned_pages=str(scanned) if scanned else None,
        recognised_pages=str(recognised) if recognised else None,
        broken_pages=str(n) if (n := sum(p["broken"] for p in pages)) else None,
        **{f"{why}_media": str(n) for why, n in sorted(absent.items())},
    )
    return Book(text, parts, meta, media=tuple(media))


def _pages(
    window: Window, name: str, limit_bytes: int, pictures: bool
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The first answer and the pages of all; bounded in pages, text and time."""
    ask = functools.partial(decoder.shared().request, "pdf", window, pictures=pictures)
    answer = first = ask(first=0, last=PAGES_AT_ONCE)
    pages: list[dict[str, Any]] = []
    n_bytes, cpu_s = 0, 0.0
    while True:
        pages += answer["pages"]
        n_bytes += sum(len(line[0].encode()) for p in answer["pages"] for line in p["lines"])
        cpu_s += answer["cpu_s"]
        if first["n_pages"] > MAX_PAGES or n_bytes > limit_bytes:
            message = f"{name}: {first['n_pages']} pages, {n_bytes} bytes of text so far"
            raise RejectError(Reason.TOO_LARGE, message)
        if cpu_s > MAX_CPU_S:
            raise RejectError(Reason.TIMEOUT, f"{name}: {len(pages)} pages took {cpu_s:.0f} s")
        if len(pages) >= first["n_pages"] or not answer["pages"]:
            return first, pages
        at = len(pages)
        answer = ask(first=at, last=at + PAGES_AT_ONCE)


def _refuse(pages: Sequence[Mapping[str, Any]], name: str) -> None:
    """Rejects what has no text that could be read."""
    n_glyphs = sum(p["glyphs"] for p in pages)
    scanned = sum(p["glyphs"] < FEW_GLYPHS and p["picture"] > SCANNED_PICTURE for p in pages)
    if pages and scanned > SCANNED_PAGES * len(pages):
        message = f"{name}: {scanned} of {len(pages)} pages are pictures without text"
        raise RejectError(Reason.SCANNED, message)
    if not n_glyphs:
        raise RejectError(Reason.NO_TEXT, f"{name}: {len(pages)} pages without text")
    unmapped = sum(p["unmapped"] for p in pages)
    if unmapped > UNMAPPED * n_glyphs:
        message = f"{name}: {unmapped} of {n_glyphs} glyphs stand for no character"
        raise RejectError(Reason.BAD_ENCODING, message)


def _direction(pages: Sequence[Mapping[str, Any]]) -> str:
    """The direction of most of the text."""
    weights: dict[str, int] = {}
    for page in pages:
        weights[page["direction"]] = weights.get(page["direction"], 0) + page["glyphs"]
    return max(sorted(weights), key=weights.__getitem__)


def _facts(found: Mapping[str, str]) -> dict[str, str]:
    title, author = found.get("title"), found.get("author")
    date = _DATE.match(found.get("date", ""))
    return facts(
        format="pdf",
        title=None if title is None or _NO_TITLE.match(title) else title,
        author=None if author in ("anonymous", "unknown") else author,
        date="-".join(filter(None, date.groups())) if date else None,
        copying=found.get("copying"),
    )


# --- chapters ------------------------------------------------------------------------------

# (page, index of the line on it) -> (depth, title) of the entries that begin there
Marks = dict[tuple[int, int], list[tuple[int, str]]]


def _marks(outline: Sequence[Mapping[str, Any]], pages: Sequence[Sequence[Line]]) -> Marks:
    """Where the bookmarks point to; nothing where they are too few to divide a book."""
    found: Marks = {}
    level = first_level(entry["depth"] for entry in outline)
    for entry in outline:
        number = entry["page"]
        while number < len(pages) and not pages[number]:
            number += 1
        if number >= len(pages):
            continue
        lines, y = pages[number], entry["y"]
        at = 0
        if y is not None and number == entry["page"]:
            below = [i for i, line in enumerate(lines) if line.y1 > -y + 0.3 * line.size]
            titled = (i for i in below if _same(lines[i].text, entry["title"]))
            at = next(titled, below[0] if below else 0)
        found.setdefault((number, at), []).append((max(0, entry["depth"] - level), entry["title"]))
    return found if len(found) > 1 else {}


def _same(line: str, title: str) -> bool:
    a, b = ("".join(c for c in t.casefold() if c.isalnum()) for t in (line, title))
    return bool(a) and (a in b or b in a)


def _fill(
    builder: BookBuilder, paragraphs: Sequence[Paragraph], marks: Marks, placed: Placed
) -> None:
    """Adds paragraphs and pictures; a picture inside a paragraph follows it."""
    size = _chapter_size(paragraphs)
    if marks:
        builder.section("front")
    waiting, shown = collections.deque(sorted(marks.items())), collections.deque(placed)
    for paragraph in paragraphs:
        while shown and shown[0][0] <= paragraph.first and not paragraph.note:
            builder.picture(shown.popleft()[1])
        while waiting and waiting[0][0] <= paragraph.last and not paragraph.note:
            for depth, title in waiting.popleft()[1]:
                builder.entry(depth, title)
        if not marks and paragraph.heading and paragraph.size >= size:
            builder.section()
        builder.block(paragraph.text, heading=paragraph.heading)
    for _, number in shown:
        builder.picture(number)


def _chapter_size(paragraphs: Sequence[Paragraph]) -> float:
    """The largest size of headings that stand on two pages or more."""
    sizes: dict[float, set[int]] = {}
    for paragraph in paragraphs:
        if paragraph.heading:
            sizes.setdefault(round(paragraph.size), set()).add(paragraph.last[0])
    often = [size for size, pages in sizes.items() if len(pages) > 1]
    return max(often, default=0) - 0.5
