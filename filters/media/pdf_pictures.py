"""The pictures of a PDF page, and where in the file their bytes lie; in the child process only.

A picture that PDF packs as JPEG or JPEG 2000 lies in the file as a file of that format would,
so it can be referred to there. Others are rows of samples that only a PDF reader can show.
"""

from __future__ import annotations

import ctypes
import mmap
from typing import Any

import pypdfium2.raw as pdfium

MAX_OBJECTS = 2000  # of a page are looked at
MAX_PICTURE_BYTES = 64 << 20
MAX_SEARCHED_BYTES = 4 << 30  # of one request: a large file full of pictures
_WHOLE = (b"DCTDecode", b"JPXDecode")


class Pictures:
    """Finds the pictures of the pages of one document.

    Args:
        mapped: the file.
        begin, length: of the document in it.
    """

    def __init__(self, mapped: mmap.mmap, begin: int, length: int) -> None:
        self._mapped, self._begin, self._end = mapped, begin, begin + length
        self._at, self._left = begin, MAX_SEARCHED_BYTES

    def of_page(self, page: Any, *, located: bool) -> tuple[float, list[list[float | None]]]:
        """(share of the page that its largest picture covers, pictures).

        Args:
            page: of PDFium.
            located: whether the pictures are listed, each as [x0, y0, x1, y1, offset, length]:
                points, y downwards; place in the document, or null where its bytes are no
                file of their own.
        """
        area = pdfium.FPDF_GetPageWidthF(page) * pdfium.FPDF_GetPageHeightF(page)
        largest = 0.0
        found: list[list[float | None]] = []
        sides = [ctypes.c_float() for _ in range(4)]
        for i in range(min(MAX_OBJECTS, pdfium.FPDFPage_CountObjects(page))):
            thing = pdfium.FPDFPage_GetObject(page, i)
            if pdfium.FPDFPageObj_GetType(thing) != pdfium.FPDF_PAGEOBJ_IMAGE or (
                not pdfium.FPDFPageObj_GetBounds(thing, *[ctypes.byref(s) for s in sides])
            ):
                continue
            left, bottom, right, top = (s.value for s in sides)
            largest = max(largest, (right - left) * (top - bottom))
            if located:
                place = [round(v, 2) for v in (left, -top, right, -bottom)]
                found.append([*place, *self._place(thing)])
        return (min(1.0, largest / area) if area > 0 else 0.0), found

    def _place(self, thing: Any) -> tuple[int | None, int | None]:
        name = ctypes.create_string_buffer(16)
        if pdfium.FPDFImageObj_GetImageFilterCount(thing) != 1:
            return None, None
        pdfium.FPDFImageObj_GetImageFilter(thing, 0, name, len(name))
        length = pdfium.FPDFImageObj_GetImageDataRaw(thing, None, 0)
        if name.value not in _WHOLE or not 0 < length <= MAX_PICTURE_BYTES:
            return None, None
        data = ctypes.create_string_buffer(length)
        pdfium.FPDFImageObj_GetImageDataRaw(thing, data, length)
        # Pictures lie in the order of the pages as a rule: behind the last one first.
        for begin, end in ((self._at, self._end), (self._begin, self._at + length - 1)):
            end = min(end, self._end, begin + self._left)
            at = self._mapped.find(data.raw, begin, end) if begin < end else -1
            self._left -= max(0, (at if at >= 0 else end) - begin)
            if at >= 0:
                self._at = at
                return at - self._begin, length
        return None, None
