"""From the characters of a page to its lines in reading order; pure geometry, no PDF.

Characters that follow each other closely are runs; runs side by side are a line. Columns
are told by a gutter that stays open over several lines: first the lines of one column, then
those of the next, from the right where the script runs that way. Vertical and turned text is
turned upright first, so the rest knows only lines from left to right and downwards.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import statistics
import unicodedata
from collections.abc import Sequence
from typing import Any

from castor.filters.media import pdf_bidi as bidi
from castor.filters.media.pdf_bidi import Glyph

# Shares of a character's height. Word spaces of justified text stay under one em; gutters
# between columns of a book are 1.2 to 3 em (Bringhurst, The Elements of Typographic Style).
RUN_GAP, BACK_GAP, GUTTER = 1.2, 0.8, 0.9
WORD_GAP = 0.15
ROW_CORE = 0.25  # of a character's height is cut above and below before lines are told apart
# A column of prose: lines, their usual width in em, and how much of the column they fill.
COLUMN_LINES, COLUMN_EMS, COLUMN_FILL = 3, 9.0, 0.55
WIDE = 0.62  # a stretch over this share of the region's width is no column
MAX_ROWS, MAX_DEPTH = 600, 6
SMALL = 0.8  # of the height of its neighbours: a superscript
_DIGITS = "0123456789"
_SUPERSCRIPTS = str.maketrans(_DIGITS, "⁰¹²³⁴⁵⁶⁷⁸⁹")
RUBY = 0.62  # readings are set at half the size of what they explain


@dataclasses.dataclass(slots=True)
class Run:
    """Characters that follow each other closely."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    size: float
    space: bool  # whether a space stands before it
    glyphs: list[Glyph]


def lines_of(glyphs: Sequence[Glyph]) -> tuple[str, list[list[Any]]]:
    """(direction, lines) of a page.

    Returns:
        `ltr`, `rtl` or `vertical`, and [text, x0, y0, x1, y1, size, block] of each line in
        reading order, in points from the smallest x and y of the upright page.
    """
    glyphs = _upright(glyphs)
    if not glyphs:
        return "ltr", []
    vertical = _is_vertical(glyphs)
    if vertical:
        # The first column is the rightmost: what was down is along, what was left is down.
        glyphs = [
            g._replace(x0=g.y0, x1=g.y1, y0=-g.x1, y1=-g.x0, space=" " if g.space == " " else "")
            for g in glyphs
        ]
    rtl = not vertical and _is_rtl(glyphs)
    runs = _without_ruby(_runs(glyphs))
    lines: list[list[Any]] = []
    for number, rows in enumerate(_blocks(runs, rtl, 0)):
        for row in rows:
            line = _line(row, rtl)
            if line[0].strip():
                lines.append([*line, number])
    return "vertical" if vertical else "rtl" if rtl else "ltr", lines


def _upright(glyphs: Sequence[Glyph]) -> list[Glyph]:
    """The characters of the orientation that most have, turned so that they stand upright."""
    if all(g.quarter == 0 for g in glyphs):
        return [*glyphs]
    turns = collections.Counter(round(g.quarter) % 4 for g in glyphs if _is_straight(g))
    if not turns:
        return []
    quarter = turns.most_common(1)[0][0]
    kept = [g for g in glyphs if _is_straight(g) and round(g.quarter) % 4 == quarter]
    if quarter == 3:
        return [g._replace(x0=-g.y1, x1=-g.y0, y0=g.x0, y1=g.x1) for g in kept]
    if quarter == 2:
        return [g._replace(x0=-g.x1, x1=-g.x0, y0=-g.y1, y1=-g.y0) for g in kept]
    if quarter == 1:
        return [g._replace(x0=g.y0, x1=g.y1, y0=-g.x1, y1=-g.x0) for g in kept]
    return kept


def _is_straight(glyph: Glyph) -> bool:
    return abs(glyph.quarter - round(glyph.quarter)) < 0.06


def _is_vertical(glyphs: Sequence[Glyph]) -> bool:
    """Whether most neighbours in the text stand below each other; only ideographs may."""
    text = "".join([g.character for g in glyphs])
    if text.isascii() or sum(c >= "\u2e80" for c in text) < 0.5 * len(text):
        return False
    down = along = 0
    for before, after in itertools.pairwise(glyphs):
        height = after.y1 - after.y0
        if abs(after.x0 - before.x0) < 0.3 * height and 0 < after.y0 - before.y0 < 2 * height:
            down += 1
        elif abs(after.y0 - before.y0) < 0.3 * height:
            along += 1
    return down > along


def _is_rtl(glyphs: Sequence[Glyph]) -> bool:
    if "".join([g.character for g in glyphs]).isascii():
        return False
    strong = [unicodedata.bidirectional(g.character) for g in glyphs]
    right = sum(s in ("R", "AL") for s in strong)
    return right > strong.count("L")


def _runs(glyphs: Sequence[Glyph]) -> list[Run]:
    """Runs of characters at one height, each at most 1.2 em behind or before the last one."""
    runs: list[Run] = []
    boxes: list[Glyph] = []
    left = top = right = bottom = height = 0.0
    for glyph in glyphs:  # half of the time of a page: nothing is called for every character
        _, x0, y0, x1, y1, _, _ = glyph
        mine = y1 - y0
        low, em = (mine, height) if mine < height else (height, mine)
        shared = (bottom if bottom < y1 else y1) - (top if top > y0 else y0)
        back, gap = -BACK_GAP * em, RUN_GAP * em
        follows = shared >= 0.4 * low and (back < x0 - right < gap or back < left - x1 < gap)
        if boxes and not follows:
            runs.append(_run(boxes))
            boxes = []
        boxes.append(glyph)
        left, top, right, bottom, height = x0, y0, x1, y1, mine
    return [*runs, _run(boxes)] if boxes else runs


def _run(boxes: list[Glyph]) -> Run:
    characters, lefts, tops, rights, bottoms, _, spaces = zip(*boxes, strict=True)
    heights = [b - t for t, b in zip(tops, bottoms, strict=True)]
    size = statistics.median_low(heights)
    pieces = [f" {c}" if space else c for c, space in zip(characters, spaces, strict=True)]
    pieces[0] = characters[0]
    if min(heights) < SMALL * size:
        _raise_small(pieces, boxes, size)
    return Run(
        "".join(pieces), min(lefts), min(tops), max(rights), max(bottoms), size,
        bool(spaces[0]), boxes,
    )  # fmt: skip


def _raise_small(pieces: list[str], boxes: list[Glyph], size: float) -> None:
    """Makes small raised digits superscripts, so that a note's number does not join a word."""
    floor = statistics.median_low([b.y1 for b in boxes])
    for i, box in enumerate(boxes):
        height = box.y1 - box.y0
        if height < SMALL * size and box.character in _DIGITS and box.y1 < floor - 0.1 * size:
            pieces[i] = pieces[i].translate(_SUPERSCRIPTS)


def _without_ruby(runs: list[Run]) -> list[Run]:
    """Without small kana beside ideographs: how these are read."""
    if len(runs) < 2:
        return runs
    ideographs = sum("\u4e00" <= c <= "\u9fff" for r in runs for c in r.text)
    if not ideographs:
        return runs
    body = statistics.median(r.size for r in runs for _ in r.text)
    return [
        r
        for r in runs
        if r.size > RUBY * body or not all("\u3041" <= c <= "\u30ff" or c == " " for c in r.text)
    ]


def _blocks(runs: list[Run], rtl: bool, depth: int) -> list[list[list[Run]]]:
    """Blocks of rows of runs, in reading order."""
    rows = _rows(runs)
    if len(rows) > MAX_ROWS or depth > MAX_DEPTH:
        return [rows]
    found: list[list[list[Run]]] = []
    plain: list[list[Run]] = []
    i = 0
    left, right = min(r.x0 for r in runs), max(r.x1 for r in runs)
    while i < len(rows):
        end, gaps = _columns(rows, i, right - left)
        if end == i:
            plain.append(rows[i])
            i += 1
            continue
        if plain:
            found.append(plain)
            plain = []
        inside = [r for row in rows[i:end] for r in row]
        edges = [float("-inf"), *gaps, float("inf")]
        sides = [
            [r for r in inside if a <= (r.x0 + r.x1) / 2 < b] for a, b in itertools.pairwise(edges)
        ]
        for side in reversed(sides) if rtl else sides:
            if side:
                found += _blocks(side, rtl, depth + 1)
        i = end
    return [*found, plain] if plain else found


def _rows(runs: list[Run]) -> list[list[Run]]:
    """Runs whose cores overlap in height, from the top."""
    rows: list[list[Run]] = []
    bottom = float("-inf")
    for run in sorted(runs, key=lambda r: (r.y0 + r.y1, r.x0)):
        core = ROW_CORE * (run.y1 - run.y0)
        if run.y0 + core < bottom:
            rows[-1].append(run)
            bottom = max(bottom, run.y1 - core) if run.size > 0 else bottom
        else:
            rows.append([run])
            bottom = run.y1 - core
    return rows


def _columns(rows: list[list[Run]], first: int, width: float) -> tuple[int, list[float]]:
    """(end, gutters) of the columns that begin at a row; (first, []) where there are none.

    The rows are taken as long as a gutter stays open; of these stretches the longest whose
    columns look like prose counts.
    """
    merged: list[list[float]] = []
    good = first
    for j in range(first, len(rows)):
        for run in rows[j]:
            merged = _union(merged, run)
        if len(merged) == 1 and merged[0][1] - merged[0][0] > WIDE * width:
            break
        if len(merged) > 1:
            good = j + 1
    if good - first < COLUMN_LINES:
        return first, []
    inside = [r for row in rows[first:good] for r in row]
    merged = []
    for run in inside:
        merged = _union(merged, run)
    sides = [[r for r in inside if a <= r.x0 <= b] for a, b in merged]
    if len(sides) < 2 or not all(
        _is_prose(s, b - a) for s, (a, b) in zip(sides, merged, strict=True)
    ):
        return first, []
    return good, [(a[1] + b[0]) / 2 for a, b in itertools.pairwise(merged)]


def _union(merged: list[list[float]], run: Run) -> list[list[float]]:
    """The stretches along x with one more; those closer than a gutter are one."""
    gap = GUTTER * run.size
    x0, x1 = run.x0, run.x1
    apart = []
    for a, b in merged:
        if b + gap < x0 or x1 + gap < a:
            apart.append([a, b])
        else:
            x0, x1 = min(a, x0), max(b, x1)
    return sorted([*apart, [x0, x1]])


def _is_prose(runs: list[Run], width: float) -> bool:
    rows = _rows(runs)
    if len(rows) < COLUMN_LINES:
        return False
    widths = [max(r.x1 for r in row) - min(r.x0 for r in row) for row in rows]
    usual = statistics.median(widths)
    em = statistics.median(r.size for r in runs)
    return usual >= COLUMN_EMS * em and usual >= COLUMN_FILL * width


def _line(row: list[Run], rtl: bool) -> list[Any]:
    """The runs of a row as one line."""
    text = ""
    foreign = (r.text for r in row if not r.text.isascii())
    if any("\u0590" <= c < "\u0900" or c >= "\ufb1d" for each in foreign for c in each):
        text = bidi.logical([g for r in row for g in r.glyphs], rtl=rtl, gap=WORD_GAP)
    else:
        ordered = sorted(row, key=lambda r: r.x0)
        longest = max(row, key=lambda r: len(r.text))
        for before, run in zip([None, *ordered], ordered, strict=False):
            if before is not None:
                apart = run.x0 - before.x1 > WORD_GAP * run.size
                text += " " if run.space or apart else ""
            raised = run.size < SMALL * longest.size and run.y1 < longest.y1 - 0.1 * longest.size
            text += run.text.translate(_SUPERSCRIPTS) if raised else run.text
    box = (
        min(r.x0 for r in row),
        min(r.y0 for r in row),
        max(r.x1 for r in row),
        max(r.y1 for r in row),
        max(row, key=lambda r: len(r.text)).size,
    )
    return [text, *(round(v, 2) for v in box)]
