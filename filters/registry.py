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
from typing import TYPE_CHECKING, Any

from castor.filters.errors import CastorError, unknown_name

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
        CastorError: the module defines none, or more than one.
    """
    if "." not in name and name not in names(kind):
        raise unknown_name(kind, name, names(kind))
    path = name if "." in name else f"{FOLDERS[kind]}.{name}"
    try:
        module = importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name is None or not path.startswith(error.name):
            raise
        raise unknown_name(kind, name, names(kind)) from error
    wanted = _class_of(kind)
    found = [v for v in vars(module).values() if isinstance(v, wanted) and v.module == path]
    if len(found) != 1:
        raise CastorError(
            f"the module must define exactly one {kind}",
            where=path,
            got=len(found),
            fix=f"decorate one function with @{kind}",
        )
    return found[0]


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
