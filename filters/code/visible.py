"""The text of an HTML page that a reader would see."""

from __future__ import annotations

import html

_HIDDEN = ("script", "style", "template", "noscript")


def visible_characters(page: str) -> int:
    """Characters of the text outside tags, comments, scripts and styles.

    White space counts once between words and not at the ends. Linear in the page's length,
    whatever it holds: a comment, tag or script that is not closed reaches to the end.
    """
    pieces: list[str] = []
    low = page.replace("\u0130", "I").lower()  # the one letter that lower case makes longer
    absent: set[str] = set()  # what was looked for and is not in the rest of the page
    begin = position = 0  # of the text before the next tag, and where to look for that
    while (start := page.find("<", position)) >= 0:
        after = _after(page, low, start, absent)
        if after == start:  # a bare `<` is text
            position = start + 1
            continue
        pieces.append(page[begin:start])
        begin = position = after
    pieces.append(page[begin:])
    return len(" ".join(html.unescape(" ".join(pieces)).split()))


def _after(page: str, low: str, start: int, absent: set[str]) -> int:
    """The place behind the tag, comment or hidden element at `start`; `start` if there is none."""
    if page.startswith("<!--", start):
        return _find(page, "-->", start + 4, absent)
    following = page[start + 1 : start + 2]
    if not (following.isalpha() or following in ("/", "!", "?")):
        return start
    end = _find(page, ">", start + 1, absent)
    for name in _HIDDEN:
        if (
            low.startswith(name, start + 1)
            and not low[start + 1 + len(name) : start + 2 + len(name)].isalnum()
        ):
            closing = _find(low, f"</{name}", end, absent)
            return _find(page, ">", closing, absent)
    return end


def _find(text: str, what: str, start: int, absent: set[str]) -> int:
    """The place behind the next `what`, or the end of the text."""
    if what in absent:
        return len(text)
    at = text.find(what, start)
    if at < 0:
        absent.add(what)
        return len(text)
    return at + len(what)
