"""Whether a document's address is on a block list.

Options, all lists of texts:
    lists: files, folders, globs or tar archives of lists, one entry per line: domains
        (`evil.com`), addresses (`site.com/evil`), hosts files (`0.0.0.0 evil.com`), and of
        Adblock lists the plain rules `||evil.com^`. Lines that begin with `#` or `!` are
        comments; every other rule of an Adblock list is left out.
    categories: which lists block. A list's category is the folder it lies in if it is called
        `domains` or `urls` (UT1 as published), else its file name without `-domains` or
        `-urls`. By default all but UT1's lists of what to allow: child, liste_blanche,
        liste_bu and press.
"""

from __future__ import annotations

import functools
import hashlib
import re
import urllib.parse
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from castor.filters.annotator import Context, annotator
from castor.filters.annotators import _lists
from castor.filters.errors import unknown_name
from castor.filters.record import Modality

WHERE = "the options of annotator url"
OPTIONS = {"lists", "categories"}
ALLOWED = frozenset({"child", "liste_blanche", "liste_bu", "press"})
ADDRESS = re.compile(r"[0-9.]+|[0-9a-f:]*::?[0-9a-f:]*")


class BlockList(NamedTuple):
    """Hashed entries, sorted, and the category of each; domains and addresses apart."""

    categories: tuple[str, ...]
    domains: np.ndarray  # uint64 [n]
    domain_categories: np.ndarray  # int32 [n]
    urls: np.ndarray
    url_categories: np.ndarray


def fingerprint(options: Mapping[str, object]) -> str:
    """Digest of what the lists contain and which are chosen, wherever they lie.

    Raises:
        ConfigError: an option, a path or a category is wrong.
    """
    given = _lists.checked(options, OPTIONS, WHERE)
    content = _lists.digest(given.get("lists", []), WHERE)
    if "categories" not in given:
        return content
    compiled(options)  # refuses a category that no list has
    return f"{content} {sorted(given['categories'])}"


@annotator(
    version=1,
    reads="batch",
    modalities=tuple(Modality),
    writes={
        "is_domain_blocked": pa.bool_(),
        "is_url_blocked": pa.bool_(),
        "blocking_list": pa.string(),
    },
    check=fingerprint,
)
def url(batch: pa.RecordBatch, context: Context) -> Mapping[str, pa.Array]:
    """Looks up `meta.url` in block lists; without the option `lists` nothing is blocked.

    A domain blocks itself and everything under it at a dot (`evil.com` blocks `a.b.evil.com`,
    not `notevil.com`); a `www.` in front is ignored. An address blocks itself and what
    follows it at `/` or `?`. `blocking_list` is the category that blocks, the first by name.
    All null for a row without `meta.url`, or whose URL names no host.
    """
    lists = compiled(context.options.get("url", {}))
    rows: list[tuple[bool, bool, str | None] | tuple[None, None, None]] = []
    for facts in batch.column("meta").to_pylist():
        parts = split(dict(facts).get("url") or "")
        rows.append((None, None, None) if parts is None else _look_up(lists, *parts))
    domain, address, name = zip(*rows, strict=True)
    return {
        "is_domain_blocked": pa.array(domain, pa.bool_()),
        "is_url_blocked": pa.array(address, pa.bool_()),
        "blocking_list": pa.array(name, pa.string()),
    }


def compiled(options: Mapping[str, object]) -> BlockList:
    """The block list of these options; kept until a file's size or time changes.

    Raises:
        ConfigError: an option, a path or a category is wrong.
    """
    given = _lists.checked(options, OPTIONS, WHERE)
    paths = given.get("lists", [])
    files = _lists.stamp(paths, WHERE) if paths else ()
    chosen = given.get("categories")
    return _compiled(files, None if chosen is None else tuple(sorted(chosen)))


def split(address: str) -> tuple[str, str] | None:
    """Host without `www.`, and path with query, both in lower case; None without a host."""
    try:
        parts = urllib.parse.urlsplit(address.strip().lower())
        host = (parts.hostname or "").rstrip(".").removeprefix("www.")
    except ValueError:
        return None
    if not host:
        return None
    query = f"?{parts.query}" if parts.query else ""
    return _ascii(host), parts.path.rstrip("/") + query


def _look_up(lists: BlockList, host: str, path: str) -> tuple[bool, bool, str | None]:
    domain = _find(lists.domains, lists.domain_categories, _suffixes(host))
    address = _find(lists.urls, lists.url_categories, _prefixes(host, path))
    found = [c for c in (domain, address) if c is not None]
    name = min((lists.categories[c] for c in found), default=None)
    return domain is not None, address is not None, name


def _suffixes(host: str) -> list[str]:
    if ADDRESS.fullmatch(host):
        return [host]
    labels = host.split(".")
    return [".".join(labels[i:]) for i in range(len(labels))]


def _prefixes(host: str, path: str) -> list[str]:
    ends = [m.start() for m in re.finditer(r"[/?]", path) if m.start() > 0]
    return [host + path[:end] for end in (*ends, len(path))]


def _find(keys: np.ndarray, categories: np.ndarray, texts: list[str]) -> int | None:
    """The lowest category of any of the texts."""
    if not len(keys):
        return None
    wanted = np.array([_key(t) for t in texts], np.uint64)
    place = np.searchsorted(keys, wanted)
    hit = keys[np.minimum(place, len(keys) - 1)] == wanted
    return int(categories[place[hit]].min()) if hit.any() else None


def _key(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


@functools.lru_cache(maxsize=4)
def _compiled(files: _lists.Stamp, chosen: tuple[str, ...] | None) -> BlockList:
    lists = [(_category(f.name), f.data) for f in _lists.read(files, WHERE)]
    names = {name for name, _ in lists}
    for name in chosen or ():
        if name not in names:
            raise unknown_name("category of block lists", name, names, where=WHERE)
    names = names - ALLOWED if chosen is None else names & set(chosen)
    categories = tuple(sorted(names))
    domains: dict[int, int] = {}
    urls: dict[int, int] = {}
    for name, data in sorted(lists):
        if name not in names:
            continue
        text = data.decode("utf-8", "replace")
        is_adblock = text.startswith("[Adblock")
        for line in text.splitlines():
            entry = _entry(line, is_adblock)
            if entry is not None:
                kind = urls if "/" in entry else domains
                kind.setdefault(_key(entry), categories.index(name))
    return BlockList(categories, *_sorted(domains), *_sorted(urls))


def _sorted(entries: dict[int, int]) -> tuple[np.ndarray, np.ndarray]:
    keys = np.array(list(entries), np.uint64)
    order = np.argsort(keys)
    return keys[order], np.array(list(entries.values()), np.int32)[order]


def _entry(line: str, is_adblock: bool) -> str | None:
    """A line as a domain, or an address if it has a slash; None if it says neither."""
    line = line.strip().lower()
    if not line or line[0] in "#![":
        return None
    if line.startswith("||") and line.endswith("^"):
        line = line[2:-1]
    elif is_adblock or line[0] in "|@":
        return None
    fields = line.split("#", 1)[0].split()
    if len(fields) == 2 and fields[0] in ("0.0.0.0", "127.0.0.1", "::", "::1"):
        fields = fields[1:]
    if len(fields) != 1 or "*" in fields[0] or fields[0] in ("0.0.0.0", "127.0.0.1"):
        return None
    entry = re.sub(r"^https?://", "", fields[0]).removeprefix("www.").rstrip("/")
    host, slash, rest = entry.partition("/")
    return None if "." not in host else _ascii(host) + slash + rest


def _ascii(host: str) -> str:
    """The host in the form that the domain name system uses."""
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host


def _category(name: str) -> str:
    parent, _, base = name.rpartition("/")
    if base in ("domains", "urls", "expressions"):
        return parent.rpartition("/")[2]
    return base.removesuffix("-domains").removesuffix("-urls")
