"""Rewriters: edit the text of a document, with every edit counted.

A rewriter is one file in filters/rewriters/ with one decorated generator of edits:

    @rewriter(version=1)
    def mask_email(text: str) -> Iterator[Edit]:
        for match in EMAIL.finditer(text):
            yield Edit(match.start(), match.end(), "<email>")

or, where one pass over the column is faster, a generator of rows with their edits:

    @rewriter(version=1, reads="batch", check=fingerprint)
    def mask_pii(column: pa.Array, options: Mapping) -> Iterator[tuple[int, list[Edit]]]: ...

Called, it maps `text` to `(text, edits)`. On a batch it also moves the spans of `parts`
and adds the column `<name>.edits`. Rewriters run before annotators, so every signal of a
row describes the text that the row holds. One with a `check` takes options, as an annotator
does, and is called with them as its second argument.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from castor.filters.errors import CastorError
from castor.filters.options import Check, checked
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
    reads: str
    modalities: frozenset[Modality]
    function: Callable[..., Iterable[typing.Any]]
    module: str
    doc: str
    needs: str | None = None
    checked_by: Check | None = None

    def __call__(
        self, text: str, options: Mapping[str, object] | None = None, *, key: str = ""
    ) -> tuple[str, list[Edit]]:
        """The edited text and the edits that were made, in order.

        Args:
            text: the text.
            options: of a rewriter that takes any.
            key: of the document, for one that reads `keyed` texts.

        Raises:
            ValueError: edits overlap or lie outside the text (a fault of the rewriter).
        """
        if self.reads == "keyed":
            return self._applied(text, self._called((text, key), options))
        if self.reads == "text":
            return self._applied(text, self._called(text, options))
        column = pa.array([text], pa.large_string())
        return self._applied(text, dict(self._called(column, options)).get(0, ()))

    def _called(self, value: object, options: Mapping[str, object] | None) -> Iterable[typing.Any]:
        return self.function(value, options or {}) if self.checked_by else self.function(value)

    def _applied(self, text: str, found: Iterable[Edit]) -> tuple[str, list[Edit]]:
        pieces, edits, position = [], [], 0
        for edit in found:
            if not position <= edit.start <= edit.stop <= len(text):
                raise ValueError(
                    f"rewriter {self.name!r}: edit {edit.start}:{edit.stop} overlaps the one "
                    f"before it or leaves the text of {len(text)} characters"
                )
            pieces += [text[position : edit.start], edit.replacement]
            position = edit.stop
            edits.append(edit)
        return ("".join([*pieces, text[position:]]), edits) if edits else (text, [])

    def check(self, options: Mapping[str, object]) -> object:
        """Refuses wrong options before anything runs; gives what stands for them in a manifest.

        Raises:
            ConfigError: an option is unknown or wrong, or there are any and it takes none.
        """
        return checked("rewriter", self.name, self.checked_by, options)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickles as a name and a version: a worker with another version refuses."""
        return load_version, ("rewriter", self.module, self.version)

    @property
    def column(self) -> pa.Field:
        """The Arrow field that counts the edits of each row; null where none may happen."""
        return pa.field(f"{self.name}.edits", pa.int32())

    def rewrite(
        self, batch: pa.RecordBatch, options: Mapping[str, object] | None = None
    ) -> tuple[pa.RecordBatch, pa.Array]:
        """Edits the text column; returns the batch and the number of edits per row.

        Raises:
            CastorError: the rewriter raised; it names the row.
        """
        column = batch.column("text")
        valid = column.is_valid().to_pylist()
        modalities = batch.column("modality").to_pylist()
        rows = [i for i, m in enumerate(modalities) if valid[i] and Modality(m) in self.modalities]
        counts: list[int | None] = [None] * len(column)
        for row in rows:
            counts[row] = 0
        texts: dict[int, tuple[str, list[dict]]] = {}
        find = self._of_column if self.reads == "batch" else self._of_texts
        for row, text, edited, edits in find(batch, rows, options):
            if edits:
                counts[row] = len(edits)
                texts[row] = edited, _moved(batch.column("parts")[row].as_py(), text, edits)
        if texts:
            batch = _replaced(batch, texts)
        return batch, pa.array(counts, pa.int32())

    def _of_texts(
        self, batch: pa.RecordBatch, rows: list[int], options: Mapping[str, object] | None
    ) -> Iterator[tuple[int, str, str, list[Edit]]]:
        column = batch.column("text")
        if self.needs:
            needed = pc.match_substring_regex(column, self.needs).to_pylist()
            rows = [row for row in rows if needed[row]]
        for row in rows:
            text = column[row].as_py()
            try:
                yield row, text, *self(text, options, key=batch.column("key")[row].as_py())
            except Exception as error:
                raise self._failed(batch, row, error) from error

    def _of_column(
        self, batch: pa.RecordBatch, rows: list[int], options: Mapping[str, object] | None
    ) -> Iterator[tuple[int, str, str, list[Edit]]]:
        if not rows:
            return
        chosen = batch.column("text")
        if len(rows) < len(chosen):
            chosen = chosen.take(pa.array(rows, pa.int64()))
        try:
            found = list(self._called(chosen, options))
        except Exception as error:
            if len(rows) == 1:
                raise self._failed(batch, rows[0], error) from error
            for row in rows:  # one by one, to name the row
                yield from self._of_column(batch, [row], options)
            return
        for k, edits in found:
            text = chosen[k].as_py()
            try:
                yield rows[k], text, *self._applied(text, edits)
            except Exception as error:
                raise self._failed(batch, rows[k], error) from error

    def _failed(self, batch: pa.RecordBatch, row: int, error: Exception) -> CastorError:
        if isinstance(error, CastorError):
            return error
        return CastorError(
            "a rewriter failed, and what it should have edited must not pass",
            where=f"rewriter {self.name!r}, row {batch.column('key')[row].as_py()}",
            got=" ".join(f"{type(error).__name__}: {error}".split())[:400],
            fix="mend the rewriter, or leave the file out with the source's `exclude`",
        )


def rewriter(
    *,
    version: int,
    reads: typing.Literal["text", "keyed", "batch"] = "text",
    modalities: Iterable[Modality] = (Modality.TEXT, Modality.INTERLEAVED),
    needs: str | None = None,
    check: Check | None = None,
) -> Callable[[Callable[..., Iterable[typing.Any]]], Rewriter]:
    """Makes the decorated generator of edits a Rewriter named like its file.

    Args:
        version: raise it whenever any edit can change.
        reads: `text`, a generator of the edits of one text; `keyed`, one that is given the text
            and the key of its document as a pair; or `batch`, one that is given the text column
            (large_string [rows], no nulls) and yields rows with their edits.
        modalities: rows of other modalities are left alone.
        needs: an expression of RE2 that every text with an edit matches. Batches are searched
            for it at several hundred MB/s, and only the rows that match are read in Python.
        check: refuses wrong options with a ConfigError; what it returns, a JSON value, stands
            for them in manifests. Without one there are no options.
    """

    def decorate(function: Callable[..., Iterable[typing.Any]]) -> Rewriter:
        return Rewriter(
            name=function.__module__.rpartition(".")[2],
            version=version,
            reads=reads,
            modalities=frozenset(modalities),
            function=function,
            module=function.__module__,
            doc=(function.__doc__ or "").strip(),
            needs=needs,
            checked_by=check,
        )

    return decorate


def _replaced(batch: pa.RecordBatch, texts: Mapping[int, tuple[str, list[dict]]]) -> pa.RecordBatch:
    """The batch with the text and the parts of some rows exchanged."""
    for k, name in enumerate(("text", "parts")):
        field = batch.schema.field(name)
        values = batch.column(name).to_pylist()
        for row, new in texts.items():
            values[row] = new[k]
        batch = batch.set_column(
            batch.schema.names.index(name), field, pa.array(values, field.type)
        )
    return batch


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
