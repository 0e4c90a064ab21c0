"""Public suffixes: the names under which people register names (`com`, `co.uk`, `github.io`).

From the Public Suffix List (publicsuffix.org) as the package publicsuffixlist ships it, both
of its parts: of registries, and of services that give out names to the public.
"""

from __future__ import annotations

import functools
import hashlib

from publicsuffixlist import PSLFILE, PublicSuffixList


@functools.cache
def _list() -> PublicSuffixList:
    return PublicSuffixList()


@functools.cache
def top_level_domains() -> frozenset[str]:
    """The last labels of all suffixes, in Unicode and as the domain name system writes them."""
    with open(PSLFILE, encoding="utf-8") as file:
        lines = [line.strip() for line in file]
    found = {line.rpartition(".")[2] for line in lines if line and not line.startswith("//")}
    return frozenset(found | {label.encode("idna").decode() for label in found})


@functools.cache
def digest() -> str:
    """Digest of the list, which a newer package changes: 16 hex digits."""
    with open(PSLFILE, "rb") as file:
        return hashlib.blake2b(file.read(), digest_size=8).hexdigest()


@functools.lru_cache(1 << 16)
def registered(host: str) -> str | None:
    """The name that somebody registered, of a host in lower case: `a.b.co.uk` gives `b.co.uk`.

    None if the host is a public suffix itself.
    """
    return _list().privatesuffix(host)
