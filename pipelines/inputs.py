"""What a run reads: input files found under a named root and grouped into shards.

The order is that of the recipe's sources, then of the relative paths by their bytes, so
the same input gives the same shards on every machine and for any number of workers.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import glob
import os
import pathlib
from collections.abc import Iterator

from castor.filters.errors import ConfigError
from castor.pipelines.dataset import FINDINGS, MANIFEST, OUTCOMES, damaged, open_rows
from castor.pipelines.recipe import Limits, SourceSpec
from castor.pipelines.source import Source

MAGIC = "*?["
# What a run writes into its output folder, which must never be its own input.
OWN = {
    *OUTCOMES,
    *(FINDINGS, MANIFEST, ".work", "inputs.jsonl", "statistics.json"),
    *("run.json", "run.log", "report.html"),
}


@dataclasses.dataclass(frozen=True)
class File:
    """One input file: path relative to its root, size in bytes, modification time in ns."""

    path: str
    n_bytes: int
    mtime_ns: int


@dataclasses.dataclass(frozen=True)
class Inputs:
    """The files of one source: those it reads, and those beside them that it does not.

    `others` may be sidecars (captions, licences), so a change in them counts as a change
    of the input.
    """

    source: str
    root: str
    files: tuple[File, ...]
    others: tuple[File, ...]


@dataclasses.dataclass(frozen=True)
class ShardInput:
    """The unit of work and of resume: some files of one source."""

    number: int
    source: str
    files: tuple[File, ...]


def find(spec: SourceSpec, source: Source) -> Inputs:
    """The files of a source: of a folder those whose names it takes, or a glob, or a file.

    Raises:
        ConfigError: nothing matches, or the input cannot be read.
        CastorError: a dataset of Castor's is not whole.
    """
    if source.of_dataset:
        return _of_dataset(spec)
    root, paths, chosen = _candidates(spec)
    files: list[File] = []
    others: list[File] = []
    for path in sorted(paths, key=os.fsencode):
        full = os.path.join(root, path)
        try:
            status = os.stat(full)
        except OSError as error:
            raise ConfigError(
                "cannot read an input file",
                where=full,
                got=error.strerror,
                fix=f"give read permission, or leave it out with sources.{spec.name}.exclude",
            ) from error
        file = File(pathlib.PurePath(path).as_posix(), status.st_size, status.st_mtime_ns)
        taken = chosen or _matches(path, source.files)
        excluded = any(fnmatch.fnmatchcase(file.path, p) for p in spec.exclude)
        (files if taken and not excluded else others).append(file)
    if not files:
        raise ConfigError(
            "the input matches no file",
            where=f"source {spec.name!r} of kind {source.name!r}",
            got=f"{spec.input} ({len(others)} files of other kinds)" if others else spec.input,
            fix=f"give a folder with {', '.join(source.files[:6])}, or a glob in quotes",
        )
    return Inputs(spec.name, root, tuple(files), tuple(others))


def _of_dataset(spec: SourceSpec) -> Inputs:
    """The shards that the manifest of a dataset names, and nothing that lies beside them."""
    found = open_rows(os.path.abspath(os.path.expanduser(spec.input)))
    files = []
    for shard in found.shards:
        try:
            status = os.stat(found.path / shard.path)
        except OSError as error:
            raise damaged(found.path / shard.path, error) from error
        files.append(File(shard.path, status.st_size, status.st_mtime_ns))
    return Inputs(spec.name, str(found.path), tuple(files), ())


def refuse_output(spec: SourceSpec, found: Inputs, out: pathlib.Path) -> None:
    """Refuses an output folder that is read as input, by this run or by the next.

    Raises:
        ConfigError: it lies inside the input, or the input inside what a run writes there.
    """
    root = pathlib.Path(os.path.realpath(found.root))
    near = found.files if root.is_relative_to(out) or out.is_relative_to(root) else ()
    if out.is_relative_to(root) and _reaches(spec, found.root, out):
        what = "the output folder lies inside the input"
    elif any((root / f.path).is_relative_to(out / own) for f in near for own in OWN):
        what = "the input is what this run would write"
    else:
        return
    raise ConfigError(
        what,
        where=f"source {spec.name!r}",
        got=f"output {out}, input {spec.input}",
        fix="give an output folder outside of the input",
    )


def _reaches(spec: SourceSpec, root: str, out: pathlib.Path) -> bool:
    """Whether the input, a folder or a glob, takes files of a folder below its root."""
    pattern = os.path.abspath(os.path.expanduser(spec.input))
    if pattern == root or os.path.isfile(pattern):
        return pattern == root
    steps = pathlib.PurePath(pattern).relative_to(root).parts
    below = pathlib.PurePath(os.path.relpath(out, os.path.realpath(root))).parts
    if "**" in steps:
        return True
    pairs = zip(below, steps, strict=False)
    return len(steps) > len(below) and all(fnmatch.fnmatchcase(b, s) for b, s in pairs)


def is_there(spec: SourceSpec) -> bool:
    """Whether anything lies where the source's input should be."""
    pattern = os.path.abspath(os.path.expanduser(spec.input))
    return os.path.exists(pattern) or any(glob.iglob(pattern, recursive=True))


def shards(inputs: list[Inputs], limits: Limits) -> list[ShardInput]:
    """Groups files in order into shards of at most `shard_bytes` and `shard_files`.

    A file that is larger than `shard_bytes` is a shard of its own.
    """
    found: list[ShardInput] = []
    for source in inputs:
        for group in _groups(source.files, limits):
            found.append(ShardInput(len(found), source.source, tuple(group)))
    return found


def _groups(files: tuple[File, ...], limits: Limits) -> Iterator[list[File]]:
    group: list[File] = []
    n_bytes = 0
    for file in files:
        full = n_bytes + file.n_bytes > limits.shard_bytes or len(group) >= limits.shard_files
        if group and full:
            yield group
            group, n_bytes = [], 0
        group.append(file)
        n_bytes += file.n_bytes
    if group:
        yield group


def _candidates(spec: SourceSpec) -> tuple[str, list[str], bool]:
    """The root, the paths relative to it, and whether the user chose them by a glob."""
    pattern = os.path.abspath(os.path.expanduser(spec.input))
    if os.path.isdir(pattern):
        return pattern, list(_walk(pattern)), False
    if os.path.isfile(pattern):
        return os.path.dirname(pattern), [os.path.basename(pattern)], True
    if not any(c in pattern for c in MAGIC):
        raise ConfigError(
            "the input does not exist",
            where=f"source {spec.name!r}",
            got=spec.input,
            fix="check the path",
        )
    steps = pathlib.PurePath(pattern).parts
    fixed = next(i for i, s in enumerate(steps) if any(c in s for c in MAGIC))
    root = str(pathlib.PurePath(*steps[:fixed]))
    matches = glob.glob(os.path.join(*steps[fixed:]), root_dir=root, recursive=True)
    return root, [m for m in matches if os.path.isfile(os.path.join(root, m))], True


def _walk(root: str) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        raise ConfigError(
            "cannot read an input folder",
            where=error.filename,
            got=error.strerror,
            fix="give read permission, or choose another folder",
        ) from error

    for folder, folders, files in os.walk(root, onerror=refuse):
        folders.sort(key=os.fsencode)
        for name in files:
            path = os.path.join(folder, name)
            if os.path.isfile(path):
                yield os.path.relpath(path, root)


def _matches(path: str, patterns: tuple[str, ...]) -> bool:
    name = os.path.basename(path).lower()
    return any(fnmatch.fnmatchcase(name, p) for p in patterns)
