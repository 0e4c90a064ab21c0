"""What lists of domains and addresses say about a document's URL.

Options, all lists of texts:
    lists: files, folders, globs or tar archives of lists, one entry per line: domains
        (`evil.com`), addresses (`site.com/evil`), hosts files (`0.0.0.0 evil.com`), and of
        Adblock lists the plain rules `||evil.com^`. Lines that begin with `#` or `!` are
        comments; every other rule of an Adblock list is left out.
    categories: which lists block. A list's category is the folder it lies in if it is called
        `domains` or `urls` (UT1 as published), else its file name without `-domains` or
        `-urls`. By default all that do not allow.
    allow: which lists allow. By default, where they are there and do not block, UT1's lists of
        what to allow: child, liste_blanche, liste_bu and press.
"""

from __future__ import annotations

import functools
import re
import urllib.parse
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from castor.filters.annotator import Context, annotator
from castor.filters.annotators import _lists
from castor.filters.block_lists.table import Table, build
from castor.filters.errors import ConfigError, unknown_name
from castor.filters.public_suffix import digest as suffix_digest
from castor.filters.public_suffix import registered
from castor.filters.record import Modality

if TYPE_CHECKING:
    from castor.filters.block_lists.entries import Entries

WHERE = "the options of annotator url"
OPTIONS = {"lists", "categories", "allow"}
ALLOWING = frozenset({"child", "liste_blanche", "liste_bu", "press"})
ADDRESS = re.compile(r"[0-9.]+|[0-9a-f:]*::?[0-9a-f:]*")
WWW = "www."
MAX_HOST = 253  # characters of a name in the domain name system (RFC 1035, section 2.3.4)
MAX_URL = 8000  # bytes that every server should take (RFC 9110, section 4.1)


class Lists(NamedTuple):
    """Domains and addresses of all lists that take part, and what each category does."""

    categories: tuple[str, ...]
    allows: np.ndarray  # bool [n_categories]
    domains: Table
    addresses: Table


def fingerprint(options: Mapping[str, object]) -> str:
    """Digest of what the lists contain and which are chosen, wherever they lie.

    Raises:
        ConfigError: an option, a path or a category is wrong.
    """
    given = _lists.checked(options, OPTIONS, WHERE)
    content = f"{_lists.digest(given.get('lists', []), WHERE)} {suffix_digest()}"
    chosen = {k: sorted(given[k]) for k in ("categories", "allow") if k in given}
    if chosen:
        compiled(options)  # refuses a category that no list has
    return f"{content} {chosen}" if chosen else content


@annotator(
    version=3,
    reads="batch",
    modalities=tuple(Modality),
    writes={
        "registered_domain": pa.string(),
        "is_domain_blocked": pa.bool_(),
        "is_url_blocked": pa.bool_(),
        "blocking_lists": pa.string(),
        "allowing_lists": pa.string(),
    },
    check=fingerprint,
)
def url(batch: pa.RecordBatch, context: Context) -> Mapping[str, pa.Array]:
    """Looks up `meta.url` in lists of domains and addresses, each of a category.

    A listed domain is everything under it at a dot: `evil.com` lists `a.b.evil.com`. Not so a
    public suffix: `co.uk` or `github.io` in a list is that host alone, never its tenants. A
    listed address is itself and what follows it at `/` or `?`. `www.` does not matter.

    A list that allows wins over every list that blocks. `is_domain_blocked` and
    `is_url_blocked` say what blocks, `blocking_lists` by which categories, also where others
    allow it, and `allowing_lists` which those are; names are in order, with commas, and null
    stands for none. `registered_domain` is what somebody registered under a public suffix,
    `b.co.uk` of `a.b.co.uk`; null for an IP address. All null for a row without `meta.url`, or
    whose URL names no host, or is longer than 8,000 characters.
    """
    lists = compiled(context.options.get("url", {}))
    parts = [split(dict(facts).get("url") or "") for facts in batch.column("meta").to_pylist()]
    missing = np.array([p is None for p in parts], bool)
    registrants = [_registered(p[0]) if p else None for p in parts]
    found = zip(parts, registrants, strict=True)
    domain = _found(lists.domains, [_suffixes(p[0], r) if p else [] for p, r in found])
    address = _found(lists.addresses, [_prefixes(*p) if p else [] for p in parts])
    blocks = ~lists.allows
    allowed = ((domain | address) & lists.allows).any(axis=1)
    return {
        "registered_domain": pa.array(registrants, pa.string()),
        "is_domain_blocked": pa.array((domain & blocks).any(axis=1) & ~allowed, mask=missing),
        "is_url_blocked": pa.array((address & blocks).any(axis=1) & ~allowed, mask=missing),
        "blocking_lists": _names(lists, (domain | address) & blocks),
        "allowing_lists": _names(lists, (domain | address) & lists.allows),
    }


def compiled(options: Mapping[str, object]) -> Lists:
    """The lists of these options; kept until a file's size or time changes.

    Raises:
        ConfigError: an option, a path or a category is wrong.
    """
    given = _lists.checked(options, OPTIONS, WHERE)
    paths = given.get("lists", [])
    files = _lists.stamp(paths, WHERE) if paths else ()
    block, allow = (given.get(k) for k in ("categories", "allow"))
    return _compiled(
        files,
        None if block is None else tuple(sorted(block)),
        None if allow is None else tuple(sorted(allow)),
    )


def split(address: str) -> tuple[str, str] | None:
    """Host without `www.`, and path with query, both in lower case; None without a host.

    None too of what is longer than any: it would cost its length squared to look up.
    """
    from castor.filters.block_lists.entries import ascii_host  # compiled: only where it runs

    if len(address) > MAX_URL:
        return None
    try:
        parts = urllib.parse.urlsplit(address.strip().lower())
        host = (parts.hostname or "").rstrip(".").removeprefix(WWW)
    except ValueError:
        return None
    if not host or len(host) > MAX_HOST:
        return None
    query = f"?{parts.query}" if parts.query else ""
    return ascii_host(host), parts.path.rstrip("/") + query


def _names(lists: Lists, chosen: np.ndarray) -> pa.Array:
    """The names of each row's categories with commas between, null for none."""
    names: list[str | None] = [None] * len(chosen)
    for row in np.flatnonzero(chosen.any(axis=1)).tolist():
        names[row] = ",".join(lists.categories[c] for c in np.flatnonzero(chosen[row]))
    return pa.array(names, pa.string())


def _registered(host: str) -> str | None:
    return None if ADDRESS.fullmatch(host) else registered(host)


def _suffixes(host: str, registrant: str | None) -> list[str]:
    """The host and the domains it lies under, down to what somebody registered."""
    if registrant is None:
        return [host]
    labels = host.split(".")
    return [".".join(labels[i:]) for i in range(len(labels) - registrant.count("."))]


def _prefixes(host: str, path: str) -> list[str]:
    ends = [m.start() for m in re.finditer(r"[/?]", path) if m.start() > 0]
    return [host + path[:end] for end in (*ends, len(path))] if path else []


def _found(table: Table, texts: list[list[str]]) -> np.ndarray:
    """The categories of each row's texts: bool [rows, n_categories]."""
    from castor.filters.block_lists.entries import hashes

    found = np.zeros((len(texts), table.members.shape[1]), bool)
    row = np.repeat(np.arange(len(texts)), [len(t) for t in texts])
    if len(row) and len(table.keys):
        np.logical_or.at(found, row, table.find(hashes([t for each in texts for t in each])))
    return found


@functools.lru_cache(maxsize=4)
def _compiled(
    files: _lists.Stamp, block: tuple[str, ...] | None, allow: tuple[str, ...] | None
) -> Lists:
    from castor.filters.block_lists.entries import entries  # compiled: only where it runs

    read: dict[str, list[Entries]] = {}
    for file in _lists.read(files, WHERE):
        read.setdefault(_category(file.name), []).append(entries(file.data))
    names = set(read)
    for name in (*(block or ()), *(allow or ())):
        if name not in names:
            raise unknown_name("category of block lists", name, names, where=WHERE)
    twice = sorted(set(block or ()) & set(allow or ()))
    if twice:
        raise ConfigError("a category blocks and allows", where=WHERE, got=", ".join(twice))
    allowing = names & (ALLOWING - set(block or ()) if allow is None else set(allow))
    blocking = names - ALLOWING - allowing if block is None else set(block)
    categories = tuple(sorted(allowing | blocking))
    tables = [
        build(
            {i: np.concatenate([e[kind] for e in read[c]]) for i, c in enumerate(categories)},
            len(categories),
        )
        for kind in range(2)
    ]
    return Lists(categories, np.array([c in allowing for c in categories], bool), *tables)


def _category(name: str) -> str:
    parent, _, base = name.rpartition("/")
    if base in ("domains", "urls", "expressions"):
        return parent.rpartition("/")[2]
    return base.removesuffix("-domains").removesuffix("-urls")
