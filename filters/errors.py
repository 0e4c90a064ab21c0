"""The one base class of Castor's errors, and the words every error is made of."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LISTED = 16  # names that an error lists; of more it gives the nearest only


class CastorError(Exception):
    """Something failed that the user can act on.

    The message answers four questions in one or two lines: what went wrong, where,
    what was found there, and what to do instead.

    Args:
        what: what went wrong, as a clause without a full stop.
        where: the file, key, column or option that is concerned.
        got: what was found there.
        fix: what the user can do, as an imperative clause.

    The command line catches this class only, prints the message and exits with
    `exit_code`: 1 failed, 2 wrong usage or configuration, 3 finished but a gate said no.
    """

    exit_code = 1

    def __init__(
        self, what: str, *, where: object = None, got: object = None, fix: str | None = None
    ) -> None:
        self.what, self.where, self.got, self.fix = what, where, got, fix
        super().__init__(what)

    def __str__(self) -> str:
        line = self.what
        if self.where is not None:
            line += f", in {self.where}"
        if self.got is not None:
            line += f": got {self.got}"
        return line if self.fix is None else f"{line}\n  -> {self.fix}"

    def __reduce__(self) -> tuple[object, ...]:
        """Pickles by parts, so that an error crosses from a worker to the driver whole."""
        return _rebuild, (type(self), self.what, self.where, self.got, self.fix)


class ConfigError(CastorError):
    """The command or a configuration file is wrong; nothing ran."""

    exit_code = 2


class GateError(CastorError):
    """The work is done, but a gate that the user set says no."""

    exit_code = 3


def unknown_name(
    kind: str, name: str, known: Iterable[str], *, where: object = None
) -> ConfigError:
    """The error for a name that does not exist, with the nearest ones that do."""
    choices = sorted(known)
    close = difflib.get_close_matches(name, choices, n=3, cutoff=0.5)
    if len(choices) <= LISTED:
        listed = ", ".join(choices) if choices else "none"
        fix = f"did you mean {close[0]!r}? Known: {listed}" if close else f"known: {listed}"
    elif close:
        *others, last = map(repr, close)
        fix = f"did you mean {', '.join(others) + ' or ' if others else ''}{last}?"
    else:
        fix = f"known: {', '.join(choices[:LISTED])} and {len(choices) - LISTED} more"
    return ConfigError(f"no {kind} named {name!r}", where=where, fix=fix)


def _rebuild(
    cls: type[CastorError], what: str, where: object, got: object, fix: str | None
) -> CastorError:
    return cls(what, where=where, got=got, fix=fix)
