"""What a line of the log says: means over the steps since the line before, and totals so far."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from castor.filters.errors import CastorError
from castor.model import flops
from castor.model.config import ModelConfig

CONVENTION = "6 N + 6 L H d T"  # of `flops_per_token`: causal, half of the square counted
ROUTER = ("entropy", "dropped", "balance_loss", "z_loss", "load_max")


class Meter:
    """Adds up metrics step by step. Its state is JSON, so that a log resumes between two lines.

    Args:
        sources: names of the mixture's sources, in its order.
        available: rows that one epoch of each has.
        rows: sequences of one step.
        length: positions of a sequence.
        state: of an earlier run, as `state` gave it.
    """

    def __init__(
        self,
        sources: Sequence[str],
        available: Sequence[int],
        *,
        rows: int,
        length: int,
        state: Mapping[str, Any] | None = None,
    ) -> None:
        self._sources, self._available = list(sources), list(available)
        self._rows, self._length = rows, length
        self._seen = np.zeros(len(sources), np.int64)  # rows of each source so far
        self._mark: float | None = None  # when the step before was done; None: it is not timed
        self._router: dict[str, np.ndarray] = {}
        self._begin()
        if state:
            self._seen = np.array([state["seen"][name] for name in sources], np.int64)
            self._steps = state["steps"]
            self._nats = np.array([state["nats"][name] for name in sources])
            self._tokens = np.array([state["tokens"][name] for name in sources])
            self._grad_norm = state["grad_norm"]
            self._router = {k: np.array(v) for k, v in state["router"].items()}

    def _begin(self) -> None:
        n = len(self._sources)
        self._steps, self._grad_norm, self._lr = 0, 0.0, 0.0
        self._nats, self._tokens = np.zeros(n), np.zeros(n)
        self._router = {}
        self._seconds, self._timed = 0.0, 0

    @property
    def state(self) -> dict[str, Any]:
        """What the next line and the totals need, as JSON; speed begins anew."""

        def named(values: np.ndarray) -> dict[str, Any]:
            return dict(zip(self._sources, values.tolist(), strict=True))

        return {
            "seen": named(self._seen),
            "steps": self._steps,
            "nats": named(self._nats),
            "tokens": named(self._tokens),
            "grad_norm": self._grad_norm,
            "router": {k: v.tolist() for k, v in self._router.items()},
        }

    @property
    def steps(self) -> int:
        """Steps since the last line."""
        return self._steps

    def pause(self) -> None:
        """What follows (a checkpoint, a compilation) counts as no training time."""
        self._mark = None

    def add(self, step: int, metrics: Mapping[str, Any], rows: np.ndarray) -> None:
        """Adds one step.

        Args:
            step: its number, from 1.
            metrics: of `castor.model.step`, on the host.
            rows: int [sources], how many rows of its batch each source gave.

        Raises:
            CastorError: the loss, the gradient or the update is not a finite number.
        """
        nats, tokens = metrics["loss_by_source"], metrics["tokens_by_source"]
        if not bool(metrics["finite"]):
            raise not_finite(step, metrics, self._sources)
        now = time.perf_counter()
        if self._mark is not None:
            self._seconds, self._timed = self._seconds + now - self._mark, self._timed + 1
        self._mark = now
        tokens = np.asarray(tokens, np.float64)
        self._nats += np.where(tokens > 0, np.asarray(nats, np.float64), 0.0) * tokens
        self._tokens += tokens
        self._seen += rows
        self._steps += 1
        self._grad_norm += float(metrics["grad_norm"])
        self._lr = float(metrics["lr"])
        for name in (*ROUTER, "load"):
            if name in metrics.get("router", {}):
                value = np.asarray(metrics["router"][name], np.float64)
                self._router[name] = self._router.get(name, 0.0) + value

    def speed(self) -> float | None:
        """Positions per second since the last line; None where no step was timed."""
        return self._timed * self._rows * self._length / self._seconds if self._timed else None

    def line(self, step: int, model: ModelConfig, device_kind: str, devices: int) -> dict[str, Any]:
        """The record of the log for the steps since the last one, which begins anew."""
        total = self._tokens.sum()
        speed = self.speed()
        used = np.flatnonzero(self._tokens)
        record: dict[str, Any] = {
            "step": step,
            "tokens": step * self._rows * self._length,
            "loss": float(self._nats.sum() / total) if total else None,
            "loss_by_source": {
                self._sources[i]: float(self._nats[i] / self._tokens[i]) for i in used
            },
            "loss_tokens_by_source": {self._sources[i]: int(self._tokens[i]) for i in used},
            "epochs": {
                name: float(seen / have) if have else 0.0
                for name, seen, have in zip(self._sources, self._seen, self._available, strict=True)
            },
            "lr": self._lr,
            "grad_norm": self._grad_norm / max(self._steps, 1),
            "tokens_per_s": speed,
            "mfu": flops.mfu(model, self._length, speed, device_kind, devices) if speed else None,
            "mfu_convention": CONVENTION,
            "peak_flops": flops.peak_flops(device_kind),
        }
        if self._router:
            router = {k: (v / self._steps).tolist() for k, v in self._router.items()}
            record["router"] = router
        self._begin()
        return record


def not_finite(step: int, metrics: Mapping[str, Any], sources: Sequence[str]) -> CastorError:
    """The error for a step whose loss, gradient or update is nan or infinite."""
    tokens = np.asarray(metrics["tokens_by_source"])
    by_source = ", ".join(
        f"{name} {float(loss):.4g}"
        for name, loss, n in zip(sources, metrics["loss_by_source"], tokens, strict=True)
        if n
    )
    named = {"loss": "loss", "gradient norm": "grad_norm", "update norm": "update_norm"}
    values = {name: float(metrics[key]) for name, key in named.items()}
    first = next(name for name, value in values.items() if not math.isfinite(value))
    said = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
    return CastorError(
        f"the {first.removesuffix(' norm')} is no finite number",
        where=f"step {step}",
        got=f"{said}; loss by source: {by_source or 'none'}",
        fix="lower optimizer.peak_lr or optimizer.clip and begin anew, or look at the data of that"
        " source; what was logged and saved before is kept",
    )
