"""Curves and stacked shares of the report as SVG.

Colours are the classes c0, c1, ... of the page's style sheet, so that they follow the
reader's light or dark mode; every series is also named in the key beside the drawing.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from markupsafe import Markup

WIDTH, HEIGHT = 520, 240
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 10, 34
COLOURS = 10
MOST_POINTS = 400  # of one curve; more are thinned evenly, which a screen cannot show anyway


@dataclasses.dataclass(frozen=True)
class Curve:
    """One series: a name and its points, x ascending; points that are not finite are left out."""

    name: str
    points: Sequence[tuple[float, float]]


def curves(series: Sequence[Curve], *, x: str, y: str, log_x: bool = False) -> Markup:
    """Lines over a common axis, with a key.

    Args:
        x, y: what the axes count, with the unit.
        log_x: whether the horizontal axis is logarithmic; points at x <= 0 are left out then.
    """
    kept = [Curve(s.name, _drawable(s.points, log_x)) for s in series]
    kept = [s for s in kept if s.points]
    if not kept:
        return Markup('<p class="none">Nothing was measured.</p>')
    xs = [p[0] for s in kept for p in s.points]
    ys = [p[1] for s in kept for p in s.points]
    frame = _Frame(min(xs), max(xs), *_room(min(ys), max(ys)), log_x=log_x)
    parts = [frame.axes(x, y)]
    for i, curve in enumerate(kept):
        path = "L".join(f"{frame.x(a):.1f} {frame.y(b):.1f}" for a, b in _thinned(curve.points))
        last = curve.points[-1]
        tip = f"{curve.name}: {_short(last[1])} at {_short(last[0])}"
        parts.append(
            Markup('<path class="curve c{}" d="M{}"><title>{}</title></path>').format(
                i % COLOURS, path, tip
            )
        )
        if len(curve.points) == 1:
            parts.append(
                Markup('<circle class="dot c{}" cx="{:.1f}" cy="{:.1f}" r="3"/>').format(
                    i % COLOURS, frame.x(last[0]), frame.y(last[1])
                )
            )
    label = f"{y} over {x}: " + ", ".join(s.name for s in kept)
    return _drawing(parts, label) + key([s.name for s in kept])


def stacked(series: Sequence[Curve], *, x: str, borders: Sequence[tuple[float, str]]) -> Markup:
    """Shares that add up to one, stacked over a common axis, with named borders.

    Args:
        series: every curve at the same x, first at the bottom.
        x: what the axis counts.
        borders: (x, name) of the places where something begins.
    """
    if not series or not series[0].points:
        return Markup('<p class="none">Nothing is mixed.</p>')
    xs = [p[0] for p in series[0].points]
    frame = _Frame(min(xs), max(xs), 0.0, 1.0)
    parts = [frame.axes(x, "share")]
    below = [0.0] * len(xs)
    for i, curve in enumerate(series):
        above = [b + p[1] for b, p in zip(below, curve.points, strict=True)]
        there = [f"{frame.x(a):.1f} {frame.y(b):.1f}" for a, b in zip(xs, above, strict=True)]
        back = [f"{frame.x(a):.1f} {frame.y(b):.1f}" for a, b in zip(xs, below, strict=True)]
        path = "L".join([*there, *reversed(back)])
        tip = f"{curve.name}: {curve.points[0][1]:.1%} at first, {curve.points[-1][1]:.1%} at last"
        parts.append(
            Markup('<path class="band c{}" d="M{}Z"><title>{}</title></path>').format(
                i % COLOURS, path, tip
            )
        )
        below = above
    for at, name in borders:
        parts.append(
            Markup(
                '<path class="axis" d="M{:.1f} {}V{}"/><text class="tick" x="{:.1f}" y="{}">{}'
                "</text>"
            ).format(frame.x(at), TOP, HEIGHT - BOTTOM, frame.x(at) + 4, TOP + 11, name)
        )
    label = "shares of " + ", ".join(s.name for s in series)
    return _drawing(parts, label) + key([s.name for s in series])


def key(names: Sequence[str]) -> Markup:
    """The names of series, each beside its colour."""
    items = [
        Markup('<span><span class="swatch c{}"></span>{}</span>').format(i % COLOURS, name)
        for i, name in enumerate(names)
    ]
    return Markup('<p class="legend">{}</p>').format(Markup(" ").join(items))


@dataclasses.dataclass(frozen=True)
class _Frame:
    """Places values in the drawing."""

    x0: float
    x1: float
    y0: float
    y1: float
    log_x: bool = False

    def x(self, value: float) -> float:
        low, high = self._scale(self.x0), self._scale(self.x1)
        span = high - low or 1.0
        return LEFT + (self._scale(value) - low) / span * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        span = self.y1 - self.y0 or 1.0
        return HEIGHT - BOTTOM - (value - self.y0) / span * (HEIGHT - TOP - BOTTOM)

    def _scale(self, value: float) -> float:
        return math.log(value) if self.log_x else value

    def axes(self, x: str, y: str) -> Markup:
        base = HEIGHT - BOTTOM
        parts = [
            Markup('<path class="axis" d="M{} {}V{}H{}"/>').format(LEFT, TOP, base, WIDTH - RIGHT)
        ]
        for value in _ticks(self.y0, self.y1, 5):
            parts.append(
                Markup(
                    '<path class="grid" d="M{} {:.1f}H{}"/><text class="tick" x="{}" y="{:.1f}" '
                    'text-anchor="end">{}</text>'
                ).format(LEFT, self.y(value), WIDTH - RIGHT, LEFT - 5, self.y(value) + 3.5,
                         _short(value))
            )  # fmt: skip
        for value in _powers(self.x0, self.x1) if self.log_x else _ticks(self.x0, self.x1, 5):
            parts.append(
                Markup(
                    '<path class="axis" d="M{:.1f} {}v4"/><text class="tick" x="{:.1f}" y="{}" '
                    'text-anchor="middle">{}</text>'
                ).format(self.x(value), base, self.x(value), base + 15, _short(value))
            )
        parts.append(
            Markup('<text class="tick" x="{}" y="{}" text-anchor="end">{}</text>').format(
                WIDTH - RIGHT, HEIGHT - 3, x
            )
        )
        parts.append(
            Markup('<text class="tick" x="{}" y="{}">{}</text>').format(LEFT + 5, TOP + 4, y)
            if y != "share"
            else Markup("")
        )
        return Markup("").join(parts)


def _drawing(parts: Sequence[Markup], label: str) -> Markup:
    head = Markup('<svg class="lines" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
        WIDTH, HEIGHT, label
    )
    return head + Markup("").join(parts) + Markup("</svg>")


def _drawable(points: Sequence[tuple[float, float]], log_x: bool) -> list[tuple[float, float]]:
    return [
        (a, b) for a, b in points if math.isfinite(a) and math.isfinite(b) and (a > 0 or not log_x)
    ]


def _thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    if len(points) <= MOST_POINTS:
        return points
    step = (len(points) - 1) / (MOST_POINTS - 1)
    return [points[round(i * step)] for i in range(MOST_POINTS)]


def _room(low: float, high: float) -> tuple[float, float]:
    """The range with a little room above and below, so that no curve lies on the frame."""
    room = (high - low or abs(high) or 1.0) * 0.06
    return low - room, high + room


def _ticks(low: float, high: float, most: int) -> list[float]:
    """Round values inside a range."""
    if high <= low:
        return [low]
    raw = (high - low) / most
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(m * size for m in (1, 2, 5, 10) if m * size >= raw)
    first = math.ceil(low / step)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


def _powers(low: float, high: float) -> list[float]:
    """Powers of two inside a range, at most eight of them."""
    found = [2.0**i for i in range(math.ceil(math.log2(low)), math.floor(math.log2(high)) + 1)]
    return found[:: max(1, math.ceil(len(found) / 8))]


def _short(value: float) -> str:
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g}"
