"""Runs every benchmark (tests/bench/bench_*.py) and prints how it compares with its peers.

A benchmark has a function `main()` that prints its own lines and may return a mapping of
name -> number. `peer_x` beside `x` in one mapping is the same work done by a peer, and the
table at the end gives the ratio. `python tests/bench/run.py text web` runs two of them.
"""

import importlib.util
import pathlib
import sys
from typing import Any

FOLDER = pathlib.Path(__file__).resolve().parent


def run(path: pathlib.Path) -> dict[str, float]:
    """Calls main() of a benchmark as if the file had been started alone."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    given, sys.argv = sys.argv, [str(path)]
    try:
        spec.loader.exec_module(module)
        found: Any = module.main()
    finally:
        sys.argv = given
    return found if isinstance(found, dict) else {}


def ratios(found: dict[str, float]) -> list[tuple[str, str, float, float]]:
    """(what, peer, ours, theirs) of every measure that a peer has too."""
    return [
        (name, other[: -len(name) - 1], found[name], found[other])
        for name in found
        for other in found
        if other.endswith(f"_{name}") and other != name
    ]


def main() -> None:
    """Runs the benchmarks named on the command line, or all."""
    chosen = sys.argv[1:]
    paths = [FOLDER / f"bench_{name}.py" for name in chosen] or sorted(FOLDER.glob("bench_*.py"))
    rows = []
    for path in paths:
        print(f"== {path.stem.removeprefix('bench_')}", flush=True)
        rows += ratios(run(path))
    if rows:
        print(f"\n{'what':32} {'peer':16} {'ours':>10} {'theirs':>10} {'ratio':>8}")
    for what, peer, ours, theirs in rows:
        print(f"{what:32} {peer:16} {ours:10.2f} {theirs:10.2f} {ours / theirs:7.1f}x")


if __name__ == "__main__":
    main()
