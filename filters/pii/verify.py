"""Decides about one candidate: which kind it is and where it really begins and ends."""

from __future__ import annotations

import functools
import ipaddress
import math
import re
from collections import Counter
from collections.abc import Callable

import numpy as np

from castor.filters.pii import formats, phones
from castor.filters.pii.kernels import shapes as code
from castor.filters.pii.kinds import Kind

Found = tuple[Kind, int, int]  # kind, and the span in bytes of the column's memory
CONTEXT = 64
MAX_KEY = 8192  # longer than any key of a service, and than a private key of RSA with 4096 bits

# Four numbers with dots after one of these are a version or a section, as after `Chrome/`.
NUMBERED = re.compile(
    rb"(?:\b(?:versions?|ver|v|releases?|rel|firmware|build|update|sections?|sec|chapters?|"
    rb"clauses?|paragraphs?|articles?|figures?|fig|tables?|appendix|rule|oid|agent)\b|\xc2\xa7|"
    rb"[A-Za-z]/|[=<>!~^]=\s?|[<>^~]\s?)[\s.:#=\"'(]*\Z",
    re.IGNORECASE,
)
# Numbers under 32 are a version far more often than an address, of which one in 4096 has no
# others; after these words, or if everybody knows it, it is one all the same.
SMALL = re.compile(r"(?:[12]?[0-9]|3[01])(?:\.(?:[12]?[0-9]|3[01])){3}")
ADDRESSED = re.compile(
    rb"(?:\b(?:ip|ipv4|addr|address|host|server|dns|nameserver|ping|peer|client|inet|"
    rb"gateway|proxy|resolver)\b|://|@)[\s:=\"'(\[]*\Z",
    re.IGNORECASE,
)
RESOLVERS = frozenset("1.1.1.1 1.0.0.1 4.2.2.1 4.2.2.2 8.8.4.4 8.8.8.8 9.9.9.9".split())
# A dump of memory, in pairs of hex digits: what stands before and after five pairs of digits.
DUMP_BEFORE = re.compile(rb"(?:(?<![0-9A-Za-z])[0-9A-Fa-f]{2}\s{1,2}|[0-9a-f]\|)\Z")
DUMP_AFTER = re.compile(rb"\s{1,2}[0-9A-Fa-f]{2}(?![0-9A-Za-z])|\|")
# A link of gi-docgen, which documents GTK: [ctor@Image.black].
DOCGEN = re.compile(rb"(?:alias|callback|class|const|ctor|enum|error|flags|func|id|iface|method|"
                    rb"property|signal|struct|type|vfunc)@")  # fmt: skip
SERVICES = re.compile(rb"(?:git|hg|svn)@", re.IGNORECASE)
# Domains that no registry gives out (RFC 2606 and 6761); what stands for an address looks so.
RESERVED = frozenset({"example", "test", "invalid"})

USER = r"(?P<user>[^\s/?#@:]+)"
NAME = r"@?(?P<user>[A-Za-z0-9_.\-]{2,64})"
WHOLE = r"/?(?:[?#].*)?\Z"
AUTHORITY = re.compile(r"[A-Za-z+]+://(?P<userinfo>[^\s/?#@]+)@[^\s/?#@]+")
HOME = re.compile(r"[A-Za-z+]+://[^\s/?#]+/~(?P<user>[A-Za-z0-9_.\-]{2,64})")
FOLDER = re.compile(
    rf"https?://[^\s/?#]+/(?:[^\s?#]*/)?(?:users?|u|profiles?|people|members?)/{NAME}(?=[/?#]|\Z)",
    re.IGNORECASE,
)
# Where packages lie, a name after @ is that of a scope.
AT_NAME = re.compile(
    r"https?://(?![^\s/?#]*(?:npm|yarn|unpkg|jsdelivr|esm|skypack|registry|cdn))[^\s/?#]+"
    r"/@(?P<user>[A-Za-z0-9_.\-]{2,64})(?=[/?#]|\Z)",
    re.IGNORECASE,
)
# Services where the first folder is a person's own page, wherever in it the URL leads.
OWN = re.compile(
    r"https?://(?:[a-z0-9-]+\.)?(?:twitter\.com|x\.com|instagram\.com|tiktok\.com|threads\.net|"
    r"soundcloud\.com|vk\.com|twitch\.tv|patreon\.com|deviantart\.com|flickr\.com/photos|"
    r"linkedin\.com/in|reddit\.com/u(?:ser)?|keybase\.io|weibo\.com|last\.fm/user|ok\.ru|"
    rf"steamcommunity\.com/id|bsky\.app/profile)/{NAME}(?=[/?#]|\Z)",
    re.IGNORECASE,
)
# Where it is as often a project's or a company's: only the page itself names a person.
FIRST = re.compile(
    r"https?://(?:[a-z0-9-]+\.)?(?:github\.com|gitlab\.com|bitbucket\.org|facebook\.com|fb\.com|"
    rf"t\.me|pinterest\.[a-z.]+|telegram\.me)/{NAME}{WHOLE}",
    re.IGNORECASE,
)
# First folders that are the service's own.
PAGES = frozenset(
    "about account accounts activate ads api app apps auth blog business careers channel contact "
    "dashboard developer developers dialog discover docs download en enterprise events explore "
    "faq favicon.ico feed features groups hashtag help home i intent jobs join legal live login "
    "logout marketplace me media messages new news notifications oauth orgs p page pages photo "
    "photos pin player plugins policies post posts press pricing privacy profile reel reels "
    "robots.txt search security settings share share.php sharer sharer.php shop signin signup "
    "site sitemap sponsors stories story support tag tags team terms topics tos tr trending tv "
    "user users video videos watch web widgets".split()
)

NUMBER = r"[-+]?\d{1,3}\.\d{5,}"
PAIR = re.compile(rf"({NUMBER})°?\s{{0,2}}[,;/ ]\s{{0,2}}({NUMBER})")
KEYED = re.compile(
    rf"({NUMBER})[\"']?[\s,;&]{{1,24}}[\"']?(?:lon|lng|long|longitude)[\"']?\s?[:=]\s?[\"']?({NUMBER})",
    re.IGNORECASE,
)
HEMISPHERES = re.compile(rf"({NUMBER})°?\s?[NSns](?:[,;/ ]\s{{0,2}})?\s?({NUMBER})°?\s?[EWOewo]\b")
SECONDS = r"\s?(\d{1,2})\s?['′’]\s?\d{1,2}(?:[.,]\d+)?\s?(?:[\"″”]|''|′′|’’)\s?"
DEGREES = re.compile(
    rf"(\d{{1,3}})°{SECONDS}[NSns][\s,;/]{{0,3}}(\d{{1,3}})°{SECONDS}[EWOewo](?![A-Za-z])"
)

PLACEHOLDER = re.compile(
    r"example|placeholder|change_?me|your|dummy|sample|redacted|insert|replace|undefined|null|"
    r"xxx|\*\*\*|\.\.\.|123456789|abcdef",
    re.IGNORECASE,
)
SECRET_NAME = re.compile(
    rb"(?:pass(?:word|wd|phrase)?|pwd|secret|token|(?:api|access|secret|private|auth|encryption|"
    rb"account|app|service|storage|client|signing|master|consumer)[_.\- ]?(?:api[_.\- ]?)?key)"
    rb"[\"'\] ]{0,3}\Z",
    re.IGNORECASE,
)
# Lines of base64, and what stands between them in files and in string literals.
KEY_BODY = re.compile(r"""(?:[\s\\nr"'`,;+|>]*+[A-Za-z0-9+/=]{20,}+)+""")
MIN_BITS = 3.0  # of entropy per sign; English words have fewer, random hex digits up to 4
MIN_SPACED, MIN_SPACED_BITS = 16, 3.5  # without quotes, where a sentence could stand
AWS_SECRET = re.compile(r"[A-Za-z0-9/+]{40}")


def verified(data: np.ndarray, shape: int, start: int, end: int, first: int, stop: int) -> (
    Found | None
):  # fmt: skip
    """The kind and the span of a candidate, or None if it is no personal data.

    Args:
        data: uint8, the memory of the column.
        shape: a code of castor.filters.pii.kernels.shapes.
        start, end: the candidate's bytes.
        first, stop: the bytes of its row.
    """
    return _RULES[shape](data, start, end, first, stop)


def _text(data: np.ndarray, start: int, end: int) -> str:
    return data[start:end].tobytes().decode("utf-8", "replace")


def _before(data: np.ndarray, start: int, first: int, n_bytes: int) -> bytes:
    return data[max(first, start - n_bytes) : start].tobytes()


def _fixed(kind: Kind) -> Callable[..., Found]:
    """A rule for what the scan has already proven."""
    return lambda data, start, end, first, stop: (kind, start, end)


def _email(data: np.ndarray, start: int, end: int, first: int, stop: int) -> Found | None:
    found = data[start:end].tobytes()
    if SERVICES.match(found) and data[end : end + 1].tobytes() in (b":", b"/"):
        return None  # where a repository is fetched from
    domain = found.rpartition(b"@")[2].decode("utf-8", "replace").lower()
    if DOCGEN.match(found) and _before(data, start, first, 1) == b"[":
        return None
    last = domain.rpartition(".")[2]
    return (Kind.EMAIL, start, end) if last in RESERVED or last in _top_level() else None


@functools.cache
def _top_level() -> frozenset[str]:
    """The last labels of all public suffixes, in both of their forms."""
    from castor.filters import public_suffix

    return public_suffix.top_level_domains()


def _phone(data: np.ndarray, start: int, end: int, first: int, stop: int) -> Found | None:
    return _told(phones.international(_text(data, start, end)), data, start)


def _national(data: np.ndarray, start: int, end: int, first: int, stop: int) -> Found | None:
    found = _text(data, start, end)
    pairs = end - start == 14 and found.count(" ") == 4
    if pairs and (
        DUMP_BEFORE.search(_before(data, start, first, 6))
        or DUMP_AFTER.match(data[end : min(stop, end + 6)].tobytes())
    ):
        return None
    return _told(phones.national(found), data, start)


def _labelled(data: np.ndarray, start: int, end: int, first: int, stop: int) -> Found | None:
    return _told(phones.labelled(_text(data, start, end)), data, start)


def _told(n_bytes: int, data: np.ndarray, start: int) -> Found | None:
    return (Kind.PHONE, start, start + n_bytes) if n_bytes else None


def _ipv4(data: np.ndarray, start: int, end: int, first: int, stop: int) -> Found | None:
    before, found = _before(data, start, first, 24), _text(data, start, end)
    if NUMBERED.search(before):
        return None
    if SMALL.fullmatch(found) and found not in RESOLVERS and not ADDRESSED.search(before):
        return None
    return Kind.IP, start, end


def _ipv6(data: np.ndarray, start: int, end: int, first: int, stop: int) -> Found | None:
    try:
        address = ipaddress.IPv6Address(_text(data, start, end))
    except ValueError:
        return None
    public = address.is_global and not address.is_multicast
    return (Kind.IP, start, end) if public or address in DOCUMENTATION else None


DOCUMENTATION = ipaddress.IPv6Network("2001:db8::/32")  # RFC 3849: stands for public ones


def _place(data: np.ndarray, start: int, end: int, first: int, stop: int) -> Found | None:
    text = _text(data, start, min(stop, start + 2 * CONTEXT))
    for pattern in (PAIR, KEYED, HEMISPHERES, DEGREES):
        match = pattern.match(text)
        if match:
            latitude, longitude = match.group(1), match.group(len(match.groups()) // 2 + 1)
            if abs(float(latitude)) <= 90 and abs(float(longitude)) <= 180:
                return Kind.COORDINATES, start, start + len(match.group().encode())
    return None


def _address(data: np.ndarray, start: int, end: int, first: int, stop: int) -> Found | None:
    url = _text(data, start, end)
    found = AUTHORITY.match(url)
    if found:
        user, colon, password = found.group("userinfo").partition(":")
        if colon and password:
            is_variable = any(c in password for c in "${<%*")
            return None if is_variable else (Kind.CREDENTIALS, start, end)
        if user.lower() in ("git", "hg", "svn", "anonymous", "ssh"):
            return None
        return Kind.USERNAME, start + found.start("userinfo"), start + found.end("userinfo")
    for pattern in (HOME, AT_NAME, OWN, FIRST, FOLDER):
        found = pattern.match(url)
        if found:
            name = found.group("user")
            if name.lower() in PAGES or not re.search(r"[A-Za-z]", name):
                return None
            at = start + len(url[: found.start("user")].encode())
            return Kind.USERNAME, at, at + len(name.encode())
    return None


def _prefixed(data: np.ndarray, start: int, end: int, first: int, stop: int) -> Found | None:
    text = _text(data, start, min(stop, start + MAX_KEY))
    for prefix, pattern in _key_patterns():
        if text.startswith(prefix):
            match = pattern.match(text)
            if match is None:
                continue
            if prefix == "BEGIN ":
                return _private_key(text, match, start, _before(data, start, first, 5))
            group = "token" if "token" in match.groupdict() else 0
            return Kind.KEY, start + match.start(group), start + match.end(group)
    return None


def _private_key(text: str, match: re.Match[str], start: int, before: bytes) -> Found | None:
    """A private key to its last line, or as much of one as is there: text may be cut off."""
    if before != b"-----":
        return None
    last = f"-----END {match.group('label')}-----"
    end = text.find(last, match.end())
    if end >= 0:
        end += len(last)
    elif body := KEY_BODY.match(text, match.end()):
        end = body.end()
    return (Kind.KEY, start - 5, start + len(text[:end].encode())) if end >= 0 else None


@functools.cache
def _key_patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((prefix, re.compile(pattern)) for prefix, pattern in formats.KEYS.items())


def _assigned(data: np.ndarray, start: int, end: int, first: int, stop: int) -> Found | None:
    """A value that somebody assigned to a name of a secret, if it looks like chance made it.

    In quotes, or in one with its name and sign (`TOKEN=...`), or, if long and the last of its
    line, as configuration files have it (`token: ...`); not a call, a path, a variable,
    a placeholder or a word; 3 bits of entropy per sign and a letter and a digit in it.
    """
    value = _text(data, start, end)
    quote = data[start - 1 : start].tobytes()
    after = data[end : end + 1].tobytes() if end < stop else b""
    quoted = quote in (b'"', b"'", b"`") and after == quote
    sign = re.search(rb"[\s]*[=:][=:>\s\"'`]*\Z", _before(data, start, first, 12))
    if sign is None:
        return None
    ends_line = after in (b"", b"\n", b"\r")
    bare = sign.group() == b"=" and (ends_line or after in (b" ", b"&", b"\xe2"))
    spaced = ends_line and len(value) >= MIN_SPACED and _bits(value) >= MIN_SPACED_BITS
    if not quoted and not bare and not spaced:
        return None
    if not quoted:
        value = value.rstrip(".!,&")
        end = start + len(value)
    name = _before(data, start - len(sign.group()), first, CONTEXT)
    if not SECRET_NAME.search(name):
        return None
    if AWS_SECRET.fullmatch(value):
        return Kind.KEY, start, end
    if PLACEHOLDER.search(value):
        return None
    if value.count("/") > 1 or value.count(".") > 2 or value[0] in "$%/@" or "=" in value[:-2]:
        return None
    letters = any(c.isalpha() for c in value)
    return (Kind.KEY, start, end) if letters and _bits(value) >= MIN_BITS else None


def _bits(value: str) -> float:
    """Entropy per sign of a text by its own counts of signs, in bits."""
    n = len(value)
    return -sum(c / n * math.log2(c / n) for c in Counter(value).values())


_RULES: dict[int, Callable[..., Found | None]] = {
    code.EMAIL: _email,
    code.INTERNATIONAL: _phone,
    code.NATIONAL: _national,
    code.LABELLED: _labelled,
    code.IPV4: _ipv4,
    code.IPV6: _ipv6,
    code.CARD: _fixed(Kind.CREDIT_CARD),
    code.IBAN: _fixed(Kind.IBAN),
    code.SOCIAL: _fixed(Kind.SOCIAL_SECURITY),
    code.PLACE: _place,
    code.ADDRESS: _address,
    code.PREFIXED: _prefixed,
    code.ASSIGNED: _assigned,
}
