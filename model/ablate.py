"""`castor ablate`: from a spec to weights with intervals, a verdict and a page.

What trains is imported only when something is to be trained: a record of runs is fitted again
without JAX.
"""

from __future__ import annotations

import abc
import os
import pathlib
import shutil
import time
from collections.abc import Mapping, Sequence
from typing import Any

from castor.filters import outputs, storage
from castor.filters.errors import CastorError, ConfigError, GateError
from castor.filters.lock import locked
from castor.mixtures.ablate import problem as problems
from castor.mixtures.ablate import runs, swarm, verdict
from castor.mixtures.ablate import spec as specs
from castor.mixtures.ablate.analysis import Analysis, analyse
from castor.mixtures.ablate.figure import figure
from castor.mixtures.ablate.page import page
from castor.mixtures.ablate.problem import Problem
from castor.mixtures.ablate.result import Setting, assemble
from castor.mixtures.ablate.runs import Run
from castor.mixtures.ablate.verdict import Verdict

KIND = "ablation"
RESULT, WEIGHTS, PAGE, FIGURE, RUN = (
    "ablation.json", "weights.yaml", "ablation.html", "ablation.svg", "run.json"
)  # fmt: skip
PROXIES = "proxies.json"  # what the runs of the record had in common
VERSION = 1  # another number whenever the same runs would give another result
CONFIRM_SEED = 1 << 20  # the confirm runs' seeds begin there, so that none is a swarm run's
SAME_WEIGHTS = 2e-6  # the last of six decimals, twice


def ablate(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    settings: Sequence[str] = (),
    refit: bool = False,
    force: bool = False,
) -> dict[str, Any]:
    """Runs an ablation into a folder; trains only what its record of runs does not hold.

    Args:
        settings: `key=value` strings, as after `--set`.
        refit: train nothing: fit the runs in the folder again, under this spec.
        force: replace a finished ablation of another spec; its runs stay where they fit.

    Returns:
        `out`, `accepted`, `verdict`, `weights` by domain, `domains` (`baseline`, `proposed`,
        `low`, `high`, `slope`), `gain`, `rho`, `trained` (models), `seconds`, `skipped` (all was
        there). Not being accepted is no error here; see `check`.

    Raises:
        ConfigError: the spec, its mixture or the folder do not fit; nothing ran.
        CastorError: too many runs were lost, a file is damaged, or cannot be written.
    """
    begun = time.perf_counter()
    folder, path = pathlib.Path(out), pathlib.Path(path)
    spec = specs.load(path, settings)
    problem = problems.settle(path, spec)
    made_from = _made_from(problem)
    again = None
    if refit:
        made_from["record"] = _record_digest(folder)
        again = _Refit(problem, folder)  # refuses what does not fit while all is as it was
    replaced = force or (refit and _is_another(folder, made_from))
    if outputs.is_finished(folder, KIND, made_from, force=replaced):
        return _outcome(folder, 0, begun, skipped=True)
    with locked(folder):
        ablation = again or _Training(problem, folder)
        ablation.go()
        outputs.write(folder, KIND, made_from, **_manifest(folder))
    storage.write_json(
        folder / RUN, {"seconds": time.perf_counter() - begun, "trained": ablation.trained}
    )
    return _outcome(folder, ablation.trained, begun, skipped=False)


def check(outcome: Mapping[str, Any]) -> None:
    """Refuses an outcome whose proposal was not accepted.

    Raises:
        GateError: it was not; all files are written.
    """
    if not outcome["accepted"]:
        raise GateError(
            "the proposed weights are not accepted",
            where=outcome["out"],
            got=outcome["verdict"],
            fix="keep the weights that you have, or train more or larger models; the page says"
            " what can be learnt from these",
        )


def _is_another(out: pathlib.Path, made_from: Mapping[str, Any]) -> bool:
    """Whether there is an ablation of another spec: a new fit replaces it without being forced.

    Raises:
        CastorError: the folder holds something else.
    """
    if not (out / outputs.MANIFEST).is_file():
        return False
    there = outputs.read(out, KIND)["made_from"]
    return storage.digest_of(there) != storage.digest_of(made_from)


def _record_digest(out: pathlib.Path) -> str:
    path = out / runs.FILE
    if not path.is_file() or not (out / PROXIES).is_file():
        raise ConfigError(
            "there is no record of runs to fit again", where=out,
            fix="run the same command without --refit first",
        )  # fmt: skip
    return storage.digest(path)


def _made_from(problem: Problem) -> dict[str, Any]:
    """What determines the result, as JSON without paths."""
    spec = problem.spec.model_dump(mode="json", exclude={"mixture", "sources"})
    for given in spec["evaluate"].values():
        del given["tokens"]
    mixture = problem.mixture.model_dump(mode="json")
    for source in mixture["sources"].values():
        del source["tokens"]
    return {
        "version": VERSION, "spec": spec, "mixture": mixture, "tokens": problem.digests,
        "heldout": problem.heldout_digests,
    }  # fmt: skip


def _manifest(out: pathlib.Path) -> dict[str, Any]:
    names = (RESULT, WEIGHTS, PAGE, FIGURE, PROXIES, runs.FILE)
    return {"files": {name: storage.digest(out / name) for name in names}}


def _outcome(out: pathlib.Path, trained: int, begun: float, *, skipped: bool) -> dict[str, Any]:
    result = storage.read_json(out / RESULT)
    return {
        "out": str(out),
        "accepted": result["accepted"],
        "verdict": result["verdict"],
        "weights": {name: d["proposed"] for name, d in result["domains"].items()},
        "domains": {
            name: {k: d[k] for k in ("baseline", "proposed", "low", "high", "slope")}
            for name, d in result["domains"].items()
        },
        "gain": result["confirm"]["gain"] if result["confirm"] else None,
        "rho": result["rho"],
        "trained": trained,
        "seconds": time.perf_counter() - begun,
        "skipped": skipped,
    }


class _Ablation(abc.ABC):
    """The steps of an ablation in its folder; where runs come from is left to the two below."""

    trained = 0  # models

    def __init__(self, problem: Problem, out: pathlib.Path) -> None:
        self.problem, self.out = problem, out
        self.record = runs.read(out / runs.FILE)

    def go(self) -> None:
        """From runs to files."""
        spec = self.problem.spec
        everything = self.swarm()
        good = runs.kept(everything, specs.runs_needed(len(self.problem.inputs)))
        analysis = analyse(
            spec, good, baseline=self.problem.baseline, natural=self.problem.natural,
            caps=self.problem.caps,
        )  # fmt: skip
        baseline, proposal = self.confirm(analysis)
        judged: Verdict | None = None
        if baseline and proposal:
            judged = verdict.judge(
                [r.losses for r in baseline], [r.losses for r in proposal], spec.target_weights,
                needed=spec.confirm.standard_errors,
            )  # fmt: skip
        self._write(analysis, good, len(everything) - len(good), judged)

    @abc.abstractmethod
    def swarm(self) -> list[Run]:
        """All runs of the swarm, lost ones included."""

    @abc.abstractmethod
    def confirm(self, analysis: Analysis) -> tuple[list[Run], list[Run]]:
        """Runs of the baseline and of the proposal, none of them lost."""

    def _write(
        self, analysis: Analysis, good: list[Run], lost: int, judged: Verdict | None
    ) -> None:
        problem, facts = self.problem, storage.read_json(self.out / PROXIES)
        setting = Setting(
            problem.tokens, problem.natural, problem.baseline, problem.caps,
            problem.target_tokens, {"names": list(problem.stages), "before": problem.before},
            facts["proxy"], facts["held_out"],
        )  # fmt: skip
        result = assemble(problem.spec, setting, analysis, good, lost, judged)
        storage.write_json(self.out / RESULT, result)
        weights = problem.weights_yaml(analysis.proposal, self.out)
        storage.write_bytes(self.out / WEIGHTS, weights.encode())
        storage.write_bytes(self.out / FIGURE, str(figure(result)).encode())
        storage.write_bytes(self.out / PAGE, page(result).encode())


class _Training(_Ablation):
    """Trains what the record does not hold."""

    def __init__(self, problem: Problem, out: pathlib.Path) -> None:
        super().__init__(problem, out)
        from castor.model.proxies import Proxies

        self._indexes = out / outputs.WORK / "rows"
        self.proxies = Proxies(problem, self._indexes)
        storage.write_json(out / PROXIES, self.proxies.facts())

    def go(self) -> None:
        super().go()
        shutil.rmtree(self._indexes)  # they are as long as the data

    def swarm(self) -> list[Run]:
        spec = self.problem.spec
        mixtures = swarm.draw(
            self.problem.natural, runs=spec.swarm.runs, seed=spec.seed,
            prior=self.problem.baseline, concentration=spec.swarm.concentration,
            temperature=spec.swarm.temperature, minimum_weight=spec.swarm.minimum_weight,
            caps=self.problem.caps,
        )  # fmt: skip
        wanted = [("swarm", mixture, spec.seed + i) for i, mixture in enumerate(mixtures)]
        return self._train(wanted, spec.swarm.tokens_per_run)

    def confirm(self, analysis: Analysis) -> tuple[list[Run], list[Run]]:
        spec = self.problem.spec
        n, first = spec.confirm.seeds, spec.seed + CONFIRM_SEED
        wanted = [("baseline", dict(self.problem.baseline), first + i) for i in range(n)]
        wanted += [("proposal", analysis.proposal, first + n + i) for i in range(n)]
        found = self._train(wanted, spec.confirm_tokens)
        sides = tuple([r for r in found if r.purpose == p and r.lost is None] for p in
                      ("baseline", "proposal"))  # fmt: skip
        for side, purpose in zip(sides, ("baseline", "proposal")):
            if len(side) < n:
                lost = next(r.lost for r in found if r.purpose == purpose and r.lost)
                raise CastorError(
                    f"a confirm run of the {purpose} was lost", got=lost,
                    fix="lower optimizer.peak_lr, or give the ablation another seed",
                )  # fmt: skip
        return sides[0], sides[1]

    def _train(
        self, wanted: Sequence[tuple[str, Mapping[str, float], int]], tokens: int
    ) -> list[Run]:
        from castor.model.proxies import Request

        def keep(made: list[Run]) -> None:
            self.record |= {run.key: run for run in made}
            self.trained += len(made)
            runs.write(self.out / runs.FILE, self.record.values())

        requests = [Request(*one) for one in wanted]
        return self.proxies.train(requests, tokens, self.record, keep)


class _Refit(_Ablation):
    """Uses what the record holds of the training that was last.

    Raises:
        ConfigError: the spec asks for another training, or for other held-out documents.
    """

    def __init__(self, problem: Problem, out: pathlib.Path) -> None:
        super().__init__(problem, out)
        facts = storage.read_json(out / PROXIES)
        self._settings = facts["settings"]
        trained, asked = facts["training"], problem.training
        other = sorted(key for key in asked if asked[key] != trained[key])
        if other:
            raise ConfigError(
                "another fit cannot change how the runs were trained", where=out,
                got=f"other values of {', '.join(other)}",
                fix="run the same command without --refit to train such runs",
            )  # fmt: skip
        known = facts["heldout"]
        changed = [n for n, d in problem.heldout_digests.items() if known.get(n, d) != d]
        if changed:
            raise ConfigError(
                "the held-out documents are not those that the runs were asked", where=out,
                got=", ".join(changed), fix="run the same command without --refit",
            )  # fmt: skip

    def swarm(self) -> list[Run]:
        found = [r for r in self.record.values() if r.purpose == "swarm" and self._fits(r, "swarm")]
        if not found:
            raise ConfigError(
                "the record has no run of these domains as they are now",
                where=self.out / runs.FILE, got=f"{len(self.record)} runs of others",
                fix="run the same command without --refit",
            )  # fmt: skip
        return found

    def confirm(self, analysis: Analysis) -> tuple[list[Run], list[Run]]:
        def like(purpose: str, weights: Mapping[str, float]) -> list[Run]:
            return [
                run
                for run in self.record.values()
                if run.purpose == purpose and run.lost is None and self._fits(run, "confirm")
                and all(abs(run.mixture[d] - w) < SAME_WEIGHTS for d, w in weights.items())
            ]  # fmt: skip

        return like("baseline", self.problem.baseline), like("proposal", analysis.proposal)

    def _fits(self, run: Run, kind: str) -> bool:
        """Whether a run was trained as the last ones were, on the documents of today."""
        same = run.settings == self._settings[kind]
        return same and dict(run.sources) == self.problem.digests
