"""What the verbs of this package need installed; imports none of it."""

from __future__ import annotations

import importlib.util

from castor.filters.errors import CastorError

PACKAGES = ("jax", "optax", "orbax.checkpoint")


def check(verb: str) -> None:
    """Says what is missing before anything is imported or written.

    Args:
        verb: what was asked for: "castor train".

    Raises:
        CastorError: a package of the extra `model` is not installed.
    """
    missing = [name for name in PACKAGES if not _found(name)]
    if missing:
        raise CastorError(
            f"{verb} needs JAX and its libraries",
            got=f"not installed: {', '.join(name.split('.')[0] for name in missing)}",
            fix="pip install 'castor[model]'",
        )


def _found(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # a parent package is missing
        return False
