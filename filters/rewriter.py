"""Rewriters: edit the text of a document, with every edit counted.

A rewriter is one file in filters/rewriters/ with one decorated generator of edits:

    @rewriter(version=1)
    def mask_email(text: str) -> Iterator[Edit]:
        for match in EMAIL.finditer(text):
            yield Edit(match.start(), match.end(), "<email>")

Called, it maps `text` to `(text, edits)`. On a batch it also moves the spans of `parts`
and adds the column `<name>.edits`. Rewriters run before annotators, so every signal of a
row describes the text that the row holds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from castor.filters.errors import CastorError
from castor.filters.record import Modality
from castor.filters.registry import load_version


class Edit(NamedTuple):
    """Replaces characters `start` to `stop` of the text; edits come in order, disjoint."""

    start: int
    stop: int
    replacement: str = ""


@dataclasses.dataclass(frozen=True)
class Rewriter:
    """One edit rule with its name and version; callable on a text."""

    name: str
    version: int
    modalities: frozenset[Modality]
    function: Callable[[str], Iterable[Edit]]
    module: str
    doc: str
    needs: str | None = None

    def __call__(self, text: str) -> tuple[str, list[Edit]]:
        """The edited text and the edits that were made, in order.

        Raises:
            ValueError: edits overlap or lie outside the text (a fault of the rewriter).
        """
        pieces, edits, position = [], [], 0
        for edit in self.function(text):
            if not position <= edit.start <= edit.stop <= len(text):
                raise ValueError(
                    f"rewriter {self.name!r}: edit {edit.start}:{edit.stop} overlaps the one "
                    f"before it or leaves the text of {len(text)} characters"
                )
            pieces += [text[position : edit.start], edit.replacement]
            position = edit.stop
            edits.append(edit)
        return ("".join([*pieces, text[position:]]), edits) if edits else (text, [])

    def __reduce__(self) -> tuple[object, ...]:
        """Pickles as a name and a version: a worker with another version refuses."""
        return load_version, ("rewriter", self.module, self.version)

    @property
    def column(self) -> pa.Field:
        """The Arrow field that counts the edits of each row; null where none may happen."""
        return pa.field(f"{self.name}.edits", pa.int32())

    def _edited(self, batch: pa.RecordBatch, row: int, text: str) -> tuple[str, list[Edit]]:
        try:
            return self(text)
        except CastorError:
            raise
        except Exception as error:
            raise CastorError(
                "a rewriter failed, and what it should have edited must not pass",
                where=f"rewriter {self.name!r}, row {batch.column('key')[row].as_py()}",
                got=" ".join(f"{type(error).__name__}: {error}".split())[:400],
                fix="mend the rewriter, or leave the file out with the source's `exclude`",
            ) from error

    def rewrite(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.Array]:
        """Edits the text column; returns the batch and the number of edits per row.

        Raises:
            CastorError: the rewriter raised; it names the row.
        """
        column = batch.column("text")
        needed = pc.match_substring_regex(column, self.needs).to_pylist() if self.needs else None
        texts = column.to_pylist() if needed is None or any(needed) else [None] * len(column)
        null = pc.is_null(column).to_pylist()
        modalities = batch.column("modality").to_pylist()
        parts = None
        counts: list[int | None] = []
        for i, text in enumerate(texts):
            if null[i] or Modality(modalities[i]) not in self.modalities:
                counts.append(None)
                continue
            may = needed is None or needed[i]
            edited, edits = self._edited(batch, i, text) if may else (text, [])
            counts.append(len(edits))
            if edits:
                parts = batch.column("parts").to_pylist() if parts is None else parts
                parts[i] = _moved(parts[i], text, edits)
                texts[i] = edited
        if parts is not None:
            names = batch.schema.names
            fields = batch.schema
            batch = batch.set_column(
                names.index("text"), fields.field("text"), pa.array(texts, pa.large_string())
            )
            batch = batch.set_column(
                names.index("parts"),
                fields.field("parts"),
                pa.array(parts, fields.field("parts").type),
            )
        return batch, pa.array(counts, pa.int32())


def rewriter(
    *,
    version: int,
    modalities: Iterable[Modality] = (Modality.TEXT, Modality.INTERLEAVED),
    needs: str | None = None,
) -> Callable[[Callable[[str], Iterable[Edit]]], Rewriter]:
    """Makes the decorated generator of edits a Rewriter named like its file.

    Args:
        version: raise it whenever any edit can change.
        modalities: rows of other modalities are left alone.
        needs: an expression of RE2 that every text with an edit matches. Batches are searched
            for it at several hundred MB/s, and only the rows that match are read in Python.
    """

    def decorate(function: Callable[[str], Iterable[Edit]]) -> Rewriter:
        return Rewriter(
            name=function.__module__.rpartition(".")[2],
            version=version,
            modalities=frozenset(modalities),
            function=function,
            module=function.__module__,
            doc=(function.__doc__ or "").strip(),
            needs=needs,
        )

    return decorate


def _moved(parts: list[dict], text: str, edits: list[Edit]) -> list[dict]:
    """The parts with their byte spans moved to where the edited text has them."""
    marks = sorted({p[k] for p in parts for k in ("start_byte", "end_byte") if p[k] is not None})
    place = dict(_places(marks, text, edits))
    return [
        {**p, **{k: place[p[k]] for k in ("start_byte", "end_byte") if p[k] is not None}}
        for p in parts
    ]


def _places(marks: list[int], text: str, edits: list[Edit]) -> Iterator[tuple[int, int]]:
    """Old byte offset -> new one, for sorted offsets; inside an edit it is the edit's end."""
    spans, at_char, at_byte = [], 0, 0
    for edit in edits:
        start = at_byte + len(text[at_char : edit.start].encode())
        stop = start + len(text[edit.start : edit.stop].encode())
        spans.append((start, stop, len(edit.replacement.encode())))
        at_char, at_byte = edit.stop, stop
    shift = i = 0
    for mark in marks:
        while i < len(spans) and spans[i][1] <= mark:
            shift += spans[i][2] - (spans[i][1] - spans[i][0])
            i += 1
        if i < len(spans) and spans[i][0] < mark:
            yield mark, spans[i][0] + shift + spans[i][2]
        else:
            yield mark, mark + shift
