"""The main text of a page and what the page says about itself; parsed once, by resiliparse."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from castor.filters.reasons import Reason
from castor.pipelines.source import RejectError

# resiliparse takes time by the square of the depth of nested <div> and <article> (0.2 s at 3,000,
# 14 s at 20,000) and of the number of attributes of one tag (0.3 s at 10,000). Browsers stop
# nesting at 512 (kMaximumHTMLParserDOMTreeDepth in Chromium and WebKit).
MAX_DEPTH = 2000
MAX_ATTRIBUTES = 5000
_LONG_TAG = re.compile(r"<[a-zA-Z][^>]{20000,}")  # MAX_ATTRIBUTES need at least that much
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_BLOCK = re.compile(r"<(/?)(?:div|article)\b", re.I)
_BLANK_LINES = re.compile(r"\n[ \t\r\f\v\u00a0]*\n(?:[ \t\r\f\v\u00a0]*\n)+")


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """What was taken from a page.

    Attributes:
        text: paragraphs, apart by a blank line; empty if there are none.
        title, canonical, language_tag: as the page states them, or None.
    """

    text: str
    title: str | None
    canonical: str | None
    language_tag: str | None


def read_page(html: str, *, main_content: bool) -> Page:
    """Parses a page.

    Args:
        html: its decoded source.
        main_content: only the main text, without navigation, headers, footers and comments.

    Raises:
        RejectError: BOMB for a page that is nested or attributed out of all reason,
            CORRUPT if the parser gives up.
    """
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.html import HTMLTree

    _refuse_bombs(html)
    try:
        tree = HTMLTree.parse(html)
        text = extract_plain_text(
            tree, preserve_formatting=True, main_content=main_content, alt_texts=False
        )
    except (ValueError, RuntimeError) as error:
        raise RejectError(Reason.CORRUPT, f"the HTML parser gave up: {error}") from error
    return Page(
        text=_BLANK_LINES.sub("\n\n", text).strip(),
        title=_one_line(tree.title),
        canonical=_attribute(tree, 'link[rel="canonical"]', "href"),
        language_tag=_attribute(tree, "html", "lang") or _attribute(tree, "html", "xml:lang"),
    )


def _attribute(tree: Any, selector: str, name: str) -> str | None:
    node = tree.document.query_selector(selector)
    return _one_line(node.getattr(name)) if node is not None else None


def _one_line(text: str | None) -> str | None:
    return " ".join(text.split()) or None if text else None


def _refuse_bombs(html: str) -> None:
    if html.count("<") > MAX_DEPTH and (
        html.count("<div") + html.count("<DIV") + html.count("<article") > MAX_DEPTH
    ):
        depth = deepest = 0
        for block in _BLOCK.finditer(html):
            depth += -1 if block[1] else 1
            deepest = max(deepest, depth)
        if deepest > MAX_DEPTH:
            message = f"blocks nested {deepest} deep, the limit is {MAX_DEPTH}"
            raise RejectError(Reason.BOMB, message)
    if len(html) > 100_000 and (tag := _LONG_TAG.search(html)) is not None:
        n_attributes = len(_QUOTED.sub("", tag[0]).split())
        if n_attributes > MAX_ATTRIBUTES:
            message = f"a tag with {n_attributes} attributes, the limit is {MAX_ATTRIBUTES}"
            raise RejectError(Reason.BOMB, message)
