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

from castor.filters import outputs
from castor.filters.errors import unknown_name
from castor.mixtures.token_format import (
    BOS_ID,
    EOS_ID,
    IDS,
    KIND,
    OFFSETS,
    PAD_ID,
    SOFT_MODALITIES,
    SPLITS,
    Document,
    Span,
    damaged,
)
from castor.mixtures.token_source import TokenSource
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
    manifest = outputs.read(folder, KIND)
    for line in manifest["shards"]:
        _check_sizes(folder, line)
    return Tokens(folder, manifest)


def _check_sizes(folder: pathlib.Path, line: Mapping[str, Any]) -> None:
    """Refuses a shard with a file that is absent, cut short or grown."""
    for suffix, written in line["files"].items():
        path = folder / (line["path"] + suffix)
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            raise damaged(path, None) from None
        if size != written["bytes"]:
            raise damaged(path, f"{size} bytes, the manifest says {written['bytes']}")
    for suffix, size in ((IDS, 4 * line["tokens"]), (OFFSETS, 8 * (line["documents"] + 1))):
        found = line["files"].get(suffix, {}).get("bytes")
        if found != size:
            raise damaged(
                folder / (line["path"] + suffix),
                f"{found} bytes for {line['documents']} documents and {line['tokens']} tokens",
            )
