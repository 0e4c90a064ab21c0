"""How documents become rows of one length: the packings, by name."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np

from castor.filters import storage
from castor.filters.errors import unknown_name
from castor.mixtures import best_fit, concat
from castor.mixtures.rows import Layout, RowSource
from castor.mixtures.token_source import TokenSource

PACKINGS = ("concat-chunk", "best-fit")


def row_source(
    source: TokenSource, packing: str, sequence_length: int, folder: str | pathlib.Path
) -> RowSource:
    """The rows of a source.

    Args:
        packing: one of PACKINGS.
        sequence_length: positions in a row.
        folder: where `build_index` has put the index of this source.

    Raises:
        ConfigError: there is no such packing.
        CastorError: the index is missing, damaged, or of another source.
    """
    _known(packing)
    kind = best_fit.BestFit if packing == "best-fit" else concat.ConcatChunk
    layout: Layout = kind(source, sequence_length, pathlib.Path(folder))
    return RowSource(source, layout, sequence_length)


def build_index(
    source: TokenSource, packing: str, sequence_length: int, folder: str | pathlib.Path
) -> dict[str, Any]:
    """Packs a source, and says how well it went.

    Args:
        packing: one of PACKINGS.
        sequence_length: positions in a row.
        folder: where the index is written; of this source alone.

    Returns:
        `rows`, `documents`, `tokens`; `padding`, the share of positions without a token;
        `cropped`, the share of tokens that no row has; `cut`, the share of documents that
        stand in more than one row; `files`, name -> `bytes` and `blake2b` of the index.

    Raises:
        ConfigError: there is no such packing.
        CastorError: the operating system refuses to write.
    """
    _known(packing)
    folder = pathlib.Path(folder)
    module = best_fit if packing == "best-fit" else concat
    module.build(source, sequence_length, folder)
    paths = [folder / name for name in module.FILES]
    rows = row_source(source, packing, sequence_length, folder).rows
    seen = min(source.tokens, rows * sequence_length)  # by position; one more is only a target
    return {
        "rows": rows,
        "documents": source.documents,
        "tokens": source.tokens,
        "padding": 1 - seen / (rows * sequence_length) if rows else 0.0,
        "cropped": 0.0,  # neither packing leaves a token out
        "cut": _cut(source, packing, sequence_length, rows),
        "files": {p.name: {"bytes": p.stat().st_size, "blake2b": storage.digest(p)} for p in paths},
    }


def _cut(source: TokenSource, packing: str, sequence_length: int, rows: int) -> float:
    """Share of the documents that stand in more than one row."""
    start, stop = source.offsets[:-1], source.offsets[1:]
    if packing == "best-fit":
        cut = stop - start > sequence_length
    else:
        last = np.minimum(stop, rows * sequence_length) - 1
        cut = start // sequence_length < last // sequence_length
    return float(np.mean(cut)) if source.documents else 0.0


def _known(packing: str) -> None:
    if packing not in PACKINGS:
        raise unknown_name("packing", packing, PACKINGS)
