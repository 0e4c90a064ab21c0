"""The fixed pack of an evaluation: one document per row, cut into windows, padded to few lengths.

A training's packing changes the loss that it shows, since what a document can look back at
depends on what it is packed with. Here every row holds one document, or one window of it: a
document of more tokens than the model's sequence is cut into windows one after the other, and
each begins with no context. Every token after bos is the target of exactly one window.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from castor.mixtures.token_source import TokenSource

TOKENS_PER_BATCH = 2048  # logits of 12,544 ids over so many positions are 103 MB
SHORTEST = 32  # no bucket is shorter: a program more is not worth a few padded tokens
BUCKETS = 3  # lengths that programs are compiled for: T, T / 4, T / 16


@dataclasses.dataclass(frozen=True)
class Windows:
    """The windows of one source, in the order of its documents; arrays are int64 [windows].

    Attributes:
        start: first token of each, in tokens of the source.
        length: inputs of each; there is one token more, the last target.
        document: which document each is of.
        documents: how many documents were cut.
    """

    start: np.ndarray
    length: np.ndarray
    document: np.ndarray
    documents: int


def cut(source: TokenSource, length: int, *, limit: int | None = None) -> Windows:
    """Cuts the first `limit` documents of a source, or all, into windows of at most `length`."""
    documents = source.documents if limit is None else min(limit, source.documents)
    first = source.offsets[:documents]
    targets = source.offsets[1 : documents + 1] - first - 1
    pieces = -(-targets // length)
    document = np.repeat(np.arange(documents), pieces)
    piece = np.arange(len(document)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    start = first[document] + piece * length
    return Windows(
        start, np.minimum(length, targets[document] - piece * length), document, documents
    )


def buckets(length: int) -> list[int]:
    """The lengths that windows of at most `length` are padded to, ascending."""
    found = [length]
    while len(found) < BUCKETS and found[0] // 4 >= SHORTEST:
        found.insert(0, found[0] // 4)
    return found


@dataclasses.dataclass(frozen=True)
class Batch:
    """Rows of one bucket, as the model takes them.

    Attributes:
        arrays: inputs, targets, segment_ids, positions int32 [B, T], loss_mask float32 [B, T],
            source int32 [B], and per modality soft_<m> float16 [B, T, dim] with
            soft_<m>_index int32 [B, T].
        lengths: int64 [rows], inputs of the rows that hold a window; the rest is padding.
    """

    arrays: dict[str, np.ndarray]
    lengths: np.ndarray


def batches(
    source: TokenSource,
    windows: Windows,
    scored: np.ndarray,
    *,
    length: int,
    rows_multiple: int = 1,
    soft: tuple[str, ...] = (),
) -> Iterator[Batch]:
    """The windows of a source as batches, bucket after bucket.

    Args:
        scored: bool [ids], the ids whose loss is counted.
        length: the longest window, as given to `cut`.
        rows_multiple: rows of every batch are a multiple of it.
        soft: modalities whose soft inputs the model takes.
    """
    shorter = 0
    for bucket in buckets(length):
        mine = np.flatnonzero((windows.length > shorter) & (windows.length <= bucket))
        shorter = bucket
        rows = max(1, TOKENS_PER_BATCH // bucket)
        rows = -(-rows // rows_multiple) * rows_multiple
        for at in range(0, len(mine), rows):
            some = mine[at : at + rows]
            start, lengths = windows.start[some], windows.length[some]
            arrays = _arrays(source, start, lengths, (rows, bucket), scored)
            for modality in soft:
                arrays |= _soft(source, start, lengths, (rows, bucket), modality)
            yield Batch(arrays, lengths)


def _arrays(
    source: TokenSource,
    start: np.ndarray,
    lengths: np.ndarray,
    shape: tuple[int, int],
    scored: np.ndarray,
) -> dict[str, np.ndarray]:
    rows, bucket = shape
    ids = np.zeros((rows, bucket + 1), np.int32)
    for row, (first, n) in enumerate(zip(start.tolist(), lengths.tolist(), strict=True)):
        ids[row, : n + 1] = source.ids(first, first + n + 1)
    real = np.zeros(shape, bool)
    real[: len(start)] = np.arange(bucket) < lengths[:, None]
    positions = np.where(real, np.arange(bucket), 0)
    return {
        "inputs": np.where(real, ids[:, :-1], 0),
        "targets": np.where(real, ids[:, 1:], 0),
        "segment_ids": real.astype(np.int32),
        "positions": positions.astype(np.int32),
        "loss_mask": (real & scored[ids[:, 1:]]).astype(np.float32),
        "source": np.zeros(rows, np.int32),
    }


def _soft(
    source: TokenSource,
    start: np.ndarray,
    lengths: np.ndarray,
    shape: tuple[int, int],
    modality: str,
) -> dict[str, np.ndarray]:
    """The soft inputs of one modality, in the order of their placeholders in each row."""
    rows, bucket = shape
    vectors = np.zeros((rows, bucket, source.soft_dims[modality]), np.float16)
    index = np.full(shape, -1, np.int32)
    used = [0] * rows
    for run in source.soft_runs(start, lengths):
        if run.modality != modality:
            continue
        n, first = len(run.vectors), used[run.run]
        vectors[run.run, first : first + n] = run.vectors
        index[run.run, run.at : run.at + n] = np.arange(first, first + n)
        used[run.run] = first + n
    return {f"soft_{modality}": vectors, f"soft_{modality}_index": index}
