"""Exact counts of the rows of a corpus: all that sentencepiece's BPE trainer needs of it.

`count` reads documents, `merge` adds counts of shards; the result does not depend on how the
documents were divided or ordered. See castor.tokenizer.rows for what a row is.

The documents are counted as the trainer would read them from its iterator of sentences, one
document a sentence: newlines and carriage returns at the end are dropped, a document that holds
U+2585 is skipped whole (the trainer uses that character for itself), and each byte that is no
UTF-8 is U+FFFD.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from castor.filters import storage
from castor.filters.errors import CastorError
from castor.tokenizer import reserved
from castor.tokenizer.rows import Store, add_texts, new_store
from castor.tokenizer.utf8 import decode_bytewise, to_bytes

MAGIC = b"castor counts 1\n"
BATCH_BYTES = 1 << 20  # text that the kernel gets in one call
STATISTICS = ("documents", "text_bytes", "skipped", "repaired")
MERGE_BYTES = 1 << 28  # of rows, that a merge holds before it adds them up
_SPACE = reserved.SPACE.encode()
_SKIP = "\u2585".encode()  # a sentence with this character is skipped by sentencepiece's trainer


@dataclasses.dataclass(frozen=True)
class Counts:
    """How often each row occurs.

    Attributes:
        rows: distinct rows in rising order of their bytes, UTF-8 with a space for U+2581.
        counts: int64 [rows], each at least 1.
        documents: documents that were counted.
        text_bytes: UTF-8 bytes of those documents.
        skipped: documents left out because they hold U+2585.
        repaired: documents in which bytes that were no UTF-8 became U+FFFD.
    """

    rows: pa.LargeBinaryArray
    counts: np.ndarray
    documents: int = 0
    text_bytes: int = 0
    skipped: int = 0
    repaired: int = 0

    def __len__(self) -> int:
        """Number of distinct rows."""
        return len(self.rows)

    @property
    def mass(self) -> int:
        """Number of rows, each as often as it occurs."""
        return int(self.counts.sum())

    @property
    def offsets(self) -> np.ndarray:
        """int64 [rows + 1], where each row begins in `text`."""
        found = np.frombuffer(self.rows.buffers()[1], np.int64)
        return found[self.rows.offset : self.rows.offset + len(self.rows) + 1]

    @property
    def text(self) -> np.ndarray:
        """uint8, the bytes of all rows; `offsets` index it."""
        data = self.rows.buffers()[2]
        return np.frombuffer(data, np.uint8) if data else np.empty(0, np.uint8)

    @property
    def sha256(self) -> str:
        """Hexadecimal SHA-256 of rows and counts; equal counts have equal digests."""
        digest = hashlib.sha256(MAGIC)
        for part in self._body():
            digest.update(part)
        return digest.hexdigest()

    def items(self, chunk: int = 1 << 16) -> Iterator[tuple[bytes, int]]:
        """(row, count) of every row, in order; holds one chunk of rows as Python objects."""
        for first in range(0, len(self), chunk):
            yield from zip(
                self.rows.slice(first, chunk).to_pylist(),
                self.counts[first : first + chunk].tolist(),
            )

    def save(self, path: pathlib.Path) -> None:
        """Writes the counts; the file appears whole or not.

        Raises:
            CastorError: the operating system refuses to write.
        """
        head = {
            "rows": len(self),
            "text": int(self.offsets[-1] - self.offsets[0]),
            "sha256": self.sha256,
        }
        head |= {name: getattr(self, name) for name in STATISTICS}
        with storage.replacing(path) as temporary, temporary.open("wb") as file:
            file.write(MAGIC + json.dumps(head).encode() + b"\n")
            for part in self._body():
                file.write(part)

    @classmethod
    def load(cls, path: pathlib.Path) -> Counts:
        """Reads what `save` wrote.

        Raises:
            CastorError: the file is absent, something else, or damaged.
        """
        try:
            data = memoryview(path.read_bytes())
        except OSError as error:
            raise CastorError("cannot read counts", where=path, got=error.strerror) from error
        try:
            if bytes(data[: len(MAGIC)]) != MAGIC:
                raise ValueError("another beginning")
            end = bytes(data[:4096]).index(b"\n", len(MAGIC)) + 1
            head = json.loads(bytes(data[len(MAGIC) : end]))
            n, size = head["rows"], head["text"]
            if len(data) != end + 16 * n + size:
                raise ValueError("another length")
            lengths = np.frombuffer(data, "<i8", n, end)
            counts = np.frombuffer(data, "<i8", n, end + 8 * n).astype(np.int64)
            text = np.frombuffer(data, np.uint8, size, end + 16 * n)
            found = _counts(np.concatenate(([0], np.cumsum(lengths))), text, counts)
            if found.sha256 != head["sha256"]:
                raise ValueError("another digest")
            return dataclasses.replace(found, **{name: head[name] for name in STATISTICS})
        except (ValueError, KeyError, TypeError) as error:
            raise CastorError(
                "the file of counts is damaged",
                where=path,
                got=str(error),
                fix="delete it and run the same command again",
            ) from error

    def _body(self) -> Iterator[bytes]:
        """The canonical bytes: lengths, counts (both int64, little-endian), rows."""
        offsets = self.offsets
        yield np.diff(offsets).astype("<i8").tobytes()
        yield self.counts.astype("<i8").tobytes()
        yield self.text[offsets[0] : offsets[-1]].tobytes()


def count(texts: Iterable[str | bytes]) -> Counts:
    """Counts the rows of some documents.

    Args:
        texts: one string of each document, or its bytes.

    Returns:
        Exact counts. Memory grows with the number of distinct rows, not with the text.

    Raises:
        CastorError: a string holds a lone surrogate.
    """
    store = new_store()
    batch: list[bytes] = []
    size = documents = n_bytes = skipped = repaired = 0
    for text in texts:
        data = to_bytes(text)
        if not isinstance(text, str) and not _is_utf8(data):
            data = decode_bytewise(data).encode()
            repaired += 1
        if _SKIP in data:
            skipped += 1
            continue
        documents += 1
        n_bytes += len(data)
        data = data.rstrip(b"\r\n").replace(_SPACE, b" ")
        batch.append(data)
        size += len(data)
        if size >= BATCH_BYTES:
            store, batch, size = _add(store, batch), [], 0
    store = _add(store, batch)
    n = int(store.used[0])
    found = _sorted(_counts(store.starts[: n + 1], store.text, store.counts[:n]))
    return dataclasses.replace(
        found, documents=documents, text_bytes=n_bytes, skipped=skipped, repaired=repaired
    )


def merge(parts: Iterable[Counts]) -> Counts:
    """Adds counts up; the order of the parts does not matter.

    Args:
        parts: counts of disjoint documents; read one after another, so a generator that loads
            files holds one of them at a time, beside about a quarter of a gigabyte of rows.
    """
    total = _counts(np.zeros(1, np.int64), np.empty(0, np.uint8), np.empty(0, np.int64))
    pending = [total]
    size = 0
    totals: dict[str, Any] = dict.fromkeys(STATISTICS, 0)
    for part in parts:
        for name in totals:
            totals[name] += getattr(part, name)
        pending.append(part)
        size += len(part.text) + 16 * len(part)
        if size >= MERGE_BYTES:
            pending, size = [_summed(pending)], 0
    return dataclasses.replace(_summed(pending), **totals)


def _add(store: Store, batch: list[bytes]) -> Store:
    ends = np.cumsum(np.fromiter(map(len, batch), np.int64, len(batch)))
    return add_texts(store, np.frombuffer(b"".join(batch), np.uint8), ends)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _counts(offsets: np.ndarray, text: np.ndarray, counts: np.ndarray) -> Counts:
    """Counts over buffers that are not copied; in whatever order the rows are."""
    buffers = [None, pa.py_buffer(np.ascontiguousarray(offsets, np.int64)), pa.py_buffer(text)]
    rows = pa.Array.from_buffers(pa.large_binary(), len(counts), buffers)
    return Counts(rows, counts)


def _sorted(found: Counts) -> Counts:
    """The same counts with the rows in rising order."""
    order = pc.sort_indices(found.rows)
    return Counts(found.rows.take(order), found.counts[as_numpy(order)])


def _summed(parts: list[Counts]) -> Counts:
    """The sums of some counts: all rows sorted, then equal neighbours added."""
    found = _sorted(
        Counts(pa.concat_arrays([p.rows for p in parts]), np.concatenate([p.counts for p in parts]))
    )
    if not len(found):
        return found
    changes = pc.not_equal(found.rows.slice(1), found.rows.slice(0, len(found) - 1))
    starts = np.concatenate(([0], as_numpy(pc.indices_nonzero(changes)) + 1))
    return Counts(found.rows.take(as_arrow(starts)), np.add.reduceat(found.counts, starts))


# Arrow's own ways between its arrays and numpy's import pandas, half a second, to look for it.


def as_numpy(indices: pa.UInt64Array) -> np.ndarray:
    """Indices that Arrow found, without nulls, as int64."""
    found = np.frombuffer(indices.buffers()[1], np.uint64)
    return found[indices.offset : indices.offset + len(indices)].astype(np.int64)


def as_arrow(values: np.ndarray) -> pa.Int64Array:
    """The integers as an Arrow array of int64."""
    buffer = pa.py_buffer(np.ascontiguousarray(values, np.int64))
    return pa.Array.from_buffers(pa.int64(), len(values), [None, buffer])
