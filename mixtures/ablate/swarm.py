"""The mixtures of a swarm: Dirichlet draws around a prior, and the baselines that always run.

RegMix (arXiv 2407.01492, mixture_config/synthesize_mixture.py) and Olmix draw the same way: a
Dirichlet whose parameters are the prior times a strength between 0.1 (nearly one domain) and 5
(near the prior), the prior flattened by the exponent 0.5.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from castor.filters.errors import CastorError, ConfigError
from castor.mixtures.ablate import simplex

CONCENTRATION = (0.1, 5.0)  # RegMix and Olmix
TEMPERATURE = 2.0  # RegMix: TEMP = 0.5 is the exponent 1/T
MINIMUM_WEIGHT = 2e-3  # Olmix; the eps of the own-log law
DECIMALS = 6
TRIES = 200  # draws for one more distinct mixture before giving up

Mixture = dict[str, float]


def draw(
    natural: Mapping[str, float],
    *,
    runs: int,
    seed: int,
    prior: Mapping[str, float] | None = None,
    concentration: tuple[float, float] = CONCENTRATION,
    temperature: float = TEMPERATURE,
    minimum_weight: float = MINIMUM_WEIGHT,
    caps: Mapping[str, float] | None = None,
) -> list[Mixture]:
    """Draws the mixtures of a swarm; the same for the same arguments, however they are ordered.

    The first are the baselines: natural proportions, uniform, and the prior where it is another.
    The strengths of the rest are spaced evenly in log scale over `concentration`.

    Args:
        natural: each domain's share of all tokens, positive.
        runs: how many mixtures in all.
        prior: the weights to draw around, by name; default: natural.
        concentration: least and greatest sum of the Dirichlet's parameters.
        temperature: T of prior^(1/T), which flattens the prior that is drawn around.
        minimum_weight: smaller weights become 0.
        caps: the largest weight of a domain; absent domains have none.

    Raises:
        ConfigError: a domain without tokens or prior weight, caps that leave no mixture.
        CastorError: the caps leave too few distinct mixtures.
    """
    names = sorted(natural)
    share = _checked(natural, names, "tokens")
    around = share if prior is None else _checked(prior, names, "prior weight")
    most = np.array([min(1.0, (caps or {}).get(n, 1.0)) for n in names])
    baselines = [simplex.capped(w, most, around) for w in (share, np.ones(len(names)), around)]
    drawn: dict[tuple[float, ...], None] = {}
    for baseline in baselines:
        drawn.setdefault(rounded(baseline, most))
    if runs < len(drawn):
        raise ConfigError(
            f"a swarm needs more runs than the {len(drawn)} baselines", got=f"{runs} runs"
        )
    generator = np.random.default_rng(seed)
    flat = around ** (1.0 / temperature)
    flat /= flat.sum()
    strengths = generator.permutation(
        np.geomspace(concentration[0], concentration[1], runs - len(drawn))
    )
    for strength in strengths:
        for _ in range(TRIES):
            x = generator.dirichlet(flat * strength)
            x = np.where(x < minimum_weight, 0.0, x)
            key = rounded(simplex.capped(x, most, around), most)
            if key not in drawn:
                drawn[key] = None
                break
        else:
            raise CastorError(
                f"cannot draw {runs} different mixtures",
                got=f"{len(drawn)} after {TRIES} more draws",
                fix="raise max_epochs, or ask for fewer runs",
            )
    return [dict(zip(names, key, strict=True)) for key in drawn]


def rounded(x: np.ndarray, caps: np.ndarray) -> tuple[float, ...]:
    """Weights [k] with six decimals and a sum of 1: what is written is what is trained.

    None is rounded up above its cap: over millions of sequences that is a row too many.
    """
    below = np.floor(np.asarray(caps) * 10**DECIMALS) / 10**DECIMALS
    result = np.minimum(np.round(x, DECIMALS), below)
    room = caps - result
    result[int(np.argmax(np.where(result > 0, room, -1.0)))] += 1.0 - result.sum()
    return tuple(float(w) for w in np.round(result, DECIMALS))


def _checked(shares: Mapping[str, float], names: list[str], what: str) -> np.ndarray:
    if set(shares) != set(names):
        odd = sorted(set(shares) ^ set(names))
        raise ConfigError(f"the {what} names other domains", got=", ".join(odd))
    values = np.array([shares[n] for n in names], np.float64)
    empty = [n for n, v in zip(names, values, strict=True) if not v > 0]
    if empty:
        raise ConfigError(
            f"domains without {what}", got=", ".join(empty), fix="leave them out of the ablation"
        )
    return values / values.sum()
