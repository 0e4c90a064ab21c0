"""Packs the files of one repository into documents: their order, headers, and token budget."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator, Sequence

from castor.filters import spdx
from castor.filters.code.comments import comment
from castor.filters.code.imports import SourceFile, graph
from castor.filters.code.order import dependency_order, shuffled_order
from castor.filters.reasons import Reason
from castor.filters.record import Modality, Part, Record, utf8_length
from castor.pipelines.source import InputFile, Item, Rejected

Counter = Callable[[list[str]], list[int]]  # tokens of each text, at most
_ENDS = 2  # <bos> and <eos>


def header_of(path: str, language: str | None) -> str:
    """The line that names a file, as a comment of its language."""
    return comment(path, language) + "\n"


def estimated(texts: list[str], *, bytes_per_token: float) -> list[int]:
    """Tokens of each text, estimated from its bytes."""
    return [math.ceil(utf8_length(t) / bytes_per_token) for t in texts]


@dataclasses.dataclass(frozen=True)
class _Block:
    """A file, or some lines of one, with the header before it."""

    text: str
    n_tokens: int
    record: Record


@dataclasses.dataclass(frozen=True)
class Packer:
    """Makes documents of repositories.

    Attributes:
        order: `imports`, `shuffled` or `path`.
        headers: whether the path of each file stands before it.
        max_tokens: of a document, <bos> and <eos> included.
        seed: of the shuffled order.
        count: tokens of texts; those of a text may not be more than those of its lines together.
    """

    order: str
    headers: bool
    max_tokens: int
    seed: int
    count: Counter

    def documents(
        self, file: InputFile, repository: str, records: Sequence[Record]
    ) -> Iterator[Item]:
        """The documents of one repository, in order; a line over the budget rejects its file."""
        left: list[Rejected] = []
        blocks = self._blocks(file, self._ordered(repository, records), left)
        groups = list(self._groups(blocks))
        for number, group in enumerate(groups, 1):
            yield self._document(file, repository, group, number, len(groups))
        yield from left

    def _ordered(self, repository: str, records: Sequence[Record]) -> list[Record]:
        known = [r for r in records if r.text]
        paths = [r.meta.get("path") or r.key for r in known]
        if self.order == "shuffled":
            order = shuffled_order(paths, repository, self.seed)
        elif self.order == "imports":
            files = [
                SourceFile(p, r.meta.get("file_language"), r.text or "")
                for p, r in zip(paths, known, strict=True)
            ]
            order = dependency_order(paths, graph(files))
        else:
            order = sorted(range(len(paths)), key=lambda i: (paths[i], i))
        return [known[i] for i in order]

    def _blocks(
        self, file: InputFile, records: list[Record], left: list[Rejected]
    ) -> Iterator[_Block]:
        for record in records:
            path = record.meta.get("path") or record.key
            head = header_of(path, record.meta.get("file_language")) if self.headers else ""
            text = (record.text or "").rstrip("\n") + "\n\n"
            n_head, n_text = self.count([head, text])
            if n_head + n_text + _ENDS <= self.max_tokens:
                yield _Block(head + text, n_head + n_text, record)
                continue
            pieces = self._pieces(text, self.max_tokens - _ENDS - n_head)
            if pieces is None:
                place = f"{record.meta.get('repository') or ''}/{path}".lstrip("/")
                message = f"{path}: a single line of over {self.max_tokens} tokens"
                left.append(Rejected(file.key(place), place, Reason.TOO_LARGE, message))
                continue
            for piece, n_tokens in pieces:
                yield _Block(head + piece, n_head + n_tokens, record)

    def _pieces(self, text: str, budget: int) -> list[tuple[str, int]] | None:
        """The lines of a text in pieces within a budget, or None if one line is over it."""
        lines = [f"{line}\n" for line in text.removesuffix("\n").split("\n")]
        counts = self.count(lines)
        if max(counts) > budget:
            return None
        pieces: list[tuple[list[str], int]] = [([], 0)]
        for line, n_tokens in zip(lines, counts, strict=True):
            if pieces[-1][1] + n_tokens > budget:
                pieces.append(([], 0))
            held, total = pieces[-1]
            held.append(line)
            pieces[-1] = held, total + n_tokens
        return [("".join(held), total) for held, total in pieces]

    def _groups(self, blocks: Iterator[_Block]) -> Iterator[list[_Block]]:
        group: list[_Block] = []
        n_tokens = _ENDS
        for block in blocks:
            if group and n_tokens + block.n_tokens > self.max_tokens:
                yield group
                group, n_tokens = [], _ENDS
            group.append(block)
            n_tokens += block.n_tokens
        if group:
            yield group

    def _document(
        self, file: InputFile, repository: str, group: list[_Block], number: int, total: int
    ) -> Record:
        text = "".join(b.text for b in group).rstrip("\n") + "\n"
        edges = [0, *itertools.accumulate(utf8_length(b.text) for b in group)]
        edges[-1] = utf8_length(text)
        parts = tuple(Part("code", a, b) for a, b in itertools.pairwise(edges))
        files = {b.record.key: b.record for b in group}
        languages = sorted({r.meta.get("file_language") or "" for r in files.values()} - {""})
        meta = {
            "repository": repository,
            "piece": f"{number}/{total}",
            "n_files": str(len(files)),
            "file_languages": ",".join(languages),
        }
        if len(languages) == 1:
            meta["file_language"] = languages[0]
        licence = _licence([r.meta.get("licence") for r in files.values()])
        if licence is not None:
            meta["licence"] = licence
        first = group[0].record.key
        return Record(
            key=file.key(f"{first}#{number}"),
            source=file.source,
            modality=Modality.CODE,
            text=text,
            parts=parts,
            meta={k: v for k, v in meta.items() if v},
        )


def _licence(stated: list[str | None]) -> str | None:
    """What all files together are licensed under, or None if one says nothing that is known."""
    found = [None if s is None else spdx.parse(s) for s in dict.fromkeys(stated)]
    known = [e for e in found if e is not None]
    if len(known) < len(found):
        return None
    return spdx.render(spdx.combine("AND", sorted(known, key=spdx.render)))
