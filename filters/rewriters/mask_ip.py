"""Masks the addresses of machines on the public internet."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from castor.filters.rewriter import Edit, rewriter

PLACEHOLDER = "|||IP_ADDRESS|||"  # as Dolma (arXiv:2402.00159, appendix)
IPV4 = re.compile(r"[0-9](?<![\w.-].)[0-9]{0,2}(?:\.[0-9]{1,3}){3}(?![\w-]|\.[0-9])")
IPV6 = re.compile(r":[0-9A-Fa-f:](?:[0-9A-Fa-f:]{0,36})")
BEFORE = re.compile(r"[0-9A-Fa-f]{1,4}\Z")
# Four numbers with dots after one of these words are a version or a section.
NUMBERED = re.compile(
    r"(?:\b(?:versions?|ver|v|releases?|rel|firmware|build|update|sections?|sec|chapters?|"
    r"clauses?|paragraphs?|articles?|figures?|fig|tables?|appendix|rule|oid)\b|§)[\s.:#=]*\Z",
    re.IGNORECASE,
)


@rewriter(version=1, needs=r"[0-9](?:\.[0-9]{1,3}){3}|:[0-9A-Fa-f]{0,4}:")
def mask_ip(text: str) -> Iterator[Edit]:
    """Replaces every public IPv4 and IPv6 address by `|||IP_ADDRESS|||`.

    Masked are the valid addresses that may name a machine on the internet, and those reserved
    for documentation, which stand for such. Not masked: private, loopback, link-local,
    multicast, unspecified and reserved ones; parts of longer numbers; four numbers after a
    word such as `version`, `v` or `section`; an IPv6 address without any digit (`add::bad`
    is a name in C++).
    """
    edits = [*_ipv4(text), *(_ipv6(text) if "::" in text or text.count(":") >= 7 else ())]
    end = 0
    for edit in sorted(edits):
        if edit.start >= end:
            yield edit
            end = edit.stop


def _ipv4(text: str) -> Iterator[Edit]:
    for match in IPV4.finditer(text):
        if _is_public(match.group()) and not NUMBERED.search(
            text, max(0, match.start() - 24), match.start()
        ):
            yield Edit(match.start(), match.end(), PLACEHOLDER)


def _ipv6(text: str) -> Iterator[Edit]:
    end = 0
    for match in IPV6.finditer(text):
        if match.start() < end:
            continue
        before = BEFORE.search(text, max(0, match.start() - 4), match.start())
        start = before.start() if before else match.start()
        found = text[start : match.end()]
        if not found.endswith("::"):
            found = found.rstrip(":")
        stop = start + len(found)
        around = text[max(0, start - 1) : start] + text[stop : stop + 1]
        if any(c.isalnum() or c == "_" for c in around) or not any(map(str.isdigit, found)):
            continue
        if _is_public(found):
            end = stop
            yield Edit(start, stop, PLACEHOLDER)


def _is_public(found: str) -> bool:
    try:
        address = ipaddress.ip_address(found)
    except ValueError:
        return False
    if any(address in network for network in DOCUMENTATION if network.version == address.version):
        return True
    return address.is_global and not address.is_multicast


DOCUMENTATION = tuple(
    ipaddress.ip_network(n)
    for n in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
)
