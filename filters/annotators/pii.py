"""How much personal data a text holds, by kind.

Options:
    kinds: which kinds are looked for; by default all of `castor.filters.pii.KINDS`. The counts
        of the others are null.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from castor.filters.annotator import Context, annotator
from castor.filters.pii import KINDS, kinds
from castor.filters.record import Modality

WHERE = "the options of annotator pii"


def checked(options: Mapping[str, object]) -> dict[str, list[str]]:
    """The kinds that are chosen; an option or a kind that is unknown is a ConfigError."""
    return kinds.checked(options, WHERE)


@annotator(
    version=2,
    reads="batch",
    modalities=(Modality.TEXT, Modality.INTERLEAVED, Modality.CODE),
    writes={**{f"n_{kind}": pa.int64() for kind in KINDS}, "n_spans": pa.int64()},
    check=checked,
)
def pii(batch: pa.RecordBatch, context: Context) -> Mapping[str, pa.Array]:
    """Counts the spans of personal data by kind, and all of them: `n_spans`.

    They are the spans that the rewriter `mask_pii` would mask; after it there are none. All
    null for a row without text.
    """
    from castor.filters.pii import find  # compiled: only where it runs

    wanted = checked(context.options.get("pii", {}))["kinds"]
    column = batch.column("text")
    found = find(column, wanted)
    missing = column.is_null().to_numpy(zero_copy_only=False)
    total = np.bincount(found.rows, minlength=len(column))
    counts = {"n_spans": pa.array(total, pa.int64(), mask=missing)}
    names = np.array(found.kinds, dtype=object)
    for kind in KINDS:
        if kind in wanted:
            n = np.bincount(found.rows[names == kind], minlength=len(column))
            counts[f"n_{kind}"] = pa.array(n, pa.int64(), mask=missing)
        else:
            counts[f"n_{kind}"] = pa.nulls(len(column), pa.int64())
    return counts
