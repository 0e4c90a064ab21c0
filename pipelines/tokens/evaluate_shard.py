"""Counts what a tokenizer makes of a sample of documents, as a function of one shard."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from castor.filters import storage
from castor.filters.errors import CastorError
from castor.pipelines.engines.fanout import Tell
from castor.pipelines.tokens.corpus import Reader, languages_of, text_bytes

VERSION = 1  # raise it when what `evaluate_shard` counts can change
BATCH_BYTES = 1 << 20  # text that is encoded in one call


def evaluate_shard(
    item: Mapping[str, Any], common: Mapping[str, Any], tell: Tell
) -> dict[str, Any]:
    """Counts the sample's documents in a shard, by language and source.

    Args:
        item: `number`, `shard` (see `corpus`).
        common: `folder` to write to, `tokenizer` and its `sha256`, `other` (the path of another
            one, or None) and its `other_sha256`, `salt`, `selection`.

    Returns:
        `file` (.npz: ids and counts of all groups, and where each group ends), `groups` as
        [language, source, counts], `examples` of documents that do not come back.
    """
    from castor.tokenizer.evaluate import Counter, Other
    from castor.tokenizer.processor import load

    tokenizer = load(common["tokenizer"], verify=False)
    other = Other(common["other"]) if common["other"] else None
    for name, found in (("sha256", tokenizer), ("other_sha256", other)):
        if found is not None and found.sha256 != common[name]:
            raise CastorError(
                "the tokenizer was replaced meanwhile", where=common["tokenizer"], fix="start again"
            )
    counter = Counter(tokenizer, other)
    _Sample(item["shard"], common, tell).into(counter)
    pieces = counter.pieces()
    groups = sorted(counter.tallies)
    used = [np.flatnonzero(pieces[group]) for group in groups]
    path = pathlib.Path(common["folder"], f"pieces-{item['number']:05d}.npz")
    with storage.replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            ids=np.concatenate([np.empty(0, np.int64), *used]),
            counts=np.concatenate(
                [np.empty(0, np.int64), *(pieces[g][u] for g, u in zip(groups, used, strict=True))]
            ),
            ends=np.cumsum([len(u) for u in used], dtype=np.int64),
        )
    return {
        "file": path.name,
        "groups": [[*group, vars(counter.tallies[group])] for group in groups],
        "examples": counter.examples,
    }


class _Sample:
    """The documents of a shard that the sample takes."""

    def __init__(self, shard: dict[str, Any], common: Mapping[str, Any], tell: Tell) -> None:
        from castor.tokenizer.sample import Selection

        self._shard, self._salt, self._tell = shard, common["salt"], tell
        self._selection = Selection.from_json(common["selection"])
        strata = self._selection.strata
        self._place = {(s.language, s.source): i for i, s in enumerate(strata)}

    def into(self, counter: Any) -> None:
        """Has a `Counter` count them, about a megabyte at a time."""
        groups: list[tuple[str, str]] = []
        keys: list[str] = []
        texts: list[str] = []
        n_bytes = 0
        reader = Reader(self._shard, self._tell)
        for batch in reader.batches(["key", "source", "text", "meta"]):
            for group, key, text in self._taken(batch):
                groups.append(group)
                keys.append(key)
                texts.append(text)
                n_bytes += len(text)
                if n_bytes >= BATCH_BYTES:
                    counter.add(groups, keys, texts)
                    groups, keys, texts, n_bytes = [], [], [], 0
        if texts:
            counter.add(groups, keys, texts)

    def _taken(self, batch: pa.RecordBatch) -> list[tuple[tuple[str, str], str, str]]:
        from castor.tokenizer.sample import key_hashes

        sources = batch.column("source").to_pylist()
        groups = list(zip(languages_of(batch.column("meta")), sources, strict=True))
        keys = batch.column("key").to_pylist()
        strata = np.array([self._place.get(group, -1) for group in groups], np.int64)
        chosen = (strata >= 0) & (text_bytes(batch.column("text")).to_numpy() > 0)
        hashes = key_hashes(keys, self._salt)
        chosen[chosen] = self._selection.taken(strata[chosen], hashes[chosen])
        rows = np.flatnonzero(chosen).tolist()
        texts = batch.column("text").take(pa.array(rows, pa.int64())).to_pylist()
        return [(groups[i], keys[i], text) for i, text in zip(rows, texts, strict=True)]


class Merged:
    """The counts of all shards, by language, by source and in total.

    Attributes:
        tallies: by (language, source).
        examples: of documents that do not come back.
        pieces: how often each id occurs, by `("language", name)`, `("source", name)`, `()`.
    """

    def __init__(
        self, folder: pathlib.Path, results: Sequence[Mapping[str, Any]], size: int
    ) -> None:
        from castor.tokenizer.evaluate import EXAMPLES, Tally

        self._size = size
        self.tallies: dict[tuple[str, str], Tally] = {}
        self.pieces: dict[tuple[str, ...], np.ndarray] = {(): np.zeros(size, np.int64)}
        self.examples: list[list[str]] = []
        for result in results:
            with np.load(folder / result["file"]) as found:
                ids = np.split(found["ids"], found["ends"][:-1])
                counts = np.split(found["counts"], found["ends"][:-1])
            for (language, source, tally), i, n in zip(result["groups"], ids, counts):
                known = self.tallies.get((language, source), Tally())
                self.tallies[language, source] = known + Tally(**tally)
                for name in ((), ("language", language), ("source", source)):
                    self._pieces(name)[i] += n
            self.examples = [*self.examples, *result["examples"]][:EXAMPLES]

    def _pieces(self, name: tuple[str, ...]) -> np.ndarray:
        return self.pieces.setdefault(name, np.zeros(self._size, np.int64))

    def figures(self, axis: str | None, *, compared: bool) -> dict[str, dict[str, Any]]:
        """What follows from the counts, by the names of `language` or `source`; None for all.

        Returns:
            The figures (`castor.tokenizer.evaluate.figures`) by name, sorted; of all under "".
        """
        from castor.tokenizer.evaluate import Tally, figures

        sums: dict[str, Tally] = {}
        for (language, source), tally in self.tallies.items():
            name = {"language": language, "source": source}.get(axis or "", "")
            sums[name] = sums.get(name, Tally()) + tally
        return {
            name: figures(sums[name], self.pieces[(axis, name) if axis else ()], compared=compared)
            for name in sorted(sums)
        }
