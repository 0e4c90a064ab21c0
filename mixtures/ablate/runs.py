"""The record of what was trained: `runs.jsonl`, one line per run, the evidence of every fit.

A run is addressed by a digest of all that determines its losses: mixture, seed, and its settings
(sources' digests, model, optimiser, tokens, slices). So an interrupted ablation trains only what is
missing, and a record can be fitted again, in another way, without training anything.
"""

from __future__ import annotations

import dataclasses
import json
import math
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

from castor.filters import storage
from castor.filters.errors import CastorError

FILE = "runs.jsonl"
MOST_LOST = 0.25  # of the swarm; more is a fault of the settings and not of one run


@dataclasses.dataclass(frozen=True)
class Run:
    """One trained model.

    Attributes:
        key: digest of what determines it.
        settings: digest of what does besides mixture and seed: only runs of equal ones compare.
        purpose: `swarm`, `baseline` or `proposal`.
        mixture: weights by domain.
        seed: of the parameters and the order of the rows.
        tokens: trained on.
        sources: digest of every domain's rows.
        losses: held-out bits per byte by domain; empty for a run that was lost.
        lost: why the run has no losses, None for one that has.
    """

    key: str
    settings: str
    purpose: str
    mixture: Mapping[str, float]
    seed: int
    tokens: int
    sources: Mapping[str, str]
    losses: Mapping[str, float]
    lost: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As one line of the record holds it."""
        return dataclasses.asdict(self)


def key_of(mixture: Mapping[str, float], seed: int, settings: str) -> str:
    """The digest of a run: the order of the names does not matter.

    Args:
        settings: digest of whatever else determines the losses.
    """
    return storage.digest_of({"mixture": dict(mixture), "seed": seed, "settings": settings})


def finished(
    settings: str, purpose: str, mixture: Mapping[str, float], seed: int, tokens: int,
    sources: Mapping[str, str], losses: Mapping[str, float],
) -> Run:  # fmt: skip
    """A run with its losses; one that is not finite makes it a lost run."""
    run = Run(
        key_of(mixture, seed, settings), settings, purpose, mixture, seed, tokens, sources,
        dict(losses),
    )  # fmt: skip
    bad = sorted(name for name, loss in losses.items() if not math.isfinite(loss))
    if bad:
        why = f"loss of {', '.join(bad[:3])} is not finite"
        return dataclasses.replace(run, losses={}, lost=why)
    return run


def read(path: pathlib.Path) -> dict[str, Run]:
    """The runs of a record by key; none if there is no file.

    Raises:
        CastorError: a line is no run.
    """
    if not path.is_file():
        return {}
    found = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            run = Run(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise CastorError(
                "the record of runs is damaged",
                where=f"{path}:{number}",
                got=str(error),
                fix="remove that line: the run is trained again",
            ) from error
        found[run.key] = run
    return found


def write(path: pathlib.Path, runs: Iterable[Run]) -> None:
    """Writes the whole record anew, in the order given; it appears whole or stays as it was."""
    lines = [json.dumps(r.to_json(), ensure_ascii=False, allow_nan=False) for r in runs]
    storage.write_bytes(path, "".join(f"{line}\n" for line in lines).encode())


def kept(runs: Iterable[Run], needed: int) -> list[Run]:
    """The runs with losses.

    Args:
        needed: how many a fit needs.

    Raises:
        CastorError: more than a quarter was lost, or fewer than needed are left.
    """
    everything = list(runs)
    good = [run for run in everything if run.lost is None]
    lost = len(everything) - len(good)
    if lost > MOST_LOST * len(everything) or len(good) < needed:
        why = next((run.lost for run in everything if run.lost), "none was lost")
        raise CastorError(
            f"too few runs are left to fit: {len(good)} of {len(everything)}, {needed} are needed",
            got=f"{lost} lost; the first: {why}",
            fix="lower optimizer.peak_lr if losses are not finite, or raise swarm.runs",
        )
    return good
