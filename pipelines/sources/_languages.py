"""Language codes: whatever a document says, as its BCP 47 primary subtag.

BCP 47 (RFC 5646, section 2.2.1) takes the shortest ISO 639 code: `en` where there is one of
two letters, else the one of three.
"""

from __future__ import annotations

import re

from castor.filters.language.codes import THREE_TO_TWO, TWO_LETTER

# Names as book headers write them ("Language: English").
_NAMES = """
afrikaans:af albanian:sq amharic:am arabic:ar armenian:hy basque:eu bengali:bn bulgarian:bg
catalan:ca cherokee:chr chinese:zh coptic:cop croatian:hr czech:cs danish:da dutch:nl english:en
esperanto:eo estonian:et finnish:fi french:fr galician:gl german:de greek:el gujarati:gu
hebrew:he hindi:hi hungarian:hu icelandic:is irish:ga italian:it japanese:ja korean:ko latin:la
norwegian:no persian:fa polish:pl portuguese:pt romanian:ro russian:ru serbian:sr slovak:sk
slovenian:sl spanish:es swahili:sw swedish:sv syriac:syr tagalog:tl thai:th turkish:tr
ukrainian:uk vietnamese:vi welsh:cy xhosa:xh yiddish:yi zulu:zu
"""
NAMES = dict(pair.split(":") for pair in _NAMES.split())
# ISO 639-2's codes for "no one language": they say nothing about which.
_NONE = frozenset({"und", "mul", "mis", "zxx"})


def primary(tag: str | None) -> str | None:
    """`eng`, `en-US` and `EN_gb` are `en`, `English` too; None for what is no language tag.

    A code of two letters must be in ISO 639-1, one of three is taken as it is.
    """
    if not tag:
        return None
    tag = tag.strip().lower()
    if tag in NAMES:
        return NAMES[tag]
    if not re.fullmatch(r"[a-z]{2,3}([-_][a-z0-9]{1,8})*", tag):
        return None
    code = re.split("[-_]", tag)[0]
    code = THREE_TO_TWO.get(code, code)
    return None if code in _NONE or (len(code) == 2 and code not in TWO_LETTER) else code


def of_path(path: str) -> str | None:
    """The language that a folder of the path names: `pages.de/a.md`, `pt-BR/a.md`; else None.

    Only folders that are, or end after a dot in, a two-letter code with an optional region
    count; the innermost one wins.
    """
    for folder in reversed(path.split("/")[:-1]):
        match = re.fullmatch(r"(?:.*\.)?([a-z]{2})(?:[-_][A-Za-z]{2,4})?", folder)
        if match and match[1] in TWO_LETTER:
            return match[1]
    return None
