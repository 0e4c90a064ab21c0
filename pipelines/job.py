"""The job: everything a worker must know, as one JSON value that travels with the code.

The driver resolves a recipe into a Job once; workers rebuild sources, annotators and
policies from their names. The fingerprints say what determines the bytes of a stage.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import json
import pathlib
from typing import Any

import pyarrow as pa

from castor.filters import registry, storage
from castor.filters.annotator import Annotator, Context
from castor.filters.errors import ConfigError, unknown_name
from castor.filters.policy import Policy, from_mapping
from castor.filters.policy import check as check_policy
from castor.filters.policy import load as load_policy
from castor.filters.record import RECORD_SCHEMA
from castor.filters.rewriter import Rewriter
from castor.pipelines import source as sources
from castor.pipelines.inputs import File, Inputs, ShardInput
from castor.pipelines.recipe import Recipe, Step
from castor.pipelines.signatures import COLUMNS, fields_of
from castor.pipelines.source import Source

EDITS = pa.field("boilerplate.edits", pa.int32())  # lines taken out of a row; null: no web page
BOILERPLATE = 1  # version of how lines are compared and taken out


@dataclasses.dataclass(frozen=True)
class Job:
    """A resolved run.

    Attributes:
        recipe: the recipe with every variable substituted.
        out: absolute output folder.
        roots: absolute input root by source name.
        shards: all shards, in order.
        sidecars: digest of the files beside the inputs, by source name.
        ignored: files beside the inputs that no source reads, by source name.
        limit: at most this many records per source and shard, or None.
        passed: the Arrow schema of a dataset that is read, hex IPC, or None: its signal
            columns are passed through.
        against: the digest that pins the benchmarks (see leaks.py), or None.
        policies: what the file of every policy holds, by its name or path in the recipe.
        config: the resolved configuration without paths of this machine (see `portable`).
    """

    recipe: Recipe
    out: str
    roots: dict[str, str]
    shards: tuple[ShardInput, ...]
    sidecars: dict[str, str]
    ignored: dict[str, list[str]]
    limit: int | None = None
    passed: str | None = None
    against: str | None = None
    policies: dict[str, Any] = dataclasses.field(default_factory=dict)
    config: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def work(self) -> pathlib.Path:
        """Where intermediate files lie."""
        return pathlib.Path(self.out, ".work")

    def measured(self, number: int) -> pathlib.Path:
        """The measured rows of a shard."""
        return self.work / "measured" / f"part-{number:05d}.parquet"

    def rejected(self, number: int) -> pathlib.Path:
        """The rejections of a shard."""
        return self.work / "measured" / f"part-{number:05d}.rejected.parquet"

    def note(self, number: int) -> pathlib.Path:
        """What is known of a measured shard; its presence says that it is whole."""
        return self.work / "measured" / f"part-{number:05d}.json"

    def read(self, number: int) -> pathlib.Path:
        """The rows of a shard as they were read, kept where boilerplate is taken out of them."""
        return self.work / "read" / f"part-{number:05d}.parquet"

    def read_note(self, number: int) -> pathlib.Path:
        """What is known of a shard that was read; its presence says that it is whole."""
        return self.work / "read" / f"part-{number:05d}.json"

    def seen(self, number: int) -> pathlib.Path:
        """The lines of a shard by site and page."""
        return self.work / "boilerplate" / f"part-{number:05d}.seen"

    def repeated(self, name: str) -> pathlib.Path:
        """The lines that are taken out of pages, a file named by its digest."""
        return self.work / "boilerplate" / f"{name}.keys"

    def save(self) -> str:
        """Writes the job to a file named by its digest, for workers to load; its path."""
        data = dataclasses.asdict(dataclasses.replace(self, recipe=None))  # type: ignore[arg-type]
        data["recipe"] = self.recipe.model_dump(mode="json")
        path = self.work / "jobs" / f"{storage.digest_of(data)}.json"
        storage.write_bytes(path, json.dumps(data).encode())
        return str(path)

    @property
    def policies_by_name(self) -> dict[str, Any]:
        """What every policy says, by the name that it gives itself."""
        return {p["name"]: p for p in self.policies.values()}

    @property
    def written(self) -> list[ShardInput]:
        """The shards that are written: those of no reference source."""
        reference = {s.name for s in self.recipe.sources if s.reference}
        return [s for s in self.shards if s.source not in reference]


@functools.lru_cache(maxsize=4)
def load_job(path: str) -> Job:
    """Rebuilds a saved job, once per process."""
    data = storage.read_json(pathlib.Path(path))
    data["recipe"] = Recipe.model_validate(data["recipe"])
    data["shards"] = tuple(
        ShardInput(s["number"], s["source"], tuple(File(**f) for f in s["files"]))
        for s in data["shards"]
    )
    return Job(**data)


class Tools:
    """The objects that a job names, built once per process."""

    def __init__(
        self, recipe: Recipe, passed: str | None = None, policies: dict[str, Any] | None = None
    ) -> None:
        self.recipe = recipe
        self._passed = (
            [] if passed is None else list(pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(passed))))
        )
        self.sources: dict[str, Source] = {s.name: sources.load(s.kind) for s in recipe.sources}
        self.options = {
            s.name: _options(s.name, self.sources[s.name], s.options) for s in recipe.sources
        }
        self.rewriters = [(s, registry.load("rewriter", s.name)) for s in recipe.rewrite]
        self.annotators = [(s, registry.load("annotator", s.name)) for s in recipe.annotate]
        read = read_policies(recipe) if policies is None else policies
        self.policies = [(s, from_mapping(read[s.name], where=s.name)) for s in recipe.decide]
        self._check()

    def _check(self) -> None:
        """Refuses what would fail, or drop every row, once it runs."""
        for step in self.recipe.decide:
            if step.options:
                raise ConfigError(
                    "a policy takes no options", where=f"step {step.name}",
                    got=", ".join(step.options), fix="leave `options` out",
                )  # fmt: skip
        contents: dict[str, Any] = {}
        for step, policy in self.policies:
            if contents.setdefault(policy.name, policy.data) != policy.data:
                raise ConfigError(
                    "two policies have the same name", where=f"policy {step.name}",
                    got=policy.name, fix="give one of them another `name`",
                )  # fmt: skip
        for source in self.sources:
            names = [r.name for _, r in self.rewriters_of(source)]
            names += [a.name for _, a in self.annotators_of(source)]
            names += [p.name for p in self.policies_of(source)]
            twice = next((n for n in names if names.count(n) > 1), None)
            if twice:
                raise ConfigError(
                    "a step stands twice for one source", where=f"source {source!r}", got=twice,
                    fix="name it once, or give each its own `sources`",
                )  # fmt: skip
            for policy in self.policies_of(source):
                check_policy(policy, self._fields_of(source), where=f"source {source!r}")

    def _fields_of(self, source: str) -> list[pa.Field]:
        """The columns that rows of a source have when policies decide."""
        written = [EDITS] if self.recipe.boilerplate else []
        written += [r.column for _, r in self.rewriters_of(source)]
        written += [f for _, a in self.annotators_of(source) for f in a.columns]
        return [*RECORD_SCHEMA, *self._passed, *written]

    def rewriters_of(self, source: str) -> list[tuple[Step, Rewriter]]:
        """The rewriters for rows of a source, in order, with their steps."""
        return [(s, r) for s, r in self.rewriters if s.applies_to(source)]

    def annotators_of(self, source: str) -> list[tuple[Step, Annotator]]:
        """The annotators for rows of a source, in order, with their steps."""
        return [(s, a) for s, a in self.annotators if s.applies_to(source)]

    def policies_of(self, source: str) -> list[Policy]:
        """The policies for rows of a source, in order."""
        return [p for s, p in self.policies if s.applies_to(source)]

    @property
    def signal_fields(self) -> list[pa.Field]:
        """The columns that are passed through, and that rewriters and annotators add."""
        own = {*RECORD_SCHEMA.names, *COLUMNS}
        fields = [f for f in self._passed if f.name not in own]
        fields += [EDITS] if self.recipe.boilerplate else []
        fields += [r.column for _, r in self.rewriters]
        fields += [f for _, a in self.annotators for f in a.columns]
        return list({f.name: f for f in fields}.values())

    @property
    def read_schema(self) -> pa.Schema:
        """The schema of a shard that was read and not measured yet."""
        own = {*RECORD_SCHEMA.names, *COLUMNS, EDITS.name}
        own |= {f.name for _, a in self.annotators for f in a.columns}
        passed = [f for f in self._passed if f.name not in own]
        return pa.schema([*RECORD_SCHEMA, *passed], metadata=RECORD_SCHEMA.metadata)

    @property
    def measured_schema(self) -> pa.Schema:
        """The schema of a measured shard."""
        signed = fields_of(self.near)
        return pa.schema(
            [*RECORD_SCHEMA, *self.signal_fields, *signed], metadata=RECORD_SCHEMA.metadata
        )

    @property
    def near(self) -> Any:
        """The near-duplicate settings, or None."""
        return self.recipe.dedup.near if self.recipe.dedup else None

    def context(self, roots: dict[str, str], step: Step) -> Context:
        """What an annotator is given for a step."""
        return Context(roots=roots, options={step.name: step.options})

    @property
    def versions(self) -> dict[str, dict[str, int]]:
        """Name and version of everything that took part."""
        return {
            "sources": {s.name: s.version for s in self.sources.values()},
            "rewriters": {r.name: r.version for _, r in self.rewriters}
            | ({"boilerplate": BOILERPLATE} if self.recipe.boilerplate else {}),
            "annotators": {a.name: a.version for _, a in self.annotators},
            "policies": {p.name: p.version for _, p in self.policies},
        }


@functools.lru_cache(maxsize=4)
def _tools(recipe_json: str, passed: str | None, policies_json: str) -> Tools:
    recipe = Recipe.model_validate_json(recipe_json)
    return Tools(recipe, passed, json.loads(policies_json))


def tools_of(job: Job) -> Tools:
    """The tools of a job, cached per process."""
    return _tools(job.recipe.model_dump_json(), job.passed, json.dumps(job.policies))


def read_policies(recipe: Recipe) -> dict[str, Any]:
    """What the file of every policy of a recipe holds, by the name that the recipe gives it."""
    return {s.name: load_policy(s.name).data for s in recipe.decide}


def castor_version() -> str:
    """The installed version of Castor."""
    return importlib.metadata.version("castor")


def portable(recipe: Recipe, found: Tools) -> dict[str, Any]:
    """The resolved configuration without paths of this machine: what a manifest holds.

    The options of an annotator or a rewriter are represented by what its check makes of them,
    and a policy of one's own by the name that it gives itself.

    Raises:
        ConfigError: an option of an annotator or a rewriter is wrong.
    """
    data = recipe.model_dump(mode="json")
    for spec in data["sources"]:
        del spec["input"]
        pinned = getattr(found.options[spec["name"]], "pinned", None)
        if pinned is not None:
            spec["options"] = pinned()
    optional: tuple[tuple[str, Any], ...] = (
        ("rewrite", found.rewriters), ("annotate", found.annotators)
    )  # fmt: skip
    for kind, tools in optional:
        for step, (given, tool) in zip(data[kind], tools, strict=True):
            takes_part = any(given.applies_to(s.name) for s in recipe.sources)
            step["options"] = tool.check(given.options) if takes_part else None
    for step, (_, policy) in zip(data["decide"], found.policies, strict=True):
        step["name"] = policy.name
    if data["decontaminate"]:
        del data["decontaminate"]["against"]
    return data


def read_fingerprint(job: Job, shard: ShardInput) -> str:
    """What determines the rows of a shard that was read, except the contents of its files."""
    return storage.digest_of(_of_reading(job, shard))


def measure_fingerprint(job: Job, shard: ShardInput) -> str:
    """What determines the bytes of a measured shard, except the contents of its files."""
    config = job.config
    found = tools_of(job)
    return storage.digest_of(
        _of_reading(job, shard)
        | {
            "rewrite": [
                [r.name, r.version, pinned["options"]]
                for (s, r), pinned in zip(found.rewriters, config["rewrite"], strict=True)
                if s.applies_to(shard.source)
            ],
            "annotate": [
                [a.name, a.version, pinned["options"]]
                for (s, a), pinned in zip(found.annotators, config["annotate"], strict=True)
                if s.applies_to(shard.source)
            ],
            "schema": [str(f) for f in found.measured_schema],
            # Bands and samples are measured; from where on two are one is decided later.
            "near": found.near and found.near.model_dump(exclude={"jaccard", "containment"}),
        }
    )


def trimmed_fingerprint(job: Job, shard: ShardInput, repeated: str | None) -> str:
    """As `measure_fingerprint`, of a shard from which the repeated lines of a name were taken."""
    boilerplate = job.recipe.boilerplate
    most = boilerplate.most if boilerplate else None
    return storage.digest_of([measure_fingerprint(job, shard), BOILERPLATE, repeated, most])


def _of_reading(job: Job, shard: ShardInput) -> dict[str, Any]:
    config = job.config
    spec = next(s for s in config["sources"] if s["name"] == shard.source)
    found = tools_of(job)
    return {
        "castor": castor_version(),
        "source": [spec, found.sources[shard.source].version],
        "read": [str(f) for f in found.read_schema] if job.recipe.boilerplate else None,
        "limits": config["limits"],
        "limit": job.limit,
        "sidecars": job.sidecars[shard.source],
        "files": [[f.path, f.n_bytes] for f in shard.files],
    }


def reusable(job: Job, shard: ShardInput) -> bool:
    """Whether a shard was measured before from the same input by the same configuration.

    Where boilerplate is taken out: whether it was read before. Whether what was measured of it
    still holds is known once all shards were read (`is_measured`).
    """
    number = shard.number
    if job.recipe.boilerplate:
        path, rows = job.read_note(number), job.read(number)
        fingerprint = read_fingerprint(job, shard)
    else:
        path, rows = job.note(number), job.measured(number)
        fingerprint = measure_fingerprint(job, shard)
    if not path.is_file() or not rows.is_file():
        return False
    note = storage.read_json(path)
    if note["fingerprint"] != fingerprint:
        return False
    if note["mtimes_ns"] == [f.mtime_ns for f in shard.files]:
        return True
    root = job.roots[shard.source]
    return all(storage.digest(pathlib.Path(root, p)) == digest for p, _, digest in note["inputs"])


def is_measured(job: Job, number: int, fingerprint: str) -> bool:
    """Whether a shard that was read is measured already, by a fingerprint, from the same bytes."""
    path = job.note(number)
    if not path.is_file() or not job.measured(number).is_file():
        return False
    note, read = storage.read_json(path), storage.read_json(job.read_note(number))
    return bool(note["fingerprint"] == fingerprint and note["inputs"] == read["inputs"])


def sidecar_digest(inputs: Inputs) -> str:
    """Digest of name, size and time of the files beside the inputs."""
    return storage.digest_of([[f.path, f.n_bytes, f.mtime_ns] for f in inputs.others])


def _options(name: str, source: Source, given: dict[str, Any]) -> Any:
    known = {f.name for f in dataclasses.fields(source.options)}
    for key in given:
        if key not in known:
            raise unknown_name("option", key, known, where=f"source {name!r} ({source.name})")
    try:
        return source.options(**given)
    except (TypeError, ValueError) as error:
        raise ConfigError(str(error), where=f"options of source {name!r}") from error
