"""Removes and trims the lines that RefinedWeb corrects."""

from __future__ import annotations

from collections.abc import Iterator

from castor.filters.refined_lines import MOST_REMOVED, changed, removed_words
from castor.filters.rewriter import Edit, rewriter


@rewriter(version=1)
def refinedweb_lines(text: str) -> Iterator[Edit]:
    """Applies the line rules of RefinedWeb; filters/refined_lines.py says which.

    A page of which more than 5% of the words would go is left as it is: policy refinedweb/lines
    drops it.
    """
    lines = list(changed(text))
    if sum(map(removed_words, lines)) > MOST_REMOVED * len(text.split()):
        return
    for line in lines:
        if line.left is None:
            end = min(line.stop + 1, len(text))  # with its line feed
            yield Edit(line.start, end)
        else:
            yield Edit(line.start, line.stop, line.left)
