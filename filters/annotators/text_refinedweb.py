"""What RefinedWeb's line rules would take from a text: signals for `refinedweb/lines`."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from castor.filters.annotator import annotator
from castor.filters.refined_lines import changed, removed_words


class Removed(NamedTuple):
    """Lines by the rule that changes them, and the share of words (cut at white space) that go."""

    n_lines_uppercase: int
    n_lines_numeric: int
    n_lines_counter: int
    n_lines_one_word: int
    n_lines_phrase: int
    removed_word_fraction: float | None


@annotator(version=1)
def text_refinedweb(text: str) -> Removed:
    """Counts the lines that RefinedWeb's rules remove or trim, and the words that go.

    The rules are stated in filters/refined_lines.py; rewriter refinedweb_lines applies them.
    The fraction of a text without words is null.
    """
    lines = list(changed(text))
    rules = Counter(line.rule for line in lines)
    words = len(text.split())
    removed = sum(map(removed_words, lines))
    return Removed(
        rules["uppercase"],
        rules["numeric"],
        rules["counter"],
        rules["one_word"],
        rules["phrase"],
        removed / words if words else None,
    )
