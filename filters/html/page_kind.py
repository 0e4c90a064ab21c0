"""What kind of page it is: by what it states, by the software that made it, by its markup.

What it states goes first (JSON-LD types, og:type, the generator), as far as its text does not
belie it: a page of headlines that are links is an index, whatever its template states.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable

import numpy as np

from castor.filters.html.blocks.measure import BYTES, WORDS
from castor.filters.html.tokens import classwords
from castor.filters.html.tokens.state import B_LINKED, E_MASK_HIGH, Tokens


class PageKind(enum.StrEnum):
    """What a page is for. OTHER: none of these, or it cannot be told."""

    ARTICLE = "article"
    PRODUCT = "product"
    FORUM = "forum"
    DOCUMENTATION = "documentation"
    INDEX = "index"
    OTHER = "other"


# Types of schema.org and of Open Graph (https://ogp.me), in the order in which they are believed.
_STATED = (
    (PageKind.FORUM, "DiscussionForumPosting QAPage"),
    (PageKind.DOCUMENTATION, "TechArticle APIReference"),
    (
        PageKind.ARTICLE,
        "Article NewsArticle BlogPosting Report ReportageNewsArticle AnalysisNewsArticle "
        "OpinionNewsArticle ReviewNewsArticle BackgroundNewsArticle ScholarlyArticle "
        "LiveBlogPosting SocialMediaPosting AdvertiserContentArticle Recipe HowTo Review "
        "MedicalScholarlyArticle og:article",
    ),
    (
        PageKind.PRODUCT,
        "Product ProductGroup IndividualProduct ProductModel Vehicle og:product og:product.item "
        "og:og:product",
    ),
    (PageKind.INDEX, "CollectionPage SearchResultsPage ItemList OfferCatalog"),
)
_KIND_OF_TYPE = {name.lower(): kind for kind, names in _STATED for name in names.split()}
_ORDER = [kind for kind, _ in _STATED]
_GENERATORS = (
    (
        PageKind.FORUM,
        re.compile(
            r"phpbb|vbulletin|xenforo|discourse|invision|mybb|vanilla|flarum|nodebb|fluxbb"
            r"|simple machines|smf\b|discuz|punbb|yabb|question2answer|askbot|osqa",
            re.I,
        ),
    ),
    (
        PageKind.DOCUMENTATION,
        re.compile(
            r"sphinx|mkdocs|docusaurus|javadoc|doxygen|gitbook|docfx|asciidoctor|antora|mdbook"
            r"|rustdoc|jsdoc|typedoc|vuepress|vitepress|read the docs|docbook|pdoc|yard\b",
            re.I,
        ),
    ),
)
# Classes that forums give to every post, and nobody else to anything; all are of the group forum.
_OF_POSTS = frozenset(
    map(
        classwords.word_hash,
        "postbit postbitlegacy postprofile postcell answercell bbwrapper messagebody postarea "
        "topicpost forumpost threadpost".split(),
    )
)
_POST_WORDS = np.array(sorted(_OF_POSTS), np.uint32)
_FORUM = np.int32(1 << classwords.GROUP["forum"] - 32)
FEW_POSTS = 2  # of such elements, from which a page is a forum's
LINK_WORDS = 3  # of a block that is mostly a link, to be a headline of another page
LINKED = 0.5  # of a block's bytes
MANY_HEADLINES = 8  # between what is chosen of a page
PROSE_WORDS = 25  # between two headlines; more is an article with links between its paragraphs


def stated_kind(stated: Iterable[str], generator: str | None) -> PageKind:
    """The kind that a page states.

    Args:
        stated: types as `metadata.Metadata.kinds` has them.
        generator: what its meta element of that name says.
    """
    found = {_KIND_OF_TYPE[t.lower()] for t in stated if t.lower() in _KIND_OF_TYPE}
    if generator:
        found |= {kind for kind, names in _GENERATORS if names.search(generator)}
    return next((kind for kind in _ORDER if kind in found), PageKind.OTHER)


def is_index(tokens: Tokens, measures: np.ndarray, chosen: np.ndarray) -> bool:
    """Whether what is chosen stands among headlines of other pages, few words to each."""
    places = np.flatnonzero(chosen)
    if not len(places):
        return False
    span = slice(int(places[0]), int(places[-1]) + 1)
    words = measures[span, WORDS]
    is_link = tokens.blocks[span, B_LINKED] > LINKED * measures[span, BYTES]
    n_headlines = int(np.count_nonzero(is_link & (words >= LINK_WORDS)))
    if n_headlines < MANY_HEADLINES:
        return False
    return bool(words[chosen[span] & ~is_link].sum() < PROSE_WORDS * n_headlines)


def is_forum(tokens: Tokens) -> bool:
    """Whether a page has several elements of classes that forums give to posts."""
    is_one = tokens.elements[:, E_MASK_HIGH] & _FORUM
    if np.count_nonzero(is_one) < FEW_POSTS:
        return False
    return int(np.isin(tokens.words, _POST_WORDS).sum()) >= FEW_POSTS
