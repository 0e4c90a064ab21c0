"""From the lines of a list to the hashes of its domains and addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from castor.filters.block_lists.kernels import lines
from castor.filters.kernels.column import buffers

PIECE = 1 << 23  # bytes of a list that are read at a time
SINKS = ("0.0.0.0", "127.0.0.1", "::", "::1")
WORDS = (*lines.SINKS, b"https://", b"http://", b"www.")


class Entries(NamedTuple):
    """Hashes of what a list names: uint64 [n] each, in order, with repetitions."""

    domains: np.ndarray
    addresses: np.ndarray


def entries(data: bytes) -> Entries:
    """The entries of a list, one per line (see `castor.filters.annotators.url`)."""
    is_adblock = data.startswith(b"[Adblock")
    pieces = [_read(piece, is_adblock) for piece in _pieces(data)]
    none = [np.zeros(0, np.uint64)]
    return Entries(
        np.concatenate([p.domains for p in pieces] or none),
        np.concatenate([p.addresses for p in pieces] or none),
    )


def hashes(texts: Sequence[str]) -> np.ndarray:
    """The hashes of entries in their plain form: uint64 [n]."""
    data, rows = buffers(pa.array(texts, pa.large_string()))
    keys = np.empty(len(texts), np.uint64)
    lines.hash_rows(data, rows, keys)
    return keys


def ascii_host(host: str) -> str:
    """A host in the form that the domain name system uses; as it is where it has none."""
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host


def entry(line: str, *, is_adblock: bool) -> str | None:
    """A line as a domain, or an address if it has a slash; None if it says neither."""
    line = line.strip().lower()
    if not line or line[0] in "#![":
        return None
    if line.startswith("||") and line.endswith("^"):
        line = line[2:-1]
    elif is_adblock or line[0] in "|@":
        return None
    fields = line.split("#", 1)[0].split()
    if len(fields) == 2 and fields[0] in SINKS:
        fields = fields[1:]
    if len(fields) != 1 or "*" in fields[0] or fields[0] in SINKS:
        return None
    found = re.sub(r"^https?://", "", fields[0]).removeprefix("www.").rstrip("/")
    host, slash, rest = found.partition("/")
    return None if "." not in host else ascii_host(host) + slash + rest


def _pieces(data: bytes) -> Iterator[np.ndarray]:
    whole, start = np.frombuffer(data, np.uint8), 0
    while start < len(data):
        end = data.find(b"\n", start + PIECE)
        end = len(data) if end < 0 else end + 1
        yield whole[start:end]
        start = end


def _read(piece: np.ndarray, is_adblock: bool) -> Entries:
    most = int(np.count_nonzero(piece == 10)) + 1
    starts, ends = np.empty(most, np.int64), np.empty(most, np.int64)
    kinds, keys = np.empty(most, np.uint8), np.empty(most, np.uint64)
    words = tuple(np.frombuffer(w, np.uint8) for w in WORDS)
    n = lines.read_lines(piece, lines.CLASSES, words, starts, ends, kinds, keys)
    starts, ends, kinds, keys = starts[:n], ends[:n], kinds[:n], keys[:n]
    if is_adblock:  # no plain line of such a list names a domain
        kinds[kinds != lines.UNUSUAL] = lines.NOTHING
    odd = np.flatnonzero(kinds == lines.UNUSUAL)
    texts = [piece[starts[i] : ends[i]].tobytes().decode("utf-8", "replace") for i in odd]
    found = [entry(text, is_adblock=is_adblock) for text in texts]
    keys[odd] = hashes([f or "" for f in found])
    for i, text in zip(odd, found, strict=True):
        kinds[i] = lines.NOTHING if text is None else lines.DOMAIN + ("/" in text)
    return Entries(keys[kinds == lines.DOMAIN], keys[kinds == lines.ADDRESS])
