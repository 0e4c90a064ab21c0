"""Histograms of signals on the axes of their bins, with the thresholds of the policies.

Sources that were held against the same rules share a histogram; the same signal under
other rules gets another one, so that a line always means what the rows met.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Mapping, Sequence

from castor.filters.policy import Rule
from castor.pipelines.results import Results, bound_text, condition_text
from castor.pipelines.stages.statistics import BINS_PER_DECADE, LINEAR, LINEAR_BINS, edges_of

MAX_CHARTS = 36
BEYOND_BINS = 12  # a threshold further out than this is told at the edge, not drawn to scale
ZERO_WIDTH = 1.0  # bins that the slot for the value zero takes on a logarithmic axis


@dataclasses.dataclass(frozen=True)
class Bar:
    """One bin: where it lies on the axis (0 to 1), its edges, rows passed and dropped."""

    x0: float
    x1: float
    low: float
    high: float
    passed: int
    dropped: int


@dataclasses.dataclass(frozen=True)
class Threshold:
    """One bound of one rule: where its line stands, and which side of it is dropped.

    Attributes:
        x: place on the axis, 0 to 1.
        value: the bound.
        side: `left` or `right`: where what is dropped lies.
        beyond: the bound lies outside what is drawn.
        reason, text, cite: the rule's reason, what it demands, its source.
    """

    x: float
    value: float
    side: str
    beyond: bool
    reason: str
    text: str
    cite: str


@dataclasses.dataclass(frozen=True)
class Chart:
    """The histogram of one signal for the sources that share its rules."""

    signal: str
    sources: tuple[str, ...]
    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, str], ...]
    thresholds: tuple[Threshold, ...]
    passed: int
    dropped: int
    fired: int

    @property
    def tells(self) -> bool:
        """Whether there is something to see: more than yes and no, or more than one value."""
        flags = all(bar.low in (0, 1) for bar in self.bars) and len(self.bars) <= 2
        return self.fired > 0 or not (flags or len(self.bars) == 1)


class Axis:
    """Places the bins of a signal, and any value, on a line from 0 to 1."""

    def __init__(self, signal: str, bins: Sequence[int], bounds: Sequence[float]) -> None:
        self.signal, self.linear = signal, signal.endswith(LINEAR)
        self._positive = min((b for b in bins if b > 0), default=BINS_PER_DECADE * 10)
        self._negative = min((-b for b in bins if b < 0), default=BINS_PER_DECADE * 10)
        self._zero = 0 in bins and not self.linear
        slots = [self.slot(b) for b in bins]
        self._low, self._high = min(s[0] for s in slots), max(s[1] for s in slots)
        low, high = self._low, self._high
        for bound in bounds:
            at = self._raw(bound) + (1 if bound == 0 and not self.linear else 0)
            if low - BEYOND_BINS <= at <= high + BEYOND_BINS:
                self._low, self._high = min(self._low, at), max(self._high, at)
        if self.linear:
            self._low, self._high = 0, max(self._high, 5)
        pad = (self._high - self._low) * 0.02
        self._low, self._high = self._low - pad, self._high + pad

    def slot(self, number: int) -> tuple[float, float]:
        """Where a bin lies, in bins."""
        if self.linear:
            return number, number + 1
        if number == 0:
            return -ZERO_WIDTH - 0.5, -0.5
        if number > 0:
            return number - self._positive, number - self._positive + 1
        left = -0.5 - 2 * ZERO_WIDTH + (number + self._negative)
        return left - 1, left

    def place(self, value: float) -> float:
        """Where a value lies, 0 to 1; below 0 or above 1 if it is not drawn."""
        return self.scaled(self._raw(value))

    def scaled(self, slot: float) -> float:
        """A place in bins as a place from 0 to 1."""
        return (slot - self._low) / (self._high - self._low)

    def _raw(self, value: float) -> float:
        if self.linear:
            return value * LINEAR_BINS
        if value == 0:
            return -0.5 - ZERO_WIDTH / 2
        exact = math.log10(abs(value)) * BINS_PER_DECADE + 10 * BINS_PER_DECADE
        if value > 0:
            return exact - self._positive
        return -0.5 - 2 * ZERO_WIDTH - (exact - self._negative)

    def ticks(self) -> tuple[tuple[float, str], ...]:
        """(place, label) of a few round values."""
        if self.linear:
            steps = [0, 0.25, 0.5, 0.75, 1]
            if self._high < LINEAR_BINS / 2:
                steps = [0, 0.1, 0.2, 0.3, 0.4, 0.5]
            found = [(self.place(v), f"{v:g}") for v in steps]
        else:
            powers = [10.0**k for k in range(-9, 20)]
            found = [(self.place(v), short(v)) for v in powers]
            inside = [t for t in found if 0 <= t[0] <= 1]
            if len(inside) < 3:
                more = [v * m for v in powers for m in (1, 2, 5)]
                found = [(self.place(v), short(v)) for v in more]
            if self._zero:
                found.append((self.place(0), "0"))
        return _spread(sorted(t for t in found if 0 <= t[0] <= 1))


def charts(results: Results) -> list[Chart]:
    """The histograms of a run: of every group of sources those whose rules dropped most first.

    Signals that no rule reads come last, until MAX_CHARTS are there.
    """
    modalities = results.modalities()
    groups: dict[tuple[str, tuple[tuple[str, Rule], ...]], list[str]] = {}
    for source in modalities:
        rules = results.rules(source, modalities[source])
        mine = {s for src, s, _ in results.histograms if src == source}
        for signal in sorted(mine):
            key = (signal, tuple((p.name, r) for p, r in rules if r.signal == signal))
            groups.setdefault(key, []).append(source)
    found = [
        _chart(results, signal, [rule for _, rule in rules], sources)
        for (signal, rules), sources in groups.items()
    ]
    found.sort(key=lambda c: (-c.fired, c.signal, c.sources))
    # Sources take turns, so that no large one hides what was measured of the others.
    turn: Counter[tuple[str, ...]] = Counter()
    order: list[tuple[bool, bool, int]] = []
    for chart in found:
        turn[chart.sources] += 1
        order.append((not chart.tells, not chart.thresholds, turn[chart.sources]))
    ranked = sorted(range(len(found)), key=lambda i: (order[i], i))
    return [found[i] for i in ranked[:MAX_CHARTS]]


def _chart(results: Results, signal: str, rules: list[Rule], sources: list[str]) -> Chart:
    passed, dropped = (_merged(results, signal, sources, o) for o in ("kept", "dropped"))
    bins = sorted(set(passed) | set(dropped), key=lambda b: edges_of(signal, b))
    bounds = [(rule, name, bound) for rule in rules for name, bound in rule.bounds.items()]
    axis = Axis(signal, bins, [b for _, _, b in bounds])
    bars = []
    for number in bins:
        low, high = edges_of(signal, number)
        x0, x1 = (axis.scaled(s) for s in axis.slot(number))
        bars.append(Bar(x0, x1, low, high, passed[number], dropped[number]))
    fired = sum(
        n
        for (source, reason), n in results.counters.get("reason", {}).items()
        if source in sources and reason in {r.reason for r in rules}
    )
    return Chart(
        signal=signal,
        sources=tuple(sources),
        bars=tuple(bars),
        ticks=axis.ticks(),
        thresholds=tuple(_threshold(axis, *b) for b in bounds),
        passed=sum(passed.values()),
        dropped=sum(dropped.values()),
        fired=fired,
    )


def _threshold(axis: Axis, rule: Rule, name: str, bound: float) -> Threshold:
    x = axis.place(bound)
    if bound == 0 and not axis.linear:  # beside the slot of zero, on the side that is dropped
        left, right = axis.slot(0)
        x = axis.scaled(right + 0.25 if name in ("at_most", "above") else left - 0.25)
    when = condition_text(rule)
    return Threshold(
        x=min(1.0, max(0.0, x)),
        value=bound,
        side="left" if name in ("at_least", "above") else "right",
        beyond=not 0 <= x <= 1,
        reason=rule.reason,
        text=f"keeps {bound_text(rule)}" + (f", when {when}" if when else ""),
        cite=rule.cite,
    )


def _merged(results: Results, signal: str, sources: list[str], outcome: str) -> Counter[int]:
    total: Counter[int] = Counter()
    for source in sources:
        bins: Mapping[int, int] = results.histograms.get((source, signal, outcome), {})
        total.update(bins)
    return total


def _spread(ticks: list[tuple[float, str]]) -> tuple[tuple[float, str], ...]:
    """Leaves out ticks whose labels would touch."""
    found: list[tuple[float, str]] = []
    for tick in ticks:
        if not found or tick[0] - found[-1][0] > 0.09:
            found.append(tick)
    return tuple(found)


def short(value: float) -> str:
    """A number in few characters: 0.01, 250, 20 k, 3 M."""
    for limit, unit in ((1e9, " G"), (1e6, " M"), (1e4, " k")):
        if abs(value) >= limit:
            return f"{value / (1e3 if unit == ' k' else limit):.3g}{unit}"
    return f"{value:.3g}" if value != int(value) else f"{int(value)}"
