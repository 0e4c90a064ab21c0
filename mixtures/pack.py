"""How documents become rows of one length: the packings, by name."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np

from castor.filters import storage
from castor.filters.errors import unknown_name
from castor.mixtures import best_fit
from castor.mixtures.best_fit import BestFit
from castor.mixtures.concat import ConcatChunk
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
        CastorError: the index is missing or damaged.
    """
    _known(packing)
    layout: Layout
    if packing == "best-fit":
        layout = BestFit(source, sequence_length, pathlib.Path(folder))
    else:
        layout = ConcatChunk(source, sequence_length)
    return RowSource(source, layout, sequence_length)


def build_index(
    source: TokenSource, packing: str, sequence_length: int, folder: str | pathlib.Path
) -> dict[str, Any]:
    """Packs a source, and says how well it went.

    Args:
        packing: one of PACKINGS.
        sequence_length: positions in a row.
        folder: of this source alone; made if the packing has an index, and only then.

    Returns:
        `rows`, `documents`, `tokens`; `padding`, the share of positions without a token;
        `cropped`, the share of tokens that stand in no row; `cut`, the share of documents that
        stand in more than one row; `files`, name -> `bytes` and `blake2b` of the index.

    Raises:
        ConfigError: there is no such packing.
        CastorError: the operating system refuses to write.
    """
    _known(packing)
    folder = pathlib.Path(folder)
    files = {}
    if packing == "best-fit":
        best_fit.build(source, sequence_length, folder)
        for name in best_fit.FILES:
            path = folder / name
            files[name] = {"bytes": path.stat().st_size, "blake2b": storage.digest(path)}
    rows = row_source(source, packing, sequence_length, folder).rows
    return {
        "rows": rows,
        "documents": source.documents,
        "tokens": source.tokens,
        "padding": max(0.0, 1 - source.tokens / (rows * sequence_length)) if rows else 0.0,
        "cropped": 0.0,
        "cut": _cut(source, packing, sequence_length),
        "files": files,
    }


def _cut(source: TokenSource, packing: str, sequence_length: int) -> float:
    """Share of the documents that stand in more than one row."""
    if not source.documents:
        return 0.0
    cut = 0
    for part, base in zip(source.parts, source.part_starts):
        start, stop = part.offsets[:-1] + base, part.offsets[1:] + base
        if packing == "best-fit":
            cut += int(np.count_nonzero(stop - start > sequence_length))
        else:
            cut += int(np.count_nonzero(start // sequence_length != (stop - 1) // sequence_length))
    return cut / source.documents


def _known(packing: str) -> None:
    if packing not in PACKINGS:
        raise unknown_name("packing", packing, PACKINGS)
