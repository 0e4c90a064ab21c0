"""The options of an annotator or rewriter, checked before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from castor.filters.errors import ConfigError

Check = Callable[[Mapping[str, object]], object]


def checked(kind: str, name: str, check: Check | None, options: Mapping[str, object]) -> object:
    """What stands for the options in a manifest.

    Args:
        kind: `annotator` or `rewriter`, for messages.
        name: its name.
        check: its own check of them; None where it takes none.
        options: as a recipe gives them.

    Raises:
        ConfigError: an option is unknown or wrong, or there are any and it takes none.
    """
    if check is not None:
        return check(options)
    if options:
        raise ConfigError(
            f"{kind} {name!r} takes no options",
            got=", ".join(map(str, options)),
            fix="leave `options` out",
        )
    return {}
