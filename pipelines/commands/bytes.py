"""An option whose value is a number of bytes."""

from __future__ import annotations

from typing import Any

import click


class Bytes(click.ParamType):
    """A number of bytes as people write it: 500000, 20MB, 1.5GB."""

    name = "bytes"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """The number."""
        if isinstance(value, int):
            return value
        from castor.pipelines.tokens.train import read_bytes

        return read_bytes(value)
