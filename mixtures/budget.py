"""How many tokens a model of a size should see: compute-optimal laws and rules of thumb.

Compute is C = 6ND floating-point operations for N parameters and D tokens. N counts the
parameters that work on a token: without the embedding's look-up, with the output's matrix, and of
the experts only those that the token goes to.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from castor.mixtures.spec import BudgetSpec


@dataclasses.dataclass(frozen=True)
class Law:
    """Loss L(N, D) = E + A/N^alpha + B/D^beta and what follows from it (arXiv:2203.15556 §3.3).

    Attributes:
        e, a, b, alpha, beta: constants of the law.
    """

    e: float
    a: float
    b: float
    alpha: float
    beta: float

    @property
    def g(self) -> float:
        """G = (alpha A / (beta B))^(1 / (alpha + beta))."""
        return float((self.alpha * self.a / (self.beta * self.b)) ** (1 / (self.alpha + self.beta)))

    def loss(self, parameters: float, tokens: float) -> float:
        """The loss that the law predicts, in nats per token of its authors' data."""
        return float(self.e + self.a / parameters**self.alpha + self.b / tokens**self.beta)

    def optimum(self, flops: float) -> tuple[float, float]:
        """The parameters and tokens with the least loss for this compute."""
        exponent = self.beta / (self.alpha + self.beta)
        parameters = self.g * (flops / 6) ** exponent
        return parameters, flops / 6 / parameters

    def tokens(self, parameters: float) -> float:
        """The tokens at which a model of this size is compute-optimal."""
        exponent = self.beta / (self.alpha + self.beta)
        return float((parameters / self.g) ** (1 / exponent) / parameters)


# `hoffmann` is approach 3 of the paper (its table A3). It contradicts approaches 1 and 2 and the
# rule of 20 tokens per parameter, because its fit had stopped early: `besiroglu` is the refit of
# the same data (arXiv:2404.10102, table 1), which agrees with them.
LAWS: Mapping[str, Law] = {
    "besiroglu": Law(e=1.8172, a=482.01, b=2085.43, alpha=0.3478, beta=0.3658),
    "hoffmann": Law(e=1.69, a=406.4, b=410.7, alpha=0.34, beta=0.28),
}


@dataclasses.dataclass(frozen=True)
class Budget:
    """How long a run is, and how that compares with what is compute-optimal.

    Attributes:
        tokens: of the run.
        optimum: compute-optimal tokens of the model by the budget's rule, None if its size is
            not known.
    """

    tokens: int
    optimum: float | None

    @property
    def overtraining(self) -> float | None:
        """Tokens over the optimum's; None if the model's size is not known."""
        return None if self.optimum is None else self.tokens / self.optimum


def budget(spec: BudgetSpec) -> Budget:
    """The tokens that a budget stands for."""
    optimum = None
    if spec.active_parameters is not None:
        if spec.rule == "ratio":
            optimum = spec.tokens_per_parameter * spec.active_parameters
        else:
            optimum = LAWS[spec.constants].tokens(spec.active_parameters)
    if spec.tokens is not None:
        return Budget(spec.tokens, optimum)
    assert optimum is not None  # BudgetSpec demands the parameters with a rule
    return Budget(round(optimum * spec.overtraining), optimum)
