"""A trained model as a folder holds it: which checkpoint, what configuration, its parameters."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from typing import Any

import jax
from jax.sharding import Mesh

from castor.filters import configuration
from castor.filters.errors import CastorError, ConfigError
from castor.model import programs
from castor.model.checkpoint import DATA, STATE, Checkpoints
from castor.model.config import MeshConfig, ModelConfig, OptimizerConfig
from castor.model.sharding import make_mesh

CHECKPOINTS = "checkpoints"


@dataclasses.dataclass(frozen=True)
class Trained:
    """One checkpoint, checked but not read.

    Attributes:
        out: the folder of the training.
        step: which checkpoint.
        named: whether that checkpoint was asked for, not the training.
        model: the shape, with vocabulary and soft inputs.
        data: what the checkpoint holds beside the state.
    """

    out: pathlib.Path
    step: int
    named: bool
    model: ModelConfig
    data: dict[str, Any]

    @property
    def sequence_length(self) -> int:
        """Positions of a training sequence: what the model has seen of context."""
        return int(self.data["sequence_length"])

    @property
    def tokenizer_sha256(self) -> str:
        """Of the tokenizer that made the ids it was trained on."""
        return str(self.data["tokenizer_sha256"])

    def mesh(self) -> Mesh:
        """The mesh that it was trained on, if there are as many devices; else the first one."""
        trained_on = MeshConfig(**self.data["made_from"]["config"]["mesh"])
        if trained_on.devices == len(jax.devices()):
            return make_mesh(trained_on)
        return make_mesh(MeshConfig(), jax.devices()[:1])

    def params(self, mesh: Mesh) -> Any:
        """The parameters, on a mesh.

        Raises:
            CastorError: the checkpoint cannot be read.
        """
        config = self.data["made_from"]["config"]
        optimizer = OptimizerConfig(**config["optimizer"])
        abstract = programs.layout(self.model, optimizer, config["steps"], mesh)
        return Checkpoints(self.out / CHECKPOINTS).restore(self.step, abstract)["params"]


def open_trained(path: str | os.PathLike[str]) -> Trained:
    """Opens a training's folder, for its newest checkpoint, or one checkpoint in it.

    Raises:
        ConfigError: there is no checkpoint.
        CastorError: it is damaged. Another one is not taken instead: the figures would be of a
            model that was not asked for.
    """
    folder = pathlib.Path(path)
    named = (folder / DATA).is_file() or (folder / STATE).is_dir()
    out = folder.resolve().parent.parent if named else folder
    checkpoints = Checkpoints(folder.resolve().parent if named else folder / CHECKPOINTS)
    steps = checkpoints.steps()
    if not named and not steps:
        raise ConfigError(
            "no checkpoint here",
            where=folder,
            fix="give the folder of a training, or a folder in its checkpoints/",
        )
    if named and not folder.resolve().name.isdigit():
        raise ConfigError(
            "the folder of a checkpoint is named by its step", where=folder, fix="rename it back"
        )
    step = int(folder.resolve().name) if named else steps[-1]
    data = checkpoints.data(step)
    try:
        model = configuration.typed(
            data["made_from"]["config"]["model"], ModelConfig, where=str(checkpoints.path(step))
        )
    except KeyError as error:
        raise CastorError(
            "the checkpoint is of another program", where=folder, got=f"no {error}"
        ) from error
    return Trained(out, step, named, model, data)
