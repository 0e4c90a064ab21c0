"""The exact re-check of hits: what of which item really stands where in a document.

A hit is a hash. Here the words themselves are compared, as strings, and the match is
extended both ways as far as they agree. What the hashes got wrong is gone after this.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa

from castor.pipelines.decontaminate.index import Index
from castor.pipelines.decontaminate.parts import Kind, Rule
from castor.pipelines.decontaminate.scan import scan
from castor.pipelines.decontaminate.units import Units, units_of

# Runs count together if they lie within this many times the part's length, plus SLACK units:
# what a long document says in many places is not an item.
_SPREAD = 3
_SLACK = 64


@dataclasses.dataclass(frozen=True)
class Run:
    """Units of a document that agree with units of a part, extended as far as they do.

    Attributes:
        first, last: the units in the document, half-open.
        at: the first of them in the part.
        rare: whether a gram led here that is not common in the corpus.
    """

    first: int
    last: int
    at: int
    rare: bool

    def __len__(self) -> int:
        return self.last - self.first


@dataclasses.dataclass(frozen=True)
class Match:
    """What a document has of one part of an item.

    Attributes:
        part: number of the part in the index.
        kind, rule: see the index.
        n_units: units of the part.
        coverage: share of them that the runs cover.
        runs: in the document's order, all within one stretch of it.
    """

    part: int
    kind: Kind
    rule: Rule
    n_units: int
    coverage: float
    runs: tuple[Run, ...]

    @property
    def longest(self) -> int:
        """Units of the longest run."""
        return max(len(run) for run in self.runs)

    @property
    def rare(self) -> bool:
        """Whether any run is more than common words."""
        return any(run.rare for run in self.runs)


def verify(text: str, index: Index, common: np.ndarray | None = None) -> tuple[Units, list[Match]]:
    """All verified matches of a document, by item, kind and part; and its units.

    Args:
        text: the document.
        index: what is looked for.
        common: bool[grams] of `scan.common_grams`; None if nothing is common.
    """
    document = Units(text)
    hits = scan(pa.array([text], pa.large_string()), index)
    runs: dict[int, list[Run]] = {}
    done: dict[tuple[int, int], int] = {}
    rare_at: dict[tuple[int, int], int] = {}
    for gram, unit in hits[:, 1:].tolist():
        rare = common is None or not common[gram]
        first, last = index.posting_offsets[gram], index.posting_offsets[gram + 1]
        for part, position in index.postings[first:last].tolist():
            diagonal = (part, unit - position)
            if done.get(diagonal, -1) > unit:  # inside the run found last
                if rare and not runs[part][rare_at[diagonal]].rare:
                    at = rare_at[diagonal]
                    runs[part][at] = dataclasses.replace(runs[part][at], rare=True)
                continue
            run = _extend(document, units_of(index.text(part)), unit, position, rare)
            if len(run) >= index.parts["run"][part] and run.first <= unit < run.last:
                found = runs.setdefault(part, [])
                found.append(run)
                done[diagonal], rare_at[diagonal] = run.last, len(found) - 1
    matches = [_match(index, part, found) for part, found in sorted(runs.items())]
    kept = [m for m in matches if m.rule is Rule.GRAMS or m.coverage == 1.0]
    items = index.parts["item"]
    return document, sorted(kept, key=lambda m: (int(items[m.part]), m.kind, m.part))


def _extend(document: Units, part: Units, unit: int, position: int, rare: bool) -> Run:
    """The longest run of equal words around a hit; empty if not even the first one is equal."""
    first, at = unit, position
    while first > 0 and at > 0 and document[first - 1] == part[at - 1]:
        first, at = first - 1, at - 1
    last, to = unit, position
    while last < len(document) and to < len(part) and document[last] == part[to]:
        last, to = last + 1, to + 1
    return Run(first, last, at, rare)


def _match(index: Index, part: int, runs: list[Run]) -> Match:
    """The stretch of the document that covers most of the part; of equal ones the first."""
    n_units = len(units_of(index.text(part)))
    runs = sorted(runs, key=lambda r: (r.first, r.at))
    width = _SPREAD * n_units + _SLACK
    best: tuple[float, list[Run]] = (-1.0, [])
    for i, start in enumerate(runs):
        near = [r for r in runs[i:] if r.last <= start.first + width]
        covered = np.zeros(n_units, bool)
        for run in near:
            covered[run.at : run.at + len(run)] = True
        share = float(covered.mean())
        if share > best[0]:
            best = (share, near)
        if i and i > 64:  # enough: such a document repeats itself
            break
    row = index.parts[part]
    return Match(part, Kind(row["kind"]), Rule(row["rule"]), n_units, best[0], tuple(best[1]))
