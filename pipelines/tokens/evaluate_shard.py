"""Counts what a tokenizer makes of a sample of documents, as a function of one shard."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from castor.filters import storage
from castor.filters.errors import CastorError
from castor.pipelines.engines.fanout import Tell
from castor.pipelines.tokens.sampling import Sampled, sampled
from castor.pipelines.tokens.tokenizers import verified

VERSION = 1  # raise it when what `evaluate_shard` counts can change
BATCH_CHARACTERS = 1 << 20  # of text that is encoded in one call


def evaluate_shard(
    item: Mapping[str, Any], common: Mapping[str, Any], tell: Tell
) -> dict[str, Any]:
    """Counts the sample's documents in a shard, by language and source.

    Args:
        item: `number`, `shard` (see `corpus`).
        common: `folder` to write to, `tokenizer` and its `digest`, `other` (the path of another
            one, or None) and its `other_sha256`, `salt`, `selection`.

    Returns:
        `file` (.npz: ids and counts of all groups, and where each group ends), `groups` as
        [language, source, counts], `examples` of documents that do not come back.
    """
    from castor.tokenizer.evaluate import Counter
    from castor.tokenizer.sample import Selection

    tokenizer = verified(common["tokenizer"], common["digest"])
    other = _other(common["other"], common["other_sha256"]) if common["other"] else None
    counter = Counter(tokenizer, other)
    selection = Selection.from_json(common["selection"])
    documents = sampled(item["shard"], selection, common["salt"], tell)
    _count(counter, documents, [(s.language, s.source) for s in selection.strata])
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


@functools.lru_cache(maxsize=2)
def _other(path: str, sha256: str) -> Any:
    from castor.tokenizer.evaluate import Other

    found = Other(path)
    if found.sha256 != sha256:
        raise CastorError(
            "the tokenizer to compare with was replaced meanwhile",
            where=path,
            got=f"a model with sha256 {found.sha256[:16]}..., not {sha256[:16]}...",
            fix="run the same command again",
        )
    return found


def _count(counter: Any, documents: Iterable[Sampled], names: Sequence[tuple[str, str]]) -> None:
    """Has a `Counter` count documents, about a megabyte at a time."""
    group: list[Sampled] = []
    n_characters = 0
    for document in documents:
        group.append(document)
        n_characters += len(document.text)
        if n_characters >= BATCH_CHARACTERS:
            _add(counter, group, names)
            group, n_characters = [], 0
    if group:
        _add(counter, group, names)


def _add(counter: Any, group: Sequence[Sampled], names: Sequence[tuple[str, str]]) -> None:
    strata, _, keys, texts = zip(*group, strict=True)
    counter.add([names[stratum] for stratum in strata], keys, texts)


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
