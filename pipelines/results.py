"""What a finished run left behind, read back: manifest, counters, policies, datasets.

The report, the inspection and the terminal's tables all start here, so that none of them
parses a counter's path on its own.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

from castor.filters import policy as policies
from castor.filters import storage
from castor.filters.errors import CastorError
from castor.filters.policy import Condition, Policy, Rule
from castor.filters.record import Modality
from castor.pipelines.dataset import MANIFEST, OUTCOMES, Dataset, open_folder, read_manifest
from castor.pipelines.recipe import Step

UNREAD = "unread"  # stands for the modality of what was rejected
COLUMNS = ("in", "rejected", "dropped", "duplicate", "contaminated", "kept")
MISSING = ":missing"  # what a policy appends to a reason when the signal is null


@dataclasses.dataclass(frozen=True)
class Results:
    """A finished run.

    Attributes:
        path: its output folder.
        manifest: the run's manifest.
        counters: kind of counter -> its path -> count, such as
            `counters["reason"]["web", "gopher.too_few_words"]`.
        histograms: (source, signal, outcome) -> bin number -> rows; the outcome is `kept`
            for rows that passed the policies and `dropped` for the others.
        run: run.json (when, where and how it ran), or {} when it is absent.
    """

    path: pathlib.Path
    manifest: Mapping[str, Any]
    counters: Mapping[str, Mapping[tuple[str, ...], int]]
    histograms: Mapping[tuple[str, str, str], Mapping[int, int]]
    run: Mapping[str, Any]

    @property
    def sources(self) -> list[str]:
        """The names of the sources whose rows were written, in the order of the recipe."""
        sources = self.manifest["config"]["sources"]
        return [s["name"] for s in sources if not s.get("reference")]

    @functools.cached_property
    def counts(self) -> Mapping[str, Any]:
        """Rows in and by outcome: `total`, `by_source`, `by_modality`, and `skipped`.

        Outcomes come in the order of the work, sources in that of the recipe. A source
        without any row has zeros.
        """
        found = self.manifest["counts"]
        modalities = [m for m in (*map(str, Modality), UNREAD) if m in found["by_modality"]]
        empty = dict.fromkeys(COLUMNS, 0)
        by_source = {s: found["by_source"].get(s, empty) for s in self.sources}
        return {
            "total": _ordered(found["total"]),
            "by_source": {s: _ordered(row) for s, row in by_source.items()},
            "by_modality": {m: _ordered(found["by_modality"][m]) for m in modalities},
            "skipped": found["skipped"],
        }

    @property
    def name(self) -> str:
        """The name of the recipe."""
        return str(self.manifest["config"]["name"])

    @property
    def roots(self) -> Mapping[str, str]:
        """Absolute input root by source name, as it was on the machine that ran it."""
        return self.run.get("roots", {})

    def dataset(self, outcome: str) -> Dataset:
        """The dataset of an outcome.

        Raises:
            CastorError: its folder or manifest is missing or damaged.
        """
        return open_folder(self.path / outcome)

    def inputs(self) -> Iterator[Mapping[str, Any]]:
        """Every input file that was read: source, path, bytes, blake2b."""
        path = self.path / "inputs.jsonl"
        try:
            with path.open(encoding="utf-8") as file:
                yield from (json.loads(line) for line in file)
        except (OSError, ValueError) as error:
            raise CastorError("cannot read the list of inputs", where=path, got=error) from error

    def policies(self) -> list[tuple[Step, Policy]]:
        """The policies of the run with their steps, as they were when it ran."""
        said = self.manifest["policies"]
        steps = [Step.model_validate(d) for d in self.manifest["config"].get("decide", ())]
        return [(s, policies.from_mapping(said[s.name], where=s.name)) for s in steps]

    def rules(self, source: str, modalities: set[str]) -> list[tuple[Policy, Rule]]:
        """The rules that rows of a source and of some modalities had to meet, in order."""
        return [
            (policy, rule)
            for step, policy in self.policies()
            if step.applies_to(source)
            and {str(m) for m in policy.modalities} & modalities
            for rule in policy.rules
        ]  # fmt: skip

    def modalities(self) -> dict[str, set[str]]:
        """The modalities of the rows of every source."""
        found: dict[str, set[str]] = {}
        for source, modality, _ in self.counters.get("outcome", {}):
            if modality:
                found.setdefault(source, set()).add(modality)
        return found

    def text_bytes(self) -> dict[str, dict[str, int]]:
        """Bytes of text by source and outcome; what was rejected has none."""
        found: dict[str, dict[str, int]] = {}
        for (source, outcome), n in self.counters.get("text_bytes", {}).items():
            found.setdefault(source, dict.fromkeys(OUTCOMES, 0))[outcome] = n
        return {s: found[s] for s in self.sources if s in found}


def _ordered(row: Mapping[str, int]) -> dict[str, int]:
    return {name: row[name] for name in COLUMNS}


def is_run(path: str | os.PathLike[str]) -> bool:
    """Whether the folder holds a finished run (and not one dataset, or none)."""
    manifest = pathlib.Path(path) / MANIFEST
    return manifest.is_file() and "datasets" in read_manifest(manifest.parent)


def open_run(path: str | os.PathLike[str]) -> Results:
    """Reads back a finished run.

    Raises:
        CastorError: there is no finished run in the folder, or a file of it is damaged.
    """
    folder = pathlib.Path(path)
    if not is_run(folder):
        dataset = (folder / MANIFEST).is_file()
        unfinished = (folder / ".work").is_dir()
        raise CastorError(
            "this is one dataset, not the output of a run" if dataset
            else "no finished run here",
            where=folder,
            got="a run that did not finish" if unfinished and not dataset else None,
            fix="give the folder above it" if dataset
            else "run the same command again: it resumes" if unfinished
            else "give the output folder of `castor run`",
        )  # fmt: skip
    manifest = read_manifest(folder)
    statistics = storage.read_json(folder / "statistics.json")
    counters: dict[str, dict[tuple[str, ...], int]] = {}
    for name, n in statistics["counts"].items():
        kind, *rest = name.split("\t")
        counters.setdefault(kind, {})[tuple(rest)] = n
    histograms = {}
    for name, bins in statistics["histograms"].items():
        source, signal, outcome = name.split("\t")
        histograms[source, signal, outcome] = {int(k): n for k, n in bins.items()}
    noted = folder / "run.json"
    run = storage.read_json(noted) if noted.is_file() else {}
    return Results(folder, manifest, counters, histograms, run)


def columns_of(dataset: Dataset) -> list[str]:
    """The columns of a dataset; [] if it has no rows.

    Raises:
        CastorError: its first shard is missing or damaged.
    """
    return dataset.schema.names if dataset.shards else []


def bound_text(rule: Rule) -> str:
    """What a rule demands, such as `at least 50, at most 100000`."""
    return ", ".join(f"{name.replace('_', ' ')} {bound:g}" for name, bound in rule.bounds.items())


def condition_text(rule: Rule) -> str:
    """When a rule applies, such as `meta.language equals en`, or an empty string."""
    return " and ".join(_condition(c) for c in rule.when)


def _condition(condition: Condition) -> str:
    value = condition.value
    if condition.test == "not_in" and not value:
        return f"{condition.column} is known"  # not one of nothing: any value but null
    told = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f"{condition.column} {condition.test.replace('_', ' ')} {told}"
