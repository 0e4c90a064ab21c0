"""Rows of tables: cells of one short text each become one block, a tab between two of them.

A cell alone says too little to be judged, and a table is read by rows. Cells that hold more, as in
tables that only lay a page out, stay blocks of their own.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from castor.filters.html.tokens import tags
from castor.filters.html.tokens.compile import part
from castor.filters.html.tokens.state import (
    B_BOLD,
    B_ELEMENT,
    B_END,
    B_IMAGES,
    B_LINES,
    B_LINKED,
    B_LINKS,
    B_START,
    E_END,
    E_FIRST,
    E_PARENT,
    E_TAG,
    MAX_DEPTH,
    N_BLOCK,
)
from castor.filters.html.tokens.tags import FLAGS
from castor.filters.kernels._compile import kernel

MAX_CELL = 300  # bytes of text
_ROW, _CAPTION = tags.TAG["tr"], tags.TAG["caption"]


@part
def _row_of(elements, block):
    """The <tr> whose cell has this block alone, and short; -1 if there is none."""
    if block[B_END] - block[B_START] > MAX_CELL:
        return -1
    e = block[B_ELEMENT]
    for _ in range(MAX_DEPTH + 1):
        if e <= 0:
            return -1
        flags = FLAGS[elements[e, E_TAG]]
        if flags & tags.IS_CELL and elements[e, E_TAG] != _CAPTION:
            parent = elements[e, E_PARENT]
            alone = elements[e, E_END] - elements[e, E_FIRST] == 1
            return parent if alone and elements[parent, E_TAG] == _ROW else -1
        if flags & (tags.IS_TABLE | tags.IS_ROW):
            return -1
        e = elements[e, E_PARENT]
    return -1


@kernel(
    nb.int64(
        nb.types.Array(nb.int32, 2, "C"),
        nb.types.Array(nb.int32, 2, "C"),
        nb.types.Array(nb.int32, 2, "C"),
        nb.types.Array(nb.int32, 1, "C"),
    )
)
def _merge(elements, cells, blocks, origin):
    n = 0
    last_row = -1
    for b in range(len(cells)):
        row = _row_of(elements, cells[b])
        if row >= 0 and row == last_row:
            into = blocks[n - 1]
            into[B_END] = cells[b, B_END]
            into[B_ELEMENT] = row
            for k in (B_LINKED, B_BOLD, B_LINES, B_LINKS, B_IMAGES):
                into[k] += cells[b, k]
        else:
            for k in range(N_BLOCK):
                blocks[n, k] = cells[b, k]
            origin[n] = b
            n += 1
        last_row = row
    origin[n] = len(cells)
    return n


def merge_cells(elements: np.ndarray, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Blocks with the short cells of each row made one, and which cells each of them was.

    Args:
        elements: int32 [n_elements, N_ELEMENT].
        cells: int32 [n_cells, N_BLOCK], blocks as the tokenizer found them.

    Returns:
        blocks: int32 [n_blocks, N_BLOCK].
        origin: int32 [n_blocks + 1], as in `Tokens`.
    """
    blocks = np.empty_like(cells)
    origin = np.empty(len(cells) + 1, np.int32)
    n = _merge(elements, cells, blocks, origin)
    return blocks[:n], origin[: n + 1]
