"""Which documents a tokenizer is trained on: a stratified sample by hash of the key.

Every document has a 64-bit hash of its key. Within a stratum (a language of a source) the
documents with the smallest hashes are taken, up to a number of bytes. So the sample depends on
the keys, sizes and caps alone: not on shards, their order, or the run; and a larger cap only
adds documents.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from castor.filters.errors import CastorError, ConfigError

SALT = "castor tokenizer sample"  # so that other samples by hash of the key are independent


def key_hashes(keys: Iterable[str], salt: str) -> np.ndarray:
    """64-bit hashes of document keys: BLAKE2b, keyed by the salt.

    Args:
        keys: the keys of documents.
        salt: at most 64 bytes in UTF-8; other salts give independent hashes.

    Returns:
        uint64 [keys].
    """
    prefix = hashlib.blake2b(key=salt.encode(), digest_size=8)
    digests = bytearray()
    for key in keys:
        hasher = prefix.copy()
        hasher.update(key.encode())
        digests += hasher.digest()
    return np.frombuffer(bytes(digests), "<u8").astype(np.uint64)


def salt_of(seed: int) -> str:
    """The salt of a sample's seed."""
    return f"{SALT} {seed}"


@dataclasses.dataclass(frozen=True)
class Stratum:
    """One language of one source, and what was taken of it.

    Attributes:
        language, source: which it is.
        documents, bytes: what there is.
        taken_documents, taken_bytes: what the sample holds.
        threshold: a document is in the sample if its hash is at most this; None takes none.
    """

    language: str
    source: str
    documents: int
    bytes: int
    taken_documents: int
    taken_bytes: int
    threshold: int | None


@dataclasses.dataclass(frozen=True)
class Selection:
    """A sample, as thresholds by stratum.

    Attributes:
        strata: one entry for each stratum, in the order of their names in `choose`.
        cap: bytes that any one stratum could give, None for all.
        digest: hexadecimal BLAKE2b-128 of strata, hashes and sizes of the documents taken.
    """

    strata: tuple[Stratum, ...]
    cap: int | None
    digest: str

    @property
    def documents(self) -> int:
        """Documents of the sample."""
        return sum(s.taken_documents for s in self.strata)

    @property
    def bytes(self) -> int:
        """Bytes of UTF-8 text of the sample."""
        return sum(s.taken_bytes for s in self.strata)

    def taken(self, strata: np.ndarray, hashes: np.ndarray) -> np.ndarray:
        """Which documents are in the sample, bool [documents]; for any part of them.

        Args:
            strata: integers [documents], index into `self.strata`.
            hashes: uint64 [documents], of `key_hashes` with the salt of the sample.
        """
        limits = np.array([s.threshold or 0 for s in self.strata], np.uint64)
        some = np.array([s.threshold is not None for s in self.strata], bool)
        return some[strata] & (hashes <= limits[strata])

    def to_json(self) -> dict[str, Any]:
        """The selection as JSON; thresholds as hexadecimal strings, for they have 64 bits."""
        rows = [dataclasses.asdict(s) for s in self.strata]
        for row in rows:
            if row["threshold"] is not None:
                row["threshold"] = f"{row['threshold']:016x}"
        return {
            "strata": rows,
            "cap": self.cap,
            "digest": self.digest,
            "documents": self.documents,
            "bytes": self.bytes,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Selection:
        """What `to_json` wrote.

        Raises:
            CastorError: it is something else.
        """
        try:
            rows = [dict(row) for row in value["strata"]]
            for row in rows:
                if row["threshold"] is not None:
                    row["threshold"] = int(row["threshold"], 16)
            return cls(tuple(Stratum(**row) for row in rows), value["cap"], value["digest"])
        except (KeyError, TypeError, ValueError) as error:
            raise CastorError("this is no sample of documents", got=repr(error)) from error


def choose(
    names: Sequence[tuple[str, str]],
    strata: np.ndarray,
    hashes: np.ndarray,
    sizes: np.ndarray,
    *,
    stratum_cap: int | None = None,
    total_cap: int | None = None,
) -> Selection:
    """Chooses the sample of a corpus from what is known of each of its documents.

    In each stratum documents are taken by rising hash while their bytes together stay within
    the cap; the first is taken in any case, so that no language is left out. With a total cap
    all strata get the same cap, the largest with which the whole stays within the total: what a
    small stratum does not use goes to the larger ones.

    Args:
        names: (language, source) of each stratum; each once.
        strata: integers [documents], index into `names`.
        hashes: uint64 [documents], of `key_hashes`.
        sizes: integers [documents], bytes of UTF-8 text.
        stratum_cap: bytes that a stratum may give; None for all.
        total_cap: bytes that the sample may have; None for no limit.

    Raises:
        CastorError: there is no document with text.
        ConfigError: a cap is not positive.
    """
    for option, cap in (("stratum_cap", stratum_cap), ("total_cap", total_cap)):
        if cap is not None and cap <= 0:
            raise ConfigError("a cap on bytes must be positive", where=option, got=cap)
    if len(set(names)) != len(names):
        raise ValueError("a stratum is named twice")
    sizes = np.asarray(sizes, np.int64)
    if not sizes.any():
        raise CastorError(
            "there is no text to train a tokenizer on",
            got=f"{len(sizes)} documents, 0 bytes of text",
            fix="give a dataset with text; `castor inspect` shows what one holds",
        )
    totals = np.bincount(strata, sizes, len(names)).astype(np.int64)
    cap = stratum_cap
    if total_cap is not None:
        level = _water_level(np.minimum(totals, cap) if cap else totals, total_cap)
        cap = level if cap is None else min(cap, level)

    # One order for all strata: by stratum, then hash, then size, whatever came first.
    order = np.lexsort((sizes, hashes, strata))
    ends = np.cumsum(np.bincount(strata, minlength=len(names)))
    found = []
    digest = hashlib.blake2b(digest_size=16)
    parts: dict[tuple[str, str], bytes] = {}
    for i, (language, source) in enumerate(names):
        own = order[ends[i - 1] if i else 0 : ends[i]]
        n = _prefix(hashes[own], sizes[own], cap)
        found.append(
            Stratum(
                language=language,
                source=source,
                documents=len(own),
                bytes=int(totals[i]),
                taken_documents=n,
                taken_bytes=int(sizes[own[:n]].sum()),
                threshold=int(hashes[own[n - 1]]) if n else None,
            )
        )
        parts[language, source] = (
            hashes[own[:n]].astype("<u8").tobytes() + sizes[own[:n]].astype("<i8").tobytes()
        )
    for name in sorted(parts):
        digest.update(repr((*name, len(parts[name]))).encode() + parts[name])
    return Selection(tuple(found), cap, digest.hexdigest())


def _prefix(hashes: np.ndarray, sizes: np.ndarray, cap: int | None) -> int:
    """How many documents, sorted by hash, are taken; documents of one hash stay together."""
    if cap is None or not len(hashes):
        return len(hashes)
    n = int(np.searchsorted(np.cumsum(sizes), cap, side="right"))
    if n < len(hashes):  # of those with the first hash that does not fit whole, none
        n = int(np.searchsorted(hashes, hashes[n]))
    return n or int(np.searchsorted(hashes, hashes[0], side="right"))


def _water_level(available: np.ndarray, total: int) -> int:
    """The largest c with sum(min(available, c)) <= total; at least 1 byte."""
    levels = np.sort(available)
    if int(levels.sum()) <= total:
        return max(int(levels[-1]), 1)
    below = np.concatenate(([0], np.cumsum(levels)))
    rest = np.arange(len(levels), 0, -1)
    candidates = (total - below[:-1]) // rest
    # The first level that its own candidate does not fill is where the water stands.
    first = int(np.argmax(candidates < levels))
    return max(int(candidates[first]), 1)
