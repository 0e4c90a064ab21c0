"""Policies: a named, ordered list of rules over signals; they decide, they never measure.

A policy is a YAML file, `filters/policies/<family>/<variant>.yaml`, found as
`family/variant`; a path to one's own file works the same. Bounds state what a document
that is *kept* satisfies: `at_least` (>=), `at_most` (<=), `above` (>), `below` (<).
A rule whose signal is null says `<reason>:missing`; a rule whose `when` is not met says
nothing. Every reason of a row is returned, not the first one only.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from castor.filters.errors import ConfigError, unknown_name
from castor.filters.record import Modality
from castor.filters.registry import names

BOUNDS = {
    "at_least": pc.greater_equal,
    "at_most": pc.less_equal,
    "above": pc.greater,
    "below": pc.less,
}
TESTS = (*BOUNDS, "equals", "in", "not_in")


@dataclasses.dataclass(frozen=True)
class Condition:
    """One test on a column (or `meta.<key>`); a null value does not meet it."""

    column: str
    test: str
    value: Any

    def holds(self, batch: pa.RecordBatch) -> pa.BooleanArray:
        """Per row, whether the condition is met."""
        column = _column(batch, self.column)
        if self.test in BOUNDS:
            met = BOUNDS[self.test](column, pa.scalar(self.value))
        else:
            values = [self.value] if self.test == "equals" else list(self.value)
            met = pc.is_in(column, value_set=pa.array(values, column.type))
            if self.test == "not_in":
                met = pc.and_(pc.invert(met), pc.is_valid(column))
        return pc.fill_null(met, False)


@dataclasses.dataclass(frozen=True)
class Rule:
    """One bound or more on one signal, with the reason of its violation and its citation."""

    reason: str
    signal: str
    cite: str
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None
    when: tuple[Condition, ...] = ()

    @property
    def bounds(self) -> dict[str, float]:
        """The bounds that are set, by name."""
        return {b: getattr(self, b) for b in BOUNDS if getattr(self, b) is not None}

    @property
    def columns(self) -> list[str]:
        """Every column that the rule reads."""
        return [self.signal, *(c.column for c in self.when)]

    def fires(self, batch: pa.RecordBatch) -> tuple[np.ndarray, np.ndarray]:
        """Per row: violated, and missing (null signal); both bool [rows]."""
        column = _column(batch, self.signal)
        if pa.types.is_boolean(column.type):
            column = column.cast(pa.int8())
        applies = np.ones(batch.num_rows, bool)
        for condition in self.when:
            applies &= condition.holds(batch).to_numpy(zero_copy_only=False)
        null = pc.is_null(column, nan_is_null=True).to_numpy(zero_copy_only=False)
        bad = np.zeros(batch.num_rows, bool)
        for name, bound in self.bounds.items():
            met = pc.fill_null(BOUNDS[name](column, pa.scalar(bound)), True)
            bad |= ~met.to_numpy(zero_copy_only=False)
        return bad & applies & ~null, null & applies


@dataclasses.dataclass(frozen=True)
class Policy:
    """A named, versioned, ordered list of rules for some modalities."""

    name: str
    version: int
    modalities: frozenset[Modality]
    rules: tuple[Rule, ...]
    about: str = ""

    @property
    def columns(self) -> list[str]:
        """Every column that deciding reads, sorted; `modality` included."""
        return sorted({"modality", *(c for r in self.rules for c in r.columns)})

    @property
    def reasons(self) -> list[str]:
        """Every reason that the policy can give, in order, without the `:missing` forms."""
        return [r.reason for r in self.rules]

    def decide(self, batch: pa.RecordBatch) -> pa.ListArray:
        """All reasons to drop each row, list<string> [rows]; an empty list keeps the row.

        Reads only `columns`, so stored signals are enough.
        """
        wanted = pa.array([str(m) for m in self.modalities])
        mine = pc.is_in(batch.column("modality").cast(pa.string()), value_set=wanted)
        mine = mine.to_numpy(zero_copy_only=False)
        reasons: list[list[str]] = [[] for _ in range(batch.num_rows)]
        for rule in self.rules:
            bad, missing = rule.fires(batch)
            for row in np.flatnonzero(bad & mine):
                reasons[row].append(rule.reason)
            for row in np.flatnonzero(missing & mine):
                reasons[row].append(f"{rule.reason}:missing")
        return pa.array(reasons, pa.list_(pa.string()))


def check(policy: Policy, columns: Iterable[str]) -> None:
    """Refuses a policy that reads a column nobody writes, before anything runs.

    Raises:
        ConfigError: names the nearest column that exists.
    """
    known = set(columns)
    for rule in policy.rules:
        for column in rule.columns:
            if column not in known and not column.startswith("meta."):
                raise unknown_name("signal", column, known, where=f"policy {policy.name}")


@functools.cache
def load(name: str) -> Policy:
    """The policy of that name, or of that YAML file.

    Raises:
        ConfigError: there is no such policy, or the file is not a valid one.
    """
    import yaml

    if name.endswith((".yaml", ".yml")):
        if not os.path.isfile(name):
            raise ConfigError("no such policy file", got=name, fix="check the path")
        with open(name, encoding="utf-8") as file:
            text = file.read()
    else:
        if name not in names("policy"):
            raise unknown_name("policy", name, names("policy"))
        folder = importlib.resources.files("castor.filters") / "policies"
        text = (folder / f"{name}.yaml").read_text(encoding="utf-8")
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        detail = " ".join(str(error).split())
        raise ConfigError("the policy is not valid YAML", where=name, got=detail) from error
    return from_mapping(data, where=name)


def from_mapping(data: Any, *, where: str) -> Policy:
    """A policy from the mapping that its YAML file holds; every fault is a ConfigError."""
    data = _checked(data, {"name", "version", "modality", "rules"}, {"about"}, where)
    modalities = data["modality"] if isinstance(data["modality"], list) else [data["modality"]]
    unknown = [m for m in modalities if m not in set(Modality)]
    if unknown:
        raise unknown_name("modality", str(unknown[0]), [str(m) for m in Modality], where=where)
    if not isinstance(data["rules"], list) or not data["rules"]:
        raise ConfigError("a policy needs a list of rules", where=where, got=data["rules"])
    rules = tuple(_rule(r, f"{where}, rule {i + 1}") for i, r in enumerate(data["rules"]))
    reasons = [r.reason for r in rules]
    twice = next((r for r in reasons if reasons.count(r) > 1), None)
    if twice:
        raise ConfigError("two rules give the same reason", where=where, got=twice)
    return Policy(
        name=str(data["name"]),
        version=int(data["version"]),
        modalities=frozenset(Modality(m) for m in modalities),
        rules=rules,
        about=str(data.get("about", "")).strip(),
    )


def _rule(data: Any, where: str) -> Rule:
    data = _checked(data, {"reason", "signal", "cite"}, {*BOUNDS, "when"}, where)
    bounds = {b: data[b] for b in BOUNDS if b in data}
    if not bounds:
        raise ConfigError("a rule needs a bound", where=where, fix=f"set one of {list(BOUNDS)}")
    for name, value in bounds.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigError(f"{name} must be a number", where=where, got=repr(value))
    conditions = []
    for column, tests in (data.get("when") or {}).items():
        tests = tests if isinstance(tests, Mapping) else {"equals": tests}
        for test, value in tests.items():
            if test not in TESTS:
                raise unknown_name("test", test, TESTS, where=f"{where}, when {column}")
            if test in ("in", "not_in") and not isinstance(value, Sequence):
                raise ConfigError(f"{test} needs a list", where=where, got=repr(value))
            value = tuple(value) if test in ("in", "not_in") else value
            conditions.append(Condition(column, test, value))
    return Rule(data["reason"], data["signal"], data["cite"], **bounds, when=tuple(conditions))


def _checked(data: Any, required: set[str], optional: set[str], where: str) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise ConfigError("expected a mapping of keys to values", where=where, got=repr(data)[:80])
    for key in data:
        if key not in required | optional:
            raise unknown_name("key", str(key), required | optional, where=where)
    missing = sorted(required - set(data))
    if missing:
        raise ConfigError(f"the key {missing[0]!r} is missing", where=where)
    return dict(data)


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    if name.startswith("meta.") and name not in batch.schema.names:
        return pc.map_lookup(batch.column("meta"), pa.scalar(name[5:]), "first")
    return batch.column(name)
