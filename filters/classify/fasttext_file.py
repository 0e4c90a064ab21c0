"""fastText's binary files, .bin and .ftz: read, and written so that fasttext reads them back.

The layout, little-endian and without padding, as fastText 0.9.2 writes it (version 12; 11 lacks
character n-grams in supervised models): magic and version, arguments, dictionary, the input
matrix, the output matrix. A quantised matrix is a product quantizer's codes, with the norms of
its rows quantised apart where `qnorm` is set; it is given back as the floats that they stand for.
"""

from __future__ import annotations

import dataclasses
import enum
import mmap
import pathlib
import struct
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np

from castor.filters import storage
from castor.filters.errors import CastorError, ConfigError

MAGIC, VERSION, OLDEST = 793712314, 12, 11
SUPERVISED = 3
LABEL = b"__label__"  # the prefix of labels; the file does not hold it, fastText's default is ours
END = b"</s>"  # the word that ends every line
CENTROIDS = 256  # of a product quantizer, one per value of a byte
MAX_ENTRIES = 30_000_000  # words and labels; fastText's own bound of a vocabulary
MAX_ROWS, MAX_DIM = 1 << 31, 1 << 16
MAX_CELLS = 1 << 32  # of a quantised matrix, which a small file can say much of
ARGUMENTS = (
    "dim ws epoch min_count neg word_ngrams loss model bucket minn maxn lr_update_rate".split()
)


class Loss(enum.IntEnum):
    """How scores of labels become probabilities, by fastText's numbers."""

    HS = 1  # hierarchical softmax over a Huffman tree of the labels
    NS = 2  # one sigmoid per label, trained against drawn negatives
    SOFTMAX = 3
    OVA = 4  # one sigmoid per label


@dataclasses.dataclass(frozen=True)
class Arguments:
    """How a model was trained, as far as the file says it and prediction needs it."""

    dim: int
    word_ngrams: int = 1
    minn: int = 0
    maxn: int = 0
    bucket: int = 0
    loss: Loss = Loss.SOFTMAX
    epoch: int = 5
    min_count: int = 1
    neg: int = 5
    ws: int = 5
    lr_update_rate: int = 100


@dataclasses.dataclass(frozen=True)
class Model:
    """A supervised model as its file holds it.

    Attributes:
        words: UTF-8 of each word of the dictionary, in the order of the rows of `input`.
        labels: with their prefix, in the order of the rows of `output`.
        input: float32 [n_words + n_buckets, dim]: words, then hashed n-grams.
        output: float32 [n_labels, dim].
        pruned: bucket -> its row after the words, for a model that keeps some buckets only.
    """

    arguments: Arguments
    words: Sequence[bytes]
    word_counts: np.ndarray
    labels: Sequence[bytes]
    label_counts: np.ndarray
    input: np.ndarray
    output: np.ndarray
    n_tokens: int = 0
    pruned: dict[int, int] | None = None

    @property
    def names(self) -> list[str]:
        """The labels without their prefix."""
        return [label.removeprefix(LABEL).decode("utf-8", "replace") for label in self.labels]


class _Reader:
    """A cursor over the bytes of a file, that refuses to read beyond them."""

    def __init__(self, data: memoryview, path: pathlib.Path) -> None:
        self.data, self.path, self.at = data, path, 0

    def unpack(self, kinds: str) -> tuple[int, ...]:
        fmt = "<" + kinds
        start = self._advance(struct.calcsize(fmt))
        return struct.unpack_from(fmt, self.data, start)

    def one(self, kind: str) -> int:
        return self.unpack(kind)[0]

    def flag(self) -> bool:
        return bool(self.one("B"))

    def array(self, kind: type, n: int) -> np.ndarray:
        if n < 0:
            raise self.damaged(f"a size of {n}")
        dtype = np.dtype(kind).newbyteorder("<")
        start = self._advance(n * dtype.itemsize)
        return np.frombuffer(self.data, dtype, n, start)

    def _advance(self, n: int) -> int:
        start, self.at = self.at, self.at + n
        if self.at > len(self.data):
            raise self.damaged(f"{len(self.data)} bytes, and {self.at} or more are needed")
        return start

    def damaged(self, got: str) -> CastorError:
        return CastorError(
            "this fastText model is damaged or no fastText model",
            where=self.path,
            got=got,
            fix="give a .bin or .ftz that fasttext wrote, whole",
        )


def read(path: pathlib.Path) -> Model:
    """A supervised model from a .bin or .ftz file; dense matrices are mapped, not copied.

    Raises:
        ConfigError: there is no such file, or the model is one of word vectors.
        CastorError: the file is damaged.
    """
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise ConfigError("cannot read the fastText model", where=path, got=error) from error
    reader = _Reader(memoryview(mapped), path)
    magic, version = reader.unpack("ii")
    if magic != MAGIC or not OLDEST <= version <= VERSION:
        raise reader.damaged(f"magic {magic}, version {version}")
    arguments = _arguments(reader, version)
    words, word_counts, labels, label_counts, n_tokens, pruned = _dictionary(reader)
    quantised = reader.flag()
    table = _quantised(reader) if quantised else _dense(reader)
    quantised_output = reader.flag()
    output = _quantised(reader) if quantised and quantised_output else _dense(reader)
    n_rows = len(words) + (arguments.bucket if pruned is None else len(pruned))
    has_n_grams = arguments.maxn > 0 or arguments.word_ngrams > 1
    if table.shape != (n_rows, arguments.dim) and pruned is None and not has_n_grams:
        # then fastText keeps rows for the buckets or leaves them out, by its version
        n_rows = len(words)
    if table.shape != (n_rows, arguments.dim) or output.shape != (len(labels), arguments.dim):
        shapes = f"matrices of {table.shape} and {output.shape}"
        raise reader.damaged(f"{shapes} for {n_rows} rows, {len(labels)} labels")
    if not (np.isfinite(output).all() and all(np.isfinite(b).all() for b in _blocks(table))):
        raise reader.damaged("weights that are no numbers")
    return Model(
        arguments, words, word_counts, labels, label_counts, table, output, n_tokens, pruned
    )


def _blocks(table: np.ndarray, rows: int = 1 << 16) -> list[np.ndarray]:
    return [table[i : i + rows] for i in range(0, len(table), rows)]


def _arguments(reader: _Reader, version: int) -> Arguments:
    found = dict(zip(ARGUMENTS, reader.unpack("12i"), strict=True))
    reader.unpack("d")  # the threshold of sampling, which supervised models do not use
    if found.pop("model") != SUPERVISED:
        raise ConfigError(
            "this fastText model holds word vectors, no labels",
            where=reader.path,
            fix="give a supervised model",
        )
    try:
        loss = Loss(found.pop("loss"))
    except ValueError as error:
        raise reader.damaged(str(error)) from error
    arguments = Arguments(loss=loss, **found)
    if not 0 < arguments.dim <= MAX_DIM or not 0 <= arguments.bucket < MAX_ROWS:
        raise reader.damaged(f"{arguments.dim} dimensions, {arguments.bucket} buckets")
    # a model of version 11 was trained without character n-grams, whatever it says
    return arguments if version > OLDEST else dataclasses.replace(arguments, maxn=0)


def _dictionary(reader: _Reader) -> tuple:
    size, n_words, n_labels = reader.unpack("iii")
    n_tokens, n_pruned = reader.unpack("qq")
    if min(n_words, n_labels) < 0 or size != n_words + n_labels or size > MAX_ENTRIES:
        raise reader.damaged(f"{size} entries, {n_words} words and {n_labels} labels")
    if not n_labels:
        raise reader.damaged("no labels")
    raw: Any = reader.data.obj  # a map of the file, which can find
    entries: tuple[list[bytes], list[bytes]] = ([], [])
    counts: tuple[list[int], list[int]] = ([], [])
    for i in range(size):
        end = raw.find(b"\0", reader.at)
        if end < 0:
            raise reader.damaged("a word without an end")
        name = bytes(reader.data[reader.at : end])
        reader.at = end + 1
        count, kind = reader.unpack("qB")
        is_label = kind != 0
        if is_label != (i >= n_words):
            raise reader.damaged("words and labels out of order")
        entries[is_label].append(name)
        counts[is_label].append(count)
    pruned = None
    if n_pruned >= 0:
        pairs = reader.array(np.int32, 2 * n_pruned).reshape(-1, 2)
        pruned = {int(a): int(b) for a, b in pairs}
        if any(not 0 <= row < len(pruned) for row in pruned.values()):
            raise reader.damaged("a bucket without a row")
    words, labels = entries
    return words, np.array(counts[0], np.int64), labels, np.array(counts[1], np.int64), n_tokens, \
        pruned  # fmt: skip


def _dense(reader: _Reader) -> np.ndarray:
    m, n = _shape(reader)
    return reader.array(np.float32, m * n).reshape(m, n)


def _quantised(reader: _Reader) -> np.ndarray:
    has_norms = reader.flag()
    m, n = _shape(reader)
    n_codes = reader.one("i")
    codes = reader.array(np.uint8, n_codes)
    parts, width, last, centroids = _quantizer(reader, n)
    if m * n > MAX_CELLS:
        raise reader.damaged(f"a matrix of {m} x {n}")
    if n_codes != m * parts:
        raise reader.damaged(f"{n_codes} codes for {m} rows of {parts} parts")
    codes = codes.reshape(m, parts)
    table = np.empty((m, n), np.float32)
    for part in range(parts):
        size = last if part == parts - 1 else width
        start = part * CENTROIDS * width
        book = centroids[start : start + CENTROIDS * size].reshape(CENTROIDS, size)
        table[:, part * width : part * width + size] = book[codes[:, part]]
    if has_norms:
        norms = reader.array(np.uint8, m)
        *_, book = _quantizer(reader, 1)
        table *= book[norms][:, None]
    return table


def _quantizer(reader: _Reader, n: int) -> tuple[int, int, int, np.ndarray]:
    """Parts, their width, that of the last, and the centroids of a product quantizer."""
    dim, parts, width, last = reader.unpack("4i")
    whole = (parts - 1) * width + last
    if dim != n or whole != n or not 0 < last <= width or parts < 1:
        raise reader.damaged(f"{parts} parts of {width} and {last} for {n} columns")
    return parts, width, last, reader.array(np.float32, n * CENTROIDS)


def _shape(reader: _Reader) -> tuple[int, int]:
    m, n = reader.unpack("qq")
    if not (0 <= m < MAX_ROWS and 0 < n <= MAX_DIM):
        raise reader.damaged(f"a matrix of {m} x {n}")
    return m, n


def write(path: pathlib.Path, model: Model) -> None:
    """Writes a model as a .bin file of version 12, that fasttext reads.

    Raises:
        CastorError: the operating system refuses.
    """
    with storage.replacing(path) as temporary, temporary.open("wb") as file:
        _write(file, model)


def _write(file: BinaryIO, model: Model) -> None:
    given = {**dataclasses.asdict(model.arguments), "model": SUPERVISED}
    file.write(struct.pack("<ii", MAGIC, VERSION))
    file.write(struct.pack("<12id", *(int(given[name]) for name in ARGUMENTS), 1e-4))
    n_words, n_labels = len(model.words), len(model.labels)
    file.write(struct.pack("<iii", n_words + n_labels, n_words, n_labels))
    file.write(struct.pack("<qq", model.n_tokens, -1))
    for names, counts, is_label in (
        (model.words, model.word_counts, 0),
        (model.labels, model.label_counts, 1),
    ):
        for name, count in zip(names, counts.tolist(), strict=True):
            file.write(name + b"\0" + struct.pack("<qB", count, is_label))
    for table in (model.input, model.output):
        file.write(struct.pack("<Bqq", 0, *table.shape))
        for block in _blocks(table):
            file.write(np.ascontiguousarray(block, "<f4").tobytes())
