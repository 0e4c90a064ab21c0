"""What a mixture will do, before it does: tokens, shares, epochs and caps, by stage and in total.

All figures are those of the plan itself, counted at the ends of stages, not of its weights.
Tokens are rows times the length of a row: a padded row counts in full.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from castor.filters.errors import GateError
from castor.mixtures.inputs import Input
from castor.mixtures.plan import PLAN_VERSION, Plan
from castor.mixtures.resolve import Resolved, Stage

# Whole rows: a source that a cap has clamped may end one row above it, as every count may.
ROUNDING = 1


def preview(resolved: Resolved, inputs: Sequence[Input]) -> dict[str, Any]:
    """The figures of a mixture, as JSON.

    Args:
        inputs: the sources, in the spec's order.

    Returns:
        `name`, `sequence_length`, `packing`, `sequences`, `tokens`, `plan_version`; `budget`
        (`tokens`, `optimum`, `overtraining`) or None; `sources`: what there is of each; `stages`:
        `name`, `rule`, `ramp`, `begin` and `end` (sequences), `tokens`, `asked_tokens`, and by
        source `asked` (the rule's weight), `first` and `last` (shares at its beginning and end),
        `share`, `tokens`, `epochs` (in the stage), `epochs_so_far`, `unique_tokens` and
        `unique` (read for the first time, and their share of the stage's), `capped`; `total`: by
        source the same for the run, with `raise` (share in the last stage over that in the
        first); `problems`: where the mixture cannot be read as `max_epochs` demand.
    """
    spec, plan = resolved.spec, resolved.plan
    length = spec.sequence_length
    ends = np.cumsum([0, *(s.blocks for s in resolved.stages)])
    counts = plan.counts(ends)
    rows = np.array([i.rows for i in inputs])
    stages = [
        _stage(stage, counts[i], counts[i + 1], rows, length)
        for i, stage in enumerate(resolved.stages)
    ]
    budget = resolved.budget
    return {
        "name": spec.name,
        "sequence_length": length,
        "packing": spec.packing.kind,
        "plan_version": PLAN_VERSION,
        "seed": spec.seed,
        "block": spec.block,
        "sequences": plan.sequences,
        "tokens": plan.sequences * length,
        "budget": None if budget is None else {
            "tokens": budget.tokens,
            "optimum": budget.optimum,
            "overtraining": None if budget.optimum is None else
            plan.sequences * length / budget.optimum,
        },
        "sources": {i.name: _source(i) for i in inputs},
        "stages": stages,
        "total": _total(counts[-1], rows, length, list(plan.names), stages, inputs),
        "problems": problems(resolved, inputs),
    }  # fmt: skip


def _source(given: Input) -> dict[str, Any]:
    return {
        "rows": given.rows,
        "documents": given.source.documents,
        "tokens": given.source.tokens,
        "text_bytes": given.source.text_bytes,
        "padding": given.packed["padding"],
        "max_epochs": given.max_epochs,
    }


def _stage(
    stage: Stage, begin: np.ndarray, end: np.ndarray, rows: np.ndarray, length: int
) -> dict[str, Any]:
    taken = end - begin
    total = int(taken.sum())
    new = np.minimum(end, rows) - np.minimum(begin, rows)
    return {
        "name": stage.spec.name,
        "rule": stage.spec.rule,
        "ramp": stage.spec.ramp,
        "begin": int(begin.sum()),
        "end": int(end.sum()),
        "tokens": total * length,
        "asked_tokens": stage.asked_blocks * (total // stage.blocks) * length,
        "unique": float(new.sum() / total),
        "sources": {
            name: {
                "asked": asked,
                "first": stage.first[name],
                "last": stage.last[name],
                "share": int(taken[i]) / total,
                "tokens": int(taken[i]) * length,
                "epochs": int(taken[i]) / int(rows[i]),
                "epochs_so_far": int(end[i]) / int(rows[i]),
                "unique_tokens": int(new[i]) * length,
                "unique": int(new[i]) / int(taken[i]) if taken[i] else None,
                "capped": name in stage.capped,
            }
            for i, (name, asked) in enumerate(stage.asked.items())
        },
    }


def _total(
    count: np.ndarray, rows: np.ndarray, length: int, names: Sequence[str],
    stages: Sequence[Mapping[str, Any]], inputs: Sequence[Input],
) -> dict[str, Any]:  # fmt: skip
    total = int(count.sum())
    unique = np.minimum(count, rows)
    first, last = stages[0]["sources"], stages[-1]["sources"]
    found = {}
    for i, name in enumerate(names):
        n = int(count[i])
        source = inputs[i].source
        found[name] = {
            "share": n / total,
            "tokens": n * length,
            "epochs": n / int(rows[i]),
            "unique_tokens": int(unique[i]) * length,
            "unique": int(unique[i]) / n if n else None,
            "text_bytes": round(n * source.text_bytes / int(rows[i])),
            "raise": _ratio(last[name]["share"], first[name]["share"]),
            "capped": any(s["sources"][name]["capped"] for s in stages),
            "max_epochs": inputs[i].max_epochs,
        }
    return {
        "sequences": total,
        "tokens": total * length,
        "unique": float(unique.sum() / total),
        "sources": found,
    }


def _ratio(last: float, first: float) -> float | None:
    """None where the first is zero: the source comes in later."""
    return last / first if first else None


def problems(resolved: Resolved, inputs: Sequence[Input]) -> list[dict[str, Any]]:
    """Where the plan reads a source more often than `max_epochs` allow.

    Returns:
        One for each source and limit that is broken: `source`, `stage`, `max_epochs`, `epochs`
        (reached), `sequence` and `token` from which it is over, and `fix`.
    """
    plan, found = resolved.plan, []
    starts = np.cumsum([0, *(s.blocks for s in resolved.stages)])
    for number, given in enumerate(inputs):
        if given.max_epochs is not None:
            most = given.max_epochs * given.rows
            over = _over(plan, number, 0, plan.blocks, most)
            if over is not None:
                stage = int(np.searchsorted(starts, over // plan.block, side="right")) - 1
                found.append(_problem(resolved, given, stage, over, given.max_epochs, None))
        for i, stage_made in enumerate(resolved.stages):
            limit = stage_made.spec.max_epochs
            if limit is None:
                continue
            first, last = int(starts[i]), int(starts[i + 1])
            over = _over(plan, number, first, last, limit * given.rows)
            if over is not None:
                found.append(_problem(resolved, given, i, over, limit, (first, last)))
    return found


def _over(plan: Plan, source: int, first: int, last: int, most: float) -> int | None:
    """The first sequence after block `first`, before `last`, at which a source goes over."""
    begin = int(plan.counts(np.array([first]))[0, source])
    allowed = begin + math.floor(most) + ROUNDING
    if int(plan.counts(np.array([last]))[0, source]) <= allowed:
        return None
    low, high = first, last  # the counts never fall: bisect
    while high - low > 1:
        middle = (low + high) // 2
        if int(plan.counts(np.array([middle]))[0, source]) <= allowed:
            low = middle
        else:
            high = middle
    index = np.arange(low * plan.block, high * plan.block)
    mine = index[plan.locate(index)[0] == source]
    return int(mine[allowed - int(plan.counts(np.array([low]))[0, source])])


def _problem(
    resolved: Resolved, given: Input, stage: int, sequence: int, limit: float,
    blocks: tuple[int, int] | None,
) -> dict[str, Any]:  # fmt: skip
    plan = resolved.plan
    number = plan.names.index(given.name)
    first, last = blocks or (0, plan.blocks)
    begin, end = plan.counts(np.array([first, last]))[:, number]
    key = f"stages.{stage}.max_epochs" if blocks else f"sources.{given.name}.max_epochs"
    spec = resolved.stages[stage].spec
    # A ramp reads by the shares before it too, which no cap of its own changes.
    capped = spec.cap is not None or spec.rule == "unimax"
    cure = "write ramp: step" if capped and spec.ramp == "linear" else "set cap: water-fill"
    return {
        "source": given.name,
        "stage": spec.name,
        "limit": key,
        "max_epochs": limit,
        "epochs": int(end - begin) / given.rows,
        "sequence": sequence,
        "token": sequence * resolved.spec.sequence_length,
        "fix": f"raise {key}, lower the weight of {given.name}, {cure}, or shorten the run",
    }


def check(found: Mapping[str, Any], *, where: object) -> None:
    """Refuses a mixture whose preview has problems.

    Raises:
        GateError: names the first source that runs dry, and where.
    """
    if not found["problems"]:
        return
    first, *others = found["problems"]
    more = f"; likewise {', '.join(sorted({p['source'] for p in others}))}" if others else ""
    raise GateError(
        f"the source {first['source']!r} runs dry",
        where=where,
        got=f"{first['max_epochs']:g} epochs used up in stage {first['stage']} at token "
        f"{first['token']:,} (sequence {first['sequence']:,}), the plan reads "
        f"{first['epochs']:.2f}{more}",
        fix=first["fix"],
    )
