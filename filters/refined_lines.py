"""The line rules of RefinedWeb (Penedo et al. 2023, arXiv:2306.01116, appendix G.2).

A line, what LF separates, goes if

1. more than half of its characters are upper-case letters;
2. all of its characters are digits;
3. it is a counter: a number and one of COUNTED, as in `3 likes`;
4. it has one word (cut at white space);

and of a line of ten words or fewer, in this order, `items in cart` goes wherever it stands,
`Read more...` at its end and `Sign-in` at its beginning, with a white space beside it; where
nothing is left the line goes too. Blank lines stay. The paper names the rules and the examples; the
numbers and the list of COUNTED are those of DCLM's re-implementation (arXiv:2406.11794,
baselines/mappers/modifiers.py). The paper drops a page of which more than 5% of the words go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

COUNTED = (
    "likes shares comments retweets reposts quotes bookmarks upvotes downvotes downloads views "
    "followers"
).split()
COUNTER = re.compile(rf"\W*\d[\d,.]*[kmb]?\s+(?:{'|'.join(COUNTED)})\W*", re.IGNORECASE)
PHRASES = (
    re.compile(r"\s?items in cart", re.IGNORECASE),
    re.compile(r"\s?Read more\.\.\.$", re.IGNORECASE),
    re.compile(r"^Sign-in\s?", re.IGNORECASE),
)
MOST_WORDS = 10  # of a line that is edited
MOST_UPPERCASE = 0.5
MOST_REMOVED = 0.05  # of the words of a page
RULES = ("uppercase", "numeric", "counter", "one_word", "phrase")


class Line(NamedTuple):
    """A line that a rule changes: its characters in the text, what becomes of it, its words."""

    start: int
    stop: int
    rule: str
    left: str | None  # None: it goes
    n_words: int


def changed(text: str) -> Iterator[Line]:
    """The lines that a rule changes, in order."""
    start = 0
    for line in text.split("\n"):
        stop = start + len(line)
        if line and not line.isspace():
            rule, left = _judged(line)
            if rule:
                yield Line(start, stop, rule, left, len(line.split()))
        start = stop + 1


def removed_words(line: Line) -> int:
    """The words of the line that go."""
    return line.n_words - (len(line.left.split()) if line.left is not None else 0)


def _judged(line: str) -> tuple[str, str | None]:
    """The rule that changes a line, "" if none does, and what is left of it."""
    if not line.islower() and sum(map(str.isupper, line)) > MOST_UPPERCASE * len(line):
        return "uppercase", None
    if line.isdigit():
        return "numeric", None
    words = line.split(None, MOST_WORDS)
    if len(words) <= MOST_WORDS and COUNTER.fullmatch(line):
        return "counter", None
    if len(words) == 1:
        return "one_word", None
    if len(words) > MOST_WORDS:
        return "", line
    left = line
    for phrase in PHRASES:
        left = phrase.sub("", left)
    if left == line:
        return "", line
    return "phrase", left if left and not left.isspace() else None
