"""The edits that put a mask over each span of personal data."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import pyarrow as pa

from castor.filters.pii import MASKS
from castor.filters.rewriter import Edit


def masked(column: pa.Array, kinds: Collection[str]) -> Iterator[tuple[int, list[Edit]]]:
    """Every row of a text column that holds data of some kinds, with the edits that mask them."""
    from castor.filters.pii import find  # compiled: only where it runs

    for row, spans in find(column, kinds).by_row():
        raw = column[row].as_py().encode()
        at_byte = at_char = 0
        edits = []
        for start, end, kind in spans:
            at_char += len(raw[at_byte:start].decode())
            stop = at_char + len(raw[start:end].decode())
            edits.append(Edit(at_char, stop, MASKS[kind]))
            at_byte, at_char = end, stop
        yield row, edits
