"""The text of pages: main or whole, in bounded time whatever the page."""

import time

import pytest

from castor.filters.reasons import Reason
from castor.pipelines.source import RejectError
from castor.pipelines.sources._html import MAX_DEPTH, Page, read_page

ARTICLE = "<p>A first paragraph of the article, long enough to be one.</p><p>And a second one.</p>"
PAGE = f"""<!doctype html><html lang=" de-AT "><head><title> A  title
 of two lines</title><link rel=canonical href="https://a.example/x"></head><body>
<nav><a href=/>Home</a><a href=/b>Shop</a></nav><main><h1>Heading</h1>{ARTICLE}
<ul><li>one</li><li>two</li></ul><img alt="no text" src=x></main>
<footer>Imprint</footer><script>var x = "code";</script></body></html>"""


def test_main_text_keeps_its_paragraphs():
    page = read_page(PAGE, main_content=True)
    assert page == Page(
        text="Heading\n\nA first paragraph of the article, long enough to be one.\n\n"
        "And a second one.",
        title="A title of two lines",
        canonical="https://a.example/x",
        language_tag="de-AT",
    )


def test_the_whole_page_has_navigation_and_footer_but_no_code():
    text = read_page(PAGE, main_content=False).text
    assert "Home" in text
    assert "Imprint" in text
    assert "code" not in text


@pytest.mark.parametrize("html", ["", "<html></html>", "<title></title>", "<!-- x", "<p> </p>"])
def test_a_page_without_text_is_empty(html):
    assert read_page(html, main_content=True) == Page("", None, None, None)


def test_the_language_may_be_stated_as_xml():
    assert read_page("<html xml:lang=fr><p>x", main_content=True).language_tag == "fr"


BOMBS = [
    pytest.param("<div>" * 100_000 + "x", "blocks nested 100000 deep", id="div"),
    pytest.param("<DIV><article><p>x" * 50_000, "blocks nested 100000 deep", id="both"),
    pytest.param(
        "<p "
        + " ".join(f"a{i}='>'" if i % 9000 == 8999 else f"a{i}" for i in range(60_000))
        + ">x",
        "attributes, the limit is 5000",
        id="attributes",
    ),
]


@pytest.mark.parametrize(("html", "message"), BOMBS)
def test_a_page_that_would_take_hours_is_refused_at_once(html, message):
    began = time.process_time()
    with pytest.raises(RejectError, match=message) as caught:
        read_page(html, main_content=True)
    assert caught.value.reason == Reason.BOMB
    assert time.process_time() - began < 1


WILD = {
    "deep inline": "<b>" * 100_000 + "x",
    "deep lists": "<ul><li>" * 100_000 + "x",
    "deep tables": "<table><tr><td>" * 50_000 + "x",
    "many blocks side by side": "<div>some words</div>" * 20_000,
    "blocks as deep as allowed": "<div>" * MAX_DEPTH + "x",
    "misnested": "<b><i><p>" * 20_000 + "</b></i></p>" * 20_000 + "x",
    "a picture in a style": f"<p style='background:url(data:x,{'A' * 2_000_000})'>x",
    "an outline": f"<svg><path d='{'M 10 20 ' * 50_000}'/></svg><p>x",
    "never closed": "<p>x" + "<!--" * 50_000,
}


@pytest.mark.parametrize("html", WILD.values(), ids=WILD)
def test_a_wild_page_is_read(html):
    read_page(html, main_content=True)
