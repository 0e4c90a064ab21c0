"""Checks over all rows of a run: unique keys, duplicates that name kept rows, true counts.

Keys are held as 16-byte digests in NumPy arrays, so ten million rows take 160 MB.
"""

from __future__ import annotations

import hashlib
import pathlib
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from castor.filters.errors import CastorError
from castor.filters.reasons import Reason
from castor.pipelines.dataset import FINDINGS, read_shard

DIGEST = np.dtype("S16")
LISTED = 5  # problems of one kind that are told one by one
Found = tuple[str, str, str, str]


class Rows:
    """Gathers what the rows of whole shards say; `problems` holds it together.

    Attributes:
        incomplete: some shard could not be read, so nothing that needs all rows is said.
    """

    def __init__(self) -> None:
        self.incomplete = False
        self._keys: dict[str, list[np.ndarray]] = {}
        self._named: list[np.ndarray] = []
        self._found: list[np.ndarray] = []
        self._shards: list[tuple[str, pathlib.Path]] = []
        self._counts: Counter[tuple[str, str, str]] = Counter()

    def add(self, outcome: str, path: pathlib.Path) -> None:
        """Reads the columns of one shard that the checks need."""
        if outcome == FINDINGS:
            for batch in read_shard(path, ["key"]):
                self._found.append(_digests(batch.column("key").to_pylist()))
            self._shards.append((outcome, path))
            return
        rejected = outcome == "rejected"
        columns = ["key", "source", "reason"] if rejected else ["key", "source", "modality"]
        columns += ["duplicate_of"] if outcome == "duplicate" else []
        keys: list[str] = []
        try:
            for batch in read_shard(path, columns):
                rows = batch.to_pydict()
                if rejected:
                    # A second row with the key of an earlier one is rejected under that key.
                    twice = str(Reason.DUPLICATE_KEY)
                    pairs = zip(rows["key"], rows["reason"], strict=True)
                    keys += [k for k, reason in pairs if reason != twice]
                else:
                    keys += rows["key"]
                modality = [""] * batch.num_rows if rejected else rows["modality"]
                for source, kind in zip(rows["source"], modality, strict=True):
                    self._counts[outcome, source, kind] += 1
                if outcome == "duplicate":
                    self._named.append(_digests(rows["duplicate_of"]))
        except CastorError:
            self.incomplete = True
            raise
        self._keys.setdefault(outcome, []).append(_digests(keys))
        self._shards.append((outcome, path))

    def problems(self, run: Mapping[str, Any] | None = None) -> Iterator[Found]:
        """What is wrong, as the parts of a Problem.

        Args:
            run: the run's manifest, or None for a single dataset.
        """
        if self.incomplete:
            return
        yield from self._twice()
        if run is not None:
            # A duplicate of a row of a reference source names what is in no dataset here.
            compared = any(s.get("reference") for s in run.get("config", {}).get("sources", ()))
            yield from self._unnamed([] if compared else self._named)
            yield from self._miscounted(run["counts"])

    def _twice(self) -> Iterator[Found]:
        keys = np.sort(np.concatenate([_NONE, *(k for ks in self._keys.values() for k in ks)]))
        twice = np.unique(keys[1:][keys[1:] == keys[:-1]])
        for key, places in self._find("key", twice).items():
            got = ", ".join(places)
            yield ("two rows have one key", key, got, "a source gave one key twice: report it")
        if len(twice) > LISTED:
            yield (
                "more rows share a key",
                "all outcomes",
                f"{len(twice) - LISTED} more",
                "as above",
            )

    def _unnamed(self, duplicates_of: list[np.ndarray]) -> Iterator[Found]:
        """What names a row that is not there."""
        # A document is compared with the benchmarks after the duplicates were removed, so the
        # row that was to be kept may have turned out to be contaminated.
        stays = [k for o in ("kept", "contaminated") for k in self._keys.get(o, ())]
        known = np.concatenate([_NONE, *stays])
        for what, column, named in (
            ("a duplicate names a row that was not kept", "duplicate_of", duplicates_of),
            ("a finding names a row that is not there", "key", self._found),
        ):
            lost = np.setdiff1d(np.unique(np.concatenate([_NONE, *named])), known)
            for key, places in self._find(column, lost).items():
                yield (what, places[0], f"no such row {key!r}", "run it again")
            if len(lost) > LISTED:
                yield (f"{what}: more of them", "all shards", f"{len(lost) - LISTED}", "as above")

    def _find(self, column: str, digests: np.ndarray) -> dict[str, list[str]]:
        """The first few of some keys, with the shards in which a column holds them."""
        wanted = {bytes(d) for d in digests[:LISTED]}
        found: dict[str, list[str]] = {}
        for outcome, path in self._shards if wanted else ():
            if column == "duplicate_of" and outcome != "duplicate":
                continue
            for batch in read_shard(path, [column]):
                for key in batch.column(column).to_pylist():
                    if _digest(key).rstrip(b"\0") in wanted:
                        found.setdefault(key, []).append(f"{outcome}/{path.name}")
        return found

    def _miscounted(self, counts: Mapping[str, Any]) -> Iterator[Found]:
        for table, at in (("by_source", 1), ("by_modality", 2)):
            rows: Counter[tuple[str, str]] = Counter()
            for path, n in self._counts.items():
                rows[path[at] or "unread", path[0]] += n
            stated = {
                (name, outcome): n
                for name, numbers in counts[table].items()
                for outcome, n in numbers.items()
                if outcome != "in" and n
            }
            for name, outcome in sorted(set(stated) | set(rows)):
                n, said = rows[name, outcome], stated.get((name, outcome), 0)
                if n != said:
                    got = f"{n} rows in the shards, the manifest says {said}"
                    yield (f"the {outcome} rows of {name} do not agree", table, got, "run it again")


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=16).digest()


def _digests(keys: list[str]) -> np.ndarray:
    return np.frombuffer(b"".join(map(_digest, keys)), DIGEST)


_NONE = np.empty(0, DIGEST)
