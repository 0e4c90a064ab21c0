"""What licence a text states: a licence's own words, a header, a tag, a name.

Phrases are matched in normalised text: lower case, only letters, digits and dots, comment
signs gone. The ids are SPDX's. The text of a GNU licence alone does not say `or later`; it
is read as `-only`, the narrower of the two.
"""

from __future__ import annotations

import re

from castor.filters import spdx
from castor.filters.code import licence_text
from castor.pipelines.sources._licence_limits import PROPRIETARY, UNKNOWN, is_closed, limited
from castor.pipelines.sources._licence_names import gnu, name_at, normalise, of_name

HEADER_CHARS = 8000  # a header stands at the top; what a file says later is its content
_TAG = re.compile(r"(^[^\w\n]{0,20})?SPDX-License-Identifier:[ \t]*([^\r\n]{1,300})", re.M)
# Where an expression ends: a comment's end, a quote, a tag's bracket.
_TAG_END = re.compile(r"\*/|-->|\*\)|--%>|[\"'`<>#;,}\]|]|\\n|%}")
_WORTH = re.compile(
    r"licen[cs]|gpl|public domain|permission|redistribut|copyleft|same terms|proprietary"
    r"|confidential|unauthori[sz]ed|reproduced",
    re.I,
)

# (id, literal, rest): words that only the licence's own text has, a literal that is quick to
# look for and a pattern that must match where the literal begins.
_TEXTS = [
    (name, literal, re.compile(re.escape(literal) + rest))
    for name, literal, rest in (
        (
            "MIT",
            "permission is hereby granted free of charge to any person obtaining a copy of ",
            r"this (?:software and associated documentation files|software and the associated)"
            r".{0,700}?(?:copyright|permission) notice.{0,80}? shall be (?:included|in)",
        ),
        (
            "OFL-1.1",
            "permission is hereby granted free of charge to any person obtaining a copy of ",
            "the font software",
        ),
        (
            "ISC",
            "permission to use copy modify and",
            r"(?: or)? distribute this software for any purpose with or without fee is hereby "
            r"granted provided that the above copyright notice",
        ),
        (
            "0BSD",
            "permission to use copy modify and or distribute this software for any purpose with",
            " or without fee is hereby granted the software is provided",
        ),
        ("Apache-2.0", "version 2.0 january 2004 http www.apache.org licenses", ""),
        ("Apache-2.0", "apache license version 2.0 january 2004", ""),
        ("Apache-2.0", "licensed under the apache license version 2.0", ""),
        ("Apache-1.1", "apache software license version 1.1", ""),
        ("MPL-2.0", "mozilla public license version 2.0 1", ""),
        ("MPL-2.0", "subject to the terms of the mozilla public license v", r"(?:ersion)?\.? ?2.0"),
        ("MPL-1.1", "mozilla public license version 1.1", ""),
        ("EPL-2.0", "eclipse public license v", r"(?:ersion)?\.? ?2\.0"),
        ("EPL-1.0", "eclipse public license v", r"(?:ersion)?\.? ?1\.0"),
        (
            "CDDL-1.0",
            "common development and distribution license",
            r"(?: the license)?(?: cddl)? version 1\.0",
        ),
        ("CC0-1.0", "cc0 1.0 universal", ""),
        ("Unlicense", "this is free and unencumbered software released into the public domain", ""),
        ("WTFPL", "do what the fuck you want to public license", ""),
        ("BSL-1.0", "boost software license version 1.0", ""),
        (
            "Zlib",
            "altered source versions must be plainly marked as such and must not be "
            "misrepresented as being the original software",
            "",
        ),
        (
            "PostgreSQL",
            "for any purpose without fee and without a written agreement is hereby granted",
            " provided that the above copyright notice",
        ),
        ("PSF-2.0", "python software foundation license version 2", ""),
        ("Artistic-2.0", "artistic license 2.0", ""),
        ("Artistic-1.0-Perl", "the artistic license preamble the intent of this document", ""),
        # Perl's own terms are a choice of two; the artistic one is named here.
        ("Artistic-1.0-Perl OR GPL-1.0-or-later", "the same terms as perl", ""),
        ("NCSA", "university of illinois ncsa open source license", ""),
        ("MS-PL", "microsoft public license ms pl", ""),
        ("MS-RL", "microsoft reciprocal license ms rl", ""),
        ("EUPL-1.2", "european union public licence v", r"\.? ?1\.2"),
        ("OFL-1.1", "sil open font license version 1.1", ""),
        ("SSPL-1.0", "server side public license version 1", ""),
        ("BUSL-1.1", "business source license 1.1", ""),
        ("Elastic-2.0", "elastic license 2.0", ""),
        ("MulanPSL-2.0", "mulan permissive software license version 2", ""),
        ("UPL-1.0", "universal permissive license upl version 1.0", ""),
        ("BlueOak-1.0.0", "blue oak model license version 1.0.0", ""),
        ("OSL-3.0", "open software license v", r"(?:ersion)?\.? ?3\.0"),
        ("AFL-3.0", "academic free license v", r"(?:ersion)?\.? ?3\.0"),
        ("JSON", "the software shall be used for good not evil", ""),
        (
            "MIT-CMU",
            "by obtaining using and or copying this software and or its associated documentation",
            " you agree",
        ),
        ("ODbL-1.0", "open database license odbl v", r"(?:ersion )?1\.0"),
    )
]
# Each line: id -> the title of the full text.
_GNU_TITLES = {
    "AGPL-3.0-only": "gnu affero general public license version 3 19 november 2007",
    "GPL-3.0-only": "gnu general public license version 3 29 june 2007",
    "GPL-2.0-only": "gnu general public license version 2 june 1991",
    "GPL-1.0-only": "gnu general public license version 1 february 1989",
    "LGPL-3.0-only": "gnu lesser general public license version 3 29 june 2007",
    "LGPL-2.1-only": "gnu lesser general public license version 2.1 february 1999",
    "LGPL-2.0-only": "gnu library general public license version 2 june 1991",
    "GFDL-1.3-only": "gnu free documentation license version 1.3 3 november 2008",
    "GFDL-1.2-only": "gnu free documentation license version 1.2 november 2002",
}
_CC = re.compile(
    r"attribution((?: non ?commercial)?(?: share ?alike| no ?deriv(?:ative)?s)?)"
    r" (\d\.\d) (?:international|unported|generic)"
)
# In a header a link counts where the sentence says that it is the licence.
_CC_URL = r"creativecommons.org licenses by((?: nc)?(?: sa| nd)?) (\d\.\d)"
_CC_ANY_LINK = re.compile(_CC_URL)
_CC_LINK = re.compile(
    r"(?:licen[cs]ed|distributed|released|available) (?:\w+ ){0,20}?(?:https? )?" + _CC_URL
)
_CC0_LINK = re.compile(
    r"(?:dedicat|waive|licen[cs]ed|released|public domain).{0,300}"
    r"creativecommons.org publicdomain zero 1\.0"
)
# "either version 2 or, at your option, any later version" is no choice between licences.
_CHOICE = re.compile(r"\bat your (?:option|choice)\b(?! any later)|\bdual licen[cs]ed\b")
_BSD = "redistributions of source code must retain"
# A notice names a GNU licence, then or before its version.
_GNU_NOTICE = re.compile(r"general public licen[cs]e")
_GNU_KIND = re.compile(r"(affero|lesser|library)(?: gnu)? $")
_GNU_BEFORE = re.compile(
    r"version (\d(?:\.\d)?)( or (?:at your option )?(?:any )?later(?: version)?)? of the "
    r"(?:gnu )?(?:affero |lesser |library )?$"
)
_GNU_VERSION = re.compile(r"\b(?:version|v\.?) ?(\d(?:\.\d)?)\b|^ ?(\d(?:\.\d)?)\b")
_LATER = re.compile(r"\b(?:any )?(?:later|newer|greater|above)\b|\bor higher\b")
_NAMED = re.compile(
    r"\b(?:(?:licen[cs]ed|released|distributed|available|published|provided|covered|is)"
    r"(?: \w+){0,3}? under(?: the)?(?: terms)?(?: of)?(?: the)?|licen[cs]e(?:s|d)?(?: is| as)?"
    r"|__license__)[ :=@]+"
)
_MAX_NOTE_WORDS = 100  # of a licence file that only names its licence, and who holds the rights
_DUAL = re.compile(r"\b(?:dual|double)[ -]?licen[cs]ed under(?: the)?((?: \S+){2,12})")


def of_tags(text: str) -> spdx.Expression | None:
    """What the SPDX tags in a file's header state together, or None.

    A tag at the beginning of a line that is no expression states terms that are not known.
    """
    found: list[spdx.Expression] = []
    for match in _TAG.finditer(text[:HEADER_CHARS]):
        stated = _TAG_END.split(match[2])[0].strip(" \t*/-.\\")
        expression = spdx.parse(stated)
        if expression is not None:
            found.append(expression)
        elif match[1] is not None and stated[:1].isalnum():
            found.append(UNKNOWN)
    return spdx.combine("AND", found) if found else None


def of_header(text: str) -> spdx.Expression | None:
    """What the words in a file's header state, or None."""
    head = text[:HEADER_CHARS]
    if not _WORTH.search(head):
        return None
    words = normalise(head)
    dual = _DUAL.search(words)
    if dual:
        names = [name_at(n.strip()) for n in re.split(r"\b(?:and|or)\b(?! later)", dual[1])]
        known = [n for n in names if n is not None]
        if len(known) > 1:
            return spdx.combine("OR", known)
    found = _texts_in(words) or _notices_in(words)
    stated = spdx.combine("AND", found) if found else _named_in(head)
    if stated is None:
        return PROPRIETARY if is_closed(words) else None
    return limited(stated, words)


def of_licence_file(text: str) -> spdx.Expression | None:
    """What a licence file states, or None when its words are not known.

    A file with several licences binds to all of them, unless it offers a choice.
    """
    tagged = of_tags(text)
    if tagged is not None:
        return tagged
    words = normalise(text[:400_000])
    titles = _titles_in(words)
    if titles:
        return _gnu_file(titles, words)
    full = licence_text.find(words)
    found = [e for i in full.ids if (e := spdx.parse(_clauses(i, words))) is not None]
    rest = full.rest if found else words
    found += [e for e in _texts_in(rest, links=True) if e not in found]
    if found:
        found += [e for e in _notices_in(rest) if e not in found]
        choice = _CHOICE.search(words[:3000])
        return limited(spdx.combine("OR" if choice else "AND", found), rest)
    if len(words) >= 3000:
        return None
    found = _notices_in(words)
    stated = spdx.combine("AND", found) if found else _named_in(text) or _first_line(text)
    return None if stated is None else limited(stated, words)


def _gnu_file(titles: dict[str, int], words: str) -> spdx.Expression:
    """The licence of a file with a GNU text; what stands before the text may widen it."""
    # The lesser licences of version 3 are additions to the GPL, often in one file.
    lesser = [t for t in titles if t.startswith(("LGPL", "AGPL"))]
    found = (lesser or list(titles))[0]
    before = _notices_in(words[: min(titles.values())])
    same = [b for b in before if str(b).split("-o")[0] == found.split("-o")[0]]
    return same[0] if same else found


def _titles_in(words: str) -> dict[str, int]:
    """Ids of the GNU texts that are there, with the place of their titles."""
    if "gnu " not in words:
        return {}
    places = {name: words.find(title) for name, title in _GNU_TITLES.items()}
    return {name: place for name, place in places.items() if place >= 0}


def _texts_in(words: str, *, links: bool = False) -> list[spdx.Expression]:
    """Licences whose own words are there, in order of appearance.

    Args:
        links: count a link to a Creative Commons licence whatever the sentence around it.
    """
    places: dict[str, int] = {}
    for name, literal, pattern in _TEXTS:
        at = words.find(literal)
        if at >= 0 and pattern.match(words, at):
            places[name] = min(at, places.get(name, at))
    if "JSON" in places:
        places.pop("MIT", None)  # its words are those of MIT and one sentence more
    at = words.find(_BSD)
    if at >= 0:
        places[_bsd(words[at : at + 2500])] = at
    if "attribution" in words:
        for match in _CC.finditer(words):
            places.setdefault(_creative_commons(match[1], match[2]), match.start())
    if "creativecommons.org" in words:
        for match in (_CC_ANY_LINK if links else _CC_LINK).finditer(words):
            places.setdefault(_creative_commons(match[1], match[2]), match.start())
        for match in _CC0_LINK.finditer(words):
            places.setdefault("CC0-1.0", match.start())
    found = (spdx.parse(name) for name in sorted(places, key=lambda name: places[name]))
    return [e for e in found if e is not None]


def _clauses(identifier: str, words: str) -> str:
    """The id by its clauses, where texts that differ in one vary more from copy to copy."""
    if re.fullmatch(r"BSD-[1-4]-Clause", identifier):
        return _bsd(words[max(0, words.find(_BSD)) :][:2500])
    if identifier in ("ISC", "0BSD"):
        kept = "granted provided that the above copyright notice" in words
        return "ISC" if kept else "0BSD"
    return identifier


def _bsd(conditions: str) -> str:
    """BSD by its clauses: source, binary, advertising, endorsement."""
    if "redistributions in binary form must" not in conditions:
        return "BSD-1-Clause"
    if "all advertising materials mentioning" in conditions:
        return "BSD-4-Clause"
    endorsement = "endorse or promote products" in conditions
    return "BSD-3-Clause" if endorsement else "BSD-2-Clause"


def _creative_commons(kinds: str, version: str) -> str:
    kinds = kinds.replace(" ", "")
    parts = ["CC-BY"]
    parts += ["NC"] if kinds.startswith(("noncommercial", "nc")) else []
    parts += ["SA"] if kinds.endswith(("sharealike", "sa")) else []
    parts += ["ND"] if kinds.endswith(("derivs", "derivatives", "nd")) else []
    return f"{'-'.join(parts)}-{version}"


def _notices_in(words: str) -> list[spdx.Expression]:
    """The first GNU licence that a notice names with its version."""
    for match in _GNU_NOTICE.finditer(words):
        before = words[max(0, match.start() - 90) : match.start()]
        kind = _GNU_KIND.search(before)
        earlier = _GNU_BEFORE.search(before)
        if earlier:
            return [gnu(kind and kind[1], earlier[1], bool(earlier[2]))]
        following = words[match.end() : match.end() + 160]
        following = _GNU_NOTICE.split(following)[0]
        version = _GNU_VERSION.search(following)
        if version:
            later = _LATER.search(following, version.end(), version.end() + 60)
            return [gnu(kind and kind[1], version[1] or version[2], later is not None)]
    return []


def _named_in(head: str) -> spdx.Expression | None:
    """A licence that a statement names: `@license MIT`, `released under the MIT license`."""
    for line in head.splitlines():
        low = line.lower()
        if "licen" not in low:
            continue
        for match in _NAMED.finditer(low):
            found = name_at(line[match.end() : match.end() + 100])
            if found is not None:
                return found
    return None


def _first_line(text: str) -> spdx.Expression | None:
    """The licence whose name is the title of a text that is too short to be another one."""
    line = next((x for x in text.splitlines() if x.strip()), "")
    titled = len(line) < 80 and len(text.split()) <= _MAX_NOTE_WORDS
    return of_name(line.strip(" #*=")) if titled else None
