"""Reads the manifests that are to be verified: their shape, and their digest of themselves."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

import pydantic

from castor.filters import storage
from castor.filters.errors import CastorError
from castor.filters.record import SCHEMA_VERSION
from castor.pipelines.dataset import FINDINGS, OUTCOMES

RESTORE = "restore it, or delete manifest.json and run the same command again to rebuild"
REBUILD = "delete the folder and run the same command again"
# The keys of a manifest without a digest of itself, in which any other is a damage.
KNOWN = {
    *("castor", "schema_version", "dataset", "rows", "bytes", "shards"),
    *("counts", "datasets", "inputs", "limit", "config", "versions", "rules_never_fired"),
    "benchmarks",
}
Read = tuple[dict[str, Any] | None, "list[Problem]"]


@dataclasses.dataclass(frozen=True)
class Problem:
    """One thing that is not as it should be.

    Attributes:
        what: what is wrong, as a clause.
        where: the file, relative to the folder that was verified, or a row's key.
        got: what was found, and what was expected.
        fix: what to do.
    """

    what: str
    where: str
    got: str
    fix: str

    def __str__(self) -> str:
        return f"{self.what}, in {self.where}: got {self.got} -> {self.fix}"


class _Shard(pydantic.BaseModel):
    path: str
    rows: int
    bytes: int
    blake2b: str


class _Dataset(pydantic.BaseModel):
    schema_version: int
    dataset: str
    rows: int
    bytes: int
    shards: list[_Shard]


class _Entry(pydantic.BaseModel):
    rows: int
    bytes: int
    blake2b: str


class _Counts(pydantic.BaseModel):
    total: dict[str, int]
    by_source: dict[str, dict[str, int]]
    by_modality: dict[str, dict[str, int]]

    @pydantic.model_validator(mode="after")
    def _complete(self) -> _Counts:
        for table in (self.total, *self.by_source.values(), *self.by_modality.values()):
            if set(table) != {"in", *OUTCOMES}:
                raise ValueError(f"counts of {', '.join(sorted(table))}")
        return self


class _Run(pydantic.BaseModel):
    schema_version: int
    counts: _Counts
    datasets: dict[str, _Entry]

    @pydantic.model_validator(mode="after")
    def _complete(self) -> _Run:
        if not set(OUTCOMES) <= set(self.datasets) <= {*OUTCOMES, FINDINGS}:
            raise ValueError(f"datasets {', '.join(sorted(self.datasets))}")
        return self


def read_run(path: pathlib.Path, where: str) -> Read:
    """The manifest of a run, or None and what is wrong with it."""
    return _read(path, where, _Run)


def read_dataset(path: pathlib.Path, where: str) -> Read:
    """The manifest of one dataset, or None and what is wrong with it."""
    return _read(path, where, _Dataset)


def _read(path: pathlib.Path, where: str, kind: type[pydantic.BaseModel]) -> Read:
    try:
        data = path.read_bytes()
        value = storage.read_json(path)
        kind.model_validate(value, strict=True)
    except FileNotFoundError:
        return None, [Problem("a manifest is missing", where, "nothing", RESTORE)]
    except OSError as error:
        return None, [Problem("cannot read a manifest", where, str(error.strerror), RESTORE)]
    except CastorError as error:
        return None, [Problem(error.what, where, str(error.got), RESTORE)]
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        got = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        return None, [Problem("this is no manifest of ours", where, got, RESTORE)]
    if value["schema_version"] > SCHEMA_VERSION:
        got = f"schema version {value['schema_version']}, this Castor reads up to {SCHEMA_VERSION}"
        return None, [Problem("the manifest is of another version", where, got, "update Castor")]
    rest = {k: v for k, v in value.items() if k != "blake2b"}
    own = value.get("blake2b")
    odd = [] if own else [k for k in value if k not in KNOWN and not k.endswith("_blake2b")]
    if odd or own not in (None, storage.digest_of(rest)) or storage.to_json(value) != data:
        got = f"the unknown key {odd[0]!r}" if odd else "bytes that do not fit its own digest"
        return None, [Problem("the manifest was changed", where, got, RESTORE)]
    return value, []
