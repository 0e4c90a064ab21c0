"""Finds the kinds of classifiers: the file's name is the kind's name."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from castor.filters.errors import CastorError, unknown_name

FOLDER = "castor.pipelines.classifiers"


class Kind(Protocol):
    """What a module in this folder holds."""

    HELP: str

    def train(
        self, data: Sequence[Path], out: Path, *, seed: int, options: Mapping[str, str]
    ) -> dict[str, Any]:
        """Writes the model's files into `out`; returns facts for the card."""

    def evaluate(
        self, model: Path, data: Sequence[Path], *, options: Mapping[str, str]
    ) -> dict[str, Any]:
        """Figures of a trained model on data."""


@functools.cache
def names() -> tuple[str, ...]:
    """The kinds there are, sorted."""
    found = (m.name for m in pkgutil.iter_modules(importlib.import_module(FOLDER).__path__))
    return tuple(sorted(n for n in found if not n.startswith("_")))


def load(name: str) -> Kind:
    """The kind of that name.

    Raises:
        ConfigError: there is none; the nearest one is named.
        CastorError: a package that it needs is not installed.
    """
    if name not in names():
        raise unknown_name("kind of classifier", name, names())
    try:
        return cast(Kind, importlib.import_module(f"{FOLDER}.{name}"))
    except ImportError as error:
        raise CastorError(
            f"a package that classifier {name!r} needs cannot be imported",
            got=str(error),
            fix="`castor doctor` says what is missing and how to install it",
        ) from error
