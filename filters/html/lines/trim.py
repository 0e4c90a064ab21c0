"""Which lines of a text go, given which of them stand on many other pages too."""

from __future__ import annotations

from collections.abc import Sequence

from castor.filters.html.lines.scan import BARE, HEADING, PLAIN


def lines_to_cut(
    kinds: Sequence[int], sizes: Sequence[int], repeated: Sequence[bool], most: float
) -> list[int]:
    """The numbers of the lines of one text that go, in order.

    Repeated lines of prose and lists go. So do repeated headings under which nothing stays; one
    with a section of its own belongs to it. Code and tables stay. A text that would lose more
    than `most` of its bytes is no page with boilerplate on it but a copy of others, and stays
    whole: that is for the removal of duplicates.

    Args:
        kinds: of every line, as `scan.Lines` has them.
        sizes: bytes of every line.
        repeated: whether each stands on many pages.
        most: share of the bytes.
    """
    cut = []
    stays_below = False  # whether anything stays between here and the next heading below
    for i in range(len(kinds) - 1, -1, -1):
        if kinds[i] == HEADING:
            if repeated[i] and not stays_below:
                cut.append(i)
            stays_below = False
        elif kinds[i] == PLAIN and repeated[i]:
            cut.append(i)
        elif kinds[i] != BARE:
            stays_below = True
    if sum(sizes[i] for i in cut) > most * sum(sizes):
        return []
    return cut[::-1]


def without(text: str, cut: Sequence[int]) -> str:
    """A text without the lines of those numbers, and without the blank lines that they leave."""
    gone = set(cut)
    kept: list[str] = []
    is_after = False  # whether nothing but blank lines came since a line that went
    for i, line in enumerate(text.split("\n")):
        if i in gone:
            is_after = True
            continue
        is_blank = not line.strip()
        if is_after and is_blank and not (kept and kept[-1].strip()):
            continue
        is_after = is_after and is_blank
        kept.append(line)
    return "\n".join(kept).rstrip("\n") if gone else text
