"""Fits the laws of every target domain, and chooses between them by cross-validation.

Domains are addressed by name everywhere; a matrix exists only inside, its columns sorted by name.
Every target gets a law of its own: one law on the average of the targets ranks mixtures far
worse (Spearman .39 against .76 on RegMix's swarms at 136 runs).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from castor.filters.errors import CastorError
from castor.mixtures.ablate import laws

Array = np.ndarray
FOLDS = 5
LAWS = ("own-log", "log-linear")


@dataclasses.dataclass(frozen=True)
class Table:
    """A swarm as matrices.

    Attributes:
        names: the mixture's domains, sorted: the columns of `X`.
        X: weights [n, k].
        losses: held-out loss by target name, each [n].
        targets: how much every target counts; they sum to 1.
        own: of the targets that have one, the domain whose share is their own.
    """

    names: tuple[str, ...]
    X: Array
    losses: Mapping[str, Array]
    targets: Mapping[str, float]
    own: Mapping[str, str]

    @property
    def runs(self) -> int:
        """How many runs there are."""
        return len(self.X)

    @property
    def score(self) -> Array:
        """What is minimised, [n]: the weighted mean of the targets' losses."""
        return np.asarray(sum(w * self.losses[d] for d, w in self.targets.items()))


@dataclasses.dataclass(frozen=True)
class Fitted:
    """R laws for every target, and how well they predicted runs that they had not seen.

    Attributes:
        law: of every target.
        rho: Spearman's correlation with left-out runs, by target and kind of law.
        predicted: scores of the left-out runs [n] by the chosen laws.
    """

    table: Table
    law: Mapping[str, laws.Law]
    rho: Mapping[str, Mapping[str, float]]
    predicted: Array

    @property
    def rho_score(self) -> float:
        """Spearman's correlation of the score with its predictions for left-out runs."""
        return spearman(self.predicted, self.table.score)

    def score(self, X: Array) -> Array:
        """The predicted score [R, m] at mixtures [m, k] or [R, m, k]."""
        return np.asarray(sum(w * self.law[d].predict(X) for d, w in self.table.targets.items()))

    def slopes(self, x: Array) -> Array:
        """The gradient of the score [R, k] at one mixture per replicate, x [R, k]."""
        return np.asarray(sum(w * self.law[d].slopes(x) for d, w in self.table.targets.items()))


def table(
    mixtures: Sequence[Mapping[str, float]],
    losses: Sequence[Mapping[str, float]],
    targets: Mapping[str, float],
    like: Mapping[str, str] | None = None,
) -> Table:
    """Lines up runs by the names of their domains.

    Args:
        mixtures: weights by domain, one mapping per run; absent domains are 0.
        losses: held-out loss by domain, one mapping per run.
        targets: the domains that count and how much; normalised here.
        like: of targets outside of the mixture, the domain that is of their kind.

    Raises:
        CastorError: a run without the loss of a target, or with one that is not finite.
    """
    names = tuple(sorted({name for mixture in mixtures for name in mixture}))
    X = np.array([[mixture.get(name, 0.0) for name in names] for mixture in mixtures])
    found = {}
    for target in sorted(targets):
        values = np.array([run.get(target, np.nan) for run in losses], np.float64)
        if not np.isfinite(values).all():
            raise CastorError(
                f"runs without a finite loss of the target {target!r}",
                got=f"{int((~np.isfinite(values)).sum())} of {len(values)}",
                fix="train them again",
            )
        found[target] = values
    total = sum(targets.values())
    own = {d: d if d in names else (like or {}).get(d) for d in targets}
    return Table(
        names, X, found, {d: targets[d] / total for d in sorted(targets)},
        {d: domain for d, domain in own.items() if domain in names},
    )  # fmt: skip


def fit(data: Table, *, law: str = "auto", folds: int = FOLDS, seed: int = 0) -> Fitted:
    """Fits and chooses.

    The own-log law exists for targets that are in the mixture or like a domain of it. Both are
    cross-validated over the same folds. Own-log is kept, unless the other ranks left-out runs
    better by more than one standard error of a rank correlation: with two runs per domain that
    is .02 and more, and a smaller difference is chance.

    Args:
        data: the swarm.
        law: `auto`, or one kind for all targets that can have it.
        folds: of the cross-validation; no more than there are runs.
        seed: of the folds.
    """
    splits = _folds(data.runs, folds, seed)
    everything = np.ones((1, data.runs))
    chosen: dict[str, laws.Law] = {}
    rho: dict[str, dict[str, float]] = {}
    predicted = np.zeros(data.runs)
    for target in data.targets:
        kinds = LAWS if target in data.own else LAWS[1:]
        if law in kinds:
            kinds = (law,)
        outside = {}
        rho[target] = {}
        for kind in kinds:
            held_out = _fit_kind(data, target, kind, 1.0 - splits).predict(data.X)
            outside[kind] = (held_out * splits).sum(0)
            rho[target][kind] = spearman(outside[kind], data.losses[target])
        best = _choice(rho[target], data.runs)
        chosen[target] = _fit_kind(data, target, best, everything)
        predicted += data.targets[target] * outside[best]
    return Fitted(data, chosen, rho, predicted)


def _choice(rho: Mapping[str, float], runs: int) -> str:
    """The first kind of LAWS that is within one standard error of the best."""
    most = max(rho.values())
    # Bonett and Wright 2000, Psychometrika 65: of Fisher's z of Spearman's rho, and so of rho.
    error = (1 - most**2) * math.sqrt((1 + most**2 / 2) / max(runs - 3, 1))
    return next(kind for kind in LAWS if rho.get(kind, -math.inf) >= most - error)


def refit(fitted: Fitted, weights: Array) -> Fitted:
    """The same kinds of laws under other weights of the runs [R, n]: a bootstrap's replicates."""
    law = {d: _fit_kind(fitted.table, d, f.kind, weights, f) for d, f in fitted.law.items()}
    return dataclasses.replace(fitted, law=law)


def spearman(a: Array, b: Array) -> float:
    """Spearman's rank correlation, ties by mean rank; 0 where one side is constant."""
    ra, rb = _ranks(np.asarray(a)), _ranks(np.asarray(b))
    ra, rb = ra - ra.mean(), rb - rb.mean()
    size = float(np.sqrt((ra**2).sum() * (rb**2).sum()))
    return float((ra * rb).sum() / size) if size > 0 else 0.0


def _ranks(values: Array) -> Array:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2.0)[inverse]


def _fit_kind(
    data: Table, target: str, kind: str, weights: Array, near: laws.Law | None = None
) -> laws.Law:
    y = data.losses[target]
    if kind == "own-log":
        return laws.fit_own_log(data.X, y, weights, data.names.index(data.own[target]))
    start = near if isinstance(near, laws.LogLinear) else None
    return laws.fit_log_linear(data.X, y, weights, near=start)


def _folds(runs: int, folds: int, seed: int) -> Array:
    """[folds, n] of 0 and 1: every run is held out once."""
    folds = max(2, min(folds, runs))
    of_run = np.random.default_rng(seed).permutation(runs) % folds
    return (of_run == np.arange(folds)[:, None]).astype(np.float64)
