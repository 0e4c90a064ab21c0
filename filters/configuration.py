"""Configuration files: YAML read into typed, frozen objects; every fault is an error before a run.

Recipes, mixtures, ablations and trainings are read here. `${name}` stands for a variable
declared under `set:`; `--set name=value` sets it, to a number or a truth value where its default
is one and to the text as it stands where not, and `--set dedup.near.jaccard=0.7`
overrides any other value by its path.
"""

from __future__ import annotations

import difflib
import math
import os
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

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

SUFFIXES = {"K": 10**3, "M": 10**6, "B": 10**9, "G": 10**9, "T": 10**12}


def count(value: Any) -> Any:
    """A whole number as people write it: 2_000_000, 2M, 1.4M, 3B; others pass unchanged."""
    if not isinstance(value, str):
        return value
    text = value.strip().replace("_", "")
    unit = SUFFIXES.get(text[-1:].upper(), 1)
    try:
        number = float(text[:-1] if unit > 1 else text) * unit
    except ValueError:
        raise ValueError("must be a whole number, such as 2000000 or 2M") from None
    # 1.1 * 10**6 is not whole in floating point; one in 10^9 off is.
    if not math.isfinite(number) or abs(number - round(number)) > 1e-9 * max(1.0, abs(number)):
        raise ValueError("must be a whole number, such as 2000000 or 2M")
    return round(number)


Positive = Annotated[int, pydantic.Field(gt=0)]
Count = Annotated[int, pydantic.BeforeValidator(count), pydantic.Field(gt=0)]


class Frozen(pydantic.BaseModel):
    """Base of every typed configuration: immutable, and an unknown key is an error."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")


Model = TypeVar("Model", bound=Frozen)


def read(path: str | os.PathLike[str], kind: str) -> str:
    """The text of a configuration file.

    Args:
        kind: what the file is, for messages: "recipe", "mixture".

    Raises:
        ConfigError: it cannot be read, or is no UTF-8.
    """
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise ConfigError(
            f"cannot read the {kind}", where=path, got=error.strerror, fix="check the path"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the {kind} is not UTF-8", where=path, got=error) from error


def parse(
    text: str, model: type[Model], *, kind: str, where: object, settings: Sequence[str] = ()
) -> Model:
    """Parses YAML, applies `key=value` settings and variables, and checks every key and type.

    Args:
        text: the YAML.
        model: what to make of it.
        kind: what the file is, for messages: "recipe", "mixture".
        where: the file or name, for messages.
        settings: as given after `--set`.

    Raises:
        ConfigError: no valid YAML, an unknown key (with the nearest one), a wrong value, or a
            variable without a value.
    """
    import yaml

    where = str(where)
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        detail = " ".join(str(error).split())
        raise ConfigError(f"the {kind} is not valid YAML", where=where, got=detail) from error
    if not isinstance(data, dict):
        raise ConfigError(
            f"a {kind} is a mapping of keys to values", where=where, got=type(data).__name__
        )
    variables = _variables(data.pop("set", None), where=where)
    for setting in settings:
        _apply(setting, data, variables, set(model.model_fields), where=where)
    return typed(_substituted(data, variables, kind, where), model, where=f"{kind} {where}")


def typed(data: Mapping[str, Any], model: type[Model], *, where: str) -> Model:
    """Makes a typed object of plain data; see `parse` for the errors."""
    try:
        return model.model_validate(data)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(p) for p in first["loc"])
        if first["type"] == "extra_forbidden":
            known = _known_keys(first["loc"], model)
            close = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
            fix = (f"did you mean {close[0]!r}? " if close else "") + f"Known: {', '.join(known)}"
            raise ConfigError(f"no key {place!r}", where=where, fix=fix) from error
        if first["type"] == "value_error":  # of a validator of ours, in its own words
            message = str(first["ctx"]["error"])
        else:
            message = WANTED.get(first["type"]) or first["msg"][0].lower() + first["msg"][1:]
        got = None if first["type"] == "missing" else repr(first["input"])[:80]
        what = f"{place}: {message}" if place else message
        raise ConfigError(what, where=where, got=got) from error


def _variables(data: Any, *, where: str) -> dict[str, Any]:
    if data is not None and not isinstance(data, Mapping):
        raise ConfigError("`set` is a mapping of variables to defaults", where=where, got=data)
    found = {}
    for key, value in (data or {}).items():
        from_environment = isinstance(value, Mapping) and set(value) == {"env"}
        found[str(key)] = os.environ.get(value["env"]) if from_environment else value
    return found


def _apply(
    setting: str, data: dict, variables: dict[str, Any], fields: set[str], *, where: str
) -> None:
    import yaml

    key, equals, text = setting.partition("=")
    if not equals:
        raise ConfigError("--set needs key=value", got=setting, fix="for example --set input=a/")
    is_text = key in variables and not isinstance(variables[key], int | float)
    try:
        value = text if is_text else yaml.safe_load(text)
    except yaml.YAMLError as error:
        detail = " ".join(str(error).split())
        raise ConfigError(
            "the value is not valid YAML", where=f"--set {setting}", got=detail
        ) from error
    if key in variables:
        variables[key] = value
        return
    path = key.split(".")
    node: Any = data
    for i, step in enumerate(path[:-1]):
        node = _descend(node, step, ".".join(path[: i + 1]), fields, where)
    if isinstance(node, list):
        _descend(node, path[-1], key, fields, where)
        node[int(path[-1])] = value
    elif isinstance(node, dict):
        if len(path) == 1 and key not in fields:
            known = [*variables, *fields]
            raise unknown_name("setting", key, known, where=f"--set {setting}")
        node[path[-1]] = value
    else:
        raise ConfigError("--set: there is nothing to set inside", where=key, got=repr(node))


def _descend(node: Any, step: str, path: str, fields: set[str], where: str) -> Any:
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
        if step not in fields and path == step:
            raise unknown_name("setting", step, fields, where=f"--set {path}")
        node[step] = {}
    return node[step]


def _substituted(node: Any, variables: Mapping[str, Any], kind: str, where: str) -> Any:
    if isinstance(node, dict):
        return {k: _substituted(v, variables, kind, where) for k, v in node.items()}
    if isinstance(node, list):
        return [_substituted(v, variables, kind, where) for v in node]
    if not isinstance(node, str):
        return node

    def value_of(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in variables:
            raise unknown_name("variable", name, variables, where=f"{kind} {where}")
        if variables[name] is None:
            raise ConfigError(
                f"the {kind} needs a value for {name!r}",
                where=f"{kind} {where}",
                fix=f"add --set {name}=...",
            )
        return str(variables[name])

    whole = VARIABLE.fullmatch(node)
    if whole and whole.group(1) in variables and variables[whole.group(1)] is not None:
        return variables[whole.group(1)]
    return VARIABLE.sub(value_of, node)


def _known_keys(path: tuple[int | str, ...], model: type[pydantic.BaseModel]) -> list[str]:
    """The keys that are allowed where `path` ends, by walking the models' annotations."""
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
