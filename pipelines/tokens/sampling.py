"""The two passes over a corpus before a tokenizer is trained, each a function of one shard.

The first reads what the sample is chosen by: key, language, source and bytes of text of every
document. The second reads the texts of the documents that were chosen and counts them. Both write
files; their results only name them.
"""

from __future__ import annotations

import heapq
import json
import pathlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from castor.filters import storage
from castor.pipelines.engines.fanout import Tell
from castor.pipelines.tokens.corpus import Reader, languages_of, text_bytes
from castor.pipelines.tokens.passes import Passes

SCAN_VERSION = 2  # raise it when what `scan_shard` writes, or is kept of it, can change
COUNT_VERSION = 1  # raise it when what `count_shard` writes can change
VECTORS = 100  # texts of the sample that the tokenizer's manifest keeps with their ids
VECTOR_CHARACTERS = 960


def scan_shard(item: Mapping[str, Any], common: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """What the sample is chosen by, of every document with text of a shard.

    Args:
        item: `number`, `shard` (see `corpus`).
        common: `folder` to write to, `salt` of the hashes.

    Returns:
        `file` (.npz: stratum int32, hashes uint64, sizes int64, [documents]), `names` of the
        strata [language, source], `documents` (of any kind), `with_text`, `rejected`, `fault`.
    """
    from castor.tokenizer.sample import key_hashes

    strata: dict[tuple[str, str], int] = {}
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    reader = Reader(item["shard"], tell)
    documents = 0
    for batch in reader.batches(["key", "source", "text", "meta"]):
        documents += batch.num_rows
        batch = batch.append_column("bytes", text_bytes(batch.column("text")))
        batch = batch.filter(pc.greater(batch.column("bytes"), 0))
        own = [
            strata.setdefault(name, len(strata))
            for name in zip(
                languages_of(batch.column("meta")), batch.column("source").to_pylist(), strict=True
            )
        ]
        hashes = key_hashes(batch.column("key").to_pylist(), common["salt"])
        parts.append((np.array(own, np.int32), hashes, batch.column("bytes").to_numpy()))
    columns = [np.concatenate(c) for c in zip(_NOTHING, *parts, strict=True)]
    path = pathlib.Path(common["folder"], f"scan-{item['number']:05d}.npz")
    with storage.replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, strata=columns[0], hashes=columns[1], sizes=columns[2])
    return {
        "file": path.name,
        "names": [list(name) for name in strata],
        "documents": documents,
        "with_text": len(columns[0]),
        "rejected": dict(sorted(reader.rejected.items())),
        "fault": reader.fault,
    }


_NOTHING = (np.empty(0, np.int32), np.empty(0, np.uint64), np.empty(0, np.int64))


class Scanned:
    """What the first pass found, of all shards together.

    Attributes:
        names: (language, source) of each stratum, sorted.
        strata, hashes, sizes: of each document with text.
        documents: how many there are, those without text too.
        rejected: rows that could not be read, by reason.
        fault: the first of them in words, or None.
    """

    def __init__(self, folder: pathlib.Path, results: Sequence[Mapping[str, Any]]) -> None:
        self.names = sorted({(n[0], n[1]) for r in results for n in r["names"]})
        place = {name: i for i, name in enumerate(self.names)}
        parts = []
        for result in results:
            with np.load(folder / result["file"]) as found:
                own = np.array([place[n[0], n[1]] for n in result["names"]], np.int32)
                parts.append((own[found["strata"]], found["hashes"], found["sizes"]))
        self.strata, self.hashes, self.sizes = (
            np.concatenate(c) for c in zip(_NOTHING, *parts, strict=True)
        )
        self.documents = sum(r["documents"] for r in results)
        self.rejected: Counter[str] = Counter()
        for result in results:
            self.rejected.update(result["rejected"])
        self.fault = next((r["fault"] for r in results if r["fault"]), None)


def scan(passes: Passes, salt: str) -> Scanned:
    """The first pass over a corpus.

    Args:
        salt: of the hashes by which the sample will be chosen.

    Raises:
        CastorError: no document has text.
    """
    folder = passes.work / "scan"
    done = passes.into(folder, "sampling:scan_shard", "scan", SCAN_VERSION, salt=salt)
    found = Scanned(folder, done.results)
    if not len(found.sizes):
        left_out = dict(found.rejected)
        if found.documents:
            left_out["without text"] = found.documents
        passes.corpus.refuse_empty(left_out, found.fault)
    return found


def count_shard(item: Mapping[str, Any], common: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """Counts the texts of the sample's documents in a shard.

    Args:
        item: `number`, `shard`.
        common: `folder` to write to, `salt`, `selection` (see `castor.tokenizer.sample`).

    Returns:
        `file` of the counts, or None where the sample takes nothing of the shard; `vectors`, the
        file of the texts from which test vectors are taken.
    """
    from castor.tokenizer import count
    from castor.tokenizer.sample import Selection

    selection = Selection.from_json(common["selection"])
    texts = _Texts(sampled(item["shard"], selection, common["salt"], tell))
    counts = count.count(texts)
    folder = pathlib.Path(common["folder"])
    if not texts.taken:
        return {"file": None, "vectors": None}
    path = folder / f"counts-{item['number']:05d}"
    counts.save(path)
    vectors = folder / f"vectors-{item['number']:05d}.json"
    storage.write_bytes(vectors, json.dumps(texts.vectors()).encode())
    return {"file": path.name, "vectors": vectors.name}


class Sampled(NamedTuple):
    """A document that the sample takes: its stratum, the hash of its key, its key and text."""

    stratum: int
    hashed: int
    key: str
    text: str


def sampled(shard: dict[str, Any], selection: Any, salt: str, tell: Tell) -> Iterator[Sampled]:
    """The documents of a shard that a sample takes, in order.

    Args:
        shard: see `corpus`.
        selection: a `castor.tokenizer.sample.Selection`; strata are indices into its own.
        salt: of the hashes by which it was chosen.
    """
    from castor.tokenizer.sample import key_hashes

    place = {(s.language, s.source): i for i, s in enumerate(selection.strata)}
    for batch in Reader(shard, tell).batches(["key", "source", "text", "meta"]):
        keys, sources = batch.column("key").to_pylist(), batch.column("source").to_pylist()
        names = zip(languages_of(batch.column("meta")), sources, strict=True)
        strata = np.array([place.get(name, -1) for name in names], np.int64)
        hashes = key_hashes(keys, salt)
        chosen = (strata >= 0) & (text_bytes(batch.column("text")).to_numpy() > 0)
        chosen[chosen] = selection.taken(strata[chosen], hashes[chosen])
        rows = np.flatnonzero(chosen)
        texts = batch.column("text").take(pa.array(rows)).to_pylist()
        for row, text in zip(rows.tolist(), texts, strict=True):
            yield Sampled(int(strata[row]), int(hashes[row]), keys[row], text)


class _Texts:
    """The texts of some documents, in order; keeps those with the smallest hashes.

    Attributes:
        taken: how many there were.
    """

    def __init__(self, documents: Iterator[Sampled]) -> None:
        self._documents = documents
        self._smallest: dict[int, list[tuple[int, str]]] = {}
        self.taken = 0

    def __iter__(self) -> Iterator[str]:
        for document in self._documents:
            self._keep(document.stratum, document.hashed, document.text)
            self.taken += 1
            yield document.text

    def _keep(self, stratum: int, hashed: int, text: str) -> None:
        heap = self._smallest.setdefault(stratum, [])
        entry = (-hashed, text[:VECTOR_CHARACTERS])
        if len(heap) < VECTORS:
            heapq.heappush(heap, entry)
        elif entry > heap[0]:
            heapq.heapreplace(heap, entry)

    def vectors(self) -> list[list[Any]]:
        """[stratum, hash, beginning of the text] of the documents with the smallest hashes."""
        return sorted(
            [stratum, f"{-negative:016x}", text]
            for stratum, heap in self._smallest.items()
            for negative, text in heap
        )


def choose_vectors(lists: Sequence[Sequence[Sequence[Any]]]) -> list[str]:
    """The texts of all shards that become test vectors: from every stratum in turn.

    Args:
        lists: what `_Texts.vectors` gave of each shard.
    """
    strata: dict[int, list[tuple[str, str]]] = {}
    for entries in lists:
        for stratum, hashed, text in entries:
            strata.setdefault(stratum, []).append((hashed, text))
    ranked = [
        (rank, stratum, text)
        for stratum, entries in strata.items()
        for rank, (_, text) in enumerate(sorted(entries))
    ]
    return [text for _, _, text in sorted(ranked)[:VECTORS]]
