"""Masks telephone numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from castor.filters.rewriter import Edit, rewriter

PLACEHOLDER = "|||PHONE_NUMBER|||"  # as Dolma (arXiv:2402.00159, appendix)
MIN_DIGITS, MAX_DIGITS = 8, 15  # with country code; at most 15 is ITU-T E.164, section 6.2.1
GAP = "[ \u00a0\u2011-]"
INTERNATIONAL = re.compile(
    rf"\+(?<![\w+.-].)[1-9][0-9]{{0,14}}(?:{GAP}?[(][0-9]{{1,5}}[)]{GAP}?[0-9]{{1,12}})?"
    rf"(?:(?:{GAP}|\.)[0-9]{{1,12}}){{0,7}}"
)
LAST_GROUP = re.compile(rf"(?:{GAP}|\.)[0-9]+\Z")
# The lookbehind comes after the first sign, so that the search skips to digits quickly.
NATIONAL = re.compile(
    r"[(2-9](?<![\w.+/(-].)(?:(?<=\()[2-9][0-9]{2}\)[ \u00a0]?|"
    r"(?<!\()(?<![0-9][ \u00a0].)[0-9]{2}(?P<gap>[-. \u00a0]))"
    r"[2-9][0-9]{2}(?(gap)(?P=gap)|[-. ])[0-9]{4}(?![\w-]|[./ ][0-9])"
)
FRENCH = re.compile(
    r"0(?<![\w.+/(-].)(?<![0-9][ \u00a0].)[1-9](?:[ \u00a0.-][0-9]{2}){4}(?![\w-]|[ .][0-9])"
)

NEEDS = (
    r"\+[1-9]|[2-9][0-9]{2}\)?[-. \x{A0}]?[2-9][0-9]{2}[-. \x{A0}][0-9]{4}|"
    r"0[1-9](?:[ \x{A0}.-][0-9]{2}){4}"
)


@rewriter(version=1, needs=NEEDS)
def mask_phone(text: str) -> Iterator[Edit]:
    """Replaces telephone numbers by `|||PHONE_NUMBER|||`.

    Three forms: international (`+`, a country code, 8 to 15 digits in all, grouped by single
    spaces, hyphens, dots or brackets), North American (`(415) 555-0118`, `415-555-0118`, both
    groups of three beginning with 2 to 9), and French (`01 99 00 05 21`, five pairs). Not
    masked: digits without any grouping or `+`, dates, amounts, ISBNs, card numbers, and
    anything that is part of a longer number.
    """
    edits = [*_international(text)] if "+" in text else []
    for pattern in (NATIONAL, FRENCH):
        edits += [Edit(*m.span(), PLACEHOLDER) for m in pattern.finditer(text)]
    end = 0
    for edit in sorted(edits):
        if edit.start >= end:
            yield edit
            end = edit.stop


def _international(text: str) -> Iterator[Edit]:
    for match in INTERNATIONAL.finditer(text):
        found = match.group()
        while _n_digits(found) > MAX_DIGITS and LAST_GROUP.search(found):
            found = LAST_GROUP.sub("", found)  # another number follows
        stop = match.start() + len(found)
        following = text[stop : stop + 2]
        part_of_more = (
            following[:1].isalnum()
            or following[:1] in ("_", "%")
            or (following[:1] in (",", ".") and following[1:].isdigit())
        )
        is_decimal = found.count(".") == 1  # +1.23456789
        if MIN_DIGITS <= _n_digits(found) <= MAX_DIGITS and not part_of_more and not is_decimal:
            yield Edit(match.start(), stop, PLACEHOLDER)


def _n_digits(found: str) -> int:
    return sum(map(str.isdigit, found))
