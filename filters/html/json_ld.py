"""What JSON-LD scripts say of a page (https://schema.org): article, author, date, type."""

from __future__ import annotations

import dataclasses
import html
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

MAX_BYTES = 1 << 20  # of one script
MAX_NODES = 2000  # objects looked at
_ARTICLES = re.compile(
    r"article|posting|report|blog|review|recipe|creativework|webpage|qapage", re.I
)
_TAG = re.compile(r"<[a-zA-Z/!][^<>]{0,500}>")


@dataclasses.dataclass(frozen=True, slots=True)
class Facts:
    """What was found; None and empty where nothing was."""

    article: str | None = None
    headline: str | None = None
    authors: tuple[str, ...] = ()
    date: str | None = None
    modified: str | None = None
    language: str | None = None
    licence: str | None = None
    kinds: tuple[str, ...] = ()


def read(scripts: Sequence[bytes]) -> Facts:
    """The facts of all scripts together, the first of each kind; broken scripts say nothing."""
    nodes = [node for script in scripts for node in _nodes(_parse(script))]
    kinds = {kind for node in nodes for kind in _texts(node.get("@type"))}
    articles = [n for n in nodes if any(_ARTICLES.search(k) for k in _texts(n.get("@type")))]
    bodies = [t for n in nodes for t in _texts(n.get("articleBody"))]
    return Facts(
        article=_plain(max(bodies, key=len)) if bodies else None,
        headline=_first(articles, "headline"),
        authors=tuple(dict.fromkeys(name for n in articles for name in _names(n.get("author")))),
        date=_first(articles, "datePublished") or _first(articles, "dateCreated"),
        modified=_first(articles, "dateModified"),
        language=_first(articles, "inLanguage"),
        licence=_first(nodes, "license"),
        kinds=tuple(sorted(kinds)),
    )


def _parse(script: bytes) -> Any:
    """The value of a script; None if it is no JSON even with control characters in strings."""
    if len(script) > MAX_BYTES:
        return None
    try:
        return orjson.loads(script)
    except orjson.JSONDecodeError:
        pass
    text = script.decode("utf-8", "replace").strip()
    text = text.removeprefix("<!--").removesuffix("-->").removeprefix("//<![CDATA[").rstrip("; \n")
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """The objects in a value, at most MAX_NODES, those outside first."""
    waiting = [value]
    n = 0
    while waiting and n < MAX_NODES:
        found = waiting.pop(0)
        n += 1
        if isinstance(found, dict):
            yield found
            waiting.extend(v for v in found.values() if isinstance(v, dict | list))
        elif isinstance(found, list):
            waiting.extend(v for v in found[:MAX_NODES] if isinstance(v, dict | list))


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [v for v in values if isinstance(v, str) and v.strip()]


def _first(nodes: Sequence[dict[str, Any]], name: str) -> str | None:
    for node in nodes:
        value = node.get(name)
        if isinstance(value, dict):
            value = value.get("@id") or value.get("url") or value.get("name")
        for text in _texts(value):
            return html.unescape(text)
    return None


def _names(value: Any) -> Iterator[str]:
    for author in value if isinstance(value, list) else [value]:
        name = author.get("name") if isinstance(author, dict) else author
        for text in _texts(name):
            if not text.startswith(("http://", "https://")):
                yield " ".join(html.unescape(text).split())


def _plain(text: str) -> str:
    """An article body without the markup that some sites put into it."""
    if "<" in text:
        text = _TAG.sub(" ", text)
    return html.unescape(text) if "&" in text else text
