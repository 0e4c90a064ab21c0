"""The benchmarks of a run: pinned by digest when it is planned, indexed once, then mapped."""

from __future__ import annotations

import functools
import importlib.metadata
import pathlib
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from castor.filters import storage
from castor.filters.errors import CastorError, ConfigError
from castor.pipelines import progress
from castor.pipelines.recipe import Decontaminate

if TYPE_CHECKING:  # the index comes with compiled kernels: imported where it is used
    from castor.pipelines.decontaminate.index import Index

BENCHMARKS = "benchmarks.json"


def pin(found: Decontaminate) -> str:
    """Digest of everything that determines the index: the files' bytes and how they are read.

    Raises:
        ConfigError: there is nothing at that path.
    """
    files = []
    for root in _roots(found):
        if not root.exists():
            raise ConfigError(
                "there is no such folder of benchmarks", where="decontaminate.against",
                got=str(root), fix="check the path",
            )  # fmt: skip
        inside = [root] if root.is_file() else sorted(p for p in root.rglob("*") if p.is_file())
        files += [[p.relative_to(root.parent).as_posix(), storage.digest(p)] for p in inside]
    return storage.digest_of(
        {
            "castor": importlib.metadata.version("castor"),
            "files": files,
            "exclude": found.exclude,
            "mapping": found.mapping,
        }
    )


def _roots(found: Decontaminate) -> list[pathlib.Path]:
    return [pathlib.Path(path).expanduser() for path in found.against]


def folder(work: pathlib.Path, pinned: str) -> pathlib.Path:
    """Where the index of pinned benchmarks lies."""
    return work / "benchmarks" / pinned


def prepare(found: Decontaminate, work: pathlib.Path, pinned: str) -> None:
    """Builds the index unless it is there; in a process of its own, which gives back its memory.

    Raises:
        CastorError: a benchmark cannot be read, or the index cannot be written.
    """
    place = folder(work, pinned)
    if (place / BENCHMARKS).is_file():
        return
    progress.clear(work)  # an older fault must not be taken for one of now
    command = [sys.executable, "-m", "castor.pipelines.leaks", str(work), pinned]
    done = subprocess.run(
        command, input=found.model_dump_json(), text=True, capture_output=True, check=False
    )
    if done.returncode:
        noted = progress.first_error(work, work.parent / "run.log")
        raise (
            noted[0]
            if noted
            else CastorError(
                "the benchmarks could not be indexed",
                where=", ".join(found.against),
                got=done.stderr.strip().splitlines()[-1:] or f"exit status {done.returncode}",
            )
        )


def main(work: pathlib.Path, pinned: str) -> None:
    """Builds the index of the benchmarks that standard input describes."""
    with progress.reporting(work):
        _build(Decontaminate.model_validate_json(sys.stdin.read()), folder(work, pinned))


def _build(found: Decontaminate, place: pathlib.Path) -> None:
    from castor.pipelines.decontaminate.benchmarks import load_benchmarks
    from castor.pipelines.decontaminate.index import build_index, save_index

    read = load_benchmarks(_roots(found), exclude=found.exclude, mapping=found.mapping)
    index = build_index(read.items)
    with storage.writing(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        save_index(index, place)
    unprotected = Counter(benchmark for benchmark, _, _ in index.unprotected())
    items = Counter(item.benchmark for item in read.items)
    description = {
        "files": [vars(f) for f in read.files],
        "items": dict(items),
        "unprotected": dict(unprotected),
        "index": index.fingerprint,
    }
    storage.write_json(place / BENCHMARKS, description)


def describe(work: pathlib.Path, pinned: str) -> dict[str, Any]:
    """What is known of the benchmarks: files with digests, items, those too short to find."""
    return storage.read_json(folder(work, pinned) / BENCHMARKS)


@functools.lru_cache(maxsize=2)
def index_of(work: pathlib.Path, pinned: str) -> Index:
    """The index, mapped once per process."""
    from castor.pipelines.decontaminate.index import load_index

    return load_index(folder(work, pinned))


def save_common(work: pathlib.Path, common: np.ndarray) -> str:
    """Writes which grams are common in the corpus; returns the digest that names it."""
    packed = np.packbits(common).tobytes()
    name = storage.digest_of(packed.hex())
    storage.write_bytes(work / "benchmarks" / f"common-{name}.bits", packed)
    return name


@functools.lru_cache(maxsize=2)
def load_common(work: pathlib.Path, name: str, n_grams: int) -> np.ndarray:
    """The inverse of `save_common`: bool [grams]."""
    packed = (work / "benchmarks" / f"common-{name}.bits").read_bytes()
    return np.unpackbits(np.frombuffer(packed, np.uint8), count=n_grams).astype(bool)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2])
