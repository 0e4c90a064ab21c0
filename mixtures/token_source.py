"""The documents of one source in one split, read as one stream of tokens over all its parts."""

from __future__ import annotations

import bisect
import dataclasses
import functools
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from castor.filters import storage
from castor.filters.record import MediaRef
from castor.mixtures.token_format import (
    IDS,
    OFFSETS,
    SIDECAR,
    SIDECAR_SCHEMA,
    SOFT,
    SOFT_MODALITIES,
    Document,
    Span,
    damaged,
)


@dataclasses.dataclass(frozen=True)
class Spans:
    """The media spans of one part, by start; every array is [spans].

    Attributes:
        modality: uint8, index into SOFT_MODALITIES.
        start, stop: int64, placeholders in tokens of the part, half-open.
        soft_start: int64, first row in the part's vectors of that modality.
    """

    modality: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    soft_start: np.ndarray


@dataclasses.dataclass(frozen=True)
class SoftRun:
    """Consecutive soft inputs inside a run of tokens that was asked for.

    Attributes:
        run: which of the runs asked for.
        at: index of the first placeholder in that run (tokens).
        modality: `image`, `audio` or `video`.
        vectors: float16 [n, dim], a view into the file.
    """

    run: int
    at: int
    modality: str
    vectors: np.ndarray


class Part:
    """One shard: memory maps of its files, opened when first used."""

    def __init__(
        self, folder: pathlib.Path, line: Mapping[str, Any], soft_dims: Mapping[str, int]
    ) -> None:
        self.line = line
        self.stem = folder / line["path"]
        self.documents: int = line["documents"]
        self.tokens: int = line["tokens"]
        self._soft_dims = soft_dims

    def file(self, suffix: str) -> pathlib.Path:
        """The file with this suffix."""
        return self.stem.with_name(self.stem.name + suffix)

    def _map(self, suffix: str, dtype: str) -> np.ndarray:
        path = self.file(suffix)
        try:
            # A plain view: slices of np.memmap cost a microsecond more each.
            return np.asarray(np.memmap(path, dtype, mode="r"))
        except (OSError, ValueError) as error:
            raise damaged(path, str(error)) from error

    @functools.cached_property
    def ids(self) -> np.ndarray:
        """uint32 [tokens]."""
        return self._map(IDS, "<u4")

    @functools.cached_property
    def offsets(self) -> np.ndarray:
        """int64 [documents + 1], in tokens of the part.

        Raises:
            CastorError: they do not begin at 0 and end at the number of tokens.
        """
        found = self._map(OFFSETS, "<i8")
        if len(found) != self.documents + 1 or found[0] != 0 or found[-1] != self.tokens:
            raise damaged(
                self.file(OFFSETS),
                f"{len(found)} offsets from {found[0]} to {found[-1]} for {self.documents} "
                f"documents of {self.tokens} tokens",
            )
        return found

    def soft(self, modality: str) -> np.ndarray:
        """float16 [rows, dim] of one modality."""
        if modality not in self._soft:
            dim = self._soft_dims[modality]
            self._soft[modality] = self._map(SOFT + modality, "<f2").reshape(-1, dim)
        return self._soft[modality]

    @functools.cached_property
    def _soft(self) -> dict[str, np.ndarray]:
        return {}

    def table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The sidecar's rows, one per document.

        Raises:
            CastorError: it is damaged, or has another number of rows.
        """
        path = self.file(SIDECAR)
        try:
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                # No checksum covers the schema.
                if not file.schema_arrow.equals(SIDECAR_SCHEMA):
                    raise damaged(path, "columns of other names or types")
                found = file.read(None if columns is None else list(columns))
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise damaged(path, " ".join(str(error).split())[:200]) from error
        if found.num_rows != self.documents:
            raise damaged(path, f"{found.num_rows} rows for {self.documents} documents")
        return found

    @functools.cached_property
    def spans(self) -> Spans:
        """All spans of the part; 25 bytes of memory each."""
        if not any(self.line["soft"].values()):
            none = np.zeros(0, np.int64)
            return Spans(none.astype(np.uint8), none, none, none)
        column = self.table(["spans"]).column("spans").combine_chunks()
        of = np.repeat(np.arange(self.documents), np.diff(column.offsets.to_numpy()))
        flat = column.flatten()
        modality = np.array([SOFT_MODALITIES.index(m) for m in flat.field("modality").to_pylist()])
        start = self.offsets[of] + flat.field("start").to_numpy()
        stop = start + flat.field("length").to_numpy()
        fits = (stop <= self.offsets[of + 1]) & (start >= self.offsets[of])
        if not fits.all() or np.any(start[1:] < stop[:-1]):
            raise damaged(self.file(SIDECAR), "spans that do not fit their documents")
        return Spans(modality.astype(np.uint8), start, stop, flat.field("soft_start").to_numpy())


class TokenSource:
    """The documents of one source and split, as one stream of tokens in the order of its parts.

    Documents and tokens are numbered from 0 over all parts. It is safe to read from threads.

    Attributes:
        folder: the token dataset's folder.
        name, split: which source and split.
        documents, tokens, text_bytes: how many there are.
        soft_dims: modality -> width of its vectors, of modalities that occur in this source.
        soft_ids: modality -> id of its placeholder, likewise.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        name: str,
        split: str,
        lines: Sequence[Mapping[str, Any]],
        soft_dims: Mapping[str, int],
        soft_ids: Mapping[str, int],
    ) -> None:
        self.folder, self.name, self.split = folder, name, split
        lines = sorted(lines, key=lambda line: str(line["path"]))
        self.parts = [Part(folder, line, soft_dims) for line in lines if line["documents"]]
        self.documents: int = sum(p.documents for p in self.parts)
        self.tokens: int = sum(p.tokens for p in self.parts)
        self.text_bytes: int = sum(p.line["text_bytes"] for p in self.parts)
        self.soft_dims = {
            m: soft_dims[m]
            for m in SOFT_MODALITIES
            if any(p.line["soft"].get(m) for p in self.parts)
        }
        self.soft_ids = {m: soft_ids[m] for m in self.soft_dims}
        # First token of every part, and the number of all at the end.
        self._part_starts = np.cumsum([0, *(p.tokens for p in self.parts)])

    @property
    def digest(self) -> str:
        """BLAKE2b-128 hex of what its files are: equal for equal tokens, sidecars and vectors."""
        return storage.digest_of([p.line for p in self.parts])

    @functools.cached_property
    def offsets(self) -> np.ndarray:
        """int64 [documents + 1], first token of every document; made in memory if there
        are several parts (the index of a packing has it on disk).
        """
        if len(self.parts) == 1:
            return self.parts[0].offsets
        inner = [p.offsets[:-1] + base for p, base in zip(self.parts, self._part_starts)]
        return np.concatenate([*inner, np.array([self.tokens], np.int64)])

    def ids(self, start: int, stop: int) -> np.ndarray:
        """uint32 [stop - start]: a copy of the tokens from `start` to `stop`."""
        out = np.empty(stop - start, np.uint32)
        self.copy(np.array([start]), np.array([stop]), np.array([0]), out)
        return out

    def copy(self, starts: np.ndarray, stops: np.ndarray, to: np.ndarray, out: np.ndarray) -> None:
        """Copies runs of tokens (int64 [n] each) into `out` [any], run i to `out[to[i]:]`.

        Raises:
            IndexError: a run leaves the source.
        """
        if len(starts) and (starts.min() < 0 or stops.max() > self.tokens):
            raise IndexError(f"tokens {starts.min()} to {stops.max()} of {self.tokens}")
        parts = np.searchsorted(self._part_starts, starts, "right") - 1
        base, end = self._part_starts[parts], self._part_starts[parts + 1]
        over = stops > end
        if over.any():  # the rest of these runs lies in the parts behind
            rest = to[over] + (end - starts)[over]
            self.copy(end[over], stops[over], rest, out)
            stops = np.minimum(stops, end)
        maps = {part: self.parts[part].ids for part in np.unique(parts).tolist()}
        # No cast on the way: ids are below 2**31, so both types have the same bits.
        out = out.view(np.uint32)
        first, last = (starts - base).tolist(), (stops - base).tolist()
        begin, behind = to.tolist(), (to + stops - starts).tolist()
        for a, b, part, c, d in zip(begin, behind, parts.tolist(), first, last):
            out[a:b] = maps[part][c:d]

    def soft_runs(self, starts: np.ndarray, lengths: np.ndarray) -> Iterator[SoftRun]:
        """The soft inputs inside runs of tokens, also where a run cuts a span.

        Args:
            starts, lengths: int64 [n], the runs in tokens of the source.
        """
        if not self.soft_dims:
            return
        base = self._part_starts.tolist()
        for run, (start, length) in enumerate(zip(starts.tolist(), lengths.tolist())):
            at, number = 0, bisect.bisect_right(base, start) - 1
            while at < length:
                part, first = self.parts[number], start + at - base[number]
                n = min(length - at, part.tokens - first)
                spans = part.spans
                i = int(np.searchsorted(spans.stop, first, "right"))
                j = int(np.searchsorted(spans.start, first + n, "left"))
                for k in range(i, j):
                    a, b = max(int(spans.start[k]), first), min(int(spans.stop[k]), first + n)
                    modality = SOFT_MODALITIES[spans.modality[k]]
                    row = int(spans.soft_start[k]) + a - int(spans.start[k])
                    vectors = part.soft(modality)[row : row + b - a]
                    yield SoftRun(run, at + a - first, modality, vectors)
                at, number = at + n, number + 1

    def table(self, columns: Sequence[str] | None = None) -> pa.Table:
        """The sidecars' rows, one per document (`castor.mixtures.tokens.SIDECAR_SCHEMA`)."""
        names = SIDECAR_SCHEMA.names if columns is None else list(columns)
        if not self.parts:
            return SIDECAR_SCHEMA.empty_table().select(names)
        return pa.concat_tables([p.table(names) for p in self.parts])

    def keys(self) -> list[str]:
        """The key of every document."""
        return self.table(["key"]).column("key").to_pylist()

    def read(self) -> Iterator[Document]:
        """Every document in order, with its spans and vectors."""
        for part in self.parts:
            number = 0
            for batch in part.table().to_batches(max_chunksize=1024):
                for row in batch.to_pylist():
                    yield _document(part, number, row)
                    number += 1


def _document(part: Part, number: int, row: dict[str, Any]) -> Document:
    """Document `number` of a part, from its row of the sidecar."""
    spans = row["spans"]
    start, stop = part.offsets[number : number + 2].tolist()
    return Document(
        key=row["key"],
        source=row["source"],
        modality=row["modality"],
        language=row["language"],
        domain=row["domain"],
        text_bytes=row["text_bytes"],
        ids=part.ids[start:stop].copy(),
        spans=tuple(
            Span(s["modality"], s["start"], s["length"], s["media"] and MediaRef(**s["media"]))
            for s in spans
        ),
        soft=_vectors(part, spans),
    )


def _vectors(part: Part, spans: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """The vectors of a document's spans, by modality."""
    found: dict[str, list[np.ndarray]] = {}
    for s in spans:
        rows = part.soft(s["modality"])[s["soft_start"] : s["soft_start"] + s["length"]]
        found.setdefault(s["modality"], []).append(rows)
    return {m: np.concatenate(rows) for m, rows in found.items()}
