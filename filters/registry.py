"""Finds annotators, policies and rewriters: the file's name is the thing's name.

There is no central list. `load("annotator", "text")` imports
`castor.filters.annotators.text` and takes the one Annotator that it defines; outside
modules are given as `package.module`.
"""

from __future__ import annotations

import functools
import importlib
import importlib.resources
import pkgutil
import types
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from castor.filters.errors import CastorError, ConfigError, unknown_name

if TYPE_CHECKING:
    from castor.filters.annotator import Annotator
    from castor.filters.rewriter import Rewriter

FOLDERS = {"annotator": "castor.filters.annotators", "rewriter": "castor.filters.rewriters"}


@functools.cache
def names(kind: str) -> tuple[str, ...]:
    """The names that ship with Castor, sorted.

    Args:
        kind: `annotator`, `rewriter` or `policy`.
    """
    if kind == "policy":
        root = importlib.resources.files("castor.filters") / "policies"
        folders = [f for f in root.iterdir() if f.is_dir()]
        files = [(d.name, f.name) for d in folders for f in d.iterdir()]
        return tuple(sorted(f"{d}/{f[:-5]}" for d, f in files if f.endswith(".yaml")))
    package = importlib.import_module(FOLDERS[kind])
    found = (m.name for m in pkgutil.iter_modules(package.__path__))
    return tuple(sorted(n for n in found if not n.startswith("_")))


@functools.cache
def load(kind: str, name: str) -> Any:
    """The annotator or rewriter of that name, or of the outside module `package.module`.

    Raises:
        ConfigError: there is none of that name; the nearest one is named.
        CastorError: see `find`.
    """
    return find(kind, name, FOLDERS[kind], names(kind), _class_of(kind))


def find(kind: str, name: str, folder: str, known: Iterable[str], wanted: type) -> Any:
    """The one object of a class that a module defines, for `load` here and that of sources.

    Args:
        folder: the package in which names without a dot lie.
        known: those names.

    Raises:
        ConfigError: there is no such name or module; the module cannot be imported, or does
            not define exactly one.
        CastorError: a package that comes with Castor, or that it needs, is not installed.
    """
    outside = "." in name
    if not outside and name not in known:
        raise unknown_name(kind, name, known)
    path = name if outside else f"{folder}.{name}"
    module = _imported(kind, name, path) if outside else _shipped(kind, name, path)
    mine = [v for v in vars(module).values() if isinstance(v, wanted)]
    found = [v for v in mine if getattr(v, "module", None) == path]
    if len(found) != 1:
        raise ConfigError(
            f"the module must define exactly one {kind}",
            where=path,
            got=len(found),
            fix=f"decorate one function with @{kind}",
        )
    return found[0]


def _shipped(kind: str, name: str, path: str) -> types.ModuleType:
    try:
        return importlib.import_module(path)
    except ImportError as error:
        raise CastorError(
            f"a package that {kind} {name!r} needs cannot be imported",
            got=str(error),
            fix="`castor doctor` says what is missing and how to install it",
        ) from error


def _imported(kind: str, name: str, path: str) -> types.ModuleType:
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{path}.".startswith(f"{error.name}."):
            raise _broken(kind, name, error) from error
        raise ConfigError(
            f"no {kind} named {name!r}",
            got=str(error),
            fix="put the folder that its package lies in on PYTHONPATH",
        ) from error
    except Exception as error:  # a module of somebody's may raise anything
        raise _broken(kind, name, error) from error


def _broken(kind: str, name: str, error: Exception) -> ConfigError:
    return ConfigError(
        f"the module of {kind} {name!r} cannot be imported",
        got=" ".join(f"{type(error).__name__}: {error}".split()),
        fix="mend it, or install what it needs",
    )


def load_version(kind: str, name: str, version: int) -> Any:
    """What was pickled as a name and a version, on the worker that it came to.

    Raises:
        CastorError: another version of it is installed here.
    """
    found = load(kind, name)
    if found.version != version:
        raise CastorError(
            f"{kind} {found.name!r} is version {found.version} here but the job was launched "
            f"with version {version}",
            fix="install the same Castor on the workers",
        )
    return found


def _class_of(kind: str) -> type[Annotator] | type[Rewriter]:
    if kind == "annotator":
        from castor.filters.annotator import Annotator

        return Annotator
    from castor.filters.rewriter import Rewriter

    return Rewriter
