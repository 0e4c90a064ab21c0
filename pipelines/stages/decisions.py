"""Which policies say what about the measured rows of a shard: the one place that asks."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from castor.pipelines.job import Tools


def reasons_of(batch: pa.RecordBatch, tools: Tools, source: str) -> list[list[str]]:
    """All reasons of all policies for each row, in the order of the recipe; [] keeps."""
    found: list[list[str]] = [[] for _ in range(batch.num_rows)]
    for policy in tools.policies_of(source):
        for row, reasons in zip(found, policy.decide(batch).to_pylist(), strict=True):
            row += reasons
    return found


def alive_of(batch: pa.RecordBatch, tools: Tools, source: str) -> np.ndarray:
    """Whether each row is still in after the policies, bool [rows]."""
    return np.array([not r for r in reasons_of(batch, tools, source)], bool)


def columns_of(tools: Tools, source: str) -> set[str]:
    """The columns that deciding reads for the rows of a source."""
    names = {c for p in tools.policies_of(source) for c in p.columns}
    return {"meta" if n.startswith("meta.") else n for n in names}
