"""From a spec and the sizes of its sources to stages with a length and shares.

A source's size is its rows times the length of a row: the plan deals in rows. Stages are whole
blocks, so that a stage that changes moves nothing before it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from castor.filters.errors import ConfigError, GateError
from castor.mixtures import weights
from castor.mixtures.budget import Budget, budget
from castor.mixtures.plan import Plan, PlanStage
from castor.mixtures.spec import MixtureSpec, StageSpec


@dataclasses.dataclass(frozen=True)
class Stage:
    """One stage, resolved.

    Attributes:
        spec: what it was made of.
        blocks: its length; `asked_blocks` is what the spec asked for.
        asked: the rule's weights by source, sum 1, before caps.
        first, last: shares at its beginning and end.
        capped: sources whose weight a cap has changed.
    """

    spec: StageSpec
    blocks: int
    asked_blocks: int
    asked: Mapping[str, float]
    first: Mapping[str, float]
    last: Mapping[str, float]
    capped: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Resolved:
    """A mixture of which everything is decided.

    Attributes:
        spec: what it was made of.
        rows: of every source.
        stages: in order.
        plan: the order of its sequences.
        budget: of the spec, or None.
    """

    spec: MixtureSpec
    rows: Mapping[str, int]
    stages: tuple[Stage, ...]
    plan: Plan
    budget: Budget | None


def resolve(spec: MixtureSpec, rows: Mapping[str, int]) -> Resolved:
    """Decides lengths and shares of all stages.

    Args:
        rows: of every source of the spec.

    Raises:
        ConfigError: stages do not increase, one is shorter than a block, or the block is too
            small for the number of sources.
        GateError: a stage with a cap cannot be filled under `max_epochs`.
    """
    names = list(spec.sources)
    lengths, run = _lengths(spec)
    row_counts = np.array([rows[n] for n in names], np.float64)
    most = row_counts * np.array([spec.sources[n].max_epochs or math.inf for n in names])
    used, before = np.zeros(len(names)), np.zeros(len(names))
    stages = []
    for stage_spec, blocks in zip(spec.stages, lengths):
        maker = _Maker(spec, stage_spec, row_counts, np.maximum(0.0, most - used), before)
        stage, used_now = maker.make(blocks)
        used, before = used + used_now, np.array([stage.last[n] for n in names])
        stages.append(stage)
    plan_stages = [
        PlanStage(s.blocks, tuple(s.first.values()), tuple(s.last.values())) for s in stages
    ]
    plan = Plan(
        names, [rows[n] for n in names], plan_stages, seed=spec.seed, block=spec.block
    )  # fmt: skip
    return Resolved(spec, {n: rows[n] for n in names}, tuple(stages), plan, run)


def _lengths(spec: MixtureSpec) -> tuple[list[int], Budget | None]:
    """The blocks of every stage as the spec asks for them; ends are rounded to the nearest."""
    run = None if spec.budget is None else budget(spec.budget)
    block_tokens = spec.block * spec.sequence_length
    lengths, previous, previous_tokens = [], 0, 0.0
    for stage in spec.stages:
        if stage.until_tokens is not None:
            tokens = float(stage.until_tokens)
        else:
            assert run is not None  # the spec demands a budget where a stage has no tokens
            tokens = run.tokens * (1.0 if stage.until is None else stage.until)
        if tokens <= previous_tokens:
            raise ConfigError(
                "the stages must end one after the other",
                where=f"stage {stage.name}",
                got=f"an end at {tokens:,.0f} tokens, the stage before ends at "
                f"{previous_tokens:,.0f}",
            )
        end = math.floor(tokens / block_tokens + 0.5)
        if end <= previous:
            raise ConfigError(
                "the stage is shorter than a block",
                where=f"stage {stage.name}",
                got=f"{tokens - previous_tokens:,.0f} tokens; a block has {block_tokens:,} "
                f"({spec.block} rows of {spec.sequence_length})",
                fix="make the stage longer, or `block` smaller",
            )
        lengths.append(end - previous)
        previous, previous_tokens = end, tokens
    return lengths, run


@dataclasses.dataclass(frozen=True)
class _Maker:
    """Makes one stage; amounts are in rows.

    Attributes:
        rows: of the sources.
        left: rows that the sources' own limits leave, repetitions counted.
        before: shares at the end of the stage before.
    """

    spec: MixtureSpec
    stage: StageSpec
    rows: np.ndarray
    left: np.ndarray
    before: np.ndarray

    def make(self, asked_blocks: int) -> tuple[Stage, np.ndarray]:
        """The stage, and the rows that it uses of every source."""
        names = list(self.spec.sources)
        available = self.left
        if self.stage.max_epochs is not None:
            available = np.minimum(available, self.stage.max_epochs * self.rows)
        asked, last, blocks, capped = self._weights(asked_blocks, available)
        if blocks < 1:
            raise GateError(
                "the sources run dry: max_epochs leave less than a block for the stage",
                where=f"stage {self.stage.name}",
                got=", ".join(n for n, a, w in zip(names, available, asked) if w and a < 1) or None,
                fix="raise max_epochs, add data, or leave the stage out",
            )
        first = self.before if self.stage.ramp == "linear" else last
        stage = Stage(
            self.stage, blocks, asked_blocks, dict(zip(names, asked.tolist())),
            dict(zip(names, first.tolist())), dict(zip(names, last.tolist())),
            tuple(n for n, hit in zip(names, capped) if hit),
        )  # fmt: skip
        return stage, blocks * self.spec.block * (first + last) / 2

    def _weights(
        self, blocks: int, available: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, int, np.ndarray]:
        """The rule's weights, those after caps, the blocks that remain, which are capped."""
        length = float(blocks * self.spec.block)
        if self.stage.rule == "unimax":
            asked = np.full(len(self.rows), 1 / len(self.rows))
            most = self._most(available, length)
            amounts = self._filled(
                weights.unimax(self.rows, length, most / self.rows, shrink=True), length
            )
            capped = amounts >= most * (1 - weights.SLACK)
            shares = weights.normalised(amounts)
            return asked, shares, self._blocks(float(amounts.sum()), blocks), capped
        asked = self._asked()
        if self.stage.cap == "strict":
            mean = (self.before + asked) / 2 if self.stage.ramp == "linear" else asked
            fits = weights.strict(mean, length, available)
            capped = (fits < length) & (mean * fits >= available * (1 - weights.SLACK))
            return asked, asked, self._blocks(fits, blocks), capped
        if self.stage.cap == "water-fill":
            shares, capped = weights.water_fill(asked, self._most(available, length) / length)
            total = math.fsum(shares.tolist())
            self._filled(shares * length, length)
            shares = shares if total <= 0 else weights.normalised(shares)
            return asked, shares, self._blocks(total * length, blocks), capped
        return asked, asked, blocks, np.zeros(len(self.rows), bool)

    def _most(self, available: np.ndarray, length: float) -> np.ndarray:
        """The greatest amounts of a stage of so many rows with the shares of this one's end."""
        if self.stage.ramp == "step":
            return available
        # Of a ramp's rows half follow the shares at its end, and half those before it.
        return np.maximum(0.0, 2 * available - self.before * length)

    def _asked(self) -> np.ndarray:
        """The weights of the stage's rule, sum 1."""
        if self.stage.weights is not None:
            return weights.normalised([self.stage.weights[n] for n in self.spec.sources])
        if self.stage.temperature is not None:
            limit = self.stage.limit
            rows = math.inf if limit is None else limit / self.spec.sequence_length
            return weights.temperature(self.rows, self.stage.temperature, rows)
        return weights.proportional(self.rows)

    def _blocks(self, rows: float, most: int) -> int:
        """The whole blocks in so many rows."""
        return min(most, math.floor(rows / self.spec.block + 1e-6))

    def _filled(self, amounts: np.ndarray, length: float) -> np.ndarray:
        """The amounts, if they fill the stage or it may be shortened."""
        missing = length - math.fsum(amounts.tolist())
        if missing > weights.SLACK * length and not self.stage.shrink:
            tokens = self.spec.sequence_length
            raise weights.runs_dry(
                length * tokens, missing * tokens, where=f"stage {self.stage.name}"
            )
        return amounts
