"""A function named by its module, with JSON arguments: what another process can be asked to run."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class Call:
    """A call that travels as JSON.

    Attributes:
        function: `package.module:name` of a function at the top of a module.
        arguments: its keyword arguments, JSON values.
    """

    function: str
    arguments: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __call__(self, *positional: Any) -> Any:
        """Calls it; what is not JSON (an open pipeline) may stand before its arguments."""
        return named(self.function)(*positional, **self.arguments)


def named(name: str) -> Callable[..., Any]:
    """The function that `package.module:name` names."""
    module, _, attribute = name.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return found
