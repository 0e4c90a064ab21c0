"""Counting lines by site: exactly, out of core, the same in whatever order the shards come.

Every shard leaves one sorted file of (site, line, page), each once; what crosses the shuffle are
the numbers of shards. Equal pages count once: hashes of whole texts tell them. A page itself
stands in the file as the line NO_LINE of its site, so that pages are counted as lines are.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterable

import numpy as np

from castor.filters.block_lists.entries import hashes
from castor.filters.html.lines.scan import BARE, CODE, TABLE, Lines

SEEN = np.dtype([("site", "<u8"), ("line", "<u8"), ("page", "<u8")])
COUNT = np.dtype([("site", "<u8"), ("line", "<u8"), ("n", "<u8")])
NO_LINE = np.uint64(0)  # hashes of lines are odd
PREFIXES = 64  # a prefix of all shards must fit in memory
_MIX = np.uint64(0x9E3779B97F4A7C15)


def keys_of(site: np.ndarray, line: np.ndarray) -> np.ndarray:
    """One uint64 for a site and a line, spread evenly."""
    mixed = (site ^ (line * _MIX)) * _MIX
    return np.asarray((mixed ^ (mixed >> np.uint64(31))) * _MIX)


def sites_of(domains: Iterable[str | None]) -> np.ndarray:
    """uint64, one number for each domain; 0 for a row that has none."""
    listed = list(domains)
    found = hashes([d or "" for d in listed])
    return np.where([bool(d) for d in listed], found | np.uint64(1), np.uint64(0))


def seen(lines: Lines, sites: np.ndarray) -> np.ndarray:
    """SEEN of the lines of some texts that may go, and of the texts themselves.

    Args:
        lines: of the texts.
        sites: uint64 [texts], as `sites_of` gives them.
    """
    counted = (lines.kind != BARE) & (lines.kind != CODE) & (lines.kind != TABLE)
    counted &= sites[lines.row] > 0
    rows = lines.row[counted]
    pages = np.flatnonzero(sites > 0)
    found = np.empty(len(rows) + len(pages), SEEN)
    found["site"] = sites[np.concatenate((rows, pages))]
    found["line"][: len(rows)], found["line"][len(rows) :] = lines.said[counted], NO_LINE
    found["page"] = lines.text[np.concatenate((rows, pages))]
    return found


def write(path: pathlib.Path, found: np.ndarray) -> list[int]:
    """Writes one shard's SEEN, sorted, each once, by prefix; returns the prefixes that it has."""
    found = _once(found)
    prefix = _prefixes(found)
    order = np.argsort(prefix, kind="stable")
    found = found[order]
    bounds = np.searchsorted(prefix[order], np.arange(PREFIXES + 1))
    with path.open("wb") as file:
        file.write(bounds.astype("<u8").tobytes())
        file.write(found.tobytes())
    return np.flatnonzero(np.diff(bounds)).tolist()


def read(path: pathlib.Path, prefix: int) -> np.ndarray:
    """The SEEN of a shard that have a prefix."""
    head = 8 * (PREFIXES + 1)
    with path.open("rb") as file:
        bounds = np.frombuffer(file.read(head), "<u8")
        first, last = int(bounds[prefix]), int(bounds[prefix + 1])
        file.seek(head + first * SEEN.itemsize)
        return np.frombuffer(file.read((last - first) * SEEN.itemsize), SEEN)


def counts(parts: Iterable[np.ndarray], pages: int) -> np.ndarray:
    """COUNT of what stands on that many pages, from the SEEN of one prefix of all shards."""
    found = _once(np.concatenate([*parts, np.empty(0, SEEN)]))
    new = np.ones(len(found), bool)
    new[1:] = (found["site"][1:] != found["site"][:-1]) | (found["line"][1:] != found["line"][:-1])
    first = np.flatnonzero(new)
    counted = np.empty(len(first), COUNT)
    counted["site"], counted["line"] = found["site"][first], found["line"][first]
    counted["n"] = np.diff(np.append(first, len(found)))
    return counted[counted["n"] >= pages]


def repeated(counted: np.ndarray, share: float) -> np.ndarray:
    """Sorted keys of the lines that stand on at least a share of their site's pages.

    Args:
        counted: COUNT of all prefixes; a site without a count of its pages has too few.
    """
    is_page = counted["line"] == NO_LINE
    totals, lines = np.sort(counted[is_page], order="site"), counted[~is_page]
    if not len(totals) or not len(lines):
        return np.zeros(0, np.uint64)
    at = np.minimum(np.searchsorted(totals["site"], lines["site"]), len(totals) - 1)
    known = totals["site"][at] == lines["site"]
    lines = lines[known & (lines["n"] >= share * totals["n"][at])]
    return np.unique(keys_of(lines["site"], lines["line"]))


def among(keys: np.ndarray, sites: np.ndarray, lines: Lines) -> np.ndarray:
    """Whether each line stands on many pages of its site: bool [lines]."""
    if not len(keys):
        return np.zeros(len(lines.row), bool)
    own = keys_of(sites[lines.row], lines.said)
    at = np.minimum(np.searchsorted(keys, own), len(keys) - 1)
    return np.asarray((keys[at] == own) & (sites[lines.row] > 0))


def _prefixes(found: np.ndarray) -> np.ndarray:
    top = keys_of(found["site"], found["line"]) >> np.uint64(32)
    return ((top * np.uint64(PREFIXES)) >> np.uint64(32)).astype(np.int64)


def _once(found: np.ndarray) -> np.ndarray:
    """SEEN sorted, each once."""
    found = found[np.lexsort((found["page"], found["line"], found["site"]))]
    new = np.ones(len(found), bool)
    new[1:] = found[1:] != found[:-1]
    return found[new]
