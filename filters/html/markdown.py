"""Chosen blocks as Markdown: headings, lists, quotations, tables and code; formulas stay TeX.

Signs that Markdown would read as markup are left as they are: this is text for reading, and what
follows wants the words of the page, not escapes.
"""

from __future__ import annotations

import numpy as np

from castor.filters.html.tokens import write as kernel
from castor.filters.html.tokens.state import B_END, B_START, Tokens


def write(tokens: Tokens, chosen: np.ndarray) -> str:
    """The Markdown of the blocks that are chosen, bool [n_blocks]."""
    spans = tokens.blocks[chosen]
    n = 1024 + int((spans[:, B_END] - spans[:, B_START]).sum()) + 16 * len(spans)
    scratch = np.empty((3, len(tokens.elements)), np.int32)
    places, state = np.empty((2, kernel.N_PLACE), np.int32), np.empty(kernel.N_STATE, np.int64)
    while True:
        out = np.empty(n, np.uint8)
        n = kernel.write(
            tokens.text, tokens.elements, tokens.blocks, tokens.cells, tokens.origin,
            chosen.view(np.uint8), places, scratch, state, out,
        )  # fmt: skip
        if n <= len(out):
            return out[:n].tobytes().decode("utf-8", "replace")
