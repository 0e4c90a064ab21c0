"""Telephone numbers, judged by the metadata of libphonenumber.

A candidate costs about 0.1 ms, so the compiled scan lets through what is shaped like a
number only, and answers are kept: the same number stands on every page of a site.
"""

from __future__ import annotations

import functools
import re
import typing

import phonenumbers
from phonenumbers import PhoneMetadata

KEPT = 1 << 16
GROUPS = re.compile(r"[0-9]+")
LAST_GROUP = re.compile(r"[^0-9]+[0-9]+\Z")
DATE = re.compile(r"(?:19|20)\d\d[-./ ]\d\d?[-./ ]\d\d?|\d\d?[-./ ]\d\d?[-./ ](?:19|20)\d\d")
# Where numbers are written with a 0 before the area, as their own format has it.
REGIONS = ("GB", "DE", "JP", "FR", "IT", "AU", "IN", "NL", "CH", "SE", "KR", "ZA", "AT", "BE",
           "IE", "TR", "NZ", "ID", "TW", "MY", "TH", "UA", "IL", "FI", "VN")  # fmt: skip
# Where digits after the area code are grouped at will.
FREE_GROUPS = frozenset({"AT", "DE", "GB", "IT"})


@functools.lru_cache(KEPT)
def international(text: str) -> int:
    """How many bytes of a text that begins with `+` or `00` are a number; 0 if it is none.

    A number that libphonenumber calls valid; or, after `+` and in three groups or more, a
    possible one, of a length that the country has. Groups at the end that belong to something
    else are left out.
    """
    dialled = text if text[0] == "+" else f"+{text[2:]}"
    extra = len(text) - len(dialled)
    found = dialled
    for _ in range(4):
        if _is_valid(found, None):
            return len(found.encode()) + extra
        shorter = LAST_GROUP.sub("", found)
        if shorter == found:
            break
        found = shorter
    number = _parsed(dialled)
    grouped = text[0] == "+" and len(GROUPS.findall(text)) >= 3
    if number is not None and grouped and phonenumbers.is_possible_number(number):
        return len(dialled.encode()) + extra
    return 0


@functools.lru_cache(KEPT)
def national(text: str) -> int:
    """How many bytes of a text without country code are a number: all, or 0 for none.

    North American and Chinese mobile numbers by their shapes, if valid; numbers that begin
    with 0 if one of 25 countries would write them so: valid there, and grouped as its format
    groups them, in four of them the area code alone.
    """
    groups = GROUPS.findall(text)
    sizes = tuple(map(len, groups))
    if DATE.match(text):
        return 0
    if sizes in ((3, 3, 4), (1, 3, 3, 4)) and groups[0][0] != "0":
        return len(text.encode()) if _is_valid("".join(groups), "US") else 0
    if sizes == (3, 4, 4) and groups[0][0] == "1":
        return len(text.encode()) if _is_valid("".join(groups), "CN") else 0
    for region in REGIONS:
        if _is_written_so(groups, region) and _is_valid("".join(groups), region):
            return len(text.encode())
    return 0


def _is_written_so(groups: list[str], region: str) -> bool:
    """Whether a country's own formats make these groups of a number that begins with 0."""
    has_trunk = _metadata(region).national_prefix == "0"
    number = "".join(groups)[has_trunk:]  # in Italy the 0 is of the number itself
    for leading, pattern, written in _formats(region):
        match = pattern.fullmatch(number) if leading.match(number) else None
        if match:
            expected = GROUPS.findall(match.expand(written))
            return expected == groups or (region in FREE_GROUPS and expected[0] == groups[0])
    return False


@functools.cache
def _formats(region: str) -> tuple[tuple[re.Pattern[str], re.Pattern[str], str], ...]:
    """How a country writes its numbers: leading digits, groups, and the whole with its 0."""
    found = []
    for form in _metadata(region).number_format:
        leading = form.leading_digits_pattern[-1] if form.leading_digits_pattern else ""
        first = form.national_prefix_formatting_rule or ("\\1" if region == "IT" else None)
        if first:
            written = form.format.replace("\\1", first, 1)
            found.append((re.compile(leading), re.compile(form.pattern), written))
    return tuple(found)


def _metadata(region: str) -> typing.Any:
    found = PhoneMetadata.metadata_for_region(region)
    assert found is not None, region
    return found


def _is_valid(digits: str, region: str | None) -> bool:
    number = _parsed(digits, region)
    return number is not None and phonenumbers.is_valid_number(number)


@functools.lru_cache(KEPT)
def labelled(text: str) -> int:
    """How many bytes of a text after `Tel.` or the like are a number: all, or 0 for none.

    The word is proof enough of 7 digits or more in two groups, or 9 in one; no date, and no
    decimal number.
    """
    groups = GROUPS.findall(text)
    n_digits = sum(map(len, groups))
    is_decimal = len(groups) == 2 and "." in text
    enough = n_digits >= 7 if len(groups) > 1 else n_digits >= 9
    return len(text.encode()) if enough and not is_decimal and not DATE.fullmatch(text) else 0


def _parsed(text: str, region: str | None = None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
