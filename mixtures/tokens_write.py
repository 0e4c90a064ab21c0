"""Writes token datasets: one part at a time, whole or not at all, and the manifest's content."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import pathlib
import re
import types
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from castor.filters import storage
from castor.filters.errors import CastorError, unknown_name
from castor.mixtures.token_format import (
    BOS_ID,
    EOS_ID,
    IDS,
    OFFSETS,
    SIDECAR,
    SIDECAR_SCHEMA,
    SOFT,
    SOFT_MODALITIES,
    SPLITS,
    Document,
)

NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*$")  # a source's name is the name of its folder
ROWS = 1024  # sidecar rows held before they are written


class ShardWriter:
    """One part of a source and split, which grows document by document.

    Its files appear with `close`, all of them or none; a `with` block closes it, or removes
    what was written if the block raises. A part without documents leaves no file.

    Args:
        folder: the token dataset's folder.
        source: name of the source; letters, digits, `.`, `_` and `-`.
        split: `train` or `heldout`.
        number: number of the part, unique in its source and split.

    Raises:
        CastorError: the name is none, or the operating system refuses to write.
    """

    def __init__(self, folder: str | pathlib.Path, source: str, split: str, number: int) -> None:
        if not NAME.match(source):
            raise CastorError(
                "the name of a source must be usable as the name of a folder",
                got=repr(source),
                fix="use letters, digits, '.', '_' and '-'",
            )
        if split not in SPLITS:
            raise unknown_name("split", split, SPLITS)
        self._stem = pathlib.Path(folder) / source / split / f"part-{number:05d}"
        self._line: dict[str, Any] = {
            "source": source,
            "split": split,
            "path": f"{source}/{split}/part-{number:05d}",
        }
        self._replacing = contextlib.ExitStack()
        self._files: dict[str, _Hashed] = {}
        self._sidecar: pq.ParquetWriter | None = None
        self._rows: list[dict[str, Any]] = []
        self._ends: list[int] = [0]
        self._text_bytes = 0
        self._soft: dict[str, tuple[int, int]] = {}  # modality -> rows so far, width

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: types.TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abandon(error)

    def add(self, document: Document) -> None:
        """Appends a document.

        Raises:
            CastorError: its ids do not begin with bos and end with eos, or a span and its
                vectors do not fit; or the operating system refuses to write.
        """
        check(document)
        try:
            self._add(document)
        except BaseException as error:
            self.abandon(error)
            raise

    def _add(self, document: Document) -> None:
        spans = []
        rows = {m: n for m, (n, _) in self._soft.items()}
        for span in document.spans:
            start = rows.get(span.modality, 0)
            rows[span.modality] = start + span.length
            spans.append(
                {
                    "modality": span.modality,
                    "start": span.start,
                    "length": span.length,
                    "soft_start": start,
                    "media": span.media
                    and {n: getattr(span.media, n) for n in span.media.__slots__},
                }
            )
        for modality, vectors in document.soft.items():
            n, dim = self._soft.get(modality, (0, vectors.shape[1]))
            if dim != vectors.shape[1]:
                raise CastorError(
                    f"vectors of {modality} with another width than before",
                    where=document.key,
                    got=f"{vectors.shape[1]} after {dim}",
                )
            self._write(SOFT + modality, vectors.astype("<f2", copy=False))
            self._soft[modality] = n + len(vectors), dim
        self._write(IDS, document.ids.astype("<u4", copy=False))
        self._ends.append(self._ends[-1] + len(document.ids))
        self._text_bytes += document.text_bytes
        names = ("key", "source", "modality", "language", "domain", "text_bytes")
        row = {name: getattr(document, name) for name in names}
        self._rows.append(row | {"tokens": len(document.ids), "spans": spans})
        if len(self._rows) >= ROWS:
            self._flush()

    def _write(self, suffix: str, values: np.ndarray) -> None:
        if suffix not in self._files:
            path = self._replacing.enter_context(storage.replacing(self._path(suffix)))
            file = self._replacing.enter_context(path.open("wb"))
            self._files[suffix] = _Hashed(file)
        self._files[suffix].write(np.ascontiguousarray(values))

    def _flush(self) -> None:
        if self._sidecar is None:
            path = self._replacing.enter_context(storage.replacing(self._path(SIDECAR)))
            file = self._replacing.enter_context(path.open("wb"))
            self._files[SIDECAR] = _Hashed(file)
            self._sidecar = pq.ParquetWriter(
                pa.PythonFile(self._files[SIDECAR], "w"),
                SIDECAR_SCHEMA,
                compression="zstd",
                write_page_checksum=True,
            )
        self._sidecar.write_table(pa.Table.from_pylist(self._rows, SIDECAR_SCHEMA))
        self._rows.clear()

    def _path(self, suffix: str) -> pathlib.Path:
        return self._stem.with_name(self._stem.name + suffix)

    def close(self) -> dict[str, Any]:
        """Gives the files their names; returns the part's line of the manifest.

        Beside what the manifest holds, the line has `soft_dims`, modality -> width.
        """
        documents = len(self._ends) - 1
        try:
            if documents:
                self._write(OFFSETS, np.array(self._ends, "<i8"))
                if self._rows or self._sidecar is None:
                    self._flush()
            if self._sidecar is not None:
                self._sidecar.close()
                self._sidecar = None
        except BaseException as error:
            self.abandon(error)
            raise
        self._replacing.close()
        files = {s: {"bytes": f.bytes, "blake2b": f.hexdigest()} for s, f in self._files.items()}
        return self._line | {
            "documents": documents,
            "tokens": self._ends[-1],
            "text_bytes": self._text_bytes,
            "soft": {m: n for m, (n, _) in self._soft.items()},
            "soft_dims": {m: dim for m, (_, dim) in self._soft.items()},
            "files": files,
        }

    def abandon(self, error: BaseException | None = None) -> None:
        """Removes what was written. An OSError is raised again as the error for the user."""
        with contextlib.suppress(Exception):
            if self._sidecar is not None:
                self._sidecar.close()
        self._sidecar = None
        reason = error or _AbandonedError()
        with contextlib.suppress(_AbandonedError):
            self._replacing.__exit__(type(reason), reason, reason.__traceback__)


class _AbandonedError(Exception):
    """Ends the writing of a part that nobody wants any more."""


class _Hashed:
    """A file that counts and hashes what is written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hasher = hashlib.blake2b(digest_size=16)
        self.bytes = 0
        self.closed = False  # asked for by Arrow

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        self._file.write(view)
        self._hasher.update(view)
        self.bytes += len(view)
        return len(view)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        """Left to the writer, which closes all its files together."""

    def hexdigest(self) -> str:
        return self._hasher.hexdigest()


def check(document: Document) -> None:
    """Refuses a document that breaks the format.

    Raises:
        CastorError: it names the document and what is wrong.
    """
    ids = document.ids
    if ids.dtype.kind not in "iu" or ids.ndim != 1:
        raise _wrong(document, f"ids of type {ids.dtype} and shape {ids.shape}")
    if len(ids) < 2 or ids[0] != BOS_ID or ids[-1] != EOS_ID:
        raise _wrong(document, "ids that do not begin with bos (2) and end with eos (1)")
    if int(ids.max()) >= 2**31 or int(ids.min()) < 0:
        raise _wrong(document, "an id over 2**31 or below 0")
    counts: dict[str, int] = {}
    at = 1
    for span in document.spans:
        if span.modality not in SOFT_MODALITIES:
            raise _wrong(document, f"a span of {span.modality!r}")
        if span.length < 1 or span.start < at or span.start + span.length >= len(ids):
            raise _wrong(
                document,
                f"a span of {span.length} tokens at {span.start} after token {at} of {len(ids)}",
            )
        placeholders = ids[span.start : span.start + span.length]
        if (placeholders != placeholders[0]).any():
            raise _wrong(document, f"a span at {span.start} over different ids")
        at = span.start + span.length
        counts[span.modality] = counts.get(span.modality, 0) + span.length
    found = {m: len(v) for m, v in document.soft.items()}
    if found != counts or any(v.ndim != 2 for v in document.soft.values()):
        raise _wrong(document, f"vectors {found} for placeholders {counts}")


def _wrong(document: Document, got: str) -> CastorError:
    return CastorError("this is no document of a token dataset", where=document.key, got=got)


def manifest_content(
    lines: Iterable[Mapping[str, Any]],
    *,
    tokenizer: Mapping[str, Any],
    heldout_share: float,
    dataset: Mapping[str, Any],
) -> dict[str, Any]:
    """What the manifest of a token dataset holds: `outputs.write(out, "tokens", made_from, **it)`.

    Args:
        lines: what `ShardWriter.close` returned, in any order.
        tokenizer: `sha256` of its model and `id_space` as JSON.
        heldout_share: share of the documents kept for evaluation.
        dataset: `digest` of the dataset that was encoded.

    Raises:
        CastorError: vectors of one modality have different widths, or a part is there twice.
    """
    totals: dict[str, dict[str, Any]] = {}
    dims: dict[str, int] = {}
    shards = sorted((dict(line) for line in lines), key=lambda line: str(line["path"]))
    for one, two in itertools.pairwise(shards):
        if one["path"] == two["path"]:
            raise CastorError("a part is there twice", where=one["path"])
    for line in shards:
        for modality, dim in line.pop("soft_dims").items():
            if dims.setdefault(modality, dim) != dim:
                raise CastorError(
                    f"vectors of {modality} with different widths",
                    where=line["path"],
                    got=f"{dim} and {dims[modality]}",
                )
        total = totals.setdefault(line["source"], {s: _nothing() for s in SPLITS})[line["split"]]
        for name in ("documents", "tokens", "text_bytes"):
            total[name] += line[name]
        for modality, n in line["soft"].items():
            total["soft"][modality] = total["soft"].get(modality, 0) + n
    return {
        "tokenizer": {"sha256": tokenizer["sha256"], "id_space": dict(tokenizer["id_space"])},
        "heldout_share": heldout_share,
        "sources": totals,
        "soft_dims": dims,
        "shards": [line for line in shards if line["documents"]],
        "dataset": dict(dataset),
    }


def _nothing() -> dict[str, Any]:
    return {"documents": 0, "tokens": 0, "text_bytes": 0, "soft": {}}
