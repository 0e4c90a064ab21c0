"""What differs between two mixtures, and from which sequence on their orders do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from castor.mixtures.described import Described

BLOCKS = 4096  # blocks whose counts are compared at once
INDICES = 1 << 18  # places of the order compared at once


def compare(old: Described, new: Described) -> dict[str, Any]:
    """What changes from one mixture to the other, as JSON.

    Returns:
        `changes`: a list of `what`, `old` and `new`; `stages`: for every stage of either, by
        number, `old` and `new` with `name`, `tokens` and `shares` (mean, by source), or None;
        `sequences`: `old` and `new`; `same_until`: the first sequences that are the same tokens
        in both; `moved`: whether any sequence of the shorter one is another, so that a run
        cannot go over from one to the other at its end.
    """
    same = same_until(old, new)
    return {
        "changes": _changes(old, new),
        "stages": _stages(old, new),
        "sequences": {"old": old.plan.sequences, "new": new.plan.sequences},
        "same_until": same,
        "moved": same < min(old.plan.sequences, new.plan.sequences),
    }


def _changes(old: Described, new: Described) -> list[dict[str, Any]]:
    found = []

    def note(what: str, before: Any, after: Any) -> None:
        if before != after:
            found.append({"what": what, "old": before, "new": after})

    note("name", old.name, new.name)
    note("seed", old.plan.seed, new.plan.seed)
    note("block", old.plan.block, new.plan.block)
    note("sequence_length", old.sequence_length, new.sequence_length)
    note("packing", old.packing, new.packing)
    note("tokenizer", old.tokenizer, new.tokenizer)
    note("sequences", old.plan.sequences, new.plan.sequences)
    note("stages", len(old.stages), len(new.stages))
    for name in sorted({*old.sources, *new.sources}):
        before, after = old.sources.get(name), new.sources.get(name)
        if before is None or after is None:
            note(f"sources.{name}", None if before is None else "there",
                 None if after is None else "there")  # fmt: skip
            continue
        for key in ("source", "split", "digest", "rows", "tokens", "max_epochs"):
            note(f"sources.{name}.{key}", getattr(before, key), getattr(after, key))
    for i, (a, b) in enumerate(zip(old.stages, new.stages)):
        for key in ("name", "rule", "begin", "end"):
            note(f"stages.{i}.{key}", getattr(a, key), getattr(b, key))
        for side in ("first", "last"):
            one: Mapping[str, float] = getattr(a, side)
            other: Mapping[str, float] = getattr(b, side)
            for name in sorted({*one, *other}):
                note(f"stages.{i}.{side}.{name}", one.get(name), other.get(name))
    return found


def _stages(old: Described, new: Described) -> list[dict[str, Any]]:
    def told(mixture: Described, i: int) -> dict[str, Any] | None:
        if i >= len(mixture.stages):
            return None
        stage = mixture.stages[i]
        tokens = (stage.end - stage.begin) * mixture.sequence_length
        return {"name": stage.name, "tokens": tokens, "shares": stage.shares}

    return [
        {"old": told(old, i), "new": told(new, i)}
        for i in range(max(len(old.stages), len(new.stages)))
    ]


def same_until(old: Described, new: Described) -> int:
    """How many sequences at the beginning are the same tokens in both, exactly."""
    rows = ("packing", "sequence_length", "tokenizer")
    if any(getattr(old, key) != getattr(new, key) for key in rows):
        return 0
    length = min(old.plan.sequences, new.plan.sequences)
    block = old.plan.block
    first = min(_agreed(old, new), length)
    if old.plan.seed == new.plan.seed and block == new.plan.block:
        first = _same_counts(old, new, first // block, length // block) * block
        # Where one of the other tokens or rows comes in, it is another sequence.
        first = min(first, _first_of_changed(old, new, first // block) * block)
    for start in range(first, length, INDICES):
        index = np.arange(start, min(start + INDICES, length))
        differs = np.flatnonzero(_identity(old, index) != _identity(new, index))
        if len(differs):
            return start + int(differs[0])
    return length


def _agreed(old: Described, new: Described) -> int:
    """Sequences at the beginning in which both have the same shares, seed and block."""
    if old.plan.seed != new.plan.seed or old.plan.block != new.plan.block:
        return 0
    agreed = 0
    for a, b in zip(old.stages, new.stages):
        shares = [{n: s for n, s in stage.items() if s} for stage in (a.first, b.first)]
        last = [{n: s for n, s in stage.items() if s} for stage in (a.last, b.last)]
        if shares[0] != shares[1] or last[0] != last[1]:
            return agreed
        if a.end != b.end:
            return agreed if a.ramp else min(a.end, b.end)
        agreed = a.end
    return agreed


def _same_counts(old: Described, new: Described, first: int, last: int) -> int:
    """The first block from `first` on in which the sources have other counts, or `last`."""
    names = sorted({*old.plan.names, *new.plan.names})
    for start in range(first, last, BLOCKS):
        ends = np.arange(start, min(start + BLOCKS, last) + 1)
        same = (_by_name(old, ends, names) == _by_name(new, ends, names)).all(1)
        # A block is the same if the counts before and after it are.
        other = np.flatnonzero(~(same[:-1] & same[1:]))
        if len(other):
            return start + int(other[0])
    return last


def _by_name(mixture: Described, ends: np.ndarray, names: list[str]) -> np.ndarray:
    counts = mixture.plan.counts(ends)
    found = np.zeros((len(ends), len(names)), np.int64)
    for i, name in enumerate(mixture.plan.names):
        found[:, names.index(name)] = counts[:, i]
    return found


def _first_of_changed(old: Described, new: Described, last: int) -> int:
    """The first block before `last` with a source whose tokens or rows changed, or `last`."""
    for name, source in old.sources.items():
        other = new.sources.get(name)
        if other is not None and (source.digest, source.rows) == (other.digest, other.rows):
            continue
        number = old.plan.names.index(name)
        low, high = -1, last  # the counts never fall: bisect for the first block with one
        while high - low > 1:
            middle = (low + high) // 2
            if old.plan.counts(np.array([middle + 1]))[0, number] > 0:
                high = middle
            else:
                low = middle
        last = min(last, high)
    return last


def _identity(mixture: Described, index: np.ndarray) -> np.ndarray:
    """What stands at each place, as the digest of its tokens and its row; [n]."""
    source, _, row = mixture.plan.locate(index)
    digests = [int(mixture.sources[n].digest[:16], 16) for n in mixture.plan.names]
    found = np.empty(len(index), [("tokens", np.uint64), ("row", np.int64)])
    found["tokens"] = np.array(digests, np.uint64)[source]
    found["row"] = row
    return found
