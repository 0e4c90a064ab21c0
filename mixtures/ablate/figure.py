"""The figure of an ablation as one SVG: weights with intervals, how well the law predicts, proof.

It stands alone and may be inlined into a page: its style is its own and reaches nothing outside.
Every text is escaped.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

STYLE = """
svg.ablation { --ink: #1c1f23; --quiet: #666b73; --rule: #e3e0d9; --paper: #fbfaf7;
  --before: #858b93; --after: #1f7a5b; --worse: #c25a1c; --dot: #3f5d7d;
  font-family: -apple-system, "Segoe UI", Inter, Roboto, "Helvetica Neue", "Liberation Sans",
  system-ui, sans-serif; font-variant-numeric: tabular-nums; }
@media (prefers-color-scheme: dark) { svg.ablation { --ink: #e7e4de; --quiet: #989da5;
  --rule: #2e3238; --paper: #14161a; --before: #8b919a; --after: #4fb38c; --worse: #e08a4c;
  --dot: #8fabcb; } }
svg.ablation .paper { fill: var(--paper); } svg.ablation text { fill: var(--ink);
  font-size: 12px; }
svg.ablation .head { font-weight: 650; font-size: 13.5px; }
svg.ablation .quiet { fill: var(--quiet); }
svg.ablation .tick { fill: var(--quiet); font-size: 10.5px; }
svg.ablation .grid { stroke: var(--rule); }
svg.ablation .axis { stroke: var(--quiet); opacity: .7; }
svg.ablation .reach { stroke-width: 5; stroke-linecap: round; opacity: .28; stroke: var(--after); }
svg.ablation .reach.less, svg.ablation .arrow.less { stroke: var(--worse); }
svg.ablation .arrow { stroke: var(--after); stroke-width: 1.6; }
svg.ablation .before { fill: var(--paper); stroke: var(--before); stroke-width: 1.8; }
svg.ablation .after { fill: var(--after); } svg.ablation .after.less { fill: var(--worse); }
svg.ablation .run { fill: var(--dot); opacity: .75; } svg.ablation .run.named { opacity: 1; }
svg.ablation .equal { stroke: var(--quiet); stroke-dasharray: 3 3; }
svg.ablation .mean { stroke-width: 2.2; } svg.ablation .mean.b { stroke: var(--before); }
svg.ablation .mean.p { stroke: var(--after); } svg.ablation .seed { opacity: .8; }
svg.ablation .seed.b { fill: var(--before); } svg.ablation .seed.p { fill: var(--after); }
svg.ablation .band { opacity: .16; } svg.ablation .band.b { fill: var(--before); }
svg.ablation .band.p { fill: var(--after); } svg.ablation .cap { stroke: var(--worse); }
svg.ablation .yes { fill: var(--after); font-weight: 650; }
svg.ablation .no { fill: var(--worse); font-weight: 650; }
"""
WIDTH = 1072
TOP = 64  # below the headings
ROW = 30  # px of one domain
LOWEST, HIGHEST = 190, 280  # px of the plots
LEFT, GAP = 8, 60
LABEL, FIGURES = 118, 132  # px for a domain's name, and for its figures
WEIGHTS, SCATTER, CONFIRM = 520, 236, 180  # px of the three panels
NAMED = {"natural": "natural proportions", "uniform": "uniform", "baseline": "baseline"}


@dataclasses.dataclass(frozen=True)
class Axis:
    """Maps values to pixels; `of` may run down as well as up."""

    low: float
    high: float
    start: float
    stop: float

    def __call__(self, value: float) -> float:
        """The pixel of a value."""
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return self.start + share * (self.stop - self.start)

    def ticks(self, most: int = 5) -> list[float]:
        """Round values inside, at most `most` + 1 of them."""
        span = (self.high - self.low) or 1.0
        step = 10.0 ** math.floor(math.log10(span / most))
        step = next(step * m for m in (1, 2, 2.5, 5, 10, 20) if span / (step * m) <= most)
        first = math.ceil(self.low / step - 1e-9)
        return [i * step for i in range(first, math.floor(self.high / step + 1e-9) + 1)]


def figure(result: Mapping[str, Any]) -> Markup:
    """Draws what `ablation.json` holds; the keys are those of `result.assemble`."""
    domains = _ordered(result["domains"])
    height = max(ROW * len(domains), LOWEST)
    plots = min(height, HIGHEST)
    parts = [
        *_weights(domains, height),
        *_scatter(result, LEFT + WEIGHTS + GAP, plots),
        *_confirm(result, LEFT + WEIGHTS + SCATTER + 2 * GAP, plots),
    ]
    head = Markup(
        '<svg class="ablation" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" role="img" '
        'aria-label="{}"><style>{}</style><rect class="paper" width="100%" height="100%"/>'
    ).format(WIDTH, TOP + height + 44, _described(result, domains), Markup(STYLE))
    return head + Markup("").join(parts) + Markup("</svg>\n")


def _ordered(domains: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    """What is raised most comes first."""
    return sorted(domains.items(), key=lambda d: (d[1]["baseline"] - d[1]["proposed"], d[0]))


def _weights(domains: Sequence[tuple[str, Mapping[str, Any]]], height: float) -> list[Markup]:
    x0, x1 = LEFT + LABEL, LEFT + WEIGHTS - FIGURES
    capped = any(d["cap"] is not None for _, d in domains)
    high = max(max(d["high"], d["baseline"], d["proposed"]) for _, d in domains)
    axis = Axis(0.0, min(1.0, high * 1.08), x0, x1)
    parts = [
        _text(LEFT, 16, "Weights of the domains", "head"),
        _text(
            LEFT,
            34,
            "○ baseline   ● proposed, with its 95 % interval" + ("   | cap" if capped else ""),
            "quiet",
        ),
        _text(x1 + 74, 52, "proposed", "tick", "end"),
        _text(LEFT + WEIGHTS, 52, "interval", "tick", "end"),
    ]
    parts += _grid_x(axis, TOP, TOP + height, lambda v: f"{v:.0%}".replace("%", " %"))
    row = height / len(domains)
    for i, (name, d) in enumerate(domains):
        y = TOP + (i + 0.5) * row
        less = " less" if d["proposed"] < d["baseline"] else ""
        a, b, low, high = (axis(d[k]) for k in ("baseline", "proposed", "low", "high"))
        tip = (
            f"{name}: {d['baseline']:.1%} to {d['proposed']:.1%}, 95 % interval "
            f"{d['low']:.1%} to {d['high']:.1%}"
        )
        cap = d.get("cap")
        parts.append(Markup("<g><title>{}</title>").format(tip))
        if cap is not None and cap <= axis.high:
            parts.append(_line(axis(cap), y - 9, axis(cap), y + 9, "cap"))
        parts += [
            _line(low, y, high, y, f"reach{less}"),
            _line(a, y, b, y, f"arrow{less}"),
            _circle(a, y, 4.6, "before"),
            _circle(b, y, 5.2, f"after{less}"),
            Markup("</g>"),
            _text(x0 - 10, y + 4, _short(name, 17), "", "end"),
            _text(x1 + 74, y + 4, f"{d['proposed']:.1%}".replace("%", " %"), "", "end"),
            _text(LEFT + WEIGHTS, y + 4, f"{d['low']:.0%}–{d['high']:.0%}".replace("%", ""),
                  "quiet", "end"),
        ]  # fmt: skip
    return parts


def _scatter(result: Mapping[str, Any], x0: float, height: float) -> list[Markup]:
    runs = result["runs"]
    values = [r["score"] for r in runs] + [r["predicted"] for r in runs]
    low, high = min(values), max(values)
    pad = 0.05 * (high - low or 1.0)
    across = Axis(low - pad, high + pad, x0, x0 + SCATTER)
    up = Axis(low - pad, high + pad, TOP + height, TOP)
    parts = [
        _text(x0, 16, "Does the law predict?", "head"),
        _text(x0, 34, f"left-out runs, rank correlation {result['rho']:.2f}", "quiet"),
        _text(x0 + SCATTER, TOP + height + 34, "predicted bits per byte", "tick", "end"),
        _text(x0 - 34, 52, "observed", "tick"),
    ]
    parts += _grid_x(across, TOP, TOP + height, _plain)
    parts += _grid_y(up, x0, x0 + SCATTER)
    parts.append(_line(x0, TOP + height, x0 + SCATTER, TOP, "equal"))
    for run in runs:
        name = NAMED.get(run.get("name") or "", "")
        mixture = ", ".join(f"{d} {w:.0%}" for d, w in sorted(run["mixture"].items()) if w >= 0.005)
        tip = f"{name}: {mixture}" if name else mixture
        kind = "run named" if name else "run"
        parts.append(
            Markup('<g><title>{}; predicted {:.3f}, observed {:.3f}</title>{}</g>').format(
                tip, run["predicted"], run["score"],
                _circle(across(run["predicted"]), up(run["score"]), 4.2, kind),
            )
        )  # fmt: skip
    return parts


def _confirm(result: Mapping[str, Any], x0: float, height: float) -> list[Markup]:
    parts = [_text(x0, 16, "Confirm runs", "head")]
    confirm = result["confirm"]
    if confirm is None:
        return [*parts, _text(x0, 34, "none were trained", "no")]
    groups = (("b", "baseline", confirm["baseline"]), ("p", "proposal", confirm["proposal"]))
    values = [v for _, _, scores in groups for v in scores]
    pad = 0.15 * (max(values) - min(values) or 0.01)
    up = Axis(min(values) - pad, max(values) + pad, TOP + height, TOP)
    gain, error = confirm["gain"], confirm["standard_error"]
    parts += [
        _text(x0, 34, f"gain {signed(gain)} ± {error:.4f} (1 SE)", "quiet"),
        _text(x0, 52, "accepted" if result["accepted"] else "not accepted",
              "yes" if result["accepted"] else "no"),
    ]  # fmt: skip
    parts += _grid_y(up, x0, x0 + CONFIRM)
    for i, (kind, label, scores) in enumerate(groups):
        middle = x0 + CONFIRM * (0.28 + 0.46 * i)
        mean = sum(scores) / len(scores)
        deviation = math.sqrt(sum((s - mean) ** 2 for s in scores) / (len(scores) - 1))
        own = deviation / math.sqrt(len(scores))
        top, bottom = up(mean + own), up(mean - own)
        parts.append(
            Markup('<rect class="band {}" x="{:.1f}" y="{:.1f}" width="56" height="{:.1f}"/>')
            .format(kind, middle - 28, top, max(bottom - top, 1.0))
        )  # fmt: skip
        parts.append(_line(middle - 28, up(mean), middle + 28, up(mean), f"mean {kind}"))
        for j, score in enumerate(scores):
            x = middle + 30 * ((j + 0.5) / len(scores) - 0.5)
            parts.append(
                Markup("<g><title>{}, seed {}: {:.4f} bits per byte</title>{}</g>").format(
                    label, j, score, _circle(x, up(score), 4.2, f"seed {kind}")
                )
            )
        parts.append(_text(middle, TOP + height + 16, label, "tick", "middle"))
    return parts


def _grid_x(axis: Axis, top: float, bottom: float, say: Any) -> list[Markup]:
    parts = []
    for value in axis.ticks():
        x = axis(value)
        parts.append(_line(x, top, x, bottom, "grid"))
        parts.append(_text(x, bottom + 16, say(value), "tick", "middle"))
    return [*parts, _line(axis.start, bottom, axis.stop, bottom, "axis")]


def _grid_y(axis: Axis, left: float, right: float) -> list[Markup]:
    parts = []
    for value in axis.ticks():
        y = axis(value)
        parts.append(_line(left, y, right, y, "grid"))
        parts.append(_text(left - 5, y + 3.5, _plain(value), "tick", "end"))
    return parts


def _plain(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") if value % 1 else f"{value:.0f}"


def signed(value: float) -> str:
    """A number with its sign, four decimals: +0.0123, −0.0040."""
    return f"{value:+.4f}".replace("-", "−")


def _short(name: str, most: int) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> Markup:
    return Markup('<text class="{}" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(
        kind, x, y, anchor, text
    )


def _line(x0: float, y0: float, x1: float, y1: float, kind: str) -> Markup:
    return Markup('<path class="{}" fill="none" d="M{:.1f} {:.1f}L{:.1f} {:.1f}"/>').format(
        kind, x0, y0, x1, y1
    )


def _circle(x: float, y: float, radius: float, kind: str) -> Markup:
    return Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="{}"/>').format(kind, x, y, radius)


def _described(result: Mapping[str, Any], domains: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    weights = "; ".join(f"{n} {d['baseline']:.0%} to {d['proposed']:.0%}" for n, d in domains)
    verdict = "accepted" if result["accepted"] else "not accepted"
    return f"Weights of the domains, baseline to proposal: {weights}. The proposal is {verdict}."
