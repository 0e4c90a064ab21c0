"""The report: true numbers, harmless text, one file that loads nothing, and no console error."""

import base64
import itertools
import pathlib
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from castor.filters.errors import CastorError
from castor.filters.policy import Condition, Rule
from castor.pipelines import figures, report
from castor.pipelines.report import histograms, svg
from castor.pipelines.results import condition_text, open_run
from castor.pipelines.stages.statistics import bin_of, edges_of

INLINE = {"code", "b", "span", "mark", "bdi", "em", "kbd"}
VOID = {"meta", "link", "img", "br", "input", "hr"}


class Page(HTMLParser):
    """Reads a page strictly: tags that close, what is loaded, the text of every section."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, str] = {}
        self.section = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.append((tag, found))
        self.loads += [v for k, v in found.items() if k in ("src", "href", "action") and v]
        if tag == "section":
            self.section = found["id"]
        if tag not in VOID:
            self.open.append(tag)
        self._gap(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self._gap(tag)
        if tag == "section":
            self.section = ""

    def _gap(self, tag):
        """Keeps the words of neighbouring cells and blocks apart."""
        if tag not in INLINE:
            self.text[self.section] = self.text.get(self.section, "") + " "

    def handle_data(self, data):
        if self.open[-1:] not in (["style"], ["script"]):
            self.text[self.section] = self.text.get(self.section, "") + data


def built(out: pathlib.Path) -> Page:
    html = report.build(out).read_text(encoding="utf-8")
    found = Page(html)
    assert found.open == []
    return found


def words(text: str) -> str:
    return " ".join(text.split())


def test_the_page_lies_beside_the_run_or_where_it_is_asked_for(made, tmp_path):
    assert report.build(made) == made / "report.html"
    target = tmp_path / "elsewhere" / "page.html"
    assert report.build(made, target=target) == target
    assert target.read_bytes() == (made / "report.html").read_bytes()


def test_it_tells_the_numbers_of_the_run(made):
    found = built(made)
    head = words(found.text[""])
    assert "rows in 12" in head
    assert "kept 7 58.3 %" in head
    assert "Started 2026-01-02 03:04:05 UTC · took 12.5 s" in head
    sources = words(found.text["sources"])
    assert "web rows 1 99 B 10 1 2 1 1 5 50.0 %" in sources
    reasons = words(found.text["reasons"])
    assert "short.too_few_words web 2 2 22.2 % 1 text.n_words at least 5 ours, measured" in reasons
    assert "1 rules never fired" in reasons
    assert "corrupt 1 web 1 web:z@7 at offset 7 no gzip header" in words(found.text["unread"])
    assert "not_html web 3" in words(found.text["unread"])
    benchmarks = words(found.text["benchmarks"])
    assert "quiz 10 0 1 1 0" in benchmarks
    assert "clean 7 2 0 0 0" in benchmarks
    assert "item 3 · part question · rule question · coverage 0.75 · units 14" in benchmarks


def test_it_shows_samples_duplicates_and_provenance(made):
    found = built(made)
    assert "web:a@90" in found.text["samples"]
    assert "too short" in found.text["samples"]
    duplicates = words(found.text["duplicates"])
    assert "near similarity 0.900 kept web:a@1" in duplicates
    assert ("mark", {"class": "differs"}) in found.tags
    provenance = words(found.text["provenance"])
    assert "castor run recipe.yaml OUT" in provenance
    assert "web a.warc.gz 99 00ff" in provenance


def test_nothing_is_loaded(made):
    found = built(made)
    assert [u for u in found.loads if not u.startswith(("#", "data:"))] == []
    style = (made / "report.html").read_text()
    assert not re.search(r"url\(|@import", style)


def test_the_flow_says_its_numbers_to_those_who_cannot_see_it(made):
    label = next(a["aria-label"] for t, a in built(made).tags if t == "svg")
    assert label == "12 in, 1 rejected, 2 dropped, 1 duplicates, 1 contaminated, 7 kept"


def test_hostile_text_is_text(hostile_run, hostile_text):
    found = built(hostile_run)
    tags = [t for t, _ in found.tags]
    assert tags.count("script") == 1
    assert not [a for t, a in found.tags if t == "img" and "src" in a and a["src"] == "x"]
    assert not [k for _, a in found.tags for k in a if k.startswith("on")]
    for section in ("sources", "reasons", "unread", "samples", "duplicates", "benchmarks"):
        assert hostile_text in found.text[section], section
    assert "\x1b" not in found.text["samples"]
    assert "␛" in found.text["samples"]


def test_a_run_without_rows_has_a_page(make_run):
    found = built(make_run([]))
    assert "Nothing came in." in found.text["flow"]
    assert "No policy dropped a row." in found.text["reasons"]
    assert "There is no text." in found.text["samples"]


def test_a_run_without_run_json_has_a_page(made):
    (made / "run.json").unlink()
    assert "When it ran is not known" in built(made).text[""]


def test_what_is_no_run_is_an_error(made, tmp_path):
    with pytest.raises(CastorError, match="this is one dataset, not the output of a run"):
        report.build(made / "kept")
    with pytest.raises(CastorError, match="no finished run here"):
        report.build(tmp_path / "nothing")


def test_a_damaged_shard_is_named(made):
    path = made / "dropped" / "part-00000.parquet"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(CastorError, match=r"a shard is damaged, in .*dropped/part-00000.parquet"):
        report.build(made)


def test_thumbnails_are_small_and_broken_pictures_say_why(pictured_run):
    import io

    from PIL import Image

    found = built(pictured_run)
    [source] = [a["src"] for t, a in found.tags if t == "img"]
    data = base64.b64decode(source.removeprefix("data:image/jpeg;base64,"))
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "JPEG"
        assert max(image.size) <= 96
    assert len(data) < 16_000
    media = words(found.text["media"])
    assert "the picture noise.png" in media
    assert "corrupt: " in media or "not_decodable: " in media
    assert "unreadable: pictures:gone.png" in media


@pytest.mark.parametrize("signal", ["text.n_words", "text.digit_fraction"])
def test_a_threshold_stands_between_the_bins_that_it_parts(signal):
    values = np.array([0.0, 0.004, 0.05, 0.21, 0.2, 0.5, 0.99] if "fraction" in signal
                      else [-3.0, 0, 1, 2, 9, 10, 11, 99, 100, 101, 5000])  # fmt: skip
    bins = sorted({int(b) for b in bin_of(signal, values)}, key=lambda b: edges_of(signal, b))
    for bound in values.tolist():
        axis = histograms.Axis(signal, bins, [bound])
        at = axis.place(bound)
        assert 0 <= at <= 1
        for number in bins:
            low, high = edges_of(signal, number)
            x0, x1 = (axis.scaled(s) for s in axis.slot(number))
            assert x0 < x1
            if bound < low:
                assert at <= x0 + 1e-9
            if bound > high:
                assert at >= x1 - 1e-9
    places = [axis.slot(b) for b in bins]
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(places))


def test_a_far_threshold_is_told_at_the_edge():
    axis = histograms.Axis("text.n_words", [100, 103], [1e9])
    assert axis.place(1e9) > 1
    assert axis.place(2) <= 1


def test_nothing_but_zero_is_parted_by_a_line_beside_zero():
    rule = Rule("some", "text.n_words", "ours", at_most=0)
    axis = histograms.Axis("text.n_words", [0, 100], [0])
    line = histograms._threshold(axis, rule, "at_most", 0)
    assert axis.scaled(axis.slot(0)[1]) < line.x < axis.scaled(axis.slot(100)[0])


def test_a_condition_on_no_value_asks_whether_there_is_one():
    rule = Rule("a", "b", "c", at_most=0, when=(Condition("meta.url", "not_in", ()),))
    assert condition_text(rule) == "meta.url is known"
    rule = Rule("a", "b", "c", at_most=0, when=(Condition("meta.lang", "in", ("en", "de")),))
    assert condition_text(rule) == "meta.lang in en, de"


def test_charts_belong_to_the_rules_that_their_sources_met(made):
    charts = histograms.charts(open_run(made))
    first = charts[0]
    assert first.signal == "text.n_words"
    assert first.sources == ("code", "web")
    assert [(t.value, t.side) for t in first.thresholds] == [(5, "left"), (9000, "right")]
    assert (first.passed, first.dropped, first.fired) == (9, 2, 2)
    assert sum(b.passed for b in first.bars) == 9


@pytest.mark.parametrize("numbers", [[7], [1, 10_000], [0, 5, 0], [3] * 20])
def test_the_flow_keeps_every_ribbon_inside_its_frame(numbers):
    names = ("kept", "rejected", "dropped", "duplicate", "contaminated")
    shares = [svg.Share(f"s{i}", dict.fromkeys(names, n)) for i, n in enumerate(numbers)]
    drawing = svg.flow(shares, figures.number)
    height = float(re.search(r'viewBox="0 0 \d+ (\d+)"', drawing).group(1))
    nodes = re.findall(r'<rect class="node \w+" x="([\d.]+)" y="([\d.]+)" width="(\d+)" '
                       r'height="([\d.]+)"', drawing)  # fmt: skip
    assert len(nodes) >= 3
    for x, y, w, h in nodes:
        assert 0 <= float(x) <= svg.FLOW_WIDTH - float(w)
        assert 0 <= float(y) <= height - float(h)


@pytest.mark.parametrize(
    ("number", "text"), [(0.5, "0.5"), (7.0, "7"), (9999, "9999"), (20_000, "20 k"), (3e6, "3 M")]
)
def test_numbers_are_short(number, text):
    assert histograms.short(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.21, "3.2 s"), (133, "2 min 13 s"), (3840, "1 h 4 min")]
)
def test_durations_are_words(seconds, text):
    assert figures.duration(seconds) == text


def test_a_small_share_is_not_nothing():
    assert [figures.percent(s) for s in (0, 0.00004, 0.5)] == ["0.0 %", "<0.1 %", "50.0 %"]
