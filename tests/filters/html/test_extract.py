"""Extraction as a whole: main text, links, pictures, comments; any bytes, in bounded time."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import castor.filters
from castor.filters.html.charset import UnreadableError
from castor.filters.html.extract import Image, Link, extract_html
from castor.filters.reasons import Reason

STORY = (
    "The council met on Tuesday to decide on the new bridge, which has been planned for years. ",
    "Members of both parties spoke for more than an hour, and the mayor asked for patience. ",
    "In the end the plan was accepted with eleven votes against four, to the applause of many. ",
)
MENU = "".join(f"<li><a href=/{w}>{w}</a></li>" for w in "Home News Sport Weather Jobs".split())
PAGE = f"""<!doctype html><html lang=en><head><title>Bridge accepted | The Paper</title>
<meta property="og:site_name" content="The Paper"><base href="/news/"></head><body>
<nav class=menu><ul>{MENU}</ul></nav>
<article class="post"><h1>Bridge accepted</h1><div class="entry-content">
<p>{STORY[0]}</p><p>{STORY[1]} See <a href="plan.html" rel=nofollow>the plan</a>.</p>
<figure><img src="bridge.jpg?a=1&amp;b=2" alt="The bridge"></figure>
<h2>The vote</h2><p>{STORY[2]}</p></div></article>
<div id=comments class="comments"><div class=comment><span class=comment-author>Ann</span>
<p>What a fine bridge this is going to be for all of us.</p></div></div>
<footer class=footer><p>Copyright The Paper</p><a href=/imprint>Imprint</a></footer></body>
</html>"""


def test_the_main_text_of_a_page():
    page = extract_html(PAGE.encode(), url="https://a.example/2020/01/05/x.html", comments=True)
    for sentence in STORY:
        assert sentence.strip() in page.text
    assert "## The vote" in page.text
    for other in ("Weather", "Copyright", "Imprint", "fine bridge"):
        assert other not in page.text
    assert (page.title, page.language, page.charset) == ("Bridge accepted", "en", "utf-8")
    assert page.metadata.date == "2020-01-05"
    assert page.comments == "What a fine bridge this is going to be for all of us."
    assert page.links == (Link("the plan", "https://a.example/news/plan.html", "nofollow"),)
    assert page.images == (Image("https://a.example/news/bridge.jpg?a=1&b=2", "The bridge"),)
    assert not page.truncated


def test_the_whole_page():
    page = extract_html(PAGE.encode(), main_content=False)
    for part in (*STORY, "Weather", "Copyright", "fine bridge"):
        assert part.strip() in page.text
    assert page.comments == ""
    assert "Imprint" in [link.text for link in page.links]


def test_it_is_the_packages_function():
    assert castor.filters.extract_html is extract_html


def test_a_page_without_blocks_is_what_json_ld_says():
    body = " ".join(STORY)
    script = '<script type="application/ld+json">{"@type": "Article", "articleBody": "%s"}</script>'
    page = extract_html((script % body + "<div id=app></div>").encode())
    assert page.text == body.strip()


def test_of_two_copies_one_is_kept():
    html = PAGE.replace("</article>", f"<div class=print><p>{STORY[0]}</p></div></article>")
    assert extract_html(html.encode()).text.count(STORY[0].strip()) == 1


def test_a_text_that_says_something_again_keeps_it():
    again = f"<p>{STORY[0]}</p>"
    html = PAGE.replace("<h2>The vote</h2>", f"<h2>The vote</h2>{again}")
    assert extract_html(html.encode()).text.count(STORY[0].strip()) == 2


def test_a_page_that_repeats_itself_stays_so_that_filters_see_it():
    paragraphs = f"<p>{STORY[0]}{STORY[1]}</p>" * 40
    html = f"<h1>Again</h1><main>{paragraphs}</main>"
    assert extract_html(html.encode()).text.count(STORY[0].strip()) == 40


@pytest.mark.parametrize("html", ["", "<html></html>", "<title></title>", "<!-- x", "<p> </p>"])
def test_a_page_without_text_is_empty(html):
    page = extract_html(html.encode())
    assert (page.text, page.title, page.links, page.images) == ("", None, (), ())


def test_a_short_page_is_not_empty():
    assert extract_html(b"<p>Some words.</p>").text == "Some words."


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_the_charset_is_told(encoding):
    words = "Für große Brücken über Flüsse gibt es kein schöneres Maß. " * 3
    page = extract_html(f"<p>{words}</p>".encode(encoding), charset=encoding)
    assert page.text == words.strip()


def test_bytes_that_no_charset_decodes_are_refused():
    with pytest.raises(UnreadableError) as caught:
        extract_html(b"\0\x01\xff\xfe" * 99)
    assert caught.value.reason == Reason.BAD_ENCODING


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=200)
    | st.lists(
        st.sampled_from([*PAGE.split("\n"), "<td>", "</div>", "&", "<a href=x", "\x80"])
    ).map(lambda lines: "".join(lines).encode("latin-1"))
)
def test_any_bytes_are_a_page_or_have_a_bad_encoding(data):
    try:
        first = extract_html(data, url="http://a.example/", comments=True)
    except UnreadableError:
        return
    assert first == extract_html(data, url="http://a.example/", comments=True)
    first.text.encode()


WILD = {
    "deep": b"<div>" * 50_000 + b"x",
    "wide": b"<div>some words</div>" * 100_000,
    "lists": b"<ol><li>" * 50_000 + b"x",
    "items": b"<ol>" + b"<li>word " * 60_000,
    "rows": b"<table>" + b"<tr><td>a<td>b" * 60_000,
    "cells": b"<table><tr>" + (b"<td>a<td>b<td>" + b"long " * 61) * 20_000,
    "links": b"<p>" + b"<a href=x>word</a> " * 50_000,
    "pictures": b"<p>text" + b"<img src=x>" * 50_000,
    "meta": b"<meta name=a content=b>" * 100_000,
    "one line": b"word " * 1_000_000,
    "bidi": "\u202e\u2066abc\u2069".encode() * 100_000,
    "nulls": (b"word " * 300 + b"\0") * 1000 + b"<p>x",
}


@pytest.mark.parametrize("data", WILD.values(), ids=WILD)
def test_no_page_takes_over_two_seconds(data):
    began = time.process_time()
    extract_html(data)
    assert time.process_time() - began < 2


@pytest.mark.slow
def test_a_hundred_megabytes_in_one_line():
    data = b"<p>" + b"word word, " * 9_500_000
    began = time.process_time()
    page = extract_html(data)
    assert time.process_time() - began < 10
    assert len(page.text) > 90_000_000
