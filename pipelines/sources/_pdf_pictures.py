"""The pictures of a PDF: checked, referred to where they lie in the file, put between lines."""

from __future__ import annotations

import collections
from collections.abc import Mapping, Sequence
from typing import Any

from castor.filters.media.window import Window
from castor.filters.record import MediaRef
from castor.pipelines.sources._epub_pictures import MAX_TOTAL_BYTES, checked
from castor.pipelines.sources._pdf_flow import Line

BACKGROUND = 0.85  # of a page or more is a scan of it, or paper

# (page, index of the line before which it stands), number in `Record.media`
Placed = list[tuple[tuple[int, int], int]]


def pictures_of(
    pages: Sequence[Mapping[str, Any]],
    lines: Sequence[Sequence[Line]],
    window: Window,
    uri: str | None,
) -> tuple[list[MediaRef], Placed, collections.Counter[str]]:
    """(references, where they stand, how many others there are by reason).

    Args:
        pages: as the child gave them.
        lines: those of each page that are text of the book.
        window: the file.
        uri: of the file, or None where it lies in an archive.

    Reasons: `packed` (its bytes are no picture file), `background`, `repeated`, `unreachable`,
    `broken`, `small`.
    """
    shown: list[tuple[tuple[int, int], MediaRef]] = []
    absent = collections.Counter[str]()
    seen: set[int] = set()
    n_bytes = 0
    for number, page in enumerate(pages):
        for *box, offset, length in page["pictures"]:
            found: MediaRef | str
            n_bytes += length or 0
            if page["picture"] > BACKGROUND:
                found = "background"
            elif offset is None:
                found = "packed"
            elif uri is None:
                found = "unreachable"
            elif offset in seen:
                found = "repeated"
            elif n_bytes > MAX_TOTAL_BYTES:
                found = "broken"
            else:
                with Window(window.fd, window.offset + offset, length) as part:
                    found = checked(part, uri, None, offset)
            if offset is not None:
                seen.add(offset)
            if isinstance(found, str):
                absent[found] += 1
                continue
            at = len(lines[number]) if page["turned"] else _line_below(box, lines[number])
            shown.append(((number, at), found))
    shown.sort(key=lambda pair: pair[0])
    placed = [(place, i) for i, (place, _) in enumerate(shown)]
    return [ref for _, ref in shown], placed, absent


def _line_below(box: Sequence[float], lines: Sequence[Line]) -> int:
    """The first line in reading order that stands below a picture in its column, or the end."""
    x0, _, x1, y1 = box
    for i, line in enumerate(lines):
        if line.x0 < x1 and line.x1 > x0 and line.y0 > y1 - 0.5 * line.size:
            return i
    return len(lines)
