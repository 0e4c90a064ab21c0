"""What the rows of a shard have of the benchmarks, re-checked exactly on their text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

from castor.filters import storage
from castor.pipelines import leaks
from castor.pipelines.decontaminate.decide import Finding, findings
from castor.pipelines.decontaminate.scan import HIT
from castor.pipelines.job import Job

SHOWN_CHARACTERS = 300  # of a match, in the column `matches`
SAMPLE_BYTES = 800


class Leaks:
    """The rows of one shard in which grams of benchmarks stand, and what is common.

    Args:
        hits: packed HITs of the shard.
        common: names of the common grams (one, or none without hits in the corpus).
    """

    def __init__(self, job: Job, hits: Iterable[bytes], common: Iterable[bytes]) -> None:
        self._job = job
        self._rows = np.unique(np.frombuffer(b"".join(hits), HIT)["row"]).astype(np.int64)
        self._common = next((name.decode() for name in common), None)

    @property
    def fingerprint(self) -> str:
        """What of the benchmarks determines the rows that are written."""
        rows = self._rows.tolist()
        return storage.digest_of([self._job.against, rows, self._common if rows else None])

    def findings(
        self, batch: pa.RecordBatch, first_row: int, mask: np.ndarray
    ) -> dict[int, list[Finding]]:
        """Row in the batch -> what it has of the benchmarks, for the rows of the mask."""
        wanted = self._rows[(self._rows >= first_row) & (self._rows < first_row + batch.num_rows)]
        if not len(wanted):
            return {}
        index = leaks.index_of(self._job.work, self._job.against)
        common = None
        if self._common is not None:
            common = leaks.load_common(self._job.work, self._common, len(index.grams))
        text = batch.column("text")
        found = {}
        for row in (wanted - first_row).tolist():
            if mask[row] and (own := findings(text[row].as_py(), index, common)):
                found[row] = own
        return found


def matches_json(batch: pa.RecordBatch, row: int, found: Sequence[Finding]) -> str:
    """The contaminating findings of a row as JSON, one object per run with the words found."""
    text = batch.column("text")[row].as_py().encode()
    matches = [
        {
            "benchmark": f.benchmark,
            "item": f.item_id,
            "part": f.part,
            "rule": f.rule,
            "units": f.matched_units,
            "coverage": round(f.coverage, 4),
            "start_byte": start,
            "end_byte": end,
            "text": text[start:end].decode()[:SHOWN_CHARACTERS],
        }
        for f in found
        if f.contaminated
        for start, end in f.spans
    ]
    return json.dumps(matches, ensure_ascii=False)


def sample_around(batch: pa.RecordBatch, row: int, found: Sequence[Finding]) -> str:
    """The words around the first thing for which a row leaves, about SAMPLE_BYTES of them."""
    text = batch.column("text")[row].as_py().encode()
    start = min(start for f in found if f.contaminated for start, _ in f.spans)
    first = max(0, start - SAMPLE_BYTES // 4)
    return text[first : first + SAMPLE_BYTES].decode(errors="ignore")  # cut characters only
