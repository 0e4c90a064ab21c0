"""What a training is, settled before anything is allocated: configuration, mixture, length."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from castor.filters import configuration
from castor.filters.errors import ConfigError
from castor.mixtures.compiled import Compiled
from castor.model.config import TrainConfig
from castor.model.optimizer import phases

# What may differ between a checkpoint and the configuration that goes on from it: how long, on
# which devices, and what is written when. None of them changes what a step computes, but for the
# order of sums between devices, and the schedule where it depends on the length.
MAY_DIFFER = ("steps", "tokens", "mesh", "checkpoint_every", "keep", "log_every")


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
    def made_from(self) -> dict[str, Any]:
        """What determines the parameters, as JSON without paths."""
        config = self.config.model_dump(mode="json", exclude={"mixture"})
        return {"config": config, "mixture": self.compiled.manifest["blake2b"]}


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


def check_same(found: Mapping[str, Any], setup: Setup, *, where: object) -> None:
    """Refuses to go on from what another configuration or mixture made.

    Raises:
        ConfigError: it names every value that differs.
    """
    old, new = _flat(found, ""), _flat(setup.made_from, "")
    differing = [
        f"{key.removeprefix('config.')}: {_short(old.get(key))} there, {_short(new.get(key))} now"
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key)
        and key.removeprefix("config.").split(".")[0] not in MAY_DIFFER
    ]
    if differing:
        raise ConfigError(
            "the training there was made from something else",
            where=where,
            got="; ".join(differing),
            fix="give another folder, undo the change, or --force to begin anew",
        )


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
