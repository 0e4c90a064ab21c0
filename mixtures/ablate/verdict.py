"""Whether the proposal beats the baseline: confirm runs of both, repeated with other seeds.

Noise between seeds depends on the mixture (marin #2345: standard deviations of .0016 and .0409
for two mixtures), so both are repeated and each has its own variance.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence

from castor.filters.errors import CastorError

SEEDS = 3  # of each side, at least: fewer give no variance to speak of
STANDARD_ERRORS = 2.0


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The comparison of the confirm runs.

    Attributes:
        baseline, proposal: scores of the runs, smaller is better.
        gain: mean of the baseline minus mean of the proposal.
        standard_error: of the gain.
        accepted: the gain is greater than `needed` standard errors.
        by_domain: gain and standard error of every held-out domain, for information.
    """

    baseline: tuple[float, ...]
    proposal: tuple[float, ...]
    gain: float
    standard_error: float
    needed: float
    accepted: bool
    by_domain: Mapping[str, tuple[float, float]]


def compare(baseline: Sequence[float], proposal: Sequence[float]) -> tuple[float, float]:
    """Gain and its standard error, unequal variances: sqrt(s_b²/n_b + s_p²/n_p).

    Raises:
        CastorError: fewer than two runs of either, so no variance.
    """
    if min(len(baseline), len(proposal)) < 2:
        raise CastorError(
            "too few confirm runs for a standard error",
            got=f"{len(baseline)} of the baseline, {len(proposal)} of the proposal",
            fix="train at least two of each",
        )
    gain = statistics.fmean(baseline) - statistics.fmean(proposal)
    variance = statistics.variance(baseline) / len(baseline)
    variance += statistics.variance(proposal) / len(proposal)
    return gain, math.sqrt(variance)


def judge(
    baseline: Sequence[Mapping[str, float]],
    proposal: Sequence[Mapping[str, float]],
    targets: Mapping[str, float],
    *,
    needed: float = STANDARD_ERRORS,
) -> Verdict:
    """Compares runs by their losses per domain.

    Args:
        baseline, proposal: held-out losses by domain, one mapping per seed.
        targets: the domains that count; normalised here.
        needed: standard errors that the gain must exceed.

    Raises:
        CastorError: fewer than two runs of either.
    """
    total = sum(targets.values())

    def scores(runs: Sequence[Mapping[str, float]]) -> tuple[float, ...]:
        return tuple(sum(w * run[d] for d, w in sorted(targets.items())) / total for run in runs)

    before, after = scores(baseline), scores(proposal)
    gain, error = compare(before, after)
    domains = sorted(set(baseline[0]) & set(proposal[0]))
    return Verdict(
        before, after, gain, error, needed, gain > needed * error,
        {d: compare([r[d] for r in baseline], [r[d] for r in proposal]) for d in domains},
    )  # fmt: skip
