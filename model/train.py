"""`castor train`: a training in its folder, from wherever it stands to its end."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import time
from collections.abc import Mapping, Sequence
from typing import Any

import jax
from jax.sharding import Mesh

from castor.filters import outputs, storage
from castor.filters.errors import CastorError, ConfigError
from castor.filters.lock import locked
from castor.model import flops, hosts, programs, setup
from castor.model.checkpoint import Checkpoints
from castor.model.data import copy_tokenizer, open_or_compile
from castor.model.loop import Loop, State
from castor.model.meter import CONVENTION
from castor.model.progress import say
from castor.model.setup import Setup
from castor.model.sharding import make_mesh

KIND = "training"
LOG, CONFIG, RUN, CHECKPOINTS = "log.jsonl", "config.json", "run.json", "checkpoints"


def train(
    config_path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    settings: Sequence[str] = (),
    steps: int | None = None,
    force: bool = False,
) -> dict[str, Any]:
    """Trains what a configuration file describes into a folder; resumes by itself.

    Args:
        settings: `key=value` strings, as after `--set`.
        steps: train so many, whatever the file says.
        force: begin anew, whatever an earlier training left in the folder.

    Returns:
        `out`, `steps`, `tokens`, `loss` (mean of the last line of the log), `parameters`,
        `resumed_from` (a step, or 0), `seconds`, `skipped` (all was there).

    Raises:
        ConfigError: the configuration, mixture, devices or folder do not fit; nothing ran.
        CastorError: the loss is no finite number, all checkpoints are damaged, or the operating
            system refuses to write.
        KeyboardInterrupt: it was asked to stop, and has saved a checkpoint.
    """
    begun = time.perf_counter()
    hosts.join()
    folder, path = pathlib.Path(out), pathlib.Path(config_path)
    config = setup.read(path, settings, steps)
    mesh = make_mesh(config.mesh)
    _check_folder(folder, force=force)
    with locked(folder) if hosts.first() else contextlib.nullcontext():
        compiled = open_or_compile(path.parent / config.mixture, folder, force=force)
        run = Run(setup.settle(config, compiled), folder, mesh)
        if force:
            run.clear()
        finished = run.finished()
        resumed_from = run.setup.steps if finished else run.go()
        manifest = outputs.read(folder, KIND)
    return {
        "out": str(folder),
        **{name: manifest[name] for name in ("steps", "tokens", "loss", "parameters")},
        "resumed_from": resumed_from,
        "seconds": time.perf_counter() - begun,
        "skipped": finished,
    }


def _check_folder(out: pathlib.Path, *, force: bool) -> None:
    """Refuses a folder that holds something else, before anything is written to it.

    Raises:
        ConfigError: it does; `force` replaces a training whose manifest is damaged, no more.
    """
    if not (out / outputs.MANIFEST).is_file():
        outputs.is_finished(out, KIND, {}, force=False)
        return
    try:
        outputs.read(out, KIND)
    except CastorError as error:
        other = error.what == f"this is no {KIND}"
        if other or not force:
            raise ConfigError(
                "the output folder is in use",
                where=out,
                got=str(error).splitlines()[0],
                fix="give another folder"
                + ("" if other else ", or --force to replace what is there"),
            ) from error


class Run:
    """One training in its folder: where it stands, and how it goes on."""

    def __init__(self, settled: Setup, out: pathlib.Path, mesh: Mesh) -> None:
        self.setup, self.config, self.compiled = settled, settled.config, settled.compiled
        self.out, self.mesh = out, mesh
        self.checkpoints = Checkpoints(out / CHECKPOINTS, keep=self.config.keep)
        self.device = jax.devices()[0].device_kind

    def clear(self) -> None:
        """Removes what an earlier training left; its manifest first."""
        if hosts.first():
            (self.out / outputs.MANIFEST).unlink(missing_ok=True)
            shutil.rmtree(self.out / CHECKPOINTS, ignore_errors=True)
            for path in [self.out / LOG, *self.out.glob("evaluation*.json")]:
                path.unlink(missing_ok=True)
        hosts.wait("cleared")

    def finished(self) -> bool:
        """Whether the folder holds this training, of as many steps, finished and whole.

        Raises:
            ConfigError: it holds another one, or one of more steps.
        """
        if not (self.out / outputs.MANIFEST).is_file():
            return False
        found = outputs.read(self.out, KIND)
        self._check_steps(found["steps"])
        setup.check_same(found["made_from"], self.setup, step=found["steps"], where=self.out)
        if found["steps"] != self.setup.steps:
            return False
        try:
            self.checkpoints.data(found["steps"])
        except CastorError:  # said where it goes on from the one before
            return False
        return True

    def _check_steps(self, there: int) -> None:
        if there > self.setup.steps:
            raise ConfigError(
                "the training there is longer than what was asked for",
                where=self.out,
                got=f"{there:,} steps, asked for {self.setup.steps:,}",
                fix="ask for more steps, give another folder, or --force to begin anew",
            )

    def go(self) -> int:
        """Trains to the end and writes the manifest; returns the step that it resumed from."""
        if hosts.first():
            self.checkpoints.remove_unfinished()
            copy_tokenizer(self.compiled, self.out)
        shape = (self.config.model, self.config.optimizer, self.setup.steps, self.mesh)
        found = self._resume(programs.layout(*shape))
        if found is None:
            found = programs.init(*shape)(jax.random.key(self.config.seed)), 0, {}
        state, begun, data = found
        hosts.wait("resumed")  # from here on nobody reads an earlier manifest
        if hosts.first():
            (self.out / outputs.MANIFEST).unlink(missing_ok=True)
            self._write_facts()
        loop = Loop(self.setup, self.mesh, self.checkpoints, self.out / LOG)
        last = loop.run(state, begun, data)
        if hosts.first():
            outputs.write(
                self.out,
                KIND,
                self.setup.made_from,
                steps=self.setup.steps,
                tokens=last["tokens"],
                loss=last["loss"],
                parameters=flops.parameters(self.config.model)._asdict(),
                tokenizer_sha256=self.setup.tokenizer_sha256,
            )
        hosts.wait("finished")
        return begun

    def _resume(self, abstract: Any) -> tuple[State, int, Mapping[str, Any]] | None:
        """State, step and data of the newest checkpoint that is whole; None if there is none.

        Raises:
            ConfigError: it is of another training, or beyond the steps asked for.
            CastorError: there are some, but none is whole. Nothing is deleted.
        """
        damaged: list[CastorError] = []
        for step in reversed(self.checkpoints.steps()):
            try:
                data = self.checkpoints.data(step)
            except CastorError as error:
                damaged.append(error)
                say(f"{str(error).splitlines()[0]}; going back to the checkpoint before")
                continue
            self._check_steps(step)
            where = self.checkpoints.path(step)
            setup.check_same(data["made_from"], self.setup, step=step, where=where)
            say(f"resuming from step {step:,}")
            return self.checkpoints.restore(step, abstract), step, data
        if damaged:
            raise CastorError(
                "all checkpoints are damaged, so the training cannot go on; nothing was deleted",
                where=self.checkpoints.folder,
                got="; ".join(str(e).splitlines()[0] for e in damaged[:2]),
                fix="restore one from a copy, or --force to begin anew",
            )
        return None

    def _write_facts(self) -> None:
        """The configuration in full, and what it runs on; the latter is no part of the result."""
        storage.write_json(self.out / CONFIG, self.config.model_dump(mode="json"))
        length = self.compiled.sequence_length
        facts = {
            "jax": jax.__version__,
            "device_kind": self.device,
            "devices": self.mesh.size,
            "hosts": jax.process_count(),
            "parameters": flops.parameters(self.config.model)._asdict(),
            "flops_per_token": flops.flops_per_token(self.config.model, length),
            "mfu_convention": CONVENTION,
            "peak_flops": flops.peak_flops(self.device),
        }
        storage.write_json(self.out / RUN, facts)
