"""Running heads, running feet and page numbers: what the edges of many pages repeat."""

from __future__ import annotations

import collections
import re
from collections.abc import Sequence

from castor.pipelines.sources._pdf_flow import Line

EDGE_ROWS = 2  # rows at the top and at the bottom of a page that may be furniture
NEAR_PAGES = 8  # heads change with the chapter; left and right pages have different ones
REPEATS = 2  # other pages near by that have the same line at the same height
MAX_WORDS = 16  # of a head that only its page number tells
_ROMAN = re.compile(r"[ivxlc]+")
_NUMBER = re.compile(r"\d{1,5}")
_PAGE_NUMBER = re.compile(
    r"\W*(?:(?:page|pág(?:ina)?|pag|seite|s|стр|p)\.?\s*)?(\d{1,5}|[ivxlc]{1,8})"
    r"(?:\s*(?:/|of|von|de|из|sur)\s*\d{1,5})?\W*",
    re.I,
)


def without_furniture(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """The lines of each page without its furniture.

    A row at the edge of a page goes if the same words stand at the same height on two other
    pages within eight; if a number in it grows with the pages as on two others; or if it is
    nothing but the number of the page in the file.
    """
    # (edge, form) -> pages and heights; form: the words, or by how much a number leads
    seen: dict[tuple[str, object], list[tuple[int, float]]] = collections.defaultdict(list)
    edges: list[list[tuple[int, str, list[object]]]] = []
    for number, lines in enumerate(pages):
        found = []
        for edge, i in _edge_rows(lines):
            forms = _forms(lines[i].text, number, edge)
            found.append((i, edge, forms))
            for form in forms:
                seen[edge, form].append((number, lines[i].y0))
        edges.append(found)
    kept = []
    for number, lines in enumerate(pages):
        gone = set()
        for i, edge, forms in edges[number]:
            alone = ("number", 1) in forms or ("number", 0) in forms
            repeated = any(
                _repeats(seen[edge, form], number, lines[i]) >= REPEATS for form in forms
            )
            if repeated or (alone and _stands_apart(lines, i, edge)):
                gone.add(i)
        kept.append([line for i, line in enumerate(lines) if i not in gone])
    return kept


def _edge_rows(lines: Sequence[Line]) -> list[tuple[str, int]]:
    """(edge, index) of the lines in the outermost rows; a short page has no edges to spare."""
    order = sorted(range(len(lines)), key=lambda i: lines[i].y0)
    n_rows = EDGE_ROWS if len(lines) > 2 * EDGE_ROWS else min(1, len(lines) - 1)
    found: list[tuple[str, int]] = []
    for edge, indices in (("top", order), ("bottom", order[::-1])):
        rows, last = 0, None
        for i in indices:
            if last is None or abs(lines[i].y0 - last) > 0.6 * lines[i].size:
                rows, last = rows + 1, lines[i].y0
            if rows > n_rows:
                break
            found.append((edge, i))
    return found


def _forms(text: str, page: int, edge: str) -> list[object]:
    """What may repeat in a line: its words if it has no number, and where its numbers lead.

    At the foot a number in front may be that of a note, so the words behind it count too.
    """
    alone = _PAGE_NUMBER.fullmatch(text)
    if alone:
        value = _value(alone[1])
        return [] if value is None else [("number", value - page), "number"]
    words = re.sub(r"\W+", " ", text.casefold()).split()
    if not words:
        return []
    ends = [(words[0], words[1:]), (words[-1], words[:-1])]
    numbers = [(int(w), rest) for w, rest in ends if _NUMBER.fullmatch(w)]
    if not numbers:
        return [] if any(_NUMBER.fullmatch(w) for w in words) else [" ".join(words)]
    if len(words) > MAX_WORDS:
        return []
    if edge == "bottom":
        return [("leads", value - page, *rest) for value, rest in numbers]
    return [("leads", value - page) for value, _ in numbers]


def _value(digits: str) -> int | None:
    if digits.isdecimal():
        return int(digits)
    total, before = 0, 0
    for letter in reversed(digits.casefold()):
        value = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}[letter]
        total += value if value >= before else -value
        before = max(before, value)
    return total


def _repeats(places: Sequence[tuple[int, float]], page: int, line: Line) -> int:
    near = {
        number
        for number, y in places
        if number != page and abs(number - page) <= NEAR_PAGES and abs(y - line.y0) < line.size
    }
    return len(near)


def _stands_apart(lines: Sequence[Line], i: int, edge: str) -> bool:
    """Whether a line is the outermost of its page and further away than lines are apart."""
    others = [line for j, line in enumerate(lines) if j != i]
    if not others:
        return True
    if edge == "top":
        return lines[i].y1 + 0.5 * lines[i].size < min(line.y0 for line in others)
    return lines[i].y0 - 0.5 * lines[i].size > max(line.y1 for line in others)
