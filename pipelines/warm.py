"""Compiles every kernel into Numba's cache, so that the first run need not: a few seconds, once."""

from __future__ import annotations

import importlib
import pkgutil

PACKAGES = (
    "castor.filters.kernels",
    "castor.filters.kernels.datatrove",
    "castor.filters.kernels.dclm",
    "castor.filters.kernels.dolma",
    "castor.filters.block_lists.kernels",
    "castor.filters.pii.kernels",
    "castor.filters.word_lists.kernels",
    "castor.filters.classify.kernels",
    "castor.filters.html.tokens",
    "castor.filters.html.blocks",
    "castor.filters.html.lines",
    "castor.filters.language.kernels",
)
MODULES = ("castor.pipelines.dedup.kernels", "castor.pipelines.decontaminate.kernels")


def main() -> None:
    """Imports the modules whose kernels compile when imported, and calls the one that does not."""
    names = list(MODULES)
    for package in PACKAGES:
        found = importlib.import_module(package)
        names += [f"{package}.{m.name}" for m in pkgutil.iter_modules(found.__path__)]
    for name in names:
        importlib.import_module(name)
    from castor.tokenizer.count import count

    count(["its kernel compiles when it is first called"])


if __name__ == "__main__":
    main()
