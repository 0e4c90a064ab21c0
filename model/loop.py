"""The loop of a training: next batch, step, and then the metrics of the step before.

So the device always has the next step waiting while the host reads what the last one said.
Before a checkpoint the newest metrics are read too: what is saved was seen to be finite.
"""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from castor.filters.errors import CastorError
from castor.mixtures.loader import Loader
from castor.model import hosts, programs
from castor.model.checkpoint import Checkpoints
from castor.model.meter import Meter
from castor.model.progress import Progress
from castor.model.run_log import RunLog
from castor.model.setup import Setup
from castor.model.sharding import shard_batch
from castor.model.stopping import Stopping

State = dict[str, Any]


class Loop:
    """The steps of a training.

    Args:
        setup: what is trained, on what, how long.
        mesh: the devices.
        checkpoints: where it saves.
        log_path: where its log is, or will be.
    """

    def __init__(
        self,
        setup: Setup,
        mesh: Mesh,
        checkpoints: Checkpoints,
        log_path: pathlib.Path,
    ) -> None:
        self._setup, self._mesh = setup, mesh
        self._checkpoints, self._log_path = checkpoints, log_path
        config = setup.config
        self._step = programs.step(
            config.model,
            config.optimizer,
            setup.steps,
            mesh,
            sources=len(setup.compiled.names),
            accumulate=config.accumulate,
        )
        self._device = mesh.devices.flat[0].device_kind

    def run(self, state: State, begun: int, data: Mapping[str, Any]) -> dict[str, Any]:
        """Trains from step begun + 1 to the last.

        Args:
            state: of step `begun`; it is used up.
            data: what the checkpoint of that step holds beside it; {} at the beginning.

        Returns:
            The last line of the log.

        Raises:
            CastorError: a loss or gradient is no finite number; the log goes up to there.
            KeyboardInterrupt: it was asked to stop, and has saved a checkpoint.
        """
        compiled, config, steps = self._setup.compiled, self._setup.config, self._setup.steps
        # A speed of before the stop says nothing of now.
        self._line: dict[str, Any] = {**data.get("line", {}), "tokens_per_s": None}
        self._meter = Meter(
            compiled.names,
            [source.rows for source in compiled.sources],
            rows=config.batch_rows,
            length=compiled.sequence_length,
            state=data.get("meter"),
        )
        loader = Loader(
            compiled,
            config.batch_rows,
            host=jax.process_index(),
            hosts=jax.process_count(),
            state=data.get("data_state", 0),
        )
        first = hosts.first()
        log: Any = RunLog(self._log_path, step=begun) if first else contextlib.nullcontext()
        waiting: tuple[int, Any] | None = None
        with (
            log as self._log,
            Progress("step", steps, done=begun, shown=first) as self._progress,
            Stopping() as stopping,
            contextlib.closing(loader),
        ):
            for number in range(begun + 1, steps + 1):
                state, metrics = self._step(state, shard_batch(next(loader), self._mesh))
                before, waiting = waiting, (number, metrics)
                self._read(before)
                stop = stopping.asked(number) and number < steps
                if stop or number == steps or number % config.checkpoint_every == 0:
                    self._read(waiting)
                    waiting = None
                    self._save(number, state, loader.state)
                if stop:
                    raise KeyboardInterrupt
        return self._line

    def _read(self, waiting: tuple[int, Any] | None) -> None:
        """Brings the metrics of a step to the host, and writes a line where one is due."""
        if waiting is None:
            return
        number, metrics = waiting
        rows = self._rows(number)
        try:
            self._meter.add(number, jax.device_get(metrics), rows)
        except CastorError:
            if self._meter.steps:
                self._write(number - 1)
            raise
        if number % self._setup.config.log_every == 0 or number == self._setup.steps:
            self._write(number)
        self._progress.update(number, self._note())

    def _rows(self, number: int) -> np.ndarray:
        """Rows that each source gives to the batch of a step, over all hosts: int [sources]."""
        rows = self._setup.config.batch_rows
        index = np.arange((number - 1) * rows, number * rows, dtype=np.int64)
        source, _, _ = self._setup.compiled.plan.locate(index)
        return np.bincount(source, minlength=len(self._setup.compiled.names))

    def _write(self, number: int) -> None:
        model = self._setup.config.model
        self._line = self._meter.line(number, model, self._device, self._mesh.size)
        if hosts.first():
            self._log.write(self._line)

    def _note(self) -> str:
        if self._line.get("loss") is None:
            return ""
        speed = self._line["tokens_per_s"]
        return f"loss {self._line['loss']:.3f}" + (f", {speed:,.0f} tokens/s" if speed else "")

    def _save(self, number: int, state: State, data_state: int) -> None:
        data = {
            "data_state": data_state,
            "made_from": self._setup.made_from,
            "meter": self._meter.state,
            "line": self._line,
            "sequence_length": self._setup.compiled.sequence_length,
            "tokenizer_sha256": self._setup.tokenizer_sha256,
        }
        self._checkpoints.save(number, state, data)
        self._meter.pause()
