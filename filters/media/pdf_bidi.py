"""A line as it is seen, from left to right, back into the order in which it is read.

The reverse of the Unicode Bidirectional Algorithm (UAX #9) for one line and two levels: what
is needed where a line holds Hebrew or Arabic, numbers, and words in another script.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple


class Glyph(NamedTuple):
    """One character: its box in points, y downwards; its turn in quarters; the space before."""

    character: str
    x0: float
    y0: float
    x1: float
    y1: float
    quarter: float
    space: str


_RIGHT = frozenset({"R", "AL"})
_LEFT = frozenset({"L", "EN", "AN"})


def logical(glyphs: Sequence[Glyph], *, rtl: bool, gap: float) -> str:
    """The text of the characters of one line in reading order.

    Args:
        glyphs: in any order; their places decide.
        rtl: whether the page runs from the right; a line without strong characters does too.
        gap: share of a character's height that is a space between words.
    """
    clusters = _clusters(glyphs)
    shown: list[tuple[str, str]] = []  # (text, direction) from left to right
    edge: float | None = None
    for x0, x1, height, text in clusters:
        if edge is not None and x0 - edge > gap * height:
            shown.append((" ", ""))
        shown.append((text, _direction(text[0])))
        edge = max(x1, edge) if edge is not None else x1
    right = sum(d == "R" for _, d in shown)
    left = sum(d == "L" and t[0].isalpha() for t, d in shown)
    base = "R" if right > left or (right == left and rtl) else "L"
    runs = _levels(shown, base)
    if base == "R":
        runs.reverse()
    return "".join(
        "".join(reversed([t for t, _ in run]) if d == "R" else [t for t, _ in run])
        for d, run in runs
    )


def _clusters(glyphs: Sequence[Glyph]) -> list[tuple[float, float, float, str]]:
    """(x0, x1, height, text) from left to right: what one shape shows, with marks upon it."""
    shapes: list[tuple[float, float, float, str]] = []
    for box, same in itertools.groupby(glyphs, key=lambda g: (g.x0, g.x1, g.y0, g.y1)):
        text = "".join(g.character for g in same)
        # PDFium turns every stretch of such a script round, ligatures included.
        if any(_direction(c) == "R" for c in text):
            text = text[::-1]
        shapes.append((box[0], box[1], box[3] - box[2], text))
    bases = sorted((s for s in shapes if not _is_mark(s[3])), key=lambda s: s[0] + s[1])
    marks = [""] * len(bases)
    for x0, x1, _, text in (s for s in shapes if _is_mark(s[3])):
        centre = (x0 + x1) / 2
        away = [max(base[0] - centre, centre - base[1]) for base in bases]
        if away:
            marks[away.index(min(away))] += text
    return [(*base[:3], base[3] + mark) for base, mark in zip(bases, marks, strict=True)]


def _is_mark(text: str) -> bool:
    return all(unicodedata.combining(c) for c in text)


def _direction(character: str) -> str:
    kind = unicodedata.bidirectional(character)
    return "R" if kind in _RIGHT else "L" if kind in _LEFT else ""


def _levels(shown: list[tuple[str, str]], base: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Runs of one direction; what has none takes that of both its sides, or the line's."""
    resolved: list[str] = [d for _, d in shown]
    i = 0
    while i < len(resolved):
        if resolved[i]:
            i += 1
            continue
        end = i
        while end < len(resolved) and not resolved[end]:
            end += 1
        before = resolved[i - 1] if i else base
        after = resolved[end] if end < len(resolved) else base
        resolved[i:end] = [before if before == after else base] * (end - i)
        i = end
    runs: list[tuple[str, list[tuple[str, str]]]] = []
    for direction, item in zip(resolved, shown, strict=True):
        if not runs or runs[-1][0] != direction:
            runs.append((direction, []))
        runs[-1][1].append(item)
    return runs
