"""Recipes: YAML read into typed, frozen objects; every fault is an error before a run.

A recipe ships in pipelines/recipes/ and is found by name; a path to one's own file works
the same. `${name}` stands for a variable declared under `set:`; `--set name=value` sets
it, and `--set dedup.near.jaccard=0.7` overrides any other value by its path.
"""

from __future__ import annotations

import difflib
import importlib.resources
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pydantic

from castor.filters.errors import ConfigError, unknown_name

# What pydantic's types of error want, in the words of YAML.
WANTED = {
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a mapping of keys to values",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "missing": "this key is missing",
}
VARIABLE = re.compile(r"\$\{([a-z_][a-z0-9_]*)\}")


class _Frozen(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


class SourceSpec(_Frozen):
    """One input of a run: a kind of source, where it lies, and its options.

    Rows of a `reference` source are compared with, kept in every duplicate, and not written.
    An `optional` one is left out, with a line that says so, where its input does not exist.
    """

    name: str = pydantic.Field(pattern=r"^[a-z][a-z0-9_-]*$")
    kind: str
    input: str
    reference: bool = False
    optional: bool = False
    exclude: tuple[str, ...] = ()
    options: dict[str, Any] = {}


class Step(_Frozen):
    """One annotator, rewriter or policy by name, for some sources or for all."""

    name: str
    sources: tuple[str, ...] | None = None
    options: dict[str, Any] = {}

    @pydantic.model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    def applies_to(self, source: str) -> bool:
        """Whether the step takes part for rows of that source."""
        return self.sources is None or source in self.sources


class NearDuplicates(_Frozen):
    """MinHash-LSH: 14 bands of 8 rows on word 5-grams as FineWeb (arXiv:2406.17557 §3.2),
    every candidate verified by exact Jaccard against the kept document.
    """

    ngram: int = pydantic.Field(default=5, ge=1, le=32)
    bands: int = pydantic.Field(default=14, ge=1, le=512)
    rows: int = pydantic.Field(default=8, ge=1, le=128)
    jaccard: float = pydantic.Field(default=0.8, gt=0, le=1)


class Dedup(_Frozen):
    """Which duplicates are removed."""

    exact: bool = True
    near: NearDuplicates | None = NearDuplicates()


class Decontaminate(_Frozen):
    """Benchmarks that must not be in the output: folders or files.

    `mapping` names the fields of files that use none of the usual names: role (question,
    passage, choices, answer) to field.
    """

    against: tuple[str, ...] = pydantic.Field(min_length=1)
    exclude: tuple[str, ...] = ()
    mapping: dict[str, str] | None = None

    @pydantic.field_validator("against", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value


class Limits(_Frozen):
    """Sizes that bound a run.

    `shard_bytes` and `shard_files` say how many input bytes and files are grouped into one
    shard, the unit of work and of resume; they decide the bytes of the output's shards.
    """

    max_document_bytes: int = pydantic.Field(default=64_000_000, ge=1)
    shard_bytes: int = pydantic.Field(default=64_000_000, ge=1)
    shard_files: int = pydantic.Field(default=1000, ge=1)


class Recipe(_Frozen):
    """What a run does: sources -> rewrite -> annotate -> decide -> dedup -> decontaminate."""

    castor: Literal[1]
    name: str
    about: str = ""
    sources: tuple[SourceSpec, ...] = pydantic.Field(min_length=1)
    rewrite: tuple[Step, ...] = ()
    annotate: tuple[Step, ...] = ()
    decide: tuple[Step, ...] = ()
    dedup: Dedup | None = Dedup()
    decontaminate: Decontaminate | None = None
    limits: Limits = Limits()

    @pydantic.model_validator(mode="after")
    def _sources_exist(self) -> Recipe:
        names = [s.name for s in self.sources]
        twice = next((n for n in names if names.count(n) > 1), None)
        if twice:
            raise ConfigError("two sources have the same name", got=twice, where=self.name)
        for step in (*self.rewrite, *self.annotate, *self.decide):
            for name in step.sources or ():
                if name not in names:
                    raise unknown_name("source", name, names, where=f"step {step.name}")
        return self


def names() -> list[str]:
    """The recipes that ship with Castor, sorted."""
    folder = importlib.resources.files("castor.pipelines") / "recipes"
    return sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".yaml"))


def load(name: str, settings: Sequence[str] = ()) -> Recipe:
    """Reads a recipe by name or path and applies `key=value` settings.

    Raises:
        ConfigError: no such recipe, an unknown key, a wrong value, a variable without one.
    """
    data = _read(name)
    if not isinstance(data, dict):
        raise ConfigError("a recipe is a mapping of keys to values", where=name, got=type(data))
    variables = _variables(data.pop("set", None), where=name)
    for setting in settings:
        _apply(setting, data, variables, where=name)
    return _typed(_substituted(data, variables, name), where=name)


def _read(name: str) -> Any:
    import yaml

    if name.endswith((".yaml", ".yml")) or os.sep in name:
        try:
            with open(name, encoding="utf-8") as file:
                text = file.read()
        except OSError as error:
            raise ConfigError(
                "cannot read the recipe", where=name, got=error.strerror, fix="check the path"
            ) from error
    elif name in names():
        folder = importlib.resources.files("castor.pipelines") / "recipes"
        text = (folder / f"{name}.yaml").read_text(encoding="utf-8")
    else:
        raise unknown_name("recipe", name, names())
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        detail = " ".join(str(error).split())
        raise ConfigError("the recipe is not valid YAML", where=name, got=detail) from error


def _variables(data: Any, *, where: str) -> dict[str, Any]:
    if data is not None and not isinstance(data, Mapping):
        raise ConfigError("`set` is a mapping of variables to defaults", where=where, got=data)
    found = {}
    for key, value in (data or {}).items():
        from_environment = isinstance(value, Mapping) and set(value) == {"env"}
        found[str(key)] = os.environ.get(value["env"]) if from_environment else value
    return found


def _apply(setting: str, data: dict, variables: dict[str, Any], *, where: str) -> None:
    import yaml

    key, equals, text = setting.partition("=")
    if not equals:
        raise ConfigError("--set needs key=value", got=setting, fix="for example --set input=a/")
    if key in variables:
        variables[key] = text
        return
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        detail = " ".join(str(error).split())
        raise ConfigError(
            "the value is not valid YAML", where=f"--set {setting}", got=detail
        ) from error
    path = key.split(".")
    node: Any = data
    for i, step in enumerate(path[:-1]):
        node = _descend(node, step, ".".join(path[: i + 1]), where)
    if isinstance(node, list):
        _descend(node, path[-1], key, where)
        node[int(path[-1])] = value
    elif isinstance(node, dict):
        if len(path) == 1 and key not in Recipe.model_fields:
            known = [*variables, *Recipe.model_fields]
            raise unknown_name("setting", key, known, where=f"--set {setting}")
        node[path[-1]] = value
    else:
        raise ConfigError("--set: there is nothing to set inside", where=key, got=repr(node))


def _descend(node: Any, step: str, path: str, where: str) -> Any:
    if isinstance(node, list):
        if not step.isdigit() or int(step) >= len(node):
            raise ConfigError(
                "--set: no such entry", where=f"{where}: {path}", fix=f"give 0 to {len(node) - 1}"
            )
        if isinstance(node[int(step)], str):  # a step that is given by its name alone
            node[int(step)] = {"name": node[int(step)]}
        return node[int(step)]
    if not isinstance(node, dict):
        raise ConfigError("--set: there is nothing to set inside", where=path, got=repr(node))
    if node.get(step) is None:
        if step not in Recipe.model_fields and path == step:
            raise unknown_name("setting", step, Recipe.model_fields, where=f"--set {path}")
        node[step] = {}
    return node[step]


def _substituted(node: Any, variables: Mapping[str, Any], where: str) -> Any:
    if isinstance(node, dict):
        return {k: _substituted(v, variables, where) for k, v in node.items()}
    if isinstance(node, list):
        return [_substituted(v, variables, where) for v in node]
    if not isinstance(node, str):
        return node

    def value_of(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in variables:
            raise unknown_name("variable", name, variables, where=f"recipe {where}")
        if variables[name] is None:
            raise ConfigError(
                f"the recipe needs a value for {name!r}",
                where=f"recipe {where}",
                fix=f"add --set {name}=...",
            )
        return str(variables[name])

    whole = VARIABLE.fullmatch(node)
    if whole and whole.group(1) in variables and variables[whole.group(1)] is not None:
        return variables[whole.group(1)]
    return VARIABLE.sub(value_of, node)


def _typed(data: dict, *, where: str) -> Recipe:
    try:
        return Recipe.model_validate(data)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(p) for p in first["loc"])
        if first["type"] == "extra_forbidden":
            known = _known_keys(first["loc"])
            close = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
            fix = (f"did you mean {close[0]!r}? " if close else "") + f"Known: {', '.join(known)}"
            raise ConfigError(f"no key {place!r}", where=f"recipe {where}", fix=fix) from error
        message = WANTED.get(first["type"]) or first["msg"][0].lower() + first["msg"][1:]
        got = None if first["type"] == "missing" else repr(first["input"])[:80]
        raise ConfigError(f"{place}: {message}", where=f"recipe {where}", got=got) from error


def _known_keys(path: tuple[int | str, ...]) -> list[str]:
    """The keys that are allowed where `path` ends, by walking the models' annotations."""
    model: type[pydantic.BaseModel] = Recipe
    for step in path[:-1]:
        if isinstance(step, int) or step not in model.model_fields:
            continue
        found = _model_in(model.model_fields[step].annotation)
        model = found or model
    return sorted(model.model_fields)


def _model_in(annotation: Any) -> type[pydantic.BaseModel] | None:
    import typing

    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        return annotation
    for argument in typing.get_args(annotation):
        found = _model_in(argument)
        if found:
            return found
    return None
