"""Words beside a licence that take away what it gives: `MIT, for non-commercial use only`."""

from __future__ import annotations

import re

from castor.filters import spdx

ADDITIONAL = "LicenseRef-Additional-Terms"  # a licence that nobody knows: never permissive
UNKNOWN = "LicenseRef-Unknown"  # terms are stated, and not understood
PROPRIETARY = "LicenseRef-Proprietary"
COMMONS_CLAUSE = "LicenseRef-Commons-Clause"
_DEEDS = (
    r"(?:use|copy|sell|resell|distribute|redistribute|modify|sublicense|share|provide|offer|host"
    r"|publish|exploit)"
)
# In normalised words: lower case, letters, digits and dots. The headers of Apache-2.0 and MPL say
# "you may not use this file except in compliance with the license", which takes nothing away.
_LIMITS = re.compile(
    # "for any purpose, commercial or non-commercial" is no limit
    r"(?<!commercial and )(?<!commercial or )(?<!of course )\bnon ?commercial(?:ly)?\b"
    r"(?! (?:and|or|as well as) commercial)"
    r"|\bnot (?:be )?(?:used |intended )?(?:for|in) (?:any )?commercial\b"
    r"|\bcommercial (?:use|usage|purposes?|licen[cs]es?) (?:(?:is|are|of) )?"
    r"(?:not|prohibited|forbidden|requires?|must|strictly|available)\b"
    r"|\b(?:no|except(?: for)?|excluding|without) commercial (?:use|usage|purposes?)\b"
    r"|\b(?:academic|research|educational?|evaluation|personal|internal|private|testing)"
    r"(?: and \w+| or \w+)? (?:use|usage|purposes?) only\b"
    r"|\bonly (?:be used )?for (?:\w+ ){0,2}(?:academic|research|educational|evaluation"
    r"|personal|private)\b"
    r"|\bsolely for (?:\w+ ){0,3}(?:academic|research|educational|evaluation|personal|internal)\b"
    r"|\b(?:redistribution|distribution|modification|copying|reproduction)(?: \w+){0,4} "
    r"(?:is|are) (?:strictly )?(?:not (?:permitted|allowed)|prohibited|forbidden)\b"
    r"|\byou (?:may|must|shall|can) ?not (?!use (?:this|these|the) \w+ except)(?:\w+ ){0,5}?"
    + _DEEDS
    + r"\b(?! (?:this|these|the) \w+ except)"
    r"|\b(?:may|must|shall) not be (?:sold|resold|redistributed|distributed|copied|modified"
    r"|reproduced"
    r"|published|exploited)\b"
    r"|\b(?:proprietary and confidential|confidential and proprietary)\b"
    r"|\b(?:additional|further|extra) (?:\w+ )?(?:terms|restrictions|conditions|limitations)"
    r" (?:shall )?apply\b|\bwith the following additional\b"
    r"|\b(?:competing|competitive|hosted|managed) (?:product|service)s?\b"
    r"|\bas a (?:managed )?service\b"
    r"|\bnot (?:be used )?(?:for|by|in) (?:\w+ )?(?:military|weapons?|surveillance"
    r"|law enforcement)\b"
    r"|\b(?:without|unless) (?:(?:prior|express|explicit|written|our|a) ){1,3}"
    r"(?:permission|consent|licen[cs]e) (?:you may|is prohibited|from us)\b"
)


# A notice that gives nothing: it counts where no licence is named beside it.
_CLOSED = re.compile(
    r"\b(?:proprietary and confidential|confidential and proprietary|trade secrets? of"
    r"|(?:company|strictly) confidential|for internal use only)\b"
    r"|\bunauthori[sz]ed (?:copying|use|reproduction|distribution|disclosure|duplication)\b"
    r"|\b(?:may|shall|must|can) ?not be (?:\w+ ){0,4}?"
    r"(?:copied|reproduced|redistributed|distributed|disclosed|modified|sold)\b"
    r"|\b(?:copying|reproduction|redistribution|distribution|duplication)(?: \w+){0,8}? (?:is|are)"
    r" (?:strictly )?(?:prohibited|forbidden|not (?:permitted|allowed))\b"
    r"|\bno part of this (?:\w+ ){1,6}may be (?:copied|reproduced|used|distributed)\b"
    r"|\bunder (?:a |the )?(?:proprietary|commercial) licen[cs]e\b"
)


def is_closed(words: str) -> bool:
    """Whether normalised words forbid to copy or to pass on, or call a text confidential."""
    return _CLOSED.search(words) is not None


def limited(expression: spdx.Expression, rest: str) -> spdx.Expression:
    """The expression, bound to terms that nobody knows where the words around it take back.

    Args:
        expression: what was found. One that is not permissive stays as it is.
        rest: the normalised words beside the text of the licence.
    """
    if spdx.is_permissive(expression) is False:
        return expression
    if "commons clause" in rest:
        return spdx.combine("AND", [expression, COMMONS_CLAUSE])
    if _LIMITS.search(rest):
        return spdx.combine("AND", [expression, ADDITIONAL])
    return expression
