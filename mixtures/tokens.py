"""Token datasets: the documents of every source as flat ids on disk, and how they are read.

A folder holds, per source, split and part, flat little-endian uint32 ids (every document is
`<bos> ids <eos>`), int64 document offsets, a Parquet sidecar of keys and media spans, and the
float16 vectors of those spans; its manifest is written last. Nothing is read into memory: ids,
offsets and vectors are memory maps.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from castor.filters import outputs, storage
from castor.filters.errors import unknown_name
from castor.mixtures.token_format import (
    BOS_ID,
    EOS_ID,
    IDS,
    KIND,
    OFFSETS,
    PAD_ID,
    SOFT,
    SOFT_MODALITIES,
    SPLITS,
    Document,
    Span,
    damaged,
)
from castor.mixtures.token_source import Part, TokenSource
from castor.mixtures.tokens_write import ShardWriter, manifest_content

__all__ = [
    "BOS_ID",
    "EOS_ID",
    "KIND",
    "PAD_ID",
    "SOFT_MODALITIES",
    "SPLITS",
    "Document",
    "ShardWriter",
    "Span",
    "TokenSource",
    "Tokens",
    "manifest_content",
    "open_tokens",
    "verify",
]


@dataclasses.dataclass(frozen=True)
class Tokens:
    """A finished token dataset.

    Attributes:
        path: its folder.
        manifest: the manifest as read.
    """

    path: pathlib.Path
    manifest: Mapping[str, Any]

    @property
    def id_space(self) -> Mapping[str, Any]:
        """The tokenizer's id space as the manifest holds it."""
        found: Mapping[str, Any] = self.manifest["tokenizer"]["id_space"]
        return found

    @property
    def tokenizer_sha256(self) -> str:
        """Hexadecimal SHA-256 of the model that made the ids."""
        return str(self.manifest["tokenizer"]["sha256"])

    @property
    def soft_dims(self) -> Mapping[str, int]:
        """Modality -> width of its vectors; only modalities that occur."""
        found: Mapping[str, int] = self.manifest["soft_dims"]
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """The sources, sorted."""
        return tuple(sorted(self.manifest["sources"]))

    def source(self, name: str, split: str = "train") -> TokenSource:
        """The documents of one source in one split; there may be none in that split.

        Raises:
            ConfigError: there is no such source or split.
            CastorError: a file is missing or not of the size that the manifest says.
        """
        if name not in self.manifest["sources"]:
            raise unknown_name("source", name, self.names, where=self.path)
        if split not in SPLITS:
            raise unknown_name("split", split, SPLITS, where=self.path)
        lines = [s for s in self.manifest["shards"] if (s["source"], s["split"]) == (name, split)]
        return TokenSource(self.path, name, split, lines, self.soft_dims, self.id_space["soft"])


def open_tokens(path: str | pathlib.Path) -> Tokens:
    """Opens a token dataset; looks at its manifest and at the size of every file.

    Raises:
        CastorError: there is none or it is unfinished, the manifest was changed, or a file is
            missing or of another size than the manifest says.
    """
    folder = pathlib.Path(path)
    tokens = Tokens(folder, outputs.read(folder, KIND))
    for line in tokens.manifest["shards"]:
        _check_sizes(tokens, line)
    return tokens


def _check_sizes(tokens: Tokens, line: Mapping[str, Any]) -> None:
    """Refuses a part with a file that is absent, cut short, grown, or too small for its content."""
    needed = {IDS: 4 * line["tokens"], OFFSETS: 8 * (line["documents"] + 1)}
    for modality, rows in line["soft"].items():
        needed[SOFT + modality] = 2 * rows * tokens.soft_dims[modality]
    for suffix, written in line["files"].items():
        path = tokens.path / (line["path"] + suffix)
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            raise damaged(path, None) from None
        if size != needed.get(suffix, written["bytes"]) or size != written["bytes"]:
            raise damaged(
                path,
                f"{size} bytes, not {written['bytes']} for {line['documents']} documents of "
                f"{line['tokens']} tokens",
            )


def verify(tokens: Tokens) -> None:
    """Compares every file with its digest, and what the files hold with each other.

    Raises:
        CastorError: a file is not as it was written, or the offsets do not fit the ids, or an
            id is outside the id space; it names the file.
    """
    for line in tokens.manifest["shards"]:
        part = Part(tokens.path, line, tokens.soft_dims)
        for suffix, written in line["files"].items():
            found = storage.digest(part.file(suffix))
            if found != written["blake2b"]:
                raise damaged(part.file(suffix), f"digest {found}, not {written['blake2b']}")
        lengths, column = np.diff(part.offsets), part.table(["tokens"]).column("tokens")
        if lengths.min() < 2 or not np.array_equal(lengths, column.to_numpy()):
            raise damaged(part.file(OFFSETS), "offsets that do not fit the documents' tokens")
        first, last = part.ids[part.offsets[:-1]], part.ids[part.offsets[1:] - 1]
        if (first != BOS_ID).any() or (last != EOS_ID).any():
            raise damaged(part.file(OFFSETS), "documents that are not between bos and eos")
        if int(part.ids.max()) >= tokens.id_space["size"]:
            raise damaged(
                part.file(IDS), f"id {part.ids.max()} in a space of {tokens.id_space['size']}"
            )
        _ = part.spans  # checks that they lie in their documents
