"""Reads the text of PDF pages with PDFium; runs in the decoder's child process only.

PDFium says which character stands where; `pdf_layout` makes lines in reading order of that.
A request reads a range of pages, so neither memory nor an answer grows with the book.
"""

from __future__ import annotations

import ctypes
import functools
import math
import mmap
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pypdfium2.raw as pdfium

from castor.filters.media import pdf_layout
from castor.filters.media.failure import Limits, MediaError
from castor.filters.media.pdf_bidi import Glyph
from castor.filters.media.pdf_pictures import Pictures
from castor.filters.media.window import Window
from castor.filters.reasons import Reason

# A page of a newspaper has 20,000 characters, one of a large table 50,000.
MAX_GLYPHS = 200_000
SLICE_S, SLICE_GLYPHS = 2.0, 500_000
MAX_OUTLINE, MAX_OUTLINE_DEPTH = 5000, 8
_HEAD_BYTES = 1024  # before the header there may be anything (PDF 1.7, appendix H)
_TAIL_BYTES = 2048  # the end mark stands in the last kilobyte (ISO 32000-2, 7.5.5)
_UNMAPPED_EVERY = 8  # asking for a faulty map costs as much as asking for the character
_SPACES = frozenset((0x20, 0xA0, 0x09, 0x3000, 0x2003, 0x2002, 0x2009, 0x202F))
_COPY_BIT = 1 << 4  # permission to extract text (ISO 32000-2, table 22)


def read(window: Window, request: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    """The pages `first` to `last` (exclusive) as lines in reading order, or the first of them.

    One answer ends where it took `SLICE_S` or has `SLICE_GLYPHS`. (That opening a file and
    finding a page takes time in proportion to the pages before it is why answers are not smaller.)

    Returns:
        `n_pages`; `facts` and `outline` of the document, with the first page; `pages`, each
        with `glyphs` (how many), `unmapped` (glyphs without a meaning), `picture` (share of
        the page that its largest picture covers), `direction`, `broken`, `lines`: [text, x0,
        y0, x1, y1, size, block] in points, y downwards, and, where the request asks for them,
        `pictures` as `Pictures.of_page` lists them, in the same points where `turned` is
        false; and `cpu_s`.

    Raises:
        MediaError: `encrypted`, `truncated`, `corrupt`, `too_large`, `bomb`.
    """
    began = time.process_time()
    with _opened(window) as (document, pictures):
        n_pages = pdfium.FPDF_GetPageCount(document)
        first = int(request["first"])
        last = min(int(request["last"]), n_pages)
        located = bool(request.get("pictures"))
        pages: list[dict[str, Any]] = []
        n_glyphs = 0
        for number in range(first, last):
            pages.append(_page(document, number, pictures, located))
            n_glyphs += pages[-1]["glyphs"]
            if time.process_time() - began > SLICE_S or n_glyphs > SLICE_GLYPHS:
                break
        return {
            "n_pages": n_pages,
            "facts": _facts(document) if first == 0 else {},
            "outline": _outline(document) if first == 0 else [],
            "pages": pages,
            "cpu_s": time.process_time() - began,
        }


@contextmanager
def _opened(window: Window) -> Iterator[tuple[Any, Pictures]]:
    head = window.offset % mmap.ALLOCATIONGRANULARITY
    try:
        mapped = mmap.mmap(
            window.fd, window.length + head, offset=window.offset - head, access=mmap.ACCESS_COPY
        )
    except (OSError, ValueError, OverflowError) as error:
        raise MediaError(Reason.TOO_LARGE, f"{window.length} bytes cannot be mapped") from error
    buffer = (ctypes.c_char * window.length).from_buffer(mapped, head)
    document = pdfium.FPDF_LoadMemDocument64(buffer, window.length, None)
    try:
        if not document:
            raise _refusal(window)
        yield document, Pictures(mapped, head, window.length)
    finally:
        if document:
            pdfium.FPDF_CloseDocument(document)
        del buffer
        mapped.close()


def _refusal(window: Window) -> MediaError:
    """Why PDFium does not open a file."""
    code = pdfium.FPDF_GetLastError()
    if code == pdfium.FPDF_ERR_PASSWORD:
        return MediaError(Reason.ENCRYPTED, "the PDF needs a password")
    if code == pdfium.FPDF_ERR_SECURITY:
        return MediaError(Reason.ENCRYPTED, "the PDF is locked by a scheme that PDFium lacks")
    if b"%PDF-" not in window.at(0, _HEAD_BYTES):
        return MediaError(Reason.CORRUPT, "the file does not begin as a PDF")
    tail = window.at(max(0, window.length - _TAIL_BYTES), _TAIL_BYTES)
    if b"%%EOF" not in tail:
        return MediaError(Reason.TRUNCATED, "the PDF ends without its end mark")
    return MediaError(Reason.CORRUPT, "PDFium finds no document in the file")


def _page(document: Any, number: int, pictures: Pictures, located: bool) -> dict[str, Any]:
    page = pdfium.FPDF_LoadPage(document, number)
    if not page:
        return {"glyphs": 0, "unmapped": 0, "picture": 0.0, "direction": "ltr", "lines": [],
                "turned": False, "pictures": [], "broken": True}  # fmt: skip
    try:
        text = pdfium.FPDFText_LoadPage(page)
        try:
            glyphs, unmapped = _glyphs(text, number)
        finally:
            pdfium.FPDFText_ClosePage(text)
        picture, shown = pictures.of_page(page, located=located)
    finally:
        pdfium.FPDF_ClosePage(page)
    direction, lines = pdf_layout.lines_of(glyphs)
    return {
        "glyphs": len(glyphs),
        "unmapped": unmapped,
        "picture": picture,
        "direction": direction,
        "lines": lines,
        "turned": direction == "vertical" or any(g.quarter for g in glyphs),
        "pictures": shown,
        "broken": False,
    }


def _glyphs(text: Any, number: int) -> tuple[list[Glyph], int]:
    """The characters that are shown, in the order of PDFium, and how many have no meaning."""
    n = pdfium.FPDFText_CountChars(text)
    if n > MAX_GLYPHS:
        raise MediaError(Reason.BOMB, f"page {number + 1} has {n} characters")
    box = pdfium.FS_RECTF()
    place = ctypes.addressof(box)
    text = ctypes.cast(text, ctypes.c_void_p).value
    code_of, box_of, angle_of, made, faulty = _of_characters()
    found: list[Glyph] = []
    make, top, bottom, quarter = tuple.__new__, math.inf, math.inf, 0.0
    unmapped, high, space = 0, 0, ""
    for i in range(max(0, n)):
        code = code_of(text, i)
        if code in _SPACES:
            if space != " ":
                space = "made" if made(text, i) == 1 else " "
            continue
        if not 0x20 < code < 0x7F:
            if (code < 0x20 and code != 2) or 0x7F <= code < 0xA0:
                continue
            if code == 2:  # PDFium's hyphen at a line's end
                code = 0x2D
            if 0xD800 <= code < 0xDC00:
                high = code
                continue
            if 0xDC00 <= code < 0xE000:
                if not high:
                    continue
                code, high = 0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00), 0
        if not box_of(text, i, place):
            continue
        if code == 0xFFFD or 0xE000 <= code < 0xF900:
            unmapped += 1
        elif i % _UNMAPPED_EVERY == 0 and faulty(text, i) == 1:
            unmapped += _UNMAPPED_EVERY
        y0, y1 = -box.top, -box.bottom
        if y0 != top or y1 != bottom:  # else it stands on the line of the one before
            top, bottom = y0, y1
            angle = angle_of(text, i)
            quarter = round(angle / (math.pi / 2), 2) if angle else 0.0
        # (Glyph.__new__ takes as long as a call of PDFium.)
        found.append(make(Glyph, (chr(code), box.left, y0, box.right, y1, quarter, space)))
        space = ""
    return found, min(unmapped, len(found))


@functools.cache
def _of_characters() -> list[Any]:
    """PDFium's functions of a character: its code, box, angle, whether it is made or unmapped.

    Called so, by plain addresses and keeping the interpreter's lock, they take 0.6 of the time;
    there are a hundred thousand calls for ten pages.
    """
    address, number = ctypes.c_void_p, ctypes.c_int
    return [
        ctypes.PYFUNCTYPE(result, address, number, *more)(ctypes.cast(function, address).value or 0)
        for function, result, more in (
            (pdfium.FPDFText_GetUnicode, ctypes.c_uint, ()),
            (pdfium.FPDFText_GetLooseCharBox, number, (address,)),
            (pdfium.FPDFText_GetCharAngle, ctypes.c_float, ()),
            (pdfium.FPDFText_IsGenerated, number, ()),
            (pdfium.FPDFText_HasUnicodeMapError, number, ()),
        )
    ]


def _facts(document: Any) -> dict[str, str]:
    named = {"title": b"Title", "author": b"Author", "date": b"CreationDate", "subject": b"Subject"}
    facts = {name: _wide(pdfium.FPDF_GetMetaText, document, tag) for name, tag in named.items()}
    locked = pdfium.FPDF_GetSecurityHandlerRevision(document) >= 0
    if locked and not pdfium.FPDF_GetDocPermissions(document) & _COPY_BIT:
        facts["copying"] = "forbidden"
    return {name: value for name, value in facts.items() if value}


def _outline(document: Any) -> list[dict[str, Any]]:
    """The bookmarks in order: title, depth from 0, page, and y in points from below or None."""
    found: list[dict[str, Any]] = []
    seen: set[int] = set()
    top = pdfium.FPDFBookmark_GetFirstChild(document, None)
    waiting = [(top, 0)]
    while waiting and len(found) < MAX_OUTLINE:
        mark, depth = waiting.pop()
        address = ctypes.cast(mark, ctypes.c_void_p).value if mark else None
        if not address or address in seen:
            continue
        seen.add(address)
        waiting.append((pdfium.FPDFBookmark_GetNextSibling(document, mark), depth))
        if depth + 1 < MAX_OUTLINE_DEPTH:
            waiting.append((pdfium.FPDFBookmark_GetFirstChild(document, mark), depth + 1))
        target = _target(document, mark)
        title = _wide(pdfium.FPDFBookmark_GetTitle, mark)
        if target is not None and title:
            found.append({"title": title, "depth": depth, "page": target[0], "y": target[1]})
    return found


def _target(document: Any, mark: Any) -> tuple[int, float | None] | None:
    place = pdfium.FPDFBookmark_GetDest(document, mark)
    if not place:
        action = pdfium.FPDFBookmark_GetAction(mark)
        place = pdfium.FPDFAction_GetDest(document, action) if action else None
    if not place:
        return None
    page = pdfium.FPDFDest_GetDestPageIndex(document, place)
    if page < 0:
        return None
    has_x, has_y, has_zoom = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    x, y, zoom = ctypes.c_float(), ctypes.c_float(), ctypes.c_float()
    pdfium.FPDFDest_GetLocationInPage(
        place, *[ctypes.byref(v) for v in (has_x, has_y, has_zoom)],
        *[ctypes.byref(v) for v in (x, y, zoom)],
    )  # fmt: skip
    return page, y.value if has_y.value else None


def _wide(function: Any, *arguments: Any) -> str:
    """What a function of PDFium writes as UTF-16 into a buffer, at most 4 kB of it."""
    buffer = ctypes.create_string_buffer(4096)
    n_bytes = min(function(*arguments, buffer, len(buffer)), len(buffer))
    text = buffer.raw[: max(0, n_bytes - 2)].decode("utf-16-le", "ignore")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
