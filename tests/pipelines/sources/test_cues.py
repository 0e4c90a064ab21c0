"""SubRip, WebVTT and TTML."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.pipelines.sources._cues import SUFFIXES, Cue, clean, parse

TEXTS = [
    (
        ".srt",
        "1\n00:00:01,000 --> 00:00:02,500\n<i>Hello</i> &amp;\nworld\n\n"
        "2\n01:00:00,000 --> 01:00:01,000\n{\\an8}Late\n",
        [Cue(1.0, 2.5, "Hello &\nworld"), Cue(3600.0, 3601.0, "Late")],
    ),
    (
        ".srt",
        "\ufeff1\r\n00:00:01,000 --> 00:00:02,000\r\nCRLF\r\n\r\n2\r\n"
        "00:00:03,000 --> 00:00:04,000\r\n\r\n",
        [Cue(1.0, 2.0, "CRLF")],
    ),
    (
        ".vtt",
        "WEBVTT - title\n\nSTYLE\n::cue { color: red }\n\nNOTE a note\nof two lines\n\nintro\n"
        "00:01.000 --> 00:02.000 align:start position:0%\n<v Mary>Hi <c.loud>there</c>\n\n"
        "00:02.000 --> 00:03.000\nNo empty line before\n00:03.000 --> 00:04.000\nthe next",
        [
            Cue(1.0, 2.0, "Hi there"),
            Cue(2.0, 3.0, "No empty line before"),
            Cue(3.0, 4.0, "the next"),
        ],
    ),
    (
        ".ttml",
        '<?xml version="1.0"?><tt xmlns="http://www.w3.org/ns/ttml" '
        'xmlns:p="http://www.w3.org/ns/ttml#parameter" p:frameRate="25" p:tickRate="10">'
        '<body><div><p begin="00:00:01.500" end="2.5s">One<br/>two <span>three</span></p>'
        '<p begin="00:00:03:05" dur="500ms">frames</p><p begin="40t" end="50t">\n ticks\n</p>'
        '<p begin="0.1h" end="7m"> </p></div></body></tt>',
        [Cue(1.5, 2.5, "One\ntwo three"), Cue(3.2, 3.7, "frames"), Cue(4.0, 5.0, "ticks")],
    ),
]


@pytest.mark.parametrize(("suffix", "text", "cues"), TEXTS)
def test_cues(suffix, text, cues):
    assert parse(text, suffix) == cues


@pytest.mark.parametrize(
    ("suffix", "text", "why"),
    [
        (".srt", "just text", "no cue"),
        (".vtt", "WEBVTT\n\n", "no cue"),
        (".ttml", "<tt><p begin='x'>a</p></tt>", "the time 'x'"),
        (".ttml", "<tt><p begin='1s'>", "not well-formed"),
        (".ttml", "<!DOCTYPE tt [<!ENTITY a 'aaaa'>]><tt><p begin='1s'>&a;</p></tt>", "document"),
        (".ttml", "<tt tickRate='0'><p begin='1t'>a</p></tt>", "a rate of 0"),
    ],
)
def test_what_is_no_timed_text(suffix, text, why):
    with pytest.raises(ValueError, match=why):
        parse(text, suffix)


def test_clean_keeps_what_only_looks_like_markup():
    assert clean("a < b and c > d, 3<4 <3") == "a < b and c > d, 3<4 <3"


PIECES = st.sampled_from(
    [
        "00:00:01,000 --> 00:00:02,000",
        "00:01.5 --> 00:02.5",
        "\n",
        "\r\n",
        "\n\n",
        "text",
        "<i>",
        "WEBVTT",
        "NOTE",
        "1",
        "-->",
        "{\\an8}",
        "&amp;",
        "<tt>",
        "<p begin='1s' end='2s'>",
        "</p>",
        "</tt>",
        "\0",
        "\ud7ff",
        "<br/>",
        " ",
    ]
)


@settings(deadline=None, max_examples=60)
@given(st.lists(PIECES | st.text(max_size=5), max_size=30), st.sampled_from(SUFFIXES))
def test_any_text_has_cues_or_is_refused(pieces, suffix):
    try:
        cues = parse("".join(pieces), suffix)
    except ValueError:
        return
    for cue in cues:
        assert cue.text
        assert math.isfinite(cue.t0_s)
        assert math.isfinite(cue.t1_s)
        assert "\0" not in cue.text
