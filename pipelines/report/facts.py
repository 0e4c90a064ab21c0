"""What the report's page says in numbers: tables, reasons, rejections, provenance."""

from __future__ import annotations

import dataclasses
import itertools
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from castor.filters.errors import ConfigError
from castor.filters.policy import Rule
from castor.pipelines import recipe as recipes
from castor.pipelines.dataset import OUTCOMES
from castor.pipelines.report.svg import Share
from castor.pipelines.results import MISSING, Results, bound_text, condition_text
from castor.pipelines.sampling import sample

EXAMPLES = 4  # of rejections, per reason
INPUTS_LISTED = 400


@dataclasses.dataclass(frozen=True)
class Reason:
    """One reason to drop rows, over all sources.

    Attributes:
        name: the reason.
        rows: rows that have it, and `only` those that have no other.
        of: rows that went into the policies, of the sources that have the reason.
        sources: (source, rows) where it occurs.
        signal, keeps, when, cite: the rule, empty strings where it is not known.
    """

    name: str
    rows: int
    only: int
    of: int
    sources: tuple[tuple[str, int], ...]
    signal: str = ""
    keeps: str = ""
    when: str = ""
    cite: str = ""

    @property
    def share(self) -> float:
        """Rows with the reason, as a share of the rows that could have it."""
        return self.rows / self.of if self.of else 0.0


def shares_by(results: Results, table: str) -> list[Share]:
    """Rows by outcome for the flow: `by_source` or `by_modality`."""
    counts = results.counts[table]
    return [Share(name, {o: row[o] for o in OUTCOMES}) for name, row in counts.items()]


def byte_shares(results: Results) -> list[Share]:
    """Bytes of text by outcome and source for the flow."""
    return [Share(name, row) for name, row in results.text_bytes().items()]


def sources_table(results: Results) -> list[dict[str, Any]]:
    """One row per source: files, input bytes, rows by outcome, bytes of text kept."""
    text = results.text_bytes()
    kinds = {s["name"]: s["kind"] for s in results.manifest["config"]["sources"]}
    inputs = results.manifest["inputs"]
    return [
        {
            "name": name,
            "kind": kinds.get(name, ""),
            "files": inputs.get(name, {}).get("files", 0),
            "input_bytes": inputs.get(name, {}).get("bytes", 0),
            **row,
            "text_bytes": text.get(name, {}).get("kept", 0),
        }
        for name, row in results.counts["by_source"].items()
    ]


def reasons(results: Results) -> list[Reason]:
    """Every reason that a policy gave, the most frequent first."""
    counters = results.counters.get("reason", {})
    only = results.counters.get("only_reason", {})
    rules: dict[str, Rule] = {}
    for _, policy in results.policies():
        for rule in policy.rules:
            rules.setdefault(rule.reason, rule)
    found = []
    for name in {reason for _, reason in counters}:
        mine = sorted(((s, n) for (s, r), n in counters.items() if r == name),
                      key=lambda item: -item[1])  # fmt: skip
        read = [results.counts["by_source"][s] for s, _ in mine]
        known = rules.get(name.removesuffix(MISSING))
        about = {} if known is None else {
            "signal": known.signal, "keeps": bound_text(known), "when": condition_text(known),
            "cite": known.cite,
        }  # fmt: skip
        found.append(
            Reason(
                name=name,
                rows=sum(n for _, n in mine),
                only=sum(n for (_, r), n in only.items() if r == name),
                of=sum(row["in"] - row["rejected"] for row in read),
                sources=tuple(mine),
                **about,
            )
        )
    return sorted(found, key=lambda r: (-r.rows, r.name))


def rejections(results: Results) -> list[dict[str, Any]]:
    """Every reason of `rejected/` with its number of rows and a few examples."""
    counters = results.counters.get("rejected", {})
    dataset = results.dataset("rejected")
    examples = sample(dataset, ["place", "message"], EXAMPLES, by=["reason"])
    by_reason = {r: list(rows) for r, rows in
                 itertools.groupby(examples, key=lambda row: row["reason"])}  # fmt: skip
    found = [
        {
            "reason": reason,
            "rows": sum(n for (_, r), n in counters.items() if r == reason),
            "sources": [(s, n) for (s, r), n in counters.items() if r == reason],
            "examples": by_reason.get(reason, []),
        }
        for reason in {r for _, r in counters}
    ]
    return sorted(found, key=lambda r: (-r["rows"], r["reason"]))


def counted(results: Results, kind: str) -> list[tuple[str, str, int]]:
    """(what, source, number) of a counter by source, such as skips or annotator errors."""
    counters = results.counters.get(kind, {})
    return sorted(((what, s, n) for (s, what), n in counters.items()), key=lambda r: (-r[2], r))


def provenance(results: Results) -> dict[str, Any]:
    """What it takes to repeat the run: configuration, versions, inputs, command."""
    import yaml

    config = results.run.get("recipe") or results.manifest["config"]
    listed = list(itertools.islice(results.inputs(), INPUTS_LISTED))
    n_files = sum(i["files"] + i.get("ignored", 0) for i in results.manifest["inputs"].values())
    facts = {
        "Castor": results.manifest["castor"],
        "Python": results.run.get("python"),
        "started": results.run.get("started"),
        "seconds": results.run.get("seconds"),
        "mode": results.run.get("mode"),
        "workers": results.run.get("workers"),
        "limit": results.manifest.get("limit"),
        "digest of the inputs": results.manifest.get("inputs_blake2b"),
    }
    return {
        "command": command(results),
        "config": yaml.safe_dump(_without_empty(config), sort_keys=False, allow_unicode=True),
        "versions": [
            (kind.rstrip("s") if kind != "policies" else "policy", name, version)
            for kind, tools in results.manifest["versions"].items()
            for name, version in tools.items()
        ],
        "facts": [(k, v) for k, v in facts.items() if v is not None],
        "inputs": listed,
        "more_inputs": n_files - len(listed),
    }


def command(results: Results) -> str:
    """A command line that runs the same recipe over the same input again."""
    noted = results.run.get("command")
    if noted:
        return shlex.join(noted) if isinstance(noted, list) else str(noted)
    limit = results.manifest.get("limit")
    end = f" --limit {limit}" if limit else ""
    own = f"castor run recipe.yaml OUT{end}   # recipe.yaml: the resolved configuration below"
    recipe = results.run.get("recipe")
    if recipe is None or results.name not in recipes.names():
        return own
    settings = [f"sources.{i}.input={s['input']}" for i, s in enumerate(recipe["sources"])]
    try:
        recipes.load(results.name, settings)
    except ConfigError:  # the recipe that ships now has other sources
        return own
    chosen = " \\\n  ".join(f"--set {shlex.quote(s)}" for s in settings)
    return f"castor run {results.name} OUT{end} \\\n  {chosen}"


def _without_empty(value: Any) -> Any:
    """The configuration without keys that say nothing: null, [] and {}."""
    if isinstance(value, Mapping):
        pairs: Iterable[tuple[Any, Any]] = ((k, _without_empty(v)) for k, v in value.items())
        return {k: v for k, v in pairs if v not in (None, [], {})}
    if isinstance(value, list | tuple):
        return [_without_empty(v) for v in value]
    return value
