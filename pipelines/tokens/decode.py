"""From ids back to text: ids that somebody gives, or documents of a token dataset."""

from __future__ import annotations

import os
import pathlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from castor.filters.errors import CastorError, ConfigError
from castor.mixtures.token_source import TokenSource
from castor.mixtures.tokens import SPLITS, Tokens, open_tokens
from castor.pipelines.tokens.tokenizers import open_tokenizer

__all__ = ["decode_ids", "documents", "open_tokenizer", "parse_ids"]
ID = re.compile("-?[0-9]{1,10}")  # ids fit an int32


def parse_ids(text: str) -> list[int]:
    """Ids as people write them: separated by blanks or commas, perhaps in brackets.

    Raises:
        ConfigError: something else stands there.
    """
    words = re.split(r"[\s,]+", text.strip("[], \t\r\n"))
    for word in filter(None, words):
        if not ID.fullmatch(word):
            raise ConfigError(
                "ids are whole numbers",
                got=repr(word[:40]),
                fix="separate them by blanks or commas; none is above 2147483647",
            )
    return [int(word) for word in words if word]


def decode_ids(path: str | os.PathLike[str], ids: Sequence[int]) -> str:
    """The text of some ids; control pieces, codes and placeholders stand for none.

    Args:
        path: a tokenizer, or a token dataset with one.

    Raises:
        CastorError: an id is outside the space of the tokenizer.
    """
    return str(open_tokenizer(path).decode(ids))


def documents(
    path: str | os.PathLike[str],
    *,
    keys: Sequence[str] = (),
    source: str | None = None,
    split: str | None = None,
    n: int = 3,
) -> list[dict[str, Any]]:
    """Documents of a token dataset as text.

    Args:
        keys: those with these keys; without any, the first ones.
        source, split: only of this source and split; default: all sources, and `train` for the
            first ones, both splits for keys.
        n: how many of each source, without keys.

    Returns:
        For each: `key`, `source`, `split`, `number` (from 0, in its source and split),
        `modality`, `language`, `tokens`, `text_bytes`, and `parts` in order: `{"text": ...}`,
        or `{"modality": ..., "length": ...}` for the soft inputs of a medium.

    Raises:
        ConfigError: no such source or split.
        CastorError: a key is not there, or a file is damaged.
    """
    tokens = open_tokens(pathlib.Path(path))
    tokenizer = open_tokenizer(path)
    sources = tokens.names if source is None else (source,)
    splits = (split,) if split else (SPLITS if keys else SPLITS[:1])
    streams = [tokens.source(name, part) for name in sources for part in splits]
    chosen = _with_keys(tokens, streams, keys) if keys else _first(streams, n)
    return [_as_json(tokenizer, *found) for found in chosen]


Place = tuple[TokenSource, int]  # a source and split, and the number of a document in it


def _first(streams: Sequence[TokenSource], n: int) -> Iterator[Place]:
    for stream in streams:
        yield from ((stream, number) for number in range(min(n, stream.documents)))


def _with_keys(tokens: Tokens, streams: Sequence[TokenSource], keys: Sequence[str]) -> list[Place]:
    wanted = set(keys)
    found: dict[str, Place] = {}
    for stream in streams:
        for number, key in enumerate(stream.keys()):
            if key in wanted:
                found.setdefault(key, (stream, number))
    for key in keys:
        if key not in found:
            raise CastorError(
                "no document has this key",
                where=tokens.path,
                got=repr(key),
                fix="`castor inspect DATASET --key KEY` says where it went; what has neither text "
                "nor media is left out",
            )
    return [found[key] for key in keys]


def _as_json(tokenizer: Any, stream: TokenSource, number: int) -> dict[str, Any]:
    row = _row(stream, number)
    ids = stream.ids(*stream.offsets[number : number + 2].tolist())
    parts: list[dict[str, Any]] = []
    at = 0
    for span in row["spans"]:
        parts += _text(tokenizer, ids[at : span["start"]])
        parts.append({"modality": span["modality"], "length": span["length"]})
        at = span["start"] + span["length"]
    parts += _text(tokenizer, ids[at:])
    kept = ("key", "source", "modality", "language", "tokens", "text_bytes")
    head = {name: row[name] for name in kept}
    return head | {"split": stream.split, "number": number, "parts": parts}


def _row(stream: TokenSource, number: int) -> dict[str, Any]:
    """The sidecar's row of a document."""
    for part in stream.parts:
        if number < part.documents:
            found: list[dict[str, Any]] = part.table().slice(number, 1).to_pylist()
            return found[0]
        number -= part.documents
    raise IndexError(number)


def _text(tokenizer: Any, ids: np.ndarray) -> list[dict[str, Any]]:
    text = tokenizer.decode(ids)
    return [{"text": text}] if text else []
