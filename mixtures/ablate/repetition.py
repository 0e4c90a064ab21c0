"""Simulated epoching: a small run repeats its data as often as the target run would.

A proxy of P tokens on a source that the target of C tokens will see e times must itself see it e
times, or a scarce source looks better than it is. So every source is cut to c_i · P / C tokens
for the proxies (group repeat matching; in arXiv 2606.07597 weights were wrong by 0.75 without it
and by 0.05 with it).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from castor.filters.errors import ConfigError


@dataclasses.dataclass(frozen=True)
class Slices:
    """How much of every source the proxies see.

    Attributes:
        rows: rows of each slice, by name; at least one.
        exact: whether every slice repeats as in the target run, to the rounding of one row.
        short: sources that are smaller than their slice should be (the proxies see more tokens
            than the target run), or whose slice is less than one row.
    """

    rows: Mapping[str, int]
    exact: bool
    short: tuple[str, ...]


def match(
    rows: Mapping[str, int], *, proxy_tokens: int, target_tokens: int, matched: bool = True
) -> Slices:
    """The slices for one size of proxy.

    Args:
        rows: of every source.
        proxy_tokens, target_tokens: of one proxy run, and of what it stands for.
        matched: False gives everything: no simulated epoching.

    Raises:
        ConfigError: a source without a row.
    """
    empty = sorted(name for name, n in rows.items() if n < 1)
    if empty:
        raise ConfigError(
            "sources without one whole row of tokens",
            got=", ".join(empty),
            fix="leave them out, or shorten sequence_length",
        )
    if not matched:
        return Slices(dict(rows), False, ())
    share = proxy_tokens / target_tokens
    wanted = {name: n * share for name, n in rows.items()}
    short = sorted(name for name, w in wanted.items() if w > rows[name] + 0.5 or w < 0.5)
    cut = {name: min(rows[name], max(1, round(w))) for name, w in wanted.items()}
    return Slices(cut, not short, tuple(short))


def choose(rows: int, kept: int, *, seed: int) -> np.ndarray:
    """Which rows of a source are its slice: int64 [kept], ascending, the same for every run.

    A larger slice with the same seed holds every row of a smaller one.
    """
    return np.sort(np.random.default_rng(seed).permutation(rows)[:kept]).astype(np.int64)
