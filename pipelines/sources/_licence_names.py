"""Names of licences: `GNU AGPL v3`, `MIT License`, `MIT and BSD-3-Clause`, SPDX expressions."""

from __future__ import annotations

import re

from castor.filters import spdx
from castor.pipelines.sources._licence_limits import PROPRIETARY, UNKNOWN

_NOISE = re.compile(r"^[ \t]*(?:dnl|rem|@rem)\b", re.I | re.M)
_WORD = re.compile(r"[a-z0-9]+(?:\.[a-z0-9]+)*")
_GNU_NAME = re.compile(
    r"(?:gnu )?(a|l)?gpl(?: license| licence)? ?(?:v(?:ersion)? ?\.?|version )?"
    r"(\d(?:\.\d)?)?( ?\+| or (?:any )?(?:later|newer)| later| and later)?"
)
_GNU_WORDS = re.compile(
    r"(?:gnu )?(affero |lesser |library )?general public licen[cs]e(?: v(?:ersion)? ?)? ?"
    r"(\d(?:\.\d)?)?( or (?:any )?later)?"
)
_SIMPLE_NAMES = [
    (re.compile(pattern), name)
    for pattern, name in (
        (r"(?:the )?(?:mit|expat)(?: x11)?(?: open source)?(?: licen[cs]ed?)?\b", "MIT"),
        (
            r"(?:the )?apache(?: software)?(?: licen[cs]e)?(?: version| v)? ?2(?:\.0)?\b",
            "Apache-2.0",
        ),
        (
            r"(?:the )?(?:bsd 3|3 clause bsd|new bsd|modified bsd|revised bsd|three clause bsd)",
            "BSD-3-Clause",
        ),
        (r"(?:the )?(?:bsd 2|2 clause bsd|simplified bsd|freebsd|two clause bsd)", "BSD-2-Clause"),
        (r"(?:the )?isc(?: licen[cs]e)?\b", "ISC"),
        (r"(?:the )?(?:mpl|mozilla public licen[cs]e)(?: version| v)? ?2(?:\.0)?\b", "MPL-2.0"),
        (
            r"(?:the )?(?:boost software licen[cs]e|bsl)(?: version| v)? ?1(?:\.0)?(?!\.?\d)",
            "BSL-1.0",
        ),
        (r"(?:the )?(?:unlicense|the unlicense)\b", "Unlicense"),
        (r"(?:the )?zlib(?: licen[cs]e| libpng)?\b", "Zlib"),
        (r"(?:the )?cc0(?: 1.0)?\b", "CC0-1.0"),
        (r"(?:the )?(?:epl|eclipse public licen[cs]e)(?: version| v)? ?2(?:\.0)?\b", "EPL-2.0"),
        (r"(?:the )?wtfpl\b", "WTFPL"),
        (r"(?:the )?(?:busl|bsl|business source licen[cs]e)(?: version| v)? ?1\.1\b", "BUSL-1.1"),
        (r"(?:the )?(?:sspl|server side public licen[cs]e)\b", "SSPL-1.0"),
        (r"(?:the )?elastic licen[cs]e\b", "Elastic-2.0"),
        (r"(?:a |the )?(?:proprietary|commercial|polyform|confluent community)\b", PROPRIETARY),
    )
]


# What may stand behind the name of a licence and says no more than the name.
_SAME = re.compile(
    r"(?: (?:the|licen[cs]es?|licen[cs]ed|software|version|v|new|revised|modified|simplified|clause"
    r"|mit|expat|x11|only|file|of|or later file licen[cs]e|v?\d(?:\.\d)?))*"
)
_AND_OR = re.compile(r" (and|or)(?: the)? (?!(?:any )?(?:later|newer)\b)")
# Behind "under the MIT license and": another licence, or the rest of a sentence.
_FURTHER = re.compile(
    r"(?: licen[cs]es?)? (and|or|with|plus) (?:the )?(?=(?:\S+ ){0,4}?(?:licen[cs]\w*|[al]?gpl\w*"
    r"|bsd|cc|clause|restrictions?|conditions?|exceptions?|commercial|proprietary)\b)"
)


def normalise(text: str) -> str:
    """Lower-case words with one space between them."""
    return " ".join(_WORD.findall(_NOISE.sub(" ", text.lower())))


def gnu(kind: str | None, version: str, later: bool) -> str:
    """The id of a GNU licence by its kind (affero, lesser, library or none) and version."""
    family = {"affero": "AGPL", "lesser": "LGPL", "library": "LGPL"}.get(
        (kind or "").strip(), "GPL"
    )
    version = version if "." in version else f"{version}.0"
    return f"{family}-{version}-{'or-later' if later else 'only'}"


def of_name(text: str) -> spdx.Expression | None:
    """The licence that a text names and says nothing else: `GNU AGPL v3`, `MIT License`.

    An SPDX expression is taken as it is, of several names all must be known; but of a choice
    (`or`) the known ones. A name without the version that its licence needs (`BSD`, `GPL`), or
    with words that may change its terms (`MIT, non-commercial`), is None.
    """
    plain = text.strip(" \t\"'.,;")
    exact = spdx.parse(plain)
    if exact is not None and spdx.is_all_known(exact):
        return exact
    twice = re.fullmatch(r"(.{1,99}?)[ ]?\(([^()]{1,40})\)", plain)  # "Mozilla ... 2.0 (MPL 2.0)"
    if twice and (named := _of_words(twice[1])) and named == _of_words(twice[2]):
        return named
    pieces = [
        _of_words(piece) for piece in re.split(r"[,;&](?! ?v(?:ersion)?\b)", plain, flags=re.I)
    ]
    known = [e for e in pieces if e is not None]
    named = spdx.combine("AND", known) if known and len(known) == len(pieces) else None
    if named is None and exact is not None and (isinstance(exact, tuple) or " WITH " in exact):
        return exact  # an expression of SPDX's form, in which something is not known
    return named


def name_at(text: str) -> spdx.Expression | None:
    """The licence that a name at the beginning of a sentence's rest means, or None."""
    words = _words(text)
    found = _known_at(words)
    if found is None:
        return None
    further = _FURTHER.match(words, found[1])
    if further is None:
        return found[0]
    other = _known_at(words[further.end() :])
    second = UNKNOWN if other is None else other[0]
    return spdx.combine("OR" if further[1] == "or" else "AND", [found[0], second])


def _words(text: str) -> str:
    words = normalise(text.replace("+", " or later "))
    return re.sub(r"\b(v?\d)\.0 only\b", r"\1.0", words)


def _of_words(text: str) -> spdx.Expression | None:
    """Names with `and` or `or` between them."""
    pieces = _AND_OR.split(_words(text))
    found = [_whole(name) for name in pieces[::2]]
    known = [e for e in found if e is not None]
    if "and" in pieces[1::2]:
        return spdx.combine("AND", known) if len(known) == len(found) else None
    return spdx.combine("OR", known) if known else None


def _whole(words: str) -> spdx.Expression | None:
    found = _known_at(words)
    return found[0] if found and _SAME.fullmatch(words, found[1]) else None


def _known_at(words: str) -> tuple[spdx.Expression, int] | None:
    """The licence that words begin with, and where its name ends."""
    skipped = len(words) - len(words.removeprefix("the "))
    match = _GNU_NAME.match(words, skipped)
    if match and match[2]:
        kind = {"a": "affero", "l": "lesser"}.get(match[1] or "")
        return gnu(kind, match[2], bool(match[3])), match.end()
    match = _GNU_WORDS.match(words, skipped)
    if match and match[2]:
        return gnu(match[1], match[2], bool(match[3])), match.end()
    for pattern, name in _SIMPLE_NAMES:
        if match := pattern.match(words):
            return name, match.end()
    return None
