"""A few rows of a dataset to look at: the same ones every time, spread over its shards."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable, Sequence
from typing import Any

from castor.pipelines.dataset import Dataset, opened_shard

MAX_ROWS_SEEN = 200_000  # keys that are looked at; beyond it the first groups of each shard


def rank(key: str) -> bytes:
    """The place of a key in the order of sampling: its 8-byte BLAKE2b."""
    return hashlib.blake2b(key.encode(), digest_size=8).digest()


def sample(
    dataset: Dataset,
    columns: Sequence[str],
    n: int,
    *,
    by: Sequence[str] = (),
    where: Callable[[dict[str, Any]], bool] | None = None,
) -> list[dict[str, Any]]:
    """The `n` rows of every group that come first by the hash of their keys.

    Reads the key and the grouping columns of at most MAX_ROWS_SEEN rows, the first row group
    of every shard before the second of any, and the other columns of the chosen rows only.

    Args:
        columns: what the rows hold beside `key` and `source`.
        by: columns whose values form the groups; none: all rows are one group.
        where: keeps a row, given its key and grouping columns, or leaves it out.

    Returns:
        The rows, ordered by group and by the hash of their keys.
    """
    heads = list(dict.fromkeys(["key", "source", *by]))
    best: dict[tuple[Any, ...], list[tuple[bytes, tuple[int, int, int]]]] = {}
    for group, shard in _groups(dataset):
        table = _read(dataset, shard, group, heads)
        for at, row in enumerate(table.to_pylist()):
            if where is None or where(row):
                name = tuple(_hashable(row[c]) for c in by)
                best.setdefault(name, []).append((rank(row["key"]), (shard, group, at)))
        best = {k: heapq.nsmallest(n, v) for k, v in best.items()}
    places = [place for name in sorted(best, key=str) for _, place in sorted(best[name])]
    return _fetch(dataset, places, list(dict.fromkeys([*heads, *columns])))


def _groups(dataset: Dataset) -> list[tuple[int, int]]:
    """(row group, shard) to look at, until MAX_ROWS_SEEN rows are reached."""
    sizes = []
    for number, shard in enumerate(dataset.shards):
        with opened_shard(dataset.path / shard.path) as file:
            meta = file.metadata
        sizes += [(g, number, meta.row_group(g).num_rows) for g in range(meta.num_row_groups)]
    chosen, seen = [], 0
    for group, number, rows in sorted(sizes):
        if seen >= MAX_ROWS_SEEN:
            break
        seen += rows
        chosen.append((group, number))
    return chosen


def _fetch(
    dataset: Dataset, places: list[tuple[int, int, int]], columns: list[str]
) -> list[dict[str, Any]]:
    by_group: dict[tuple[int, int], list[int]] = {}
    for shard, group, at in places:
        by_group.setdefault((shard, group), []).append(at)
    found = {}
    for (shard, group), rows in by_group.items():
        table = _read(dataset, shard, group, columns).take(rows)
        for at, row in zip(rows, table.to_pylist(), strict=True):
            found[shard, group, at] = row
    return [found[p] for p in places]


def _read(dataset: Dataset, shard: int, group: int, columns: list[str]) -> Any:
    with opened_shard(dataset.path / dataset.shards[shard].path) as file:
        return file.read_row_group(group, columns=columns)


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
