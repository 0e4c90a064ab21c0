"""Many small models in one program: `jax.vmap` of the step over stacked states.

Every model has a mixture and a seed of its own; shape, optimiser, batch and number of steps are
the same, so a whole swarm is compiled once and trained in groups of equal size. At the end each
model is asked the same held-out windows, and answers with bits per byte of every domain.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from castor.mixtures.loader import Loader, Mixture
from castor.mixtures.token_source import TokenSource
from castor.model import windows
from castor.model.compact import Vocabulary
from castor.model.config import ModelConfig, OptimizerConfig
from castor.model.step import init_state, make_evaluator, make_step

BITS_PER_NAT = 1.0 / math.log(2.0)
Batch = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Shape:
    """What all models of a swarm have in common.

    Attributes:
        model: with its vocabulary known.
        optimizer: with its schedule made for `steps`.
        batch_rows: sequences per step and model.
        steps: of each model.
        sources: how many the mixtures have.
    """

    model: ModelConfig
    optimizer: OptimizerConfig
    batch_rows: int
    steps: int
    sources: int


@dataclasses.dataclass(frozen=True)
class Member:
    """One model of a swarm: what it reads, and the seed of its parameters."""

    mixture: Mixture
    seed: int


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one model.

    Attributes:
        losses: held-out bits per byte by domain.
        train_loss: mean nats per token of the last tenth of the steps.
        lost_steps: steps whose loss or gradient was not finite; they changed nothing.
    """

    losses: Mapping[str, float]
    train_loss: float
    lost_steps: int


@dataclasses.dataclass(frozen=True)
class Domain:
    """The held-out windows of one domain, ready for the device.

    Attributes:
        batches: as `windows.batches` makes them.
        bytes: of the text that is scored.
        tokens: that are scored.
    """

    batches: tuple[Batch, ...]
    bytes: int
    tokens: int


def held_out(source: TokenSource, piece_bytes: np.ndarray, *, length: int, tokens: int) -> Domain:
    """Windows of at most `length` tokens, about `tokens` in all, of as many documents as there are.

    The first window of every document comes before the second of any, in the order of the
    source. A document is a row of its own, whatever the packing of the training.

    Args:
        piece_bytes: [ids], bytes of text that an id stands for; 0 is not scored.

    Returns:
        the windows; `bytes` is 0 where no token stands for text, as in a source of sounds alone.
    """
    cut = windows.cut(source, length)
    first = np.searchsorted(cut.document, cut.document)
    order = np.argsort(np.arange(len(cut.document)) - first, kind="stable")
    enough = int(np.searchsorted(np.cumsum(cut.length[order]), tokens)) + 1
    taken = np.sort(order[:enough])
    some = dataclasses.replace(
        cut, start=cut.start[taken], length=cut.length[taken], document=cut.document[taken]
    )
    made = windows.batches(
        source, some, piece_bytes > 0, length=length, soft=tuple(source.soft_dims)
    )
    batches = tuple(batch.arrays for batch in made)
    n_bytes = sum(int((piece_bytes[b["targets"]] * (b["loss_mask"] > 0)).sum()) for b in batches)
    return Domain(batches, n_bytes, sum(int(b["loss_mask"].sum()) for b in batches))


class Swarm:
    """The compiled programs of one shape, for groups of one size.

    Args:
        shape: of the models.
        size: models of a group.
        domains: what every model is asked at the end, by name.
        vocabulary: of all that is read and asked.
    """

    def __init__(
        self, shape: Shape, size: int, domains: Mapping[str, Domain], vocabulary: Vocabulary
    ) -> None:
        self.shape, self.size, self.vocabulary = shape, size, vocabulary
        self.domains = {
            name: dataclasses.replace(d, batches=tuple(map(vocabulary.apply, d.batches)))
            for name, d in domains.items()
        }
        step = make_step(shape.model, shape.optimizer, steps=shape.steps, sources=shape.sources)

        def together(states: Any, totals: Any, batches: Any, late: Any) -> tuple[Any, Any]:
            states, metrics = jax.vmap(step)(states, batches)
            lost, loss, steps = totals
            kept = late * metrics["finite"]
            return states, (
                lost + ~metrics["finite"],
                loss + jnp.where(kept > 0, metrics["loss"], 0.0),
                steps + kept,
            )

        self._step = jax.jit(together, donate_argnums=(0, 1))
        # Drawing runs once: on a processor, compiling it without optimisation halves the time.
        plain = {"xla_backend_optimization_level": 0} if jax.default_backend() == "cpu" else {}
        self._init = jax.jit(jax.vmap(self._draw), compiler_options=plain)
        nll = make_evaluator(shape.model)
        self._evaluate = jax.jit(
            lambda params, batch: jnp.sum(
                jax.vmap(nll, in_axes=(0, None))(params, batch) * batch["loss_mask"],
                axis=(1, 2),
            )
        )

    def _draw(self, seed: Any) -> Any:
        key = jax.random.key(seed)
        return init_state(self.shape.model, self.shape.optimizer, self.shape.steps, key)

    def train(
        self, members: Sequence[Member], on_step: Callable[[int], None] = lambda done: None
    ) -> list[Outcome]:
        """Trains one group, of at most `size` models.

        A smaller group is filled up with copies of its last member, whose results are thrown
        away: a second program would take longer to compile than they take to train.

        Args:
            on_step: called after each step with how many are done.

        Raises:
            CastorError: a file of a mixture is missing or damaged.
        """
        filled = [*members, *[members[-1]] * (self.size - len(members))]
        loaders = [Loader(m.mixture, self.shape.batch_rows, threads=0) for m in filled]
        states = self._init(np.array([m.seed for m in filled], np.uint32))
        totals = tuple(jnp.zeros(self.size, d) for d in (jnp.int32, jnp.float32, jnp.float32))
        last = max(1, self.shape.steps // 10)
        for step, batch in enumerate(self._batches(loaders)):
            late = np.float32(step >= self.shape.steps - last)
            states, totals = self._step(states, totals, batch, late)
            # Waiting for the step before last keeps the device busy, and the queue short.
            jax.block_until_ready(totals)
            on_step(step + 1)
        lost, loss, steps = (np.asarray(x) for x in totals)
        losses = self._losses(states["params"])
        return [
            Outcome(
                {name: float(values[i]) for name, values in losses.items()},
                float(loss[i] / steps[i]) if steps[i] else math.nan,
                int(lost[i]),
            )
            for i in range(len(members))
        ]

    def _batches(self, loaders: Sequence[Loader]) -> Iterator[Batch]:
        """The batches of all loaders, stacked: every array [models, rows, ...]; one ahead."""

        def make(step: int) -> Batch:
            parts = [loader.batches(step) for loader in loaders]
            stacked = {name: np.stack([p[name] for p in parts]) for name in parts[0]}
            return self.vocabulary.apply(stacked)

        with ThreadPoolExecutor(1, thread_name_prefix="castor-swarm") as pool:
            ahead: Future[Batch] = pool.submit(make, 0)
            for step in range(self.shape.steps):
                batch = ahead.result()
                if step + 1 < self.shape.steps:
                    ahead = pool.submit(make, step + 1)
                yield batch

    def _losses(self, params: Any) -> dict[str, np.ndarray]:
        """Bits per byte of every domain, [size]."""
        found = {}
        for name, domain in sorted(self.domains.items()):
            nats = np.zeros(self.size, np.float64)
            for batch in domain.batches:
                nats += np.asarray(self._evaluate(params, batch), np.float64)
            found[name] = nats * BITS_PER_NAT / domain.bytes
        return found


def group_size(runs: int, parallel: int) -> int:
    """The size of the groups that `runs` models are trained in: even, and at most `parallel`."""
    groups = -(-runs // parallel)
    return -(-runs // groups)
