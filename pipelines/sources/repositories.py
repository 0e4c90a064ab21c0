"""The source `repositories`: whole repositories as long documents, from a dataset of source files.

The files are those that a run of `code` kept: licensed, cleaned and deduplicated one by one.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from castor.filters.errors import ConfigError, unknown_name
from castor.filters.record import Record, from_batch
from castor.pipelines.dataset import read_schema, read_shard
from castor.pipelines.source import InputFile, Item, source
from castor.pipelines.sources import _repository

ORDERS = ("imports", "shuffled", "path")
HEADERS = ("comment", "none")


@dataclasses.dataclass(frozen=True)
class Options:
    """Options of the source.

    Attributes:
        order: `imports` (what is needed stands first), `shuffled` or `path`.
        header: `comment`, a line with the file's path in a comment of its language, or `none`.
        max_tokens: of a document; a repository with more becomes several.
        tokenizer: folder of the tokenizer that counts them; empty means an estimate of one token
            to `bytes_per_token` bytes.
        bytes_per_token: for that estimate.
        max_repository_bytes: what is read of a repository at once; one with more text is ordered
            in pieces of that size.
        seed: of the shuffled order.
    """

    order: str = "imports"
    header: str = "comment"
    max_tokens: int = 131_072
    tokenizer: str = ""
    bytes_per_token: float = 2.5
    max_repository_bytes: int = 256_000_000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise unknown_name("order", str(self.order), ORDERS, where="source repositories")
        if self.header not in HEADERS:
            raise unknown_name("header", str(self.header), HEADERS, where="source repositories")
        for name in ("max_tokens", "max_repository_bytes"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 64:
                raise ConfigError(
                    f"{name} must be a whole number from 64", where="source repositories",
                    got=repr(value),
                )  # fmt: skip
        if not 0.1 <= self.bytes_per_token <= 100:
            raise ConfigError(
                "bytes_per_token must be between 0.1 and 100", where="source repositories",
                got=repr(self.bytes_per_token),
            )  # fmt: skip

    def pinned(self) -> dict[str, Any]:
        """What stands for the options in a manifest: the tokenizer by what it is, not where."""
        facts = dataclasses.asdict(self)
        if self.tokenizer:
            facts["tokenizer"] = _tokenizer(os.path.abspath(self.tokenizer)).manifest["blake2b"]
        return facts


@source(version=1, files=["part-*.parquet"], options=Options, of_dataset=True)
def repositories(file: InputFile, options: Options) -> Iterator[Item]:
    """The files of each repository as one document, or several up to a number of tokens.

    A repository is what follows one another with the same `meta.repository`; rows without one
    are repositories of their own. One that goes on in the next shard belongs to the shard in
    which it begins. Each file is preceded by its path, and is a part of its own (`code`). meta:
    `repository`, `piece` (`2/5`), `n_files`, `file_language` (if all have the same),
    `file_languages`, and `licence`, the licences of all files joined by AND, absent if one of
    them has none.
    """
    packer = _repository.Packer(
        order=options.order,
        headers=options.header == "comment",
        max_tokens=options.max_tokens,
        seed=options.seed,
        count=_counter(options),
    )
    for name, records in _grouped(file, options.max_repository_bytes):
        yield from packer.documents(file, name, records)


def _counter(options: Options) -> _repository.Counter:
    """How many tokens each of some texts has, at most."""
    if not options.tokenizer:
        return functools.partial(_repository.estimated, bytes_per_token=options.bytes_per_token)
    return functools.partial(_counted, path=os.path.abspath(options.tokenizer))


def _counted(texts: list[str], *, path: str) -> list[int]:
    return [len(ids) for ids in _tokenizer(path).encode_batch(texts)]


@functools.lru_cache(maxsize=2)
def _tokenizer(path: str) -> Any:
    from castor.pipelines.tokens.tokenizers import open_tokenizer

    return open_tokenizer(path)


def _grouped(file: InputFile, max_bytes: int) -> Iterator[tuple[str, list[Record]]]:
    """The repositories that begin in a shard, each with its records."""
    begun = _last_repository(file)
    name, records, n_bytes = None, [], 0  # type: tuple[str | None, list[Record], int]
    for record in _records(file, begun):
        own = record.meta.get("repository") or record.key
        size = len(record.text or "")
        if records and (own != name or n_bytes + size > max_bytes):
            yield str(name), records
            records, n_bytes = [], 0
        name = own
        records.append(record)
        n_bytes += size
    if records:
        yield str(name), records


def _records(file: InputFile, begun: str | None) -> Iterator[Record]:
    """The records of a shard without those of a repository begun before, then its last one's."""
    last = None
    for record in _of_shard(file.local_path):
        last = record.meta.get("repository")
        if begun is not None and last == begun:
            continue
        begun = None
        yield record
    if last is None or begun is not None:
        return
    for path in _shards(file)[1]:
        for record in _of_shard(path):
            if record.meta.get("repository") != last:
                return
            yield record


def _of_shard(path: pathlib.Path) -> Iterator[Record]:
    read_schema(path)
    for batch in read_shard(path):
        yield from from_batch(batch)


def _shards(file: InputFile) -> tuple[list[pathlib.Path], list[pathlib.Path]]:
    """The shards of the dataset before this one, nearest first, and those after it."""
    here = file.local_path
    paths = sorted(here.parent.glob("part-*.parquet"))
    at = paths.index(here)
    return paths[:at][::-1], paths[at + 1 :]


def _last_repository(file: InputFile) -> str | None:
    """The repository of the last row before this shard, or None."""
    for path in _shards(file)[0]:
        meta: pa.ChunkedArray | None = None
        for batch in read_shard(path, ["meta"]):
            meta = batch.column("meta") if batch.num_rows else meta
        if meta is not None:
            return dict(meta[-1].as_py()).get("repository")
    return None
