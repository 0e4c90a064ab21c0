"""What a page shows of itself where it states nothing: made in the ways of many sites."""

import pytest

from castor.filters.html.extract import extract_html

TITLES = [
    ("<title>Bridge accepted | The Paper</title><h1>The Paper</h1><h2>Bridge accepted</h2>",
     "Bridge accepted"),
    ("<title>The Paper » Bridge  accepted</title><h1>Bridge accepted</h1>", "Bridge accepted"),
    ("<title>Bridge accepted - now what? - The Paper</title><h1>Bridge accepted – now what?</h1>",
     "Bridge accepted – now what?"),
    # A heading that is little of the title is the site's name.
    ("<title>A bridge is accepted after years | Paper</title><h1>Paper</h1>",
     "A bridge is accepted after years | Paper"),
    # Words in part are no words.
    ("<title>Bridges accepted: a report</title><h1>Bridge accepted: a report</h1>",
     "Bridges accepted: a report"),
    # Nothing separates: the title is one thing.
    ("<title>Bridge accepted The Paper</title><h1>Bridge accepted</h1>",
     "Bridge accepted The Paper"),
    ("<title>Bridge accepted | The Paper</title><h4>Bridge accepted</h4>",
     "Bridge accepted | The Paper"),
]  # fmt: skip


@pytest.mark.parametrize(("html", "title"), TITLES)
def test_titles(html, title):
    assert extract_html(html.encode()).title == title


AUTHORS = [
    ("<span class=author>Ann Lee</span>", "Ann Lee"),
    ("<p class='entry-author'>Written by <a rel=author>Ann Lee</a> | </p>", "Ann Lee"),
    ("<div class=autor>Von: Änn Lee</div>", "Änn Lee"),
    ("<span class='author vcard'><a class=fn>Ann Lee</a></span>", "Ann Lee"),
    ("<div itemprop=author>par Ann Lee</div>", "Ann Lee"),
    ("<div class=author>About the author</div><span class=author>Ann Lee</span>", "Ann Lee"),
    ("<p class=author>Ann Lee, who has written for this paper since</p>", None),
    ("<p class=author>ann@a.example</p>", None),
    ("<p class=author>12 articles</p>", None),
    ("<div class=comments><span class=author>Ann Lee</span></div>", None),
    ("<form class=contact-form><p class=author>Name</p></form>", None),
    ("<div class=related><span class=author>Ann Lee</span></div>", None),
    ("<p>Ann Lee</p>", None),
    ("<meta name=author content='B. C.'><p class=author>Ann Lee</p>", "B. C."),
]


@pytest.mark.parametrize(("html", "author"), AUTHORS)
def test_authors(html, author):
    assert extract_html(f"<p>Some words.</p>{html}".encode()).metadata.author == author
