"""Encodes one shard: its documents as ids, into one part of every source and split it holds."""

from __future__ import annotations

import dataclasses
import pathlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from castor.filters.media.failure import MediaError
from castor.filters.record import Record, from_batch, utf8_length
from castor.mixtures.tokens import Document, ShardWriter, Span
from castor.pipelines.engines.fanout import Tell
from castor.pipelines.tokens.corpus import Reader, language_of
from castor.pipelines.tokens.tokenizers import verified

VERSION = 1  # raise it when what `encode_shard` writes can change
BATCH_BYTES = 1 << 20  # text that goes to the tokenizer in one call
SOFT_BYTES = 16 << 20  # soft inputs that are held meanwhile
HELDOUT = "heldout"  # the salt of the hash that splits documents
EMPTY = "empty"  # why a document is left out that has neither text nor media


def encode_shard(item: Mapping[str, Any], common: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    """Writes the documents of a shard as tokens.

    Args:
        item: `number`, `shard` (see `corpus`).
        common: `out`, `tokenizer` (its folder) and its `digest`, `heldout` (share), `soft`
            (options of media, or None to leave media out), `roots`.

    Returns:
        `lines` of the parts that were written, `left_out` of `documents` and `media` by reason,
        `fault`, the first of these in words.
    """
    shard = _Shard(item, common, tell)
    try:
        shard.encode()
        return shard.close()
    except BaseException:
        shard.abandon()
        raise


class _Shard:
    """The parts of one shard while they grow."""

    def __init__(self, item: Mapping[str, Any], common: Mapping[str, Any], tell: Tell) -> None:
        from castor.filters.media.soft import SoftOptions

        self._number, self._common = item["number"], common
        self._tokenizer = verified(common["tokenizer"], common["digest"])
        self._reader = Reader(item["shard"], tell)
        self._soft = SoftOptions(**common["soft"]) if common["soft"] else None
        self._medium_bytes = _medium_bytes(self._soft) if self._soft else 0
        self._writers: dict[tuple[str, str], ShardWriter] = {}
        self._documents: Counter[str] = Counter()
        self._media: dict[str, Counter[str]] = {}
        self._fault: str | None = None

    def encode(self) -> None:
        """Encodes all documents, about a megabyte of text at a time."""
        from castor.tokenizer.document import encode_records

        for records in self._groups():
            soft = [self._soft_of(record) for record in records]
            encoded = encode_records(self._tokenizer, records, soft)
            splits = self._splits([r.key for r in records])
            for record, rows, ids, split in zip(records, soft, encoded, splits, strict=True):
                if len(ids.ids) <= 2:
                    self._documents[EMPTY] += 1
                    continue
                self._writer(record.source, split).add(_document(record, rows, ids))

    def _groups(self) -> Iterator[list[Record]]:
        group: list[Record] = []
        n_bytes = n_soft = 0
        for batch in self._reader.batches():
            for record in from_batch(batch):
                size, soft = utf8_length(record.text), len(record.media) * self._medium_bytes
                if group and (n_bytes + size > BATCH_BYTES or n_soft + soft > SOFT_BYTES):
                    yield group
                    group, n_bytes, n_soft = [], 0, 0
                group.append(record)
                n_bytes, n_soft = n_bytes + size, n_soft + soft
        if group:
            yield group

    def _soft_of(self, record: Record) -> list[np.ndarray | None]:
        """The soft inputs of each medium; None, and counted, of one that cannot be read."""
        if self._soft is None or not record.media:
            return [None] * len(record.media)
        from castor.filters.media.soft import soft_of
        from castor.tokenizer.document import media_kinds

        found: list[np.ndarray | None] = []
        for ref, kind in zip(record.media, media_kinds(record), strict=True):
            try:
                found.append(soft_of(ref, kind, self._common["roots"], self._soft).rows)
            except MediaError as error:
                self._media.setdefault(kind, Counter())[str(error.reason)] += 1
                self._fault = self._fault or f"{record.key}: {error}"
                found.append(None)
        return found

    def _splits(self, keys: Sequence[str]) -> list[str]:
        """`train` or `heldout` for each document, by the hash of its key alone."""
        from castor.tokenizer.sample import key_hashes

        share = key_hashes(keys, HELDOUT) / float(1 << 64)
        return ["heldout" if s < self._common["heldout"] else "train" for s in share]

    def _writer(self, source: str, split: str) -> ShardWriter:
        if (source, split) not in self._writers:
            out = self._common["out"]
            self._writers[source, split] = ShardWriter(out, source, split, self._number)
        return self._writers[source, split]

    def close(self) -> dict[str, Any]:
        """Gives the parts their names; what the shard came to."""
        lines = [self._writers[name].close() for name in sorted(self._writers)]
        self._documents.update(self._reader.rejected)
        return {
            "lines": lines,
            "left_out": {
                "documents": dict(sorted(self._documents.items())),
                "media": {k: dict(sorted(n.items())) for k, n in sorted(self._media.items())},
            },
            "fault": self._fault or self._reader.fault,
        }

    def abandon(self) -> None:
        """Removes what was written of parts that have no name yet."""
        for writer in self._writers.values():
            writer.abandon()


def _medium_bytes(options: Any) -> int:
    """Bytes of the soft inputs of a medium at most, of whichever kind."""
    from castor.filters.media.soft import SOFT_DIMS

    rows = {
        "image": options.image_patches,
        "video": options.video_frames * options.frame_patches,
        "audio": options.audio_rows,
    }
    return max(2 * n * SOFT_DIMS[kind] for kind, n in rows.items())


def _document(record: Record, soft: Sequence[np.ndarray | None], encoded: Any) -> Document:
    rows: dict[str, list[np.ndarray]] = {}
    for span in encoded.spans:
        found = soft[span.media_index]
        if found is not None:
            rows.setdefault(span.modality, []).append(found)
    return Document(
        key=record.key,
        source=record.source,
        modality=str(record.modality),
        language=language_of(record.meta.get("language")),
        ids=encoded.ids,
        text_bytes=encoded.text_bytes,
        spans=tuple(
            Span(s.modality, s.start, s.length, record.media[s.media_index]) for s in encoded.spans
        ),
        soft={modality: np.concatenate(found) for modality, found in rows.items()},
        domain=record.meta.get("domain"),
    )


def is_whole(out: pathlib.Path, lines: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the files of parts that were written before are there, each of its size."""
    for line in lines:
        for suffix, file in line["files"].items():
            path = out / (line["path"] + suffix)
            if not path.is_file() or path.stat().st_size != file["bytes"]:
                return False
    return True


def soft_options(options: Mapping[str, int]) -> dict[str, int]:
    """All options of media, by the given ones and the defaults.

    Raises:
        ConfigError: a number is out of range.
    """
    from castor.filters.media.soft import SoftOptions

    return dataclasses.asdict(SoftOptions(**options))
