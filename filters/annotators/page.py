"""The kind of a web page, for policies to keep or to drop."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from castor.filters.annotator import Context, annotator
from castor.filters.record import Modality

KINDS = ("article", "product", "forum", "documentation", "index")


@annotator(
    version=1,
    reads="batch",
    modalities=list(Modality),
    writes={f"is_{kind}": pa.bool_() for kind in KINDS},
)
def page(batch: pa.RecordBatch, context: Context) -> dict[str, Any]:
    """Reads `meta.kind`, as the web source writes it. A row without one is of none of the kinds."""
    stated = pc.map_lookup(batch.column("meta"), pa.scalar("kind"), "first").fill_null("")
    return {f"is_{kind}": pc.equal(stated, kind) for kind in KINDS}
