"""A page's bytes to its main text as Markdown, with what it links to, shows and says of itself."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np

from castor.filters.html import choose, judge, metadata, shown
from castor.filters.html.charset import as_utf8
from castor.filters.html.comments import about_product, comments_of, outside, posts_of
from castor.filters.html.markdown import write
from castor.filters.html.page_kind import PageKind, is_forum, is_index, stated_kind
from castor.filters.html.tokens import among as events
from castor.filters.html.tokens.state import (
    IMAGE,
    LINK,
    V_END,
    V_END_2,
    V_START,
    V_START_2,
    V_TEXT,
    V_TEXT_END,
    Tokens,
)
from castor.filters.html.tokens.tokenizer import tokenize

FEW_WORDS = 25  # a page whose blocks give fewer is what JSON-LD says it is, where it says more


class Link(NamedTuple):
    """A link of the text: its words, its address in full, its rel."""

    text: str
    address: str
    rel: str


class Image(NamedTuple):
    """A picture beside the text: its address in full and its alternative text."""

    address: str
    alt: str


@dataclasses.dataclass(frozen=True, slots=True)
class Extracted:
    """What a page holds.

    Attributes:
        text: the main text as Markdown, without links and pictures; empty if there is none.
        comments: readers' comments as Markdown, if they were asked for; on a page of a forum they
            are the text.
        kind: what kind of page it is.
        metadata: what the page says about itself.
        links: of the main text, in order.
        images: beside the main text, in order.
        charset: what the bytes were in, by Python's name.
        truncated: the page has more elements than the limits allow; the rest was not read.
    """

    text: str
    comments: str
    kind: PageKind
    metadata: metadata.Metadata
    links: tuple[Link, ...]
    images: tuple[Image, ...]
    charset: str
    truncated: bool

    @property
    def title(self) -> str | None:
        """The page's headline."""
        return self.metadata.title

    @property
    def language(self) -> str | None:
        """The language tag that the page states."""
        return self.metadata.language


def extract_html(
    data: bytes,
    *,
    url: str | None = None,
    charset: str | None = None,
    main_content: bool = True,
    comments: bool = False,
) -> Extracted:
    """Extracts a page.

    Time is linear in the bytes and memory bounded, whatever they are (`tokens.state` has the
    limits); no markup is an error.

    Args:
        data: the page as it was served, content encodings undone.
        url: where it is from: links become full addresses, and a date in it may count.
        charset: what the HTTP header states.
        main_content: the main text only; else all text of the page.
        comments: readers' comments too, apart from the text.

    Raises:
        UnreadableError: no charset decodes the bytes (reason bad_encoding).
    """
    opened = open_page(data, url, charset)
    tokens, page, said = opened.tokens, opened.page, opened.metadata
    p = judge.judge(page, judge.shipped())
    chosen, kind = by_kind(opened, choose.choose(page, p))
    if not main_content:
        chosen = np.ones(len(p), bool)
    return Extracted(
        text=text_of(opened, chosen) if main_content else write(tokens, chosen),
        comments=write(tokens, comments_of(page, chosen)) if comments else "",
        kind=kind,
        metadata=said,
        links=_links(opened, chosen),
        images=_images(opened, chosen),
        charset=opened.charset,
        truncated=tokens.full,
    )


@dataclasses.dataclass(frozen=True, slots=True)
class Opened:
    """A page as it is before anything is chosen.

    Attributes:
        source: its bytes as UTF-8.
        charset: what they were in.
        base: what its addresses are relative to, if that is known.
    """

    source: bytes
    charset: str
    tokens: Tokens
    page: judge.Read
    metadata: metadata.Metadata
    base: str | None


def open_page(data: bytes, url: str | None, charset: str | None) -> Opened:
    """Tokenizes and measures a page, and reads what it says of itself; as `extract_html`."""
    source, used = as_utf8(data, charset)
    tokens = tokenize(source)
    head = metadata.Head(source, tokens.events)
    said = metadata.read(head, url, _licences(source, tokens))
    said = dataclasses.replace(
        said,
        title=shown.headline(said.title, tokens),
        author=said.author or shown.author(tokens),
    )
    base = metadata.absolute(head.base, url) if head.base else url
    page = judge.read(tokens, head.title or "", said.article or "")
    return Opened(source, used, tokens, page, said, base)


def by_kind(opened: Opened, chosen: np.ndarray) -> tuple[np.ndarray, PageKind]:
    """What is chosen of a page of its kind: bool [n_blocks], and the kind.

    On a page of a forum what was posted is the text, on that of a product also what is said of it
    and how it is made; what is beside them is not.
    """
    said, page = opened.metadata, opened.page
    kind = stated_kind(said.kinds, said.generator)
    if kind == PageKind.OTHER and is_forum(opened.tokens):
        kind = PageKind.FORUM
    if kind == PageKind.FORUM:
        chosen = chosen & ~outside(page, chosen, posts=True) | posts_of(page)
    elif kind == PageKind.PRODUCT:
        chosen = chosen & ~outside(page, chosen, posts=False) | about_product(page)
    elif kind == PageKind.OTHER and is_index(opened.tokens, page.measures, chosen):
        kind = PageKind.INDEX
    return chosen, kind


def text_of(opened: Opened, chosen: np.ndarray) -> str:
    """The chosen blocks as Markdown; if they are next to none, what JSON-LD has as the article."""
    text = write(opened.tokens, chosen)
    article = (opened.metadata.article or "").strip()
    n_words = int(np.diff(opened.page.offsets)[chosen].sum())
    return article if n_words < FEW_WORDS and len(article) > len(text) else text


def _licences(source: bytes, tokens: Tokens) -> list[tuple[str, str]]:
    """(address, rel) of the links that may name a licence."""
    rows = events.of_licences(tokens).tolist()
    return [
        (_value(source, row[V_START], row[V_END]), _value(source, row[V_START_2], row[V_END_2]))
        for row in rows
    ]


def _value(source: bytes, start: int, end: int) -> str:
    """An attribute's value."""
    return metadata.unescape(source[start:end].decode("utf-8", "replace")).strip()


def _links(opened: Opened, chosen: np.ndarray) -> tuple[Link, ...]:
    source, base = opened.source, opened.base
    rows = events.among(opened.tokens, chosen, LINK).tolist()
    text = opened.tokens.text.tobytes() if rows else b""
    found = []
    for row in rows:
        words = text[row[V_TEXT] : row[V_TEXT_END]].decode("utf-8", "replace")
        words = " ".join(words.split())
        if words:
            address = metadata.absolute(_value(source, row[V_START], row[V_END]), base)
            found.append(Link(words, address, _value(source, row[V_START_2], row[V_END_2])))
    return tuple(found)


def _images(opened: Opened, chosen: np.ndarray) -> tuple[Image, ...]:
    source, base = opened.source, opened.base
    found: dict[str, Image] = {}
    for row in events.among(opened.tokens, chosen, IMAGE).tolist():
        address = _value(source, row[V_START], row[V_END])
        if "," in address and " " in address and not address.startswith("data:"):
            address = address.split(",")[0].split()[0]  # the first of a srcset
        if address and not address.startswith("data:"):
            address = metadata.absolute(address.split()[0], base)
            found.setdefault(address, Image(address, _value(source, row[V_START_2], row[V_END_2])))
    return tuple(found.values())
