"""What a run counts: reasons, rules, sizes and histograms of signals, mergeable by adding.

Signals between 0 and 1 by name (`_fraction`, `_share`) fall into 50 equal bins;
others into ten bins per decade of their magnitude, plus one bin for zero.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa

LINEAR = ("_fraction", "_share")
LINEAR_BINS = 50
BINS_PER_DECADE = 10


class Statistics:
    """Counters of one shard or of many; `add` of two is the statistics of both."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.histograms: dict[str, Counter[str]] = {}

    def count(self, *path: str, n: int = 1) -> None:
        """Adds to the counter at a path, such as `("reason", "web", "gopher.too_few_words")`."""
        self.counts["\t".join(path)] += n

    def observe(self, batch: pa.RecordBatch, source: str, kept: np.ndarray) -> None:
        """Adds the numeric signals of a batch to the histograms of kept and other rows."""
        for field in batch.schema:
            if "." not in field.name or not _is_number(field.type):
                continue
            column = batch.column(field.name)
            values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
            for outcome, mask in (("kept", kept), ("dropped", ~kept)):
                chosen = values[mask & np.isfinite(values)]
                if len(chosen):
                    bins = self.histograms.setdefault(
                        f"{source}\t{field.name}\t{outcome}", Counter()
                    )
                    numbers, n = np.unique(bin_of(field.name, chosen), return_counts=True)
                    for number, count in zip(numbers.tolist(), n.tolist(), strict=True):
                        bins[str(number)] += count

    def add(self, other: Statistics) -> None:
        """Adds another's counts to these."""
        self.counts += other.counts
        for name, bins in other.histograms.items():
            self.histograms.setdefault(name, Counter()).update(bins)

    def to_json(self) -> dict[str, Any]:
        """As JSON values with sorted keys."""
        return {
            "counts": dict(sorted(self.counts.items())),
            "histograms": {k: dict(sorted(v.items())) for k, v in sorted(self.histograms.items())},
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Statistics:
        """The inverse of `to_json`."""
        found = cls()
        found.counts.update(data["counts"])
        found.histograms = {k: Counter(v) for k, v in data["histograms"].items()}
        return found


def bin_of(signal: str, values: np.ndarray) -> np.ndarray:
    """The bin number of each value: int64 [values]."""
    if signal.endswith(LINEAR):
        return np.clip((values * LINEAR_BINS).astype(np.int64), 0, LINEAR_BINS - 1)
    with np.errstate(divide="ignore"):
        scaled = np.floor(np.log10(np.abs(values)) * BINS_PER_DECADE)
    scaled = np.clip(scaled, -90, 190).astype(np.int64) + 100
    return np.where(values == 0, 0, np.where(values < 0, -scaled, scaled))


def edges_of(signal: str, number: int) -> tuple[float, float]:
    """The lower and upper edge of a bin."""
    if signal.endswith(LINEAR):
        return number / LINEAR_BINS, (number + 1) / LINEAR_BINS
    if number == 0:
        return 0.0, 0.0
    low, high = (math.pow(10, (abs(number) - 100 + i) / BINS_PER_DECADE) for i in (0, 1))
    return (low, high) if number > 0 else (-high, -low)


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
