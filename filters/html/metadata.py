"""What a page says about itself: title, language, author, date, licence, robots, JSON-LD."""

from __future__ import annotations

import dataclasses
import html
import re
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from castor.filters.html import json_ld
from castor.filters.html.tokens.state import (
    BASE,
    IMAGE,
    JSON_LD,
    LANG,
    LINK_REL,
    META,
    TIME,
    TITLE,
    V_END,
    V_END_2,
    V_KIND,
    V_START,
    V_START_2,
)

MAX_FIELD = 1000  # characters; a longer title or author is none
_DATE = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[-/.年]?(0[1-9]|1[0-2])[-/.月]?(0[1-9]|[12]\d|3[01])(?!\d)"
)
_URL_DATE = re.compile(r"/((?:19|20)\d\d)[/-](0?[1-9]|1[0-2])[/-](0?[1-9]|[12]\d|3[01])(?=[/-]|$)")
_CC = re.compile(
    r"creativecommons\.org/(?:licenses/(by(?:-nc)?(?:-nd|-sa)?|nc-sa|nd|sa)/(\d\.\d)(?:/([a-z]{2})\b)?"
    r"|(publicdomain/zero/1\.0)|(publicdomain/mark/1\.0))",
    re.I,
)
_TITLE_NAMES = ("og:title", "twitter:title", "dc.title", "title")
_AUTHOR_NAMES = (
    "author",
    "article:author",
    "dc.creator",
    "byl",
    "parsely-author",
    "sailthru.author",
)
_DATE_NAMES = (
    "article:published_time", "datepublished", "date", "dc.date", "dc.date.issued", "pubdate",
    "publishdate", "publish-date", "parsely-pub-date", "sailthru.date", "og:published_time",
    "article:published", "dcterms.created", "dcterms.date", "citation_publication_date",
    "og:article:published_time", "published_time_telegram", "article.published",
    "article:modified_time", "og:updated_time", "datemodified", "last-modified",
)  # fmt: skip
_LANGUAGE_NAMES = ("content-language", "og:locale", "language", "dc.language")
ROBOTS_NAMES = ("robots", "googlebot", "ccbot", "gptbot", "bingbot", "ai-robots")
_DESCRIPTION_NAMES = ("og:description", "description", "twitter:description")
_SITE_NAMES = ("og:site_name", "application-name")
_RIGHTS_NAMES = ("dc.rights", "dcterms.license")
_META_NAMES = frozenset(
    (*_TITLE_NAMES, *_AUTHOR_NAMES, *_DATE_NAMES, *_LANGUAGE_NAMES, *ROBOTS_NAMES, *_SITE_NAMES,
     *_DESCRIPTION_NAMES, *_RIGHTS_NAMES, "og:type", "tdm-reservation", "generator")
)  # fmt: skip
_REL_NAMES = ("license", "licence", "canonical")


@dataclasses.dataclass(frozen=True, slots=True)
class Metadata:
    """What the page states; None where it states nothing.

    Attributes:
        title: its headline, without the name of the site where that is known.
        language: a language tag, as written.
        author: names, `; ` between them.
        date: of publication, else of change, as YYYY-MM-DD.
        licence: SPDX identifier of the Creative Commons licence it links to.
        licence_url: the address behind rel=license, or of that Creative Commons licence.
        canonical: its own address.
        description: as written.
        robots: the directives for crawlers, lower case, sorted: noindex, noai, tdm-reservation=1.
        article: the text that JSON-LD says is the article's.
        kinds: JSON-LD types on the page and og:type, sorted.
        generator: the software that made it.
    """

    title: str | None = None
    language: str | None = None
    author: str | None = None
    date: str | None = None
    licence: str | None = None
    licence_url: str | None = None
    canonical: str | None = None
    description: str | None = None
    robots: tuple[str, ...] = ()
    article: str | None = None
    kinds: tuple[str, ...] = ()
    generator: str | None = None


class Head:
    """The events of a page that are metadata, read once: of those that `read` asks for."""

    def __init__(self, data: bytes, events: np.ndarray) -> None:
        self._data = data
        self.meta: dict[str, list[str]] = {}
        self.rel: dict[str, str] = {}
        self.title: str | None = None
        self.language: str | None = None
        self.base: str | None = None
        self.time: str | None = None
        self.scripts: list[bytes] = []
        for row in events[events[:, V_KIND] > IMAGE].tolist():
            self._take(row)

    def _span(self, start: int, end: int) -> str:
        return unescape(self._data[start:end].decode("utf-8", "replace"))

    def _take(self, row: list[int]) -> None:
        kind, first, last = row[V_KIND], row[V_START], row[V_END]
        if kind == META:
            stated = self._data[row[V_START_2] : row[V_END_2]].decode("utf-8", "replace")
            name = stated.strip().lower()
            if name in _META_NAMES:
                self.meta.setdefault(name, []).append(self._span(first, last))
        elif kind == LINK_REL:
            for name in self._span(row[V_START_2], row[V_END_2]).lower().split():
                if name in _REL_NAMES and name not in self.rel:
                    self.rel[name] = self._span(first, last).strip()
        elif kind == TITLE:
            self.title = self.title or self._span(first, last)
        elif kind == LANG:
            self.language = self.language or self._span(first, last)
        elif kind == BASE:
            self.base = self.base or self._span(first, last).strip()
        elif kind == TIME:
            if self.time is None:
                self.time = self._span(first, last)
        elif kind == JSON_LD:
            self.scripts.append(self._data[first:last])

    def first(self, *names: str) -> str | None:
        """The first of the named meta elements that says something."""
        for name in names:
            for value in self.meta.get(name, ()):
                if found := one_line(value):
                    return found
        return None


def unescape(text: str) -> str:
    """An attribute's value with its character references resolved."""
    return html.unescape(text) if "&" in text else text


def one_line(text: str | None) -> str | None:
    """White space evened out; None if nothing is left, or far too much."""
    found = " ".join(text.split()) if text else ""
    return found if 0 < len(found) <= MAX_FIELD else None


def read(head: Head, url: str | None, links: Sequence[tuple[str, str]] = ()) -> Metadata:
    """The metadata of a page.

    Args:
        head: its events.
        url: where the page was fetched from; a date in it counts where the page states none.
        links: (address, rel) of the page's links, for its licence.
    """
    facts = json_ld.read(head.scripts)
    names = [*facts.authors] or [
        a for a in head.meta.get("author", ()) if one_line(a) and "://" not in a
    ]
    author = one_line("; ".join(names)) or _not_an_address(head.first(*_AUTHOR_NAMES))
    stated = head.first("og:locale")
    language = one_line(head.language) or head.first(*_LANGUAGE_NAMES) or facts.language
    licence, licence_url = _licence(head, facts, links)
    kinds = {*facts.kinds, *(f"og:{v}" for v in head.meta.get("og:type", ())[:1])}
    return Metadata(
        title=_title(head, facts),
        language=(language or stated or "").replace("_", "-") or None,
        author=author,
        date=_date(head, facts, url),
        licence=licence,
        licence_url=licence_url,
        canonical=one_line(head.rel.get("canonical")),
        description=head.first(*_DESCRIPTION_NAMES),
        robots=_robots(head.meta),
        article=facts.article,
        kinds=tuple(sorted(kinds)),
        generator=head.first("generator"),
    )


def _not_an_address(text: str | None) -> str | None:
    return None if text and "://" in text else text


def _title(head: Head, facts: json_ld.Facts) -> str | None:
    """The headline: what the page gives to others, without the site's name; else its <title>."""
    title = head.first(*_TITLE_NAMES) or one_line(facts.headline) or one_line(head.title)
    site = head.first(*_SITE_NAMES)
    if title and site and title.endswith(site):
        cut = title[: -len(site)].rstrip(" |-–—»:·•/")
        title = cut or title
    return title


def as_date(text: str | None) -> str | None:
    """The first date of year, month and day in a text, as YYYY-MM-DD."""
    found = _DATE.search(text[:200]) if text else None
    return "-".join(found.groups()) if found else None


def _date(head: Head, facts: json_ld.Facts, url: str | None) -> str | None:
    published = as_date(facts.date)
    for name in _DATE_NAMES:
        for value in () if published else head.meta.get(name, ()):
            published = published or as_date(value)
    if not published and url and (found := _URL_DATE.search(url)):
        published = f"{found[1]}-{int(found[2]):02}-{int(found[3]):02}"
    return published or as_date(head.time) or as_date(facts.modified)


def _licence(
    head: Head, facts: json_ld.Facts, links: Sequence[tuple[str, str]]
) -> tuple[str | None, str | None]:
    """(SPDX identifier, address): of rel=license first, then of any link to Creative Commons."""
    stated = [head.rel.get("license") or head.rel.get("licence"), facts.licence]
    for name in _RIGHTS_NAMES:
        stated += head.meta.get(name, [])
    linked = []
    for address, rel in links:
        if "license" in rel.lower().split():
            stated.append(address)
        elif "creativecommons.org/" in address:
            linked.append(address)
    addresses = [a.strip() for a in stated if a and a.strip()]
    for address in (*addresses, *linked):
        if (spdx := spdx_of(address)) is not None:
            return spdx, address
    return None, addresses[0] if addresses else None


def spdx_of(address: str) -> str | None:
    """The SPDX identifier of a Creative Commons licence's address."""
    found = _CC.search(address)
    if found is None:
        return None
    if found[4]:
        return "CC0-1.0"
    if found[5]:
        return "CC-PDM-1.0"
    return f"CC-{found[1].upper()}-{found[2]}"


def directives(value: str) -> Iterator[str]:
    """The directives of one robots value: `noindex, nofollow` or `googlebot: noai`."""
    for part in value.lower().split(","):
        word = part.strip()
        agent, _, rest = word.partition(":")
        word = rest.strip() if agent.strip() in ROBOTS_NAMES or agent.endswith("bot") else word
        if word:
            yield word


def _robots(meta: Mapping[str, list[str]]) -> tuple[str, ...]:
    found = {d for name in ROBOTS_NAMES for value in meta.get(name, ()) for d in directives(value)}
    if any(v.strip() == "1" for v in meta.get("tdm-reservation", ())):
        found.add("tdm-reservation=1")  # TDM Reservation Protocol, W3C community report
    return tuple(sorted(found))


def absolute(address: str, base: str | None) -> str:
    """An address in full, where the page's own is known; as written where it is no address."""
    address = address.strip()
    if not base or "://" in address[:16] or address.startswith(("data:", "mailto:", "tel:")):
        return address
    try:
        return urllib.parse.urljoin(base, address)
    except ValueError:
        return address
