"""Compiles every kernel into Numba's cache, so that no run need: minutes of one core, once."""

from __future__ import annotations

import concurrent.futures
import importlib
import json
import multiprocessing
import pathlib
import pkgutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence

# Groups of packages that share what they compile; each is compiled in one process,
# the longest are begun first.
GROUPS = (
    (
        "castor.filters.kernels",
        "castor.filters.kernels.dclm",
        "castor.filters.kernels.dolma",
        "castor.filters.block_lists.kernels",
        "castor.filters.word_lists.kernels",
        "castor.filters.classify.kernels",
    ),
    ("castor.filters.html.tokens", "castor.filters.html.blocks", "castor.filters.html.lines"),
    ("castor.filters.kernels.datatrove",),
    ("castor.filters.pii.kernels",),
    ("castor.filters.language.kernels",),
)


def main() -> None:
    """Compiles the groups side by side, one process for each core, and says how far it is."""
    # (spawned: a fork of a process with threads may stand still)
    context = multiprocessing.get_context("spawn")
    start = time.monotonic()
    with concurrent.futures.ProcessPoolExecutor(mp_context=context) as pool:
        todo = [pool.submit(compile_group, group) for group in GROUPS]
        todo.append(pool.submit(compile_by_use))
        for n, each in enumerate(concurrent.futures.as_completed(todo), 1):
            each.result()
            seconds = time.monotonic() - start
            print(f"compiled {n} of {len(todo)} groups, {seconds:.0f} s", file=sys.stderr)


def compile_group(names: Sequence[str]) -> None:
    """Imports packages and their modules, whose kernels compile when they are imported."""
    for name in names:
        for module in modules_of(name):
            importlib.import_module(module)


def compile_by_use() -> None:
    """Calls what compiles when it is first called: counting of words, matching of rows."""
    from castor.pipelines import api
    from castor.tokenizer.count import count

    count(["a text"])
    words = [f"word{i}" for i in range(300)]
    rows = [
        {"text": " ".join(words[n:]), "question": " ".join(words[n : n + 20])} for n in range(2)
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for kind in ("rows", "benchmarks"):
            (folder / kind).mkdir()
            lines = "".join(json.dumps(row) + "\n" for row in rows)
            (folder / kind / f"{kind}.jsonl").write_text(lines, encoding="utf-8")
        api.dedup(folder / "rows", folder / "deduplicated", containment=0.7, workers=1)
        api.decontaminate(
            folder / "rows", folder / "clean", against=[str(folder / "benchmarks")], workers=1
        )


def modules_of(name: str) -> Iterator[str]:
    """The modules of a package."""
    found = importlib.import_module(name)
    for module in pkgutil.iter_modules(found.__path__):
        if not module.ispkg:
            yield f"{name}.{module.name}"


if __name__ == "__main__":
    main()
