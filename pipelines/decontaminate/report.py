"""What was found of which benchmark, as tables: from the findings of all documents."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from castor.pipelines.decontaminate.benchmarks import BenchmarkFile
from castor.pipelines.decontaminate.index import Index, counts

_KEYS = 10  # keys of documents listed with an item, the first in key order


def by_benchmark(
    found: pa.Table, index: Index, files: tuple[BenchmarkFile, ...] = ()
) -> list[dict[str, object]]:
    """One entry per benchmark, by name, those without any finding too.

    Args:
        found: table of `decide.FINDING_SCHEMA` of the whole corpus.
        index: what was looked for.
        files: the benchmarks' files, to be pinned by their digests.

    Returns:
        benchmark, items, unprotected (reason to number of items that cannot be found),
        items_found and documents (items that contaminate, documents that are), findings
        (rule to number), files (path to digest).
    """
    entries = []
    for name, status in sorted(counts(index).items()):
        own = found.filter(pc.equal(found.column("benchmark"), name))
        guilty = own.filter(own.column("contaminated"))
        rules = own.column("rule").value_counts().to_pylist()
        entries.append(
            {
                "benchmark": name,
                "items": sum(status.values()),
                "unprotected": {k: v for k, v in status.items() if k != "protected"},
                "items_found": len(guilty.column("item_id").unique()),
                "documents": len(guilty.column("key").unique()),
                "findings": dict(sorted((r["values"], r["counts"]) for r in rules)),
                "files": {f.path: f.blake2b for f in files if f.benchmark == name},
            }
        )
    return entries


def by_item(found: pa.Table) -> list[dict[str, object]]:
    """One entry per item of which something was found, by benchmark and item.

    Returns:
        benchmark, item_id, rules (sorted), documents (that are contaminated by it),
        mentions (all that have something of it), keys (the first ten of these).
    """
    order = [("benchmark", "ascending"), ("item_id", "ascending"), ("key", "ascending")]
    items: dict[tuple[str, str], dict[str, set[str]]] = {}
    columns = ["benchmark", "item_id", "key", "rule", "contaminated"]
    for row in found.sort_by(order).select(columns).to_pylist():
        entry = items.setdefault(
            (row["benchmark"], row["item_id"]), {"rules": set(), "guilty": set(), "keys": set()}
        )
        entry["rules"].add(row["rule"])
        entry["keys"].add(row["key"])
        if row["contaminated"]:
            entry["guilty"].add(row["key"])
    return [
        {
            "benchmark": benchmark,
            "item_id": item_id,
            "rules": sorted(entry["rules"]),
            "documents": len(entry["guilty"]),
            "mentions": len(entry["keys"]),
            "keys": sorted(entry["keys"])[:_KEYS],
        }
        for (benchmark, item_id), entry in items.items()
    ]
