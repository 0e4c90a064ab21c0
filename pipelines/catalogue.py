"""What there is to choose from: sources, rewriters, annotators, policies, as plain data."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from typing import Any

from castor.filters import policy as policies
from castor.filters import registry
from castor.filters.errors import ConfigError, unknown_name
from castor.filters.policy import Policy, Rule
from castor.pipelines import source as sources
from castor.pipelines.results import bound_text, condition_text

KINDS = ("source", "rewriter", "annotator", "policy")


def catalogue() -> list[dict[str, Any]]:
    """Everything that ships with Castor: kind, name, version, summary and what it writes.

    `writes` are the signals of an annotator, the reasons of a policy, the files of a source.
    """
    found = []
    for kind in KINDS:
        for name in _names(kind):
            full = _detail(kind, name)
            summary = " ".join(full["doc"].split("\n\n")[0].split())
            writes = full.get("files") or [
                s["name"] for s in full.get("signals", full.get("rules", ()))
            ]
            entry = {k: full[k] for k in ("kind", "name", "version")}
            found.append(entry | {"summary": summary, "writes": writes})
    return found


def detail(name: str) -> list[dict[str, Any]]:
    """All that bears that name, in full.

    A policy may also be the path of a YAML file, the others a module outside, `package.module`.

    A name can stand for two things, such as the source `code` and the annotator `code`.

    Raises:
        ConfigError: nothing has that name; the nearest one that exists is named.
    """
    found = [_detail(kind, name) for kind in KINDS if name in _names(kind)]
    if not found and "/" not in name and "." in name and not name.endswith((".yaml", ".yml")):
        found = _outside(name)
    if not found and name.endswith((".yaml", ".yml")):
        found = [_policy(policies.load(name))]
    if not found:
        known = {n for kind in KINDS for n in _names(kind)}
        raise unknown_name("source, rewriter, annotator or policy", name, known)
    return found


def _outside(name: str) -> list[dict[str, Any]]:
    """What the module `package.module` of somebody's own defines."""
    faults = []
    for kind in ("source", "rewriter", "annotator"):
        try:
            return [_detail(kind, name)]
        except ConfigError as error:
            faults.append(error)
    raise faults[0]


def _names(kind: str) -> tuple[str, ...]:
    return sources.names() if kind == "source" else registry.names(kind)


def _detail(kind: str, name: str) -> dict[str, Any]:
    if kind == "policy":
        return _policy(policies.load(name), name)
    found: Any = sources.load(name) if kind == "source" else registry.load(kind, name)
    about = {"kind": kind, "name": name, "version": found.version,
             "doc": inspect.cleandoc(found.doc),
             "module": inspect.cleandoc(sys.modules[found.module].__doc__ or "")}  # fmt: skip
    if kind == "source":
        options = [
            {"name": f.name, "type": str(f.type), "default": _default(f)}
            for f in dataclasses.fields(found.options)
        ]
        return about | {"files": list(found.files), "options": options}
    about["modalities"] = sorted(str(m) for m in found.modalities)
    columns = found.columns if kind == "annotator" else [found.column]
    signals = [{"name": f.name, "type": str(f.type)} for f in columns]
    return about | {"signals": signals}


def _policy(policy: Policy, name: str = "") -> dict[str, Any]:
    return {
        "kind": "policy",
        "name": name or policy.name,
        "version": policy.version,
        "doc": policy.about,
        "modalities": sorted(str(m) for m in policy.modalities),
        "rules": [rule_facts(r) for r in policy.rules],
    }


def rule_facts(rule: Rule) -> dict[str, Any]:
    """A rule as plain data: its reason, signal, bounds, condition and citation."""
    return {
        "name": rule.reason,
        "signal": rule.signal,
        "keeps": bound_text(rule),
        "bounds": rule.bounds,
        "when": condition_text(rule),
        "cite": rule.cite,
    }


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return repr(field.default)
    factory = field.default_factory
    return "required" if factory is dataclasses.MISSING else repr(factory())
