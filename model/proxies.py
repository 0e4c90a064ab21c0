"""The small models of an ablation: what they read, what they are asked, and their training."""

from __future__ import annotations

import dataclasses
import itertools
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from castor.filters import storage
from castor.filters.configuration import typed
from castor.filters.errors import CastorError, ConfigError
from castor.mixtures import pack
from castor.mixtures.ablate import proxy, repetition, runs
from castor.mixtures.ablate.problem import Problem
from castor.mixtures.ablate.runs import Run
from castor.mixtures.plan import PLAN_VERSION
from castor.mixtures.rows import RowSource
from castor.mixtures.tokens import Tokens
from castor.model import compact, flops
from castor.model.compact import Vocabulary
from castor.model.config import ModelConfig, OptimizerConfig
from castor.model.optimizer import phases
from castor.model.progress import Progress
from castor.model.swarm import Domain, Member, Shape, Swarm, group_size, held_out

TOKENIZER = "tokenizer"  # in the folder of a token dataset
AT_ONCE = 1 << 14  # tokens; with 768 numbers for each that is 25 MB
VERSION = 1  # another number whenever the same settings would give other losses


@dataclasses.dataclass(frozen=True)
class Request:
    """A run that is wanted."""

    purpose: str
    mixture: Mapping[str, float]
    seed: int


@dataclasses.dataclass(frozen=True)
class Program:
    """What runs of one length have in common.

    Attributes:
        tokens: of each run, whole steps.
        steps: of each run.
        slices, rows: what they see of every domain.
        vocabulary: of the ids that they see or are asked.
        model: its shape, with that vocabulary.
    """

    tokens: int
    steps: int
    slices: repetition.Slices
    rows: proxy.Rows
    vocabulary: Vocabulary
    model: ModelConfig


class Proxies:
    """Everything that the runs of one ablation share.

    Args:
        problem: the ablation with its data.
        work: folder for the indexes of the rows.

    Raises:
        ConfigError: a value of the model or optimiser is wrong, or a run is shorter than a step.
        CastorError: a target has no text that is scored, or the tokenizer is missing.
    """

    def __init__(self, problem: Problem, work: pathlib.Path) -> None:
        spec = problem.spec
        self.problem, self.length = problem, problem.sequence_length
        self.optimizer = typed(spec.optimizer, OptimizerConfig, where="optimizer of the ablation")
        self.shape = typed(spec.model, ModelConfig, where="model of the ablation")
        self.whole = self._row_sources(work)
        self.domains = self._domains()
        self._programs: dict[int, Program] = {}
        self._swarms: dict[int, Swarm] = {}
        for tokens in (spec.swarm.tokens_per_run, spec.confirm_tokens):
            self.program(tokens)

    @property
    def _tokens(self) -> Tokens:
        return next(iter(self.problem.inputs.values()))[0]

    def _row_sources(self, work: pathlib.Path) -> dict[str, RowSource]:
        kind = self.problem.mixture.packing.kind
        found = {}
        for name, (_, source) in sorted(self.problem.inputs.items()):
            folder = work / name
            pack.build_index(source, kind, self.length, folder)
            found[name] = pack.row_source(source, kind, self.length, folder)
        return found

    def _domains(self) -> dict[str, Domain]:
        from castor import tokenizer

        piece_bytes = tokenizer.load(self._tokens.path / TOKENIZER).piece_bytes
        spec, found = self.problem.spec, {}
        for name, (_, source) in sorted(self.problem.heldout.items()):
            domain = held_out(source, piece_bytes, length=self.length, tokens=spec.heldout_tokens)
            if domain.bytes:
                found[name] = domain
            elif name in spec.target_weights:
                raise CastorError(
                    f"the held-out documents of the target {name!r} have no text to take a loss of",
                    where=source.folder,
                    got=f"{source.documents} documents of {source.tokens} tokens",
                    fix="choose another target, or encode with a larger --heldout share",
                )
        return found

    def program(self, tokens: int) -> Program:
        """What runs of so many tokens have in common.

        Raises:
            ConfigError: they are shorter than a step, or too short for the schedule.
        """
        if tokens in self._programs:
            return self._programs[tokens]
        spec = self.problem.spec
        per_step = spec.batch_rows * self.length
        if tokens < per_step:
            raise ConfigError(
                "a run is shorter than one step",
                got=f"{tokens:,} tokens; a step has {per_step:,}",
                fix="raise swarm.tokens_per_run, or lower batch_rows",
            )
        steps = tokens // per_step
        phases(self.optimizer, steps)
        slices = repetition.match(
            {name: source.rows for name, source in self.whole.items()},
            proxy_tokens=steps * per_step,
            target_tokens=self.problem.target_tokens,
            matched=spec.simulated_epochs,
        )
        rows = proxy.cut(self.whole, slices.rows, sequence_length=self.length, seed=spec.seed)
        seen = (batch for source in rows.sources.values() for batch in _batches(source))
        asked = (batch for domain in self.domains.values() for batch in domain.batches)
        size = int(self._tokens.id_space["size"])
        vocabulary = compact.of(itertools.chain(seen, asked), size)
        model = self.shape.for_data(vocabulary.size, dict(rows.soft_dims))
        found = Program(steps * per_step, steps, slices, rows, vocabulary, model)
        self._programs[tokens] = found
        return found

    def facts(self) -> dict[str, Any]:
        """What the runs have in common, as JSON.

        Returns:
            `proxy` and `held_out` of `ablation.json`; and for who fits the runs again: `training`
            (see Problem), `heldout`, the digests of the held-out documents, and `settings`, those
            of the runs of the `swarm` and of the `confirm` runs.
        """
        spec, problem = self.problem.spec, self.problem
        tokens = {"swarm": spec.swarm.tokens_per_run, "confirm": spec.confirm_tokens}
        return {
            "proxy": self._small_models(),
            "held_out": {
                n: {"tokens": d.tokens, "bytes": d.bytes} for n, d in self.domains.items()
            },
            "training": problem.training,
            "heldout": problem.heldout_digests,
            "settings": {name: self.settings(n) for name, n in tokens.items()},
        }

    def _small_models(self) -> dict[str, Any]:
        spec = self.problem.spec
        swarm, confirm = map(self.program, (spec.swarm.tokens_per_run, spec.confirm_tokens))
        model = swarm.model
        counted = flops.parameters(model)
        output = 0 if model.tie_embeddings else model.vocabulary * model.d_model
        return {
            "parameters": counted.total,
            "parameters_without_embeddings": counted.total - counted.embedding - output,
            "model": model.model_dump(mode="json"),
            "optimizer": self.optimizer.model_dump(mode="json"),
            "batch_rows": spec.batch_rows,
            "sequence_length": self.length,
            "tokens_per_run": swarm.tokens,
            "confirm_tokens": confirm.tokens,
            "simulated_epochs": spec.simulated_epochs,
            "slices": dict(swarm.slices.rows),
            "short_slices": list(swarm.slices.short),
        }

    def settings(self, tokens: int) -> str:
        """The digest of all that determines the losses of runs, but their mixtures and seeds."""
        spec, program = self.problem.spec, self.program(tokens)
        settings = {
            "version": VERSION, "plan": PLAN_VERSION, "steps": program.steps,
            "batch_rows": spec.batch_rows, "sequence_length": self.length,
            "packing": self.problem.mixture.packing.kind,
            "model": program.model.model_dump(mode="json"),
            "optimizer": self.optimizer.model_dump(mode="json"),
            "slices": dict(program.slices.rows), "slice_seed": spec.seed,
            "sources": self.problem.digests, "heldout": self.problem.heldout_digests,
            "heldout_tokens": spec.heldout_tokens,
        }  # fmt: skip
        return storage.digest_of(settings)

    def train(
        self,
        requests: Sequence[Request],
        tokens: int,
        known: Mapping[str, Run],
        on_group: Callable[[list[Run]], None],
    ) -> list[Run]:
        """The runs that are wanted, in their order; trains those that are not known yet.

        Args:
            tokens: of each run.
            known: runs by key, of this and earlier ablations.
            on_group: given the runs of every group as soon as it is trained.
        """
        settings = self.settings(tokens)
        keys = [runs.key_of(request.mixture, request.seed, settings) for request in requests]
        found = {key: known[key] for key in keys if key in known}
        missing = [r for r, key in zip(requests, keys) if key not in found]
        if missing:
            swarm = self._swarm(tokens)
            groups = [missing[i : i + swarm.size] for i in range(0, len(missing), swarm.size)]
            with Progress("steps", swarm.shape.steps * len(groups)) as progress:
                for number, group in enumerate(groups):
                    say = _Saying(progress, number * swarm.shape.steps, number, len(groups), group)
                    made = self._group(swarm, group, tokens, say)
                    on_group(made)
                    found |= {run.key: run for run in made}
        return [
            dataclasses.replace(found[key], purpose=r.purpose) for r, key in zip(requests, keys)
        ]

    def _swarm(self, tokens: int) -> Swarm:
        """The programs for runs of so many tokens; the swarm's serve the confirm runs too.

        The size of a group does not depend on what is missing: that of an ablation that goes on
        is that of one that was never interrupted.
        """
        if tokens not in self._swarms:
            spec, program = self.problem.spec, self.program(tokens)
            of_swarm = tokens == spec.swarm.tokens_per_run
            count = spec.swarm.runs if of_swarm else 2 * spec.confirm.seeds
            shape = Shape(
                program.model, self.optimizer, spec.batch_rows, program.steps, len(self.whole)
            )
            size = group_size(count, spec.parallel)
            self._swarms[tokens] = Swarm(shape, size, self.domains, program.vocabulary)
        return self._swarms[tokens]

    def _group(
        self, swarm: Swarm, group: Sequence[Request], tokens: int, on_step: Callable[[int], None]
    ) -> list[Run]:
        program = self.program(tokens)
        sequences = program.steps * self.problem.spec.batch_rows
        members = [
            Member(program.rows.mixture(r.mixture, sequences=sequences, seed=r.seed), r.seed)
            for r in group
        ]
        made = []
        for request, outcome in zip(group, swarm.train(members, on_step)):
            run = runs.finished(
                self.settings(tokens), request.purpose, dict(request.mixture), request.seed,
                program.tokens, self.problem.digests, outcome.losses,
            )  # fmt: skip
            if outcome.lost_steps:
                why = f"{outcome.lost_steps} of {program.steps} steps were not finite"
                run = dataclasses.replace(run, losses={}, lost=why)
            made.append(run)
        return made


@dataclasses.dataclass(frozen=True)
class _Saying:
    """Shows how far a group is."""

    progress: Progress
    before: int
    number: int
    groups: int
    group: Sequence[Request]

    def __call__(self, done: int) -> None:
        note = f"{len(self.group)} models at once, group {self.number + 1} of {self.groups}"
        self.progress.update(self.before + done, f"{self.group[0].purpose}: {note}")


def _batches(source: RowSource) -> Iterator[Mapping[str, np.ndarray]]:
    """All rows of a source, a few at a time: soft inputs come with them."""
    at_once = max(1, AT_ONCE // source.sequence_length)
    for start in range(0, source.rows, at_once):
        yield source.gather(np.arange(start, min(start + at_once, source.rows)))
