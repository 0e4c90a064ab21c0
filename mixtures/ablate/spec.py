"""The YAML of an ablation: what is mixed, what counts, how many small models, how sure."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

import pydantic

from castor.filters import configuration
from castor.filters.configuration import Count, Frozen, Positive
from castor.filters.errors import ConfigError
from castor.mixtures.ablate.bootstrap import REPLICATES
from castor.mixtures.ablate.propose import PULL
from castor.mixtures.ablate.swarm import CONCENTRATION, MINIMUM_WEIGHT, TEMPERATURE
from castor.mixtures.ablate.verdict import SEEDS, STANDARD_ERRORS

RUNS_PER_DOMAIN = 1.5  # fewer do not fit a law (measured on RegMix's swarms: 1.5 to 2)
FEWEST_RUNS = 6


Weight = Annotated[float, pydantic.Field(gt=0, allow_inf_nan=False)]
Seed = Annotated[int, pydantic.Field(ge=0, lt=2**31)]


class SwarmConfig(Frozen):
    """The swarm.

    Attributes:
        runs: models in all, baselines included; 1.5 to 2 per domain or more.
        tokens_per_run: each is trained on.
        concentration: least and greatest sum of the Dirichlet's parameters.
        temperature: T of prior^(1/T), around which is drawn.
        minimum_weight: smaller weights are drawn as 0.
    """

    runs: Positive
    tokens_per_run: Count
    concentration: tuple[Weight, Weight] = CONCENTRATION
    temperature: float = pydantic.Field(default=TEMPERATURE, ge=1, allow_inf_nan=False)
    minimum_weight: float = pydantic.Field(default=MINIMUM_WEIGHT, ge=0, lt=0.5)

    @pydantic.model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.concentration[0] > self.concentration[1]:
            raise ValueError("concentration: the least comes first")
        return self


class ConfirmConfig(Frozen):
    """The confirm runs.

    Attributes:
        seeds: runs of the baseline, and as many of the proposal.
        tokens: each is trained on; default: as in the swarm.
        standard_errors: that the gain must exceed.
    """

    seeds: int = pydantic.Field(default=SEEDS, ge=SEEDS)
    tokens: Count | None = None
    standard_errors: float = pydantic.Field(default=STANDARD_ERRORS, ge=0, allow_inf_nan=False)


class HeldOut(Frozen):
    """A held-out domain that is not in the mixture.

    Attributes:
        tokens: folder of a token dataset, relative to the file.
        source: its source; default: the name of the domain.
        like: the domain of the mixture that is of its kind, if there is one: that domain's share
            is then its own share in the own-log law.
    """

    tokens: str
    source: str | None = None
    like: str | None = None


class AblationSpec(Frozen):
    """One ablation: `castor ablate SPEC OUT`.

    Attributes:
        castor: version of this format.
        name: for the page.
        mixture: path of a mixture's spec, relative to the file; or
        sources: as in a mixture's spec, then with natural proportions as the baseline.
        stage: whose weights are sought: a stage's name, `last`, or `all` stages alike.
        targets: domains whose held-out loss is minimised: names, or names and weights.
        evaluate: held-out domains that are not in the mixture, and may be targets.
        swarm, confirm: see their classes.
        model, optimizer: as in a training's configuration.
        batch_rows: sequences per step and model.
        sequence_length: of the small models; default: the mixture's.
        parallel: models that train in one program.
        heldout_tokens: at most so many per domain are evaluated.
        target_tokens: of the run that the weights are for; default: the tokens of the stage.
        simulated_epochs: whether the small runs repeat data as often as that run.
        max_epochs: how often that run may see a source.
        law: `auto` chooses by cross-validation.
        kl: λ, what a nat of KL(weights || baseline) costs, in bits per byte.
        bootstrap: replicates.
        seed: of the swarm, the slices, the parameters and the bootstrap.
    """

    castor: Literal[1]
    name: str = "ablation"
    mixture: str | None = None
    sources: Mapping[str, Mapping[str, Any]] | None = None
    stage: str = "last"
    targets: tuple[str, ...] | Mapping[str, Weight]
    evaluate: Mapping[str, HeldOut] = {}
    swarm: SwarmConfig
    confirm: ConfirmConfig = ConfirmConfig()
    model: Mapping[str, Any] = {}
    optimizer: Mapping[str, Any] = {}
    batch_rows: Positive = 8
    sequence_length: int | None = pydantic.Field(default=None, ge=8)
    parallel: Positive = 8
    heldout_tokens: Count = 50_000
    target_tokens: Count | None = None
    simulated_epochs: bool = True
    max_epochs: Weight | None = None
    law: Literal["auto", "own-log", "log-linear"] = "auto"
    kl: float = pydantic.Field(default=PULL, ge=0, allow_inf_nan=False)
    bootstrap: int = pydantic.Field(default=REPLICATES, ge=REPLICATES)
    seed: Seed = 0

    @pydantic.model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.mixture is None) == (self.sources is None):
            raise ValueError("give `mixture` or `sources`, one of them")
        if not self.targets:
            raise ValueError("targets: name at least one domain")
        if len(set(self.targets)) < len(self.targets):
            raise ValueError("targets: a domain is named twice")
        return self

    @property
    def target_weights(self) -> dict[str, float]:
        """How much every target counts; they sum to 1."""
        if isinstance(self.targets, Mapping):
            total = sum(self.targets.values())
            return {name: w / total for name, w in sorted(self.targets.items())}
        return {name: 1.0 / len(self.targets) for name in sorted(self.targets)}

    @property
    def confirm_tokens(self) -> int:
        """Tokens of a confirm run."""
        return self.confirm.tokens or self.swarm.tokens_per_run


def load(path: str | os.PathLike[str], settings: Sequence[str] = ()) -> AblationSpec:
    """Reads the file of an ablation and applies `key=value` settings.

    Raises:
        ConfigError: it cannot be read, or a key or value is wrong.
    """
    text = configuration.read(path, "ablation")
    return configuration.parse(
        text, AblationSpec, kind="ablation", where=os.fspath(path), settings=settings
    )


def runs_needed(domains: int) -> int:
    """The fewest runs with which a law of so many domains can be fitted."""
    return max(FEWEST_RUNS, math.ceil(RUNS_PER_DOMAIN * domains))


def check_runs(spec: AblationSpec, domains: int) -> None:
    """Refuses a swarm that is too small for its domains.

    Raises:
        ConfigError: fewer than 1.5 runs per domain, or than 6; or one domain only.
    """
    if domains < 2:
        raise ConfigError(
            "an ablation needs at least two domains to weigh", got=f"{domains} in the mixture"
        )
    needed = runs_needed(domains)
    if spec.swarm.runs < needed:
        raise ConfigError(
            f"too few runs for {domains} domains",
            where="swarm.runs",
            got=spec.swarm.runs,
            fix=f"give {needed} or more, better {2 * domains + 2}",
        )
