"""What a page says about itself."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters.html import json_ld, metadata
from castor.filters.html.tokens.tokenizer import tokenize


def said(html: str, url: str | None = None, links=()) -> metadata.Metadata:
    data = html.encode()
    return metadata.read(metadata.Head(data, tokenize(data).events), url, links)


def ld(value: object) -> str:
    return f'<script type="application/ld+json">{json.dumps(value)}</script>'


TITLES = [
    ("<title> A\n title </title>", "A title"),
    ("<title>A &amp; B</title><svg><title>icon</title></svg>", "A & B"),
    ('<title>x</title><meta property="og:title" content="A &quot;B&quot;">', 'A "B"'),
    (
        '<meta property="og:title" content="A | The Site">'
        '<meta content="The Site" property="og:site_name">',
        "A",
    ),
    ('<meta name="application-name" content="A"><title>A</title>', "A"),
    (ld({"@type": "NewsArticle", "headline": "B &amp; C"}) + "<title>x</title>", "B & C"),
    ("<title> </title>", None),
    (f"<title>{'x' * 2000}</title>", None),
]


@pytest.mark.parametrize(("html", "title"), TITLES)
def test_titles(html, title):
    assert said(html).title == title


DATES = [
    ('<meta property="article:published_time" content="2020-01-05T10:00:00Z">', "2020-01-05"),
    (ld({"@graph": [{"@type": ["BlogPosting"], "datePublished": "2019-12-31"}]}), "2019-12-31"),
    (ld({"@type": "Article", "dateModified": "2019-12-31"}), "2019-12-31"),
    ("<time datetime=2021-02-03>x</time><time datetime=1999-01-01>", "2021-02-03"),
    ('<meta name=date content="20180314">', "2018-03-14"),
    ('<meta name=date content="14 March">', None),
    ('<meta name=date content="2018-13-14">', None),
]


@pytest.mark.parametrize(("html", "date"), DATES)
def test_dates(html, date):
    assert said(html).date == date


def test_a_date_in_the_address_counts_where_none_is_stated():
    assert said("", "http://a.example/2017/3/09/x").date == "2017-03-09"
    assert said("", "http://a.example/2017/39/09/x").date is None
    assert said(DATES[0][0], "http://a.example/2017/03/09/x").date == "2020-01-05"


AUTHORS = [
    ("<meta name=author content='A. B.'>", "A. B."),
    ("<meta name=author content='http://a.example'>", None),
    (
        ld({"@type": "Article", "author": [{"name": "A  B"}, {"name": "C"}, {"name": "A B"}]}),
        "A B; C",
    ),
    (ld({"@type": "Article", "author": "https://a.example/me"}), None),
    (ld({"@type": "Organization", "author": "X"}), None),
]


@pytest.mark.parametrize(("html", "author"), AUTHORS)
def test_authors(html, author):
    assert said(html).author == author


LICENCES = [
    ("https://creativecommons.org/licenses/by-sa/4.0/", "CC-BY-SA-4.0"),
    ("http://creativecommons.org/licenses/by-nc-nd/3.0/de/", "CC-BY-NC-ND-3.0"),
    ("//creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
    ("https://creativecommons.org/publicdomain/mark/1.0/", "CC-PDM-1.0"),
    ("https://creativecommons.org/licenses/", None),
    ("https://a.example/licenses/by/4.0/", None),
]


@pytest.mark.parametrize(("address", "spdx"), LICENCES)
def test_licences(address, spdx):
    assert metadata.spdx_of(address) == spdx
    assert said(f"<link rel=license href='{address}'>").licence == spdx
    assert said(ld({"@type": "X", "license": address})).licence == spdx
    assert said("", links=[("/", ""), (address, "nofollow")]).licence == spdx


def test_what_is_stated_as_the_licence_goes_before_other_links():
    by, nc = LICENCES[0][0], LICENCES[1][0]
    found = said("", links=[(nc, ""), (by, "License nofollow")])
    assert (found.licence, found.licence_url) == ("CC-BY-SA-4.0", by)
    found = said("<link rel=license href=/terms>")
    assert (found.licence, found.licence_url) == (None, "/terms")


ROBOTS = [
    ("<meta name=ROBOTS content='NoIndex, nofollow'>", ("nofollow", "noindex")),
    ("<meta name=robots content=noai><meta name=googlebot content='noai,x'>", ("noai", "x")),
    ("<meta name=tdm-reservation content=1>", ("tdm-reservation=1",)),
    ("<meta name=tdm-reservation content=0><meta name=other content=noai>", ()),
]


@pytest.mark.parametrize(("html", "robots"), ROBOTS)
def test_robots(html, robots):
    assert said(html).robots == robots


def test_a_header_may_name_the_robot():
    assert list(metadata.directives("googlebot: noindex, NOAI, unavailable_after: 1 Jan")) == [
        "noindex",
        "noai",
        "unavailable_after: 1 jan",
    ]


def test_the_language_and_the_address():
    html = "<html lang=de_AT><link rel='x canonical' href=' /a '><meta name=language content=en>"
    assert said(html).language == "de-AT"
    assert said(html).canonical == "/a"
    assert said("<meta property=og:locale content=pt_BR>").language == "pt-BR"
    assert said("<html xml:lang=fr>").language == "fr"


def test_json_ld_that_is_no_json_is_read_where_it_can_be_and_ignored_where_not():
    assert json_ld.read([b"{", b'{"@type": "Article", "articleBody": }']).article is None
    strings = b'{"@type": "Article", "articleBody": "a\nb <p>c</p>&amp;"}'
    for script in (strings, b"<!-- " + strings + b"; -->", b"//<![CDATA[" + strings):
        assert json_ld.read([b"{", script]).article == "a\nb  c &"


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=40) | st.just(b"[" * 5000), max_size=3))
def test_any_bytes_in_a_script_are_survived(scripts):
    assert json_ld.read(scripts) is not None


@given(st.text(max_size=30), st.none() | st.text(max_size=30))
def test_any_text_is_an_address(address, base):
    assert isinstance(metadata.absolute(address, base), str)
