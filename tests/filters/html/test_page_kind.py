"""The kind of a page, and what is main text on pages of each kind: made as their software does."""

import json

import numpy as np
import pytest

from castor.filters.html.comments import outside
from castor.filters.html.extract import extract_html, open_page
from castor.filters.html.markdown import write
from castor.filters.html.page_kind import PageKind, is_index, stated_kind

STORY = (
    "The council met on Tuesday to decide on the new bridge, which has been planned for years. "
    "Members of both parties spoke for more than an hour, and the mayor asked for patience. "
    "In the end the plan was accepted with eleven votes against four, to the applause of many."
)
POSTS = (
    "My old boiler loses pressure every night since the plumber was here, what could it be?",
    "Look at the expansion vessel first. If it has no air left, the valve opens when it heats.",
    "Same here last winter. A new valve for twenty euros and an hour of work, then it was fine.",
)
MENU = "".join(f"<li><a href=/{w}>{w}</a></li>" for w in "Home News Sport Weather Jobs".split())


def ld(**facts: object) -> str:
    return f'<script type="application/ld+json">{json.dumps(facts)}</script>'


def extracted(body: str, head: str = ""):
    html = f"<html><head><title>A page</title>{head}</head><body><nav><ul>{MENU}</ul></nav>{body}"
    return extract_html(f"{html}<footer class=footer>Imprint and terms</footer></body>".encode())


STATED = [
    (["NewsArticle", "ItemList", "BreadcrumbList"], None, "article"),
    (["og:article"], "WordPress 6", "article"),
    (["Product", "Offer"], None, "product"),
    (["og:product"], None, "product"),
    (["QAPage", "Question", "Answer"], None, "forum"),
    (["Article"], "Discourse 3.1", "forum"),
    (["TechArticle"], None, "documentation"),
    ([], "Sphinx 7.2", "documentation"),
    ([], "Docusaurus v3", "documentation"),
    (["CollectionPage", "WebSite"], None, "index"),
    (["WebPage", "og:website"], "Hugo 0.1", "other"),
    ([], None, "other"),
]


@pytest.mark.parametrize(("types", "generator", "kind"), STATED)
def test_what_a_page_states(types, generator, kind):
    assert stated_kind(types, generator) == PageKind(kind)


def phpbb() -> str:
    return "<div id=page-body><h2 class=topic-title>Boiler</h2>" + "".join(
        f'<div id=p{i} class="post has-profile bg{i}"><div class=inner>'
        f'<dl class=postprofile id=profile{i}><dt><a href=/u{i} class=username>user{i}</a></dt>'
        f"<dd class=profile-posts><strong>Posts:</strong> {i}27</dd></dl>"
        f'<div class=postbody><p class=author>by <a href=/u{i}>user{i}</a> » 12 May 2019, 10:1{i}'
        f"</p><div class=content>{text}</div></div></div></div>"
        for i, text in enumerate(POSTS)
    ) + "</div>"  # fmt: skip


def xenforo() -> str:
    return ld(**{"@type": "DiscussionForumPosting"}) + "<div class=block-body>" + "".join(
        f'<article class="message message--post" id=js-post-{i}><div class="message-user">'
        f'<h4 class=message-name><a class=username>user{i}</a></h4></div>'
        f'<div class="message-content"><article class="message-body"><div class=bbWrapper>{text}'
        f"</div></article></div><div class=message-actionBar><a>Reply</a> <a>Quote</a></div>"
        f"</article>"
        for i, text in enumerate(POSTS)
    ) + "</div>"  # fmt: skip


def discourse() -> str:
    return ld(**{"@type": "DiscussionForumPosting", "headline": "Boiler"}) + "".join(
        f'<div class="topic-body crawler-post"><div class=crawler-post-meta><span class=creator>'
        f"<a>user{i}</a></span><time>May 12</time></div><div class=post itemprop=text>"
        f"<p>{text}</p></div></div>"
        for i, text in enumerate(POSTS)
    )


def answers() -> str:
    def post(i: int, text: str, name: str) -> str:
        return (
            f"<div id={name}-{i} class={name}><div class=votecell><span>{i}</span></div>"
            f'<div class="{name}cell post-layout--right"><div class="s-prose js-post-body">'
            f"<p>{text}</p></div>"
            f"<div class=post-signature>answered May 12 by user{i}</div></div></div>"
        )

    return ld(**{"@type": "QAPage"}) + post(0, POSTS[0], "question") + "".join(
        post(i, text, "answer") for i, text in enumerate(POSTS) if i
    )  # fmt: skip


FORUMS = {"phpBB": phpbb, "XenForo": xenforo, "Discourse": discourse, "questions": answers}


@pytest.mark.parametrize("make", FORUMS.values(), ids=FORUMS)
def test_the_posts_of_a_forum_are_its_text(make):
    page = extracted(make())
    assert page.kind == PageKind.FORUM
    for post in POSTS:
        assert post in page.text
    for other in ("Weather", "Imprint", "Posts:", "Reply", "May"):
        assert other not in page.text


def test_names_and_dates_are_outside_of_posts():
    opened = open_page(f"<title>A</title>{phpbb()}".encode(), None, None)
    chosen = np.ones(len(opened.tokens.blocks), bool)
    gone = write(opened.tokens, outside(opened.page, chosen, posts=True))
    assert "12 May 2019" in gone
    assert not any(post in gone for post in POSTS)
    assert not outside(opened.page, chosen, posts=False).any()


def test_what_readers_say_of_an_article_is_not_its_text():
    comments = "".join(f"<div class=comment><p>{post}</p></div>" for post in POSTS)
    article = f"<article><h1>Bridge</h1><p>{STORY}</p></article><div id=comments>{comments}</div>"
    page = extracted(article, ld(**{"@type": "NewsArticle"}))
    assert page.kind == PageKind.ARTICLE
    assert STORY in page.text
    assert POSTS[1] not in page.text


def test_description_and_specification_are_the_text_of_a_product():
    described = "A kettle of brushed steel that boils a litre in three minutes and then is quiet."
    other = "Another kettle, of glass, that people buy who looked at this one before they left."
    page = extracted(
        f"<h1 itemprop=name>Kettle</h1><div class=price>20.00</div><button>Add to cart</button>"
        f"<div id=description class=tab><p>{described}</p></div>"
        "<div class=specifications><table><tr><td>Power of the base<td>2200 W at 230 V</tr>"
        "<tr><td>Length of the cord<td>75 cm of it</tr></table></div>"
        f"<div class=related-products><div class=description>{other}</div></div>",
        ld(**{"@type": "Product", "name": "Kettle"}),
    )
    assert page.kind == PageKind.PRODUCT
    assert described in page.text
    assert "| Power of the base | 2200 W at 230 V |" in page.text
    assert other not in page.text


def teasers(n: int, words: str) -> str:
    return "<main>" + "".join(
        f"<div class=post><h2><a href=/{i}>What happened on day {i}</a></h2><p>{words}</p></div>"
        for i in range(n)
    ) + "</main>"  # fmt: skip


def test_a_page_of_headlines_is_an_index():
    short = "The council met on Tuesday to decide on the new bridge."
    assert extracted(teasers(20, short)).kind == PageKind.INDEX
    assert extracted(teasers(5, short)).kind == PageKind.OTHER
    # Long texts between links are a text with links between.
    assert extracted(teasers(20, STORY)).kind == PageKind.OTHER
    # What states that it is an article is one, however many others it names.
    assert extracted(teasers(20, short), ld(**{"@type": "Article"})).kind == PageKind.ARTICLE


@pytest.mark.parametrize(("n_words", "expected"), [(5, True), (22, True), (30, False)])
def test_an_index_has_few_words_to_each_headline(n_words, expected):
    words = " ".join(STORY.split()[:n_words])
    opened = open_page(f"<title>A</title>{teasers(12, words)}".encode(), None, None)
    chosen = np.ones(len(opened.tokens.blocks), bool)
    assert is_index(opened.tokens, opened.page.measures, chosen) == expected
    assert not is_index(opened.tokens, opened.page.measures, ~chosen)


def test_one_post_makes_no_forum():
    page = extracted(f"<div class=postbit><p>{STORY}</p></div>")
    assert page.kind == PageKind.OTHER


def test_headlines_around_an_article_make_no_index_of_it():
    links = "".join(f"<li><a href=/{i}>What happened on day {i}</a></li>" for i in range(30))
    page = extracted(f"<ul>{links}</ul><h1>Bridge</h1><p>{STORY}</p><ul>{links}</ul>")
    assert STORY in page.text
    assert page.kind == PageKind.OTHER


def test_a_page_without_text_is_of_no_kind():
    assert extract_html(b"").kind == PageKind.OTHER
