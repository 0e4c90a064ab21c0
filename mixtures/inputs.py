"""The token datasets that a spec names: opened, checked against each other, packed into rows."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from castor.filters.errors import CastorError, ConfigError
from castor.mixtures import pack
from castor.mixtures.spec import MixtureSpec
from castor.mixtures.tokens import Tokens, TokenSource, open_tokens

INDEX = "index"  # folder of a compiled mixture with the packings' indexes, one folder per source


@dataclasses.dataclass(frozen=True)
class Input:
    """One source of a mixture and what it holds.

    Attributes:
        name: in the mixture.
        tokens: its token dataset.
        source: its documents.
        rows: how many its packing gives; each counts as `sequence_length` tokens.
        packed: what `castor.mixtures.pack.build_index` says of them.
        max_epochs: over all stages, or None.
    """

    name: str
    tokens: Tokens
    source: TokenSource
    rows: int
    packed: Mapping[str, Any]
    max_epochs: float | None


def open_inputs(spec: MixtureSpec, folder: pathlib.Path) -> dict[str, tuple[Tokens, TokenSource]]:
    """The sources of a spec by name.

    Args:
        folder: to which the spec's paths are relative.

    Raises:
        ConfigError: a folder or source does not exist, has no tokens, or two token datasets were
            made with different tokenizers.
        CastorError: a token dataset is unfinished or damaged.
    """
    found: dict[str, tuple[Tokens, TokenSource]] = {}
    opened: dict[pathlib.Path, Tokens] = {}
    for name, given in spec.sources.items():
        path = folder / given.tokens
        if not path.is_dir():
            raise ConfigError(
                "the token dataset does not exist",
                where=f"sources.{name}.tokens",
                got=path,
                fix="the path is relative to the spec; `castor tokenizer encode` makes one",
            )
        if path not in opened:
            opened[path] = open_tokens(path)
        source = opened[path].source(given.source or name, given.split)
        if source.tokens == 0:
            raise ConfigError(
                "the source is empty",
                where=f"sources.{name}",
                got=f"no tokens in {source.name}, split {given.split}",
                fix="leave it out of the mixture",
            )
        found[name] = (opened[path], source)
    _check_tokenizers({name: tokens for name, (tokens, _) in found.items()})
    _check_soft_dims(source for _, source in found.values())
    return found


def pack_inputs(
    spec: MixtureSpec, opened: Mapping[str, tuple[Tokens, TokenSource]], indexes: pathlib.Path
) -> list[Input]:
    """Packs the sources; writes their indexes to `indexes`/<name of the source>.

    Raises:
        ConfigError: a source is too small for a row.
        CastorError: the operating system refuses to write.
    """
    inputs = []
    for name, (tokens, source) in opened.items():
        packed = pack.build_index(source, spec.packing.kind, spec.sequence_length, indexes / name)
        inputs.append(_input(spec, name, tokens, source, packed))
    return inputs


def _input(
    spec: MixtureSpec, name: str, tokens: Tokens, source: TokenSource, packed: Mapping[str, Any]
) -> Input:
    if packed["rows"] == 0:
        raise ConfigError(
            "the source is too small for one row",
            where=f"sources.{name}",
            got=f"{source.tokens} tokens for rows of {spec.sequence_length}",
            fix="lower sequence_length, or leave the source out",
        )
    return Input(name, tokens, source, packed["rows"], packed, spec.sources[name].max_epochs)


def _check_tokenizers(tokens: Mapping[str, Tokens]) -> None:
    """Refuses ids of different vocabularies in one mixture."""
    (first, one), *others = tokens.items()
    for name, other in others:
        if other.tokenizer_sha256 != one.tokenizer_sha256 or other.id_space != one.id_space:
            raise ConfigError(
                "the sources were encoded with different tokenizers",
                where=f"sources.{first} and sources.{name}",
                got=f"{one.tokenizer_sha256[:12]} and {other.tokenizer_sha256[:12]}",
                fix="encode all of them with one tokenizer",
            )


def _check_soft_dims(sources: Iterable[TokenSource]) -> None:
    found: dict[str, int] = {}
    for source in sources:
        for modality, width in source.soft_dims.items():
            if found.setdefault(modality, width) != width:
                raise ConfigError(
                    f"the vectors of {modality} have different widths",
                    where=f"source {source.name}",
                    got=f"{found[modality]} and {width}",
                    fix="encode all sources with the same version of Castor",
                )


def soft_dims(sources: Sequence[TokenSource]) -> dict[str, int]:
    """Modality -> width of its vectors, of the modalities that occur in any of the sources."""
    return {m: dim for source in sources for m, dim in source.soft_dims.items()}


def changed(name: str, folder: pathlib.Path) -> CastorError:
    """The error for tokens that are not those with which a mixture was compiled."""
    return CastorError(
        "the tokens changed since the mixture was compiled",
        where=folder,
        got=f"other documents of {name}",
        fix="compile the mixture again with --force",
    )
