"""Swarms whose truth is known: mixtures as an ablation draws them, losses by a planted law."""

import dataclasses

import numpy as np

from castor.mixtures.ablate import fit, laws, propose, swarm
from castor.mixtures.ablate.runs import Run


@dataclasses.dataclass(frozen=True)
class Planted:
    """A planted law and a swarm that obeys it, up to noise; vectors are by name, sorted."""

    names: tuple
    natural: dict
    runs: list
    truth: fit.Fitted

    @property
    def prior(self):
        return np.array([self.natural[n] for n in self.names])

    def optimum(self, caps=None, pull=0.05):
        return propose.propose(self.truth, self.prior, pull=pull, caps=caps)[0]

    def fresh(self, n, seed):
        """Mixtures [n, k] that no run had."""
        drawn = swarm.draw(self.natural, runs=n, seed=seed)
        return np.array([[m[name] for name in self.names] for m in drawn])


def plant(*, domains, runs, noise, seed, strength=0.4, target="held", c=2.0, scale=0.8):
    """A log-linear law y = c + scale * exp(t.x), slopes drawn with deviation `strength`."""
    generator = np.random.default_rng(seed)
    names = tuple(f"domain-{i:02d}" for i in range(domains))
    share = generator.dirichlet(np.full(domains, 2.0)) + 1e-3
    natural = dict(zip(names, (share / share.sum()).tolist()))
    mixtures = swarm.draw(natural, runs=runs, seed=seed)
    t = generator.normal(0, strength, domains)
    law = laws.LogLinear(np.array([c]), (t - t.mean() + np.log(scale))[None])
    X = np.array([[m[n] for n in names] for m in mixtures])
    y = law.predict(X)[0] + generator.normal(0, noise, runs)
    data = fit.table(mixtures, [{target: v} for v in y], {target: 1.0})
    made = [
        Run(f"{i:032x}", "0", "swarm", m, i, 1000, dict.fromkeys(names, "0"), {target: float(v)})
        for i, (m, v) in enumerate(zip(mixtures, y))
    ]
    return Planted(names, natural, made, fit.Fitted(data, {target: law}, {}, y))
