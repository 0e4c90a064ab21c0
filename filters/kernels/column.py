"""The buffers of a text column, as the kernels take them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def buffers(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """The UTF-8 bytes of a text column, and where its rows begin and end in them.

    Args:
        column: string or large_string [rows]; a slice is fine. A null row is an empty text.

    Returns:
        data: uint8 [n_bytes], a view on the column's memory.
        offsets: int64 [rows + 1]; row r is `data[offsets[r]:offsets[r + 1]]`.
    """
    if column.type != pa.large_string():
        column = column.cast(pa.large_string())
    offsets = _offsets(column)
    if column.null_count and _has_hidden_text(column, offsets):
        column = pc.fill_null(column, "")
        offsets = _offsets(column)
    data = column.buffers()[2]
    if data is None:
        return np.zeros(0, np.uint8), offsets
    return np.frombuffer(data, np.uint8), offsets


def _offsets(column: pa.Array) -> np.ndarray:
    if len(column) == 0:
        return np.zeros(1, np.int64)
    raw = np.frombuffer(column.buffers()[1], np.int64)
    return np.require(raw[column.offset : column.offset + len(column) + 1], requirements=["C", "A"])


def _has_hidden_text(column: pa.Array, offsets: np.ndarray) -> bool:
    """Whether a null row covers bytes, which Arrow allows."""
    null = pc.is_null(column).to_numpy(zero_copy_only=False)
    return bool(np.any(np.diff(offsets)[null]))
