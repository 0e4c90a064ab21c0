"""Pictures of the report as SVG: the flow of rows through a run, and histograms.

Colours come from the page's CSS classes, so that they follow the reader's light or dark
mode. Every text is escaped.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from markupsafe import Markup

from castor.pipelines.report.histograms import Chart, Threshold, short

STAGES = (("rejected", "read"), ("dropped", "policies"), ("duplicate", "dedup"),
          ("contaminated", "benchmarks"))  # fmt: skip
LOST = tuple(outcome for outcome, _ in STAGES)
PLAIN = {"duplicate": "duplicates"}

FLOW_WIDTH = 1040
FLOW_HEIGHT = 300  # px that all rows together take
BAR = 12  # width of a node
LEFT, RIGHT = 170, 190  # room for labels
TOP = 34
SLOT = 17  # px that a label needs
GAP = 30  # between the trunk and what was lost

PLOT_WIDTH, PLOT_HEIGHT = 340, 132
PLOT_TOP, PLOT_BOTTOM = 16, 20


@dataclasses.dataclass(frozen=True)
class Share:
    """One ribbon of the flow: a source (or modality) with its amounts by outcome."""

    name: str
    amounts: Mapping[str, int]

    @property
    def total(self) -> int:
        """All that came in."""
        return sum(self.amounts.values())

    def after(self, stage: int) -> int:
        """What is left after a number of stages."""
        return self.total - sum(self.amounts.get(o, 0) for o in LOST[:stage])


def flow(shares: Sequence[Share], say: Callable[[int], str]) -> Markup:
    """The flow from input to kept as ribbons, with what every stage took out below it.

    Args:
        shares: from top to bottom; amounts by outcome.
        say: an amount as text, with its unit.
    """
    shares = [s for s in shares if s.total]
    total = sum(s.total for s in shares)
    if not total:
        return Markup('<p class="none">Nothing came in.</p>')
    return _Flow(shares, total, say).drawing()


class _Flow:
    """Places nodes and ribbons; one object per drawing."""

    def __init__(self, shares: Sequence[Share], total: int, say: Callable[[int], str]) -> None:
        self.shares, self.total, self.say = shares, total, say
        self.scale = FLOW_HEIGHT / total
        self.parts: list[Markup] = []
        columns = len(STAGES) + 2
        step = (FLOW_WIDTH - LEFT - RIGHT - BAR) / (columns - 1)
        self.x = [LEFT + i * step for i in range(columns)]
        self.bottom = 0.0

    def drawing(self) -> Markup:
        left = self._spaced([s.total for s in self.shares])
        trunk = self._stacked([s.total for s in self.shares])
        for share, (y, h), (to, _) in zip(self.shares, left, trunk, strict=True):
            self._node(self.x[0], y, h, "in")
            label = f"{share.name} · {self.say(share.total)}"
            self._label(self.x[0] - 8, y + h / 2, label, "end", 27)
            self._ribbon(0, y, to, h, "in", f"{share.name}: {self.say(share.total)} in")
        for stage in range(len(STAGES)):
            trunk = self._stage(stage, trunk)
        self._kept(trunk)
        height = self.bottom + 12
        head = Markup(
            '<svg class="flow" viewBox="0 0 {} {:.0f}" role="img" aria-label="{}">'
        ).format(FLOW_WIDTH, height, self._summary())
        return head + Markup("").join(self.parts) + Markup("</svg>")

    def _summary(self) -> str:
        lost = ", ".join(f"{self.say(self._sum(o))} {PLAIN.get(o, o)}" for o in LOST)
        return f"{self.say(self.total)} in, {lost}, {self.say(self._sum('kept'))} kept"

    def _sum(self, outcome: str) -> int:
        return sum(s.amounts.get(outcome, 0) for s in self.shares)

    def _stage(self, stage: int, trunk: list[tuple[float, float]]) -> list[tuple[float, float]]:
        """Draws the trunk before a stage and what leaves it; gives the trunk after it."""
        outcome, title = STAGES[stage]
        x = self.x[stage + 1]
        last = stage == len(STAGES) - 1
        self._title(x, title)
        if trunk[-1][0] + trunk[-1][1] > TOP:
            self._node(x, TOP, trunk[-1][0] + trunk[-1][1] - TOP, "trunk")
        left = [s.after(stage + 1) for s in self.shares]
        after = self._spaced(left) if last else self._stacked(left)
        trunk_end = TOP + sum(left) * self.scale
        lost_y = (after[-1][0] + after[-1][1] if last else trunk_end) + GAP
        y = lost_y
        for share, (top, _), (to, h) in zip(self.shares, trunk, after, strict=True):
            if h:
                self._ribbon(stage + 1, top, to, h, "in", f"{share.name}: "
                             f"{self.say(share.after(stage + 1))} go on after {title}")  # fmt: skip
            n = share.amounts.get(outcome, 0)
            if n:
                thick = n * self.scale
                what = f"{share.name}: {self.say(n)} {PLAIN.get(outcome, outcome)}"
                self._ribbon(stage + 1, top + h, y, thick, outcome, what)
                y += thick
        if y > lost_y:
            self._lost(stage, outcome, lost_y, max(1.5, y - lost_y))
        return after

    def _lost(self, stage: int, outcome: str, y: float, h: float) -> None:
        x, n = self.x[stage + 2], self._sum(outcome)
        self._node(x, y, h, outcome)
        center, below = x + BAR / 2, y + h + 15
        share = f"{self.say(n)} · {n / self.total:.1%}"
        self._text(center, below, PLAIN.get(outcome, outcome), "middle", f"label {outcome}")
        self._text(center, below + 14, share, "middle", "label quiet")
        self.bottom = max(self.bottom, y + h + 15 + 14)

    def _kept(self, trunk: list[tuple[float, float]]) -> None:
        n = self._sum("kept")
        x = self.x[-1]
        title = f"kept {self.say(n)} · {n / self.total:.1%}"
        self._text(x + BAR / 2, 16, title, "middle", "label kept")
        for share, (y, h) in zip(self.shares, trunk, strict=True):
            kept = share.amounts.get("kept", 0)
            if kept:
                self._node(x, y, h, "kept")
            label = f"{share.name} · {self.say(kept)}"
            self._label(x + BAR + 8, y + h / 2, label, "start", 30, "" if kept else " quiet")
        self.bottom = max(self.bottom, trunk[-1][0] + trunk[-1][1], TOP + FLOW_HEIGHT)

    def _spaced(self, amounts: Sequence[int]) -> list[tuple[float, float]]:
        """(top, height) of nodes that leave room for a label each."""
        found, y = [], float(TOP)
        for amount in amounts:
            h = amount * self.scale
            slack = max(0.0, SLOT - h) / 2
            found.append((y + slack, h))
            y += max(h, SLOT) + 2
        return found

    def _stacked(self, amounts: Sequence[int]) -> list[tuple[float, float]]:
        found, y = [], float(TOP)
        for amount in amounts:
            found.append((y, amount * self.scale))
            y += amount * self.scale
        return found

    def _ribbon(self, column: int, y0: float, y1: float, h: float, kind: str, tip: str) -> None:
        x0, x1 = self.x[column] + BAR, self.x[column + 1]
        mid = (x0 + x1) / 2
        h = max(h, 0.6)
        path = (
            f"M{x0:.1f} {y0:.1f}C{mid:.1f} {y0:.1f} {mid:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
            f"V{y1 + h:.1f}C{mid:.1f} {y1 + h:.1f} {mid:.1f} {y0 + h:.1f} {x0:.1f} {y0 + h:.1f}Z"
        )
        self.parts.append(
            Markup('<path class="ribbon {}" d="{}"><title>{}</title></path>').format(
                kind, path, tip
            )
        )
        self.bottom = max(self.bottom, y1 + h)

    def _node(self, x: float, y: float, h: float, kind: str) -> None:
        self.parts.append(
            Markup('<rect class="node {}" x="{:.1f}" y="{:.1f}" width="{}" height="{:.1f}"/>')
            .format(kind, x, y, BAR, max(h, 1.0))
        )  # fmt: skip

    def _title(self, x: float, text: str) -> None:
        self._text(x + BAR / 2, 16, text, "middle", "label stage")

    def _label(self, x: float, y: float, text: str, anchor: str, most: int, more: str = "") -> None:
        text = text if len(text) <= most else text[: most - 1] + "…"
        self._text(x, y + 4, text, anchor, f"label{more}")

    def _text(self, x: float, y: float, text: str, anchor: str, kind: str) -> None:
        self.parts.append(
            Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(
                kind, x, y, anchor, text
            )
        )


def histogram(chart: Chart) -> Markup:
    """Rows that passed (filled) and rows that were dropped (line), each as shares of its own.

    The two have the same scale of shares, so a difference in shape is a difference in the
    rows and not in their number. Heights are square roots: most signals have one bin that
    holds nearly all rows, and it is the others that a threshold is about. Thresholds are
    lines, their dropped side is shaded.
    """
    inner = PLOT_HEIGHT - PLOT_TOP - PLOT_BOTTOM
    base = PLOT_TOP + inner
    top = max(
        [b.passed / chart.passed for b in chart.bars if chart.passed]
        + [b.dropped / chart.dropped for b in chart.bars if chart.dropped],
        default=1.0,
    )
    parts: list[Markup] = []
    for threshold in chart.thresholds:
        parts.append(_shade(threshold, base))
    for bar in chart.bars:
        x, width = bar.x0 * PLOT_WIDTH, max(1.2, (bar.x1 - bar.x0) * PLOT_WIDTH - 0.5)
        both = (("kept", bar.passed, chart.passed), ("dropped", bar.dropped, chart.dropped))
        for kind, n, of in both:
            if n:
                h = max(1.0, math.sqrt(n / of / top) * inner)
                parts.append(
                    Markup('<rect class="bin {}" x="{:.1f}" y="{:.1f}" width="{:.1f}" '
                           'height="{:.1f}"/>').format(kind, x, base - h, width, h)
                )  # fmt: skip
        parts.append(
            Markup('<rect class="hit" x="{:.1f}" y="{}" width="{:.1f}" height="{}">'
                   "<title>{}</title></rect>").format(
                x, PLOT_TOP, max(width, 3), inner, _tip(chart, bar.low, bar.high, bar.passed,
                                                        bar.dropped))
        )  # fmt: skip
    parts += [_line(t, base) for t in chart.thresholds]
    parts.append(
        Markup('<path class="axis" d="M0 {}H{}"/>').format(base, PLOT_WIDTH)
    )  # fmt: skip
    for x, label in chart.ticks:
        at = min(max(x * PLOT_WIDTH, 6), PLOT_WIDTH - 6)
        parts.append(
            Markup('<path class="axis" d="M{:.1f} {}v4"/><text class="tick" x="{:.1f}" y="{}" '
                   'text-anchor="middle">{}</text>').format(
                x * PLOT_WIDTH, base, at, base + 16, label)
        )  # fmt: skip
    head = Markup('<svg class="plot" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
        PLOT_WIDTH, PLOT_HEIGHT, _described(chart)
    )
    return head + Markup("").join(parts) + Markup("</svg>")


def _shade(threshold: Threshold, base: float) -> Markup:
    x = threshold.x * PLOT_WIDTH
    x0, x1 = (0.0, x) if threshold.side == "left" else (x, float(PLOT_WIDTH))
    return Markup('<rect class="shade" x="{:.1f}" y="{}" width="{:.1f}" height="{}"/>').format(
        x0, PLOT_TOP, x1 - x0, base - PLOT_TOP
    )


def _line(threshold: Threshold, base: float) -> Markup:
    x = threshold.x * PLOT_WIDTH
    arrow = {True: "→" if threshold.x > 0.5 else "←", False: ""}[threshold.beyond]
    anchor = "end" if threshold.x > 0.75 else "start" if threshold.x < 0.25 else "middle"
    tip = f"{threshold.reason}: {threshold.text}. {threshold.cite}"
    return Markup(
        '<g class="threshold" tabindex="0"><title>{}</title>'
        '<path d="M{:.1f} {}V{}"/><path class="hit" d="M{:.1f} {}V{}"/>'
        '<text x="{:.1f}" y="{}" text-anchor="{}">{}</text></g>'
    ).format(
        tip, x, PLOT_TOP - 2, base, x, PLOT_TOP - 2, base, x, PLOT_TOP - 5, anchor,
        f"{short(threshold.value)}{arrow}",
    )  # fmt: skip


def _tip(chart: Chart, low: float, high: float, passed: int, dropped: int) -> str:
    between = f"{short(low)}" if low == high else f"{short(low)} to {short(high)}"
    return f"{chart.signal} {between}: {passed:,} passed, {dropped:,} dropped"


def _described(chart: Chart) -> str:
    bounds: Iterable[str] = (f"{t.reason} {t.text}" for t in chart.thresholds)
    return f"Histogram of {chart.signal}; " + ("; ".join(bounds) or "no rule reads it")
