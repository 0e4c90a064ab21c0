"""What a training is, settled before anything is allocated: configuration, mixture, length."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from castor.filters import configuration
from castor.filters.errors import ConfigError
from castor.mixtures.compiled import Compiled
from castor.mixtures.plan import Plan
from castor.model.config import TrainConfig
from castor.model.optimizer import phases

# What may differ between a checkpoint and the configuration that goes on from it: how long, on
# which devices, and what is written when. None of them changes what a step computes, but for the
# order of sums between devices, and the schedule where it depends on the length.
MAY_DIFFER = ("steps", "tokens", "mesh", "checkpoint_every", "keep", "log_every")
BLOCKS = 1 << 16  # blocks of a plan compared at a time


@dataclasses.dataclass(frozen=True)
class Setup:
    """A training with everything known.

    Attributes:
        config: with steps, vocabulary and soft inputs filled in.
        compiled: the mixture.
        steps: how many there are to be in all.
    """

    config: TrainConfig
    compiled: Compiled
    steps: int

    @property
    def tokenizer_sha256(self) -> str:
        """Of the tokenizer that made the mixture's ids."""
        return str(self.compiled.manifest["tokenizer"]["sha256"])

    @property
    def made_from(self) -> dict[str, Any]:
        """What determines the parameters, as JSON without paths."""
        found = self.compiled.manifest
        mixture = {
            "tokenizer": self.tokenizer_sha256,
            "sequence_length": self.compiled.sequence_length,
            "packing": found["packing"],
            "sources": {line["name"]: line["digest"] for line in found["sources"]},
            "plan": self.compiled.plan.to_json(),
        }
        config = self.config.model_dump(mode="json", exclude={"mixture"})
        return {"config": config, "mixture": mixture}


def read(
    path: str | pathlib.Path, settings: Sequence[str] = (), steps: int | None = None
) -> TrainConfig:
    """The configuration in a file, with settings; `steps` overrides how long it says.

    Raises:
        ConfigError: it cannot be read, or a key or value is wrong.
    """
    text = configuration.read(path, "training")
    config = configuration.parse(text, TrainConfig, kind="training", where=path, settings=settings)
    if steps is not None:
        config = config.model_copy(update={"steps": steps, "tokens": None})
    return config


def settle(config: TrainConfig, compiled: Compiled) -> Setup:
    """Checks the configuration against the mixture and fills in what that decides.

    Raises:
        ConfigError: neither says how long to train, the mixture runs out before, the schedule
            does not fit, or the vocabularies differ.
    """
    length = compiled.sequence_length
    steps = config.steps_for(length)
    available = compiled.sequences // config.batch_rows
    if steps is None:
        steps = available
    if not 0 < steps <= available:
        raise ConfigError(
            "the mixture runs out before the training ends",
            where=f"{steps:,} steps of {config.batch_rows} rows",
            got=f"{compiled.sequences:,} sequences in the mixture, enough for {available:,} steps",
            fix="train fewer steps, raise the mixture's budget, or add data",
        )
    phases(config.optimizer, steps)
    model = config.model.for_data(int(compiled.id_space["size"]), dict(compiled.soft_dims))
    settled = config.model_copy(update={"model": model, "steps": steps, "tokens": None})
    return Setup(settled, compiled, steps)


def check_same(found: Mapping[str, Any], setup: Setup, *, step: int, where: object) -> None:
    """Refuses to go on from what another configuration or mixture made.

    Args:
        found: `made_from` of what is there.
        step: how many steps were trained of it: what the mixture holds after them may differ.

    Raises:
        ConfigError: it names every value that differs.
    """
    old, new = _flat(found, ""), _flat(setup.made_from, "")
    differing = [
        f"{key.removeprefix('config.')}: {_short(old.get(key))} there, {_short(new.get(key))} now"
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key) and not _may_differ(key)
    ]
    plan = found["mixture"]["plan"]
    if not differing and not same_order(plan, setup.compiled.plan, step * setup.config.batch_rows):
        differing = [f"the order of the mixture's first {step * setup.config.batch_rows} sequences"]
    if differing:
        raise ConfigError(
            "the training there was made from something else",
            where=where,
            got="; ".join(differing),
            fix="give another folder, undo the change, or --force to begin anew",
        )


def same_order(old: Mapping[str, Any], plan: Plan, sequences: int) -> bool:
    """Whether two plans have the same order up to a number of sequences.

    A plan's order is made block by block of its seed, names, rows and the counts of the blocks
    so far, so those are compared: later stages may differ, and the run may be longer.
    """
    new = plan.to_json()
    if any(old[key] != new[key] for key in new if key != "stages"):
        return False
    before = Plan.from_json(old)
    blocks = -(-sequences // plan.block)
    if blocks > min(before.blocks, plan.blocks):
        return False
    return all(
        np.array_equal(before.counts(ends), plan.counts(ends))
        for start in range(0, blocks + 1, BLOCKS)
        for ends in [np.arange(start, min(start + BLOCKS, blocks + 1))]
    )


def _may_differ(key: str) -> bool:
    if key.startswith("mixture.plan."):  # compared by `same_order`
        return True
    return key.startswith("config.") and key.split(".")[1] in MAY_DIFFER


def _flat(value: Any, prefix: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        return {prefix: value}
    found: dict[str, Any] = {}
    for key, inner in value.items():
        found |= _flat(inner, f"{prefix}.{key}" if prefix else str(key))
    return found


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 16 else f"{text[:12]}..."
