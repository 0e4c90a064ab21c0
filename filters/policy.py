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
import math
import operator
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from castor.filters.errors import ConfigError, unknown_name
from castor.filters.record import Modality
from castor.filters.registry import names

BOUNDS = {
    "at_least": operator.ge,
    "at_most": operator.le,
    "above": operator.gt,
    "below": operator.lt,
}
TESTS = (*BOUNDS, "equals", "in", "not_in")


@dataclasses.dataclass(frozen=True)
class Condition:
    """One test on a column (or `meta.<key>`); a null value does not meet it."""

    column: str
    test: str
    value: Any

    def holds(self, batch: pa.RecordBatch) -> np.ndarray:
        """Per row, whether the condition is met; bool [rows]."""
        column = _column(batch, self.column)
        if self.test in BOUNDS:
            return np.asarray(BOUNDS[self.test](_numbers(column), self.value))  # NaN meets none
        values = [self.value] if self.test == "equals" else list(self.value)
        met = pc.is_in(column, value_set=pa.array(values, column.type))
        if self.test == "not_in":
            met = pc.and_(pc.invert(met), pc.is_valid(column))
        return pc.fill_null(met, False).to_numpy(zero_copy_only=False)


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
        applies = np.ones(batch.num_rows, bool)
        for condition in self.when:
            applies &= condition.holds(batch)
        values = _numbers(_column(batch, self.signal))
        null = np.isnan(values)
        bad = np.zeros(batch.num_rows, bool)
        for name, bound in self.bounds.items():
            bad |= ~BOUNDS[name](values, bound)
        return bad & applies & ~null, null & applies


@dataclasses.dataclass(frozen=True)
class Policy:
    """A named, versioned, ordered list of rules for some modalities.

    `data` is the mapping that its file holds, JSON values only: what a worker rebuilds it from.
    """

    name: str
    version: int
    modalities: frozenset[Modality]
    rules: tuple[Rule, ...]
    about: str = ""
    data: Mapping[str, Any] = dataclasses.field(default_factory=dict, compare=False, repr=False)

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


def check(policy: Policy, fields: Iterable[pa.Field], *, where: str = "") -> None:
    """Refuses a policy that reads what nobody writes, or compares it with what it cannot be.

    Args:
        fields: the columns that rows will have.
        where: which rows those are, for the message.

    Raises:
        ConfigError: names the nearest column that exists.
    """
    types = {f.name: f.type for f in fields}
    place = f"policy {policy.name}" + (f", for {where}" if where else "")
    for rule in policy.rules:
        for column in rule.columns:
            if column.startswith("meta.") and column not in types:
                types[column] = pa.string()
            if column not in types:
                raise unknown_name("signal", column, types, where=place)
        kind = types[rule.signal]
        if not (_is_number(kind) or pa.types.is_boolean(kind)):
            raise ConfigError(
                "a bound needs a signal that is a number", where=f"{place}, rule {rule.reason}",
                got=f"{rule.signal}, a {kind}",
            )  # fmt: skip
        for condition in rule.when:
            _check_condition(condition, types[condition.column], f"{place}, rule {rule.reason}")


def _check_condition(condition: Condition, kind: pa.DataType, where: str) -> None:
    told = f"{condition.test} {condition.value!r} on {condition.column}, a {kind}"
    if condition.test in BOUNDS and not _is_number(kind):
        raise ConfigError("a bound needs a column of numbers", where=where, got=told)
    simple = _is_number(kind) or pa.types.is_boolean(kind) or _is_text(kind)
    values = [condition.value] if condition.test == "equals" else condition.value
    try:
        fits = simple and (condition.test in BOUNDS or pa.array(values, kind) is not None)
    except (pa.ArrowException, TypeError, ValueError):
        fits = False
    if not fits:
        raise ConfigError(
            "a condition compares a column with values of another type", where=where, got=told
        )


def _numbers(column: pa.Array) -> np.ndarray:
    """A column of numbers or booleans as float64 [rows], NaN where null.

    They are compared by NumPy: there are many rules, and calling Arrow takes several times as long.
    """
    return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def load(name: str) -> Policy:
    """The policy of that name, or of that YAML file, which is read anew by every call.

    Raises:
        ConfigError: there is no such policy, or the file is not a valid one.
    """
    if not name.endswith((".yaml", ".yml")):
        return _shipped(name)
    try:
        with open(name, encoding="utf-8") as file:
            return _parsed(file.read(), name)
    except FileNotFoundError as error:
        raise ConfigError("no such policy file", got=name, fix="check the path") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("cannot read the policy", where=name, got=error) from error


@functools.cache
def _shipped(name: str) -> Policy:
    if name not in names("policy"):
        raise unknown_name("policy", name, names("policy"))
    folder = importlib.resources.files("castor.filters") / "policies"
    return _parsed((folder / f"{name}.yaml").read_text(encoding="utf-8"), name)


def _parsed(text: str, where: str) -> Policy:
    import yaml

    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        detail = " ".join(str(error).split())
        raise ConfigError("the policy is not valid YAML", where=where, got=detail) from error
    return from_mapping(data, where=where)


def from_mapping(data: Any, *, where: str) -> Policy:
    """A policy from the mapping that its YAML file holds; every fault is a ConfigError."""
    data = _checked(data, {"name", "version", "modality", "rules"}, {"about"}, where)
    version = data["version"]
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise ConfigError("version must be a whole number from 1", where=where, got=repr(version))
    modalities = data["modality"] if isinstance(data["modality"], list) else [data["modality"]]
    known = [str(m) for m in Modality]
    for given in modalities or [None]:
        if given not in known:
            raise unknown_name("modality", str(given), known, where=where)
    if not isinstance(data["rules"], list) or not data["rules"]:
        raise ConfigError("a policy needs a list of rules", where=where, got=data["rules"])
    rules = tuple(_rule(r, f"{where}, rule {i + 1}") for i, r in enumerate(data["rules"]))
    reasons = [r.reason for r in rules]
    twice = next((r for r in reasons if reasons.count(r) > 1), None)
    if twice:
        raise ConfigError("two rules give the same reason", where=where, got=twice)
    return Policy(
        name=_text(data, "name", where),
        version=version,
        modalities=frozenset(Modality(m) for m in modalities),
        rules=rules,
        about=_text(data, "about", where).strip() if "about" in data else "",
        data=data,
    )


def _rule(data: Any, where: str) -> Rule:
    data = _checked(data, {"reason", "signal", "cite"}, {*BOUNDS, "when"}, where)
    bounds = {b: data[b] for b in BOUNDS if b in data}
    if not bounds:
        raise ConfigError("a rule needs a bound", where=where, fix=f"set one of {list(BOUNDS)}")
    for name, value in bounds.items():
        if not _is_finite(value):
            raise ConfigError(f"{name} must be a number", where=where, got=repr(value))
    return Rule(
        reason=_text(data, "reason", where),
        signal=_text(data, "signal", where),
        cite=_text(data, "cite", where),
        when=_conditions(data.get("when", {}), where),
        **bounds,
    )


def _conditions(data: Any, where: str) -> tuple[Condition, ...]:
    if not isinstance(data, Mapping) or not all(isinstance(c, str) for c in data):
        raise ConfigError(
            "`when` must be a mapping of columns to tests", where=where, got=repr(data)[:80]
        )
    found = []
    for column, tests in data.items():
        tests = tests if isinstance(tests, Mapping) else {"equals": tests}
        for test, value in tests.items():
            place = f"{where}, when {column}"
            if test not in TESTS:
                raise unknown_name("test", str(test), TESTS, where=place)
            if test in BOUNDS and not _is_finite(value):
                raise ConfigError(f"{test} must be a number", where=place, got=repr(value))
            many = test in ("in", "not_in")
            if many and not isinstance(value, list | tuple):
                raise ConfigError(f"{test} needs a list", where=place, got=repr(value))
            for one in value if many else [value]:
                if not isinstance(one, str | int | float):
                    raise ConfigError(
                        f"{test} must be text, a number or true or false", where=place,
                        got=repr(one),
                    )  # fmt: skip
            found.append(Condition(column, test, tuple(value) if many else value))
    return tuple(found)


def _is_finite(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value)


def _text(data: Mapping[str, Any], key: str, where: str) -> str:
    value = data[key]
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"{key} must be a text", where=where, got=repr(value))
    return value


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
