"""Mixtures in the files of other trainers: MaxText, OLMo-core, Levanter.

None of them has stages, caps and an order at once, so each file holds what its trainer knows:
shares of sources, where they lie, and limits. A ramp becomes its mean shares. Sources without a
share in a stage are left out: grain refuses a weight of 0, OLMo-core a ratio of 0.
"""

from __future__ import annotations

import json
import math
import os
import pathlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from castor.filters import storage
from castor.filters.errors import CastorError, ConfigError, unknown_name
from castor.mixtures.described import Described, DescribedStage

Files = dict[str, bytes]  # name -> content

LEVANTER_BLOCK = 1 << 16  # its blocks are smaller: a place has 16 bits (levanter/data/mixture.py)


def export(
    mixture: Described, target: str, *, paths: str | None = None, batch_rows: int | None = None
) -> Files:
    """The files of a mixture for another trainer.

    Args:
        target: one of FORMATS.
        paths: where a source's data lie for that trainer, with {source}, {name} and {split} in it:
            `gs://bucket/{name}/*.array_record`. Default: beside or in the token dataset.
        batch_rows: sequences in a batch; Levanter counts its stages in batches.

    Raises:
        ConfigError: no such format, `paths` has other fields, or the trainer cannot express the
            mixture.
    """
    if target not in FORMATS:
        raise unknown_name("format", target, FORMATS)
    where, make = FORMATS[target]
    located = {name: _located(mixture, name, paths or where, own=not paths)
               for name in mixture.sources}  # fmt: skip
    return make(mixture, located, batch_rows)


def write(files: Mapping[str, bytes], out: pathlib.Path, *, force: bool = False) -> list[str]:
    """Writes exported files into a folder; gives the names of those that were not there yet.

    Raises:
        CastorError: a file is there with another content, and not `force`; or the operating
            system refuses to write.
    """
    new = []
    for name, content in files.items():
        path = out / name
        found = path.read_bytes() if path.is_file() else None
        if found == content:
            continue
        if found is not None and not force:
            raise CastorError(
                "the file is there with another content",
                where=path,
                fix="give another folder, or --force to replace it",
            )
        new.append(name)
    for name in new:
        storage.write_bytes(out / name, files[name])
    return new


def _maxtext(mixture: Described, paths: Mapping[str, str], batch_rows: int | None) -> Files:
    """One file for each stage, for `grain_train_mixture_config_path`.

    MaxText has no stages: a run is started again with the next file. Its records are mixed
    before they are packed, so shares of tokens hold if every record is one row.
    """
    del batch_rows
    return {
        _file_name(i, stage, "json"): _json(
            {n: {"path": paths[n], "weight": share} for n, share in _shares(stage).items()}
        )
        for i, stage in enumerate(mixture.stages)
    }


def _olmo_core(mixture: Described, paths: Mapping[str, str], batch_rows: int | None) -> Files:
    """One `SourceMixtureList` (olmo_core/data/source_mixture.py) for each stage.

    OLMo-core reads flat arrays of ids without a header, which is what token shards are.
    """
    del batch_rows
    files = {}
    for i, stage in enumerate(mixture.stages):
        sources = []
        for name, share in _shares(stage).items():
            source = mixture.sources[name]
            epochs = share * (stage.end - stage.begin) / source.rows
            most = math.ceil(epochs) if source.max_epochs is None else source.max_epochs
            sources.append(
                {
                    "source_name": name,
                    "target_ratio": share,
                    "max_repetition_ratio": float(max(1, most)),
                    "paths": [paths[name]],
                }
            )
        files[_file_name(i, stage, "yaml")] = _yaml({"sources": sources})
    return files


def _levanter(mixture: Described, paths: Mapping[str, str], batch_rows: int | None) -> Files:
    """`configs` and `train_weights` of an `LMMixtureDatasetConfig` (levanter/data/text.py).

    Its stages are (batch, weights), which it turns into sequences.
    """
    if batch_rows is None:
        raise ConfigError(
            "Levanter counts its stages in batches", where="--batch-rows",
            fix="give the sequences in a batch, for example --batch-rows 512",
        )  # fmt: skip
    block = mixture.plan.block
    if block >= LEVANTER_BLOCK:
        raise ConfigError(
            "Levanter's blocks are smaller", where="block", got=block,
            fix=f"set block below {LEVANTER_BLOCK}",
        )  # fmt: skip
    stages: list[list[Any]] = []
    for stage in mixture.stages:
        if stage.begin % batch_rows:
            raise ConfigError(
                "a stage begins inside a batch", where=f"stage {stage.name}",
                got=f"sequence {stage.begin} in batches of {batch_rows}",
                fix=f"give a --batch-rows that divides the block of {block}",
            )  # fmt: skip
        stages.append([stage.begin // batch_rows, _shares(stage)])
    used = {name for _, shares in stages for name in shares}
    return {
        "levanter.yaml": _yaml(
            {
                "configs": {n: {"cache_dir": paths[n]} for n in mixture.sources if n in used},
                "train_weights": stages,
                "mixture_block_size": block,
                "stop_strategy": "restart",
            }
        )
    }


Maker = Callable[[Described, Mapping[str, str], int | None], Files]

# By name: where data lie unless `paths` says so, and what makes the files.
FORMATS: Mapping[str, tuple[str, Maker]] = {
    "maxtext": ("{source}/{split}/*.array_record", _maxtext),
    "olmo-core": ("{source}/{split}/*.ids", _olmo_core),
    "levanter": ("{source}", _levanter),
}


def read_weights(content: bytes, target: str) -> list[dict[str, float]]:
    """The shares that an exported file holds, one mapping for each of its stages.

    Raises:
        ConfigError: no such format.
    """
    import yaml

    if target not in FORMATS:
        raise unknown_name("format", target, FORMATS)
    data = yaml.safe_load(content)
    if target == "maxtext":
        return [{name: float(line["weight"]) for name, line in data.items()}]
    if target == "olmo-core":
        return [{line["source_name"]: float(line["target_ratio"]) for line in data["sources"]}]
    return [{name: float(share) for name, share in w.items()} for _, w in data["train_weights"]]


def _shares(stage: DescribedStage) -> dict[str, float]:
    return {name: share for name, share in stage.shares.items() if share > 0}


def _located(mixture: Described, name: str, pattern: str, *, own: bool) -> str:
    source = mixture.sources[name]
    try:
        told = pattern.format(source=source.source, split=source.split, name=name)
    except (KeyError, IndexError, ValueError) as error:
        raise ConfigError(
            "the pattern of paths is wrong", where="--paths", got=pattern,
            fix="write {name}, {source} or {split} in it",
        ) from error  # fmt: skip
    return os.fspath(source.folder.resolve() / told) if own else told


def _file_name(number: int, stage: DescribedStage, suffix: str) -> str:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", stage.name)
    return f"{number + 1:02d}-{name}.{suffix}"


def _json(value: Any) -> bytes:
    """JSON in the order of the sources, which MaxText compares with its `per_dataset_names`."""
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def _yaml(value: Any) -> bytes:
    import yaml

    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True).encode()
