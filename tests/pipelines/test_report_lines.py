"""Curves and stacked shares of the report: values where they belong, text that is escaped."""

import re
import xml.dom.minidom

import pytest
from hypothesis import given
from hypothesis import strategies as st

from castor.pipelines.report.lines import (
    BOTTOM,
    HEIGHT,
    LEFT,
    MOST_POINTS,
    RIGHT,
    TOP,
    WIDTH,
    Curve,
    curves,
    stacked,
)

NUMBERS = st.floats(-1e9, 1e9, allow_nan=False)


def paths(markup, kind):
    """The points of every path of a class, as lists of (x, y)."""
    found = re.findall(rf'class="{kind} c\d+" d="M([^"Z]*)Z?"', str(markup))
    return [[tuple(map(float, p.split())) for p in path.split("L")] for path in found]


def ticks(markup):
    return re.findall(r'class="tick"[^>]*>([^<]*)<', str(markup))


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=30), st.booleans())
def test_every_point_lies_inside_the_frame(points, log_x):
    drawn = curves([Curve("a", sorted(points))], x="tokens", y="nats", log_x=log_x)
    svg = str(drawn).partition('<p class="legend">')[0]
    if svg.startswith("<svg"):
        xml.dom.minidom.parseString(svg)
    for path in paths(drawn, "curve"):
        for x, y in path:
            assert LEFT - 0.1 <= x <= WIDTH - RIGHT + 0.1
            assert TOP - 0.1 <= y <= HEIGHT - BOTTOM + 0.1


def test_a_higher_value_lies_higher_and_a_later_one_to_the_right():
    ((first, second, third),) = paths(
        curves([Curve("a", [(0, 1.0), (10, 3.0), (30, 2.0)])], x="x", y="y"), "curve"
    )
    assert first[0] == LEFT
    assert third[0] == WIDTH - RIGHT
    assert second[0] - first[0] == pytest.approx((third[0] - first[0]) / 3, abs=0.1)
    assert second[1] < third[1] < first[1]


def test_what_is_not_finite_is_left_out():
    points = [(0, 1.0), (1, float("nan")), (2, float("inf")), (3, 2.0)]
    drawn = curves([Curve("a", points)], x="x", y="y")
    assert len(paths(drawn, "curve")[0]) == 2
    assert "nan" not in drawn
    assert ">2<" in drawn


def test_a_long_curve_is_thinned_to_its_ends():
    (path,) = paths(curves([Curve("a", [(i, i) for i in range(5000)])], x="x", y="y"), "curve")
    assert len(path) == MOST_POINTS
    assert path[0][0] == LEFT
    assert path[-1][0] == WIDTH - RIGHT


def test_nothing_measured_says_so():
    assert "Nothing was measured" in curves([Curve("a", [])], x="x", y="y")
    assert "Nothing is mixed" in stacked([], x="x", borders=[])


def test_ticks_are_round_and_short():
    shown = ticks(curves([Curve("a", [(0, 0.0), (1_500_000, 8.0)])], x="tokens", y="nats"))
    assert {"500 k", "1 M", "1.5 M", "0", "2", "8"} <= set(shown)
    powers = ticks(curves([Curve("a", [(8, 1.0), (256, 2.0)])], x="p", y="y", log_x=True))
    assert {"8", "16", "64", "256"} <= set(powers)


def test_shares_are_stacked_to_the_whole_height():
    series = [Curve("a", [(0, 0.25), (9, 0.5)]), Curve("b", [(0, 0.75), (9, 0.5)])]
    drawn = stacked(series, x="tokens", borders=[(0, "start"), (9, "late")])
    low, high = paths(drawn, "band")
    assert low[2:] == [(WIDTH - RIGHT, HEIGHT - BOTTOM), (LEFT, HEIGHT - BOTTOM)]
    assert high[:2] == [(LEFT, TOP), (WIDTH - RIGHT, TOP)]
    assert low[:2] == list(reversed(high[2:]))
    assert {"start", "late"} <= set(ticks(drawn))


def test_names_are_escaped():
    drawn = curves([Curve("<script>", [(0, 1.0), (1, 2.0)])], x="<x>", y="<y>")
    assert "<script>" not in drawn
    assert "&lt;script&gt;" in drawn
    assert "<x>" not in drawn
