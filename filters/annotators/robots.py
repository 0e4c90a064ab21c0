"""Robots: what a page and its server tell crawlers not to do with it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from castor.filters.annotator import Context, annotator
from castor.filters.record import Modality

# Signal -> the directives that say it. `none` is noindex and nofollow
# (https://developers.google.com/search/docs/crawling-indexing/robots-meta-tag); noai and noimageai
# are DeviantArt's, taken up by others; tdm-reservation is the W3C community group's TDMRep.
DIRECTIVES = {
    "noindex": {"noindex", "none"},
    "noarchive": {"noarchive", "nocache"},
    "noai": {"noai"},
    "noimageai": {"noimageai"},
    "tdm_reserved": {"tdm-reservation=1"},
}


@annotator(
    version=1,
    reads="batch",
    modalities=list(Modality),
    writes={name: pa.bool_() for name in DIRECTIVES},
)
def robots(batch: pa.RecordBatch, context: Context) -> dict[str, Any]:
    """Reads `meta.robots`, directives with commas between them, as the web source collects them
    from meta elements and the X-Robots-Tag header. A row that states none forbids nothing: false.
    """
    stated = pc.map_lookup(batch.column("meta"), pa.scalar("robots"), "first").to_pylist()
    found = [frozenset((text or "").split(",")) for text in stated]
    return {
        name: pa.array([not words.isdisjoint(each) for each in found], pa.bool_())
        for name, words in DIRECTIVES.items()
    }
