"""A compiled mixture: a folder with all that its order depends on, and how it is opened."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from castor.filters import outputs
from castor.filters.errors import CastorError
from castor.mixtures import inputs, pack
from castor.mixtures.plan import Plan
from castor.mixtures.rows import RowSource
from castor.mixtures.tokens import Tokens, open_tokens

KIND = "mixture"
SPEC, PREVIEW = "spec.yaml", "preview.json"


@dataclasses.dataclass(frozen=True)
class Compiled:
    """A compiled mixture, ready to be read.

    Attributes:
        path: its folder.
        manifest: as read.
        plan: the order of its sequences.
        names: of the sources, as the plan numbers them.
        sources: their rows, in the same order.
        sequence_length: positions in a row.
        id_space: of the tokenizer, as a token dataset's manifest holds it.
        soft_dims: modality -> width of its vectors, of modalities that occur.
    """

    path: pathlib.Path
    manifest: Mapping[str, Any]
    plan: Plan
    names: tuple[str, ...]
    sources: Sequence[RowSource]
    sequence_length: int
    id_space: Mapping[str, Any]
    soft_dims: Mapping[str, int]

    @property
    def tokenizer_sha256(self) -> str:
        """Hexadecimal SHA-256 of the model that made the ids."""
        return str(self.manifest["tokenizer"]["sha256"])

    @property
    def sequences(self) -> int:
        """Rows of the whole run, repetitions counted."""
        return self.plan.sequences


def read_manifest(path: pathlib.Path) -> dict[str, Any]:
    """The manifest of a compiled mixture.

    Raises:
        CastorError: there is none, or it is unfinished or was changed.
    """
    return outputs.read(path, KIND)


def open_mixture(path: str | pathlib.Path) -> Compiled:
    """Opens a compiled mixture and the token datasets that it reads.

    Raises:
        CastorError: it is unfinished or damaged, its plan is of another version, or a token
            dataset is gone or holds other tokens than when it was compiled.
    """
    folder = pathlib.Path(path)
    manifest = read_manifest(folder)
    plan = Plan.from_json(manifest["plan"])
    opened: dict[str, Tokens] = {}
    sources = []
    for line in manifest["sources"]:
        if line["folder"] not in opened:
            opened[line["folder"]] = _open(folder, line)
        source = opened[line["folder"]].source(line["source"], line["split"])
        if source.digest != line["digest"]:
            raise inputs.changed(line["name"], folder / line["folder"])
        index = folder / inputs.INDEX / line["name"]
        rows = pack.row_source(source, manifest["packing"], manifest["sequence_length"], index)
        if rows.rows != line["rows"]:
            raise CastorError(
                "the index of a packing is damaged",
                where=index,
                got=f"{rows.rows} rows, the manifest says {line['rows']}",
                fix="compile the mixture again with --force",
            )
        sources.append(rows)
    return Compiled(
        path=folder,
        manifest=manifest,
        plan=plan,
        names=plan.names,
        sources=sources,
        sequence_length=manifest["sequence_length"],
        id_space=manifest["tokenizer"]["id_space"],
        soft_dims=manifest["soft_dims"],
    )


def files(manifest: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """`bytes` and `blake2b` of every file of a compiled mixture, by its path in the folder."""
    found = dict(manifest["files"])
    for line in manifest["sources"]:
        for name, file in line["files"].items():
            found[f"{inputs.INDEX}/{line['name']}/{name}"] = file
    return found


def _open(folder: pathlib.Path, line: Mapping[str, Any]) -> Tokens:
    path = folder / line["folder"]
    if not path.is_dir():
        raise CastorError(
            "the tokens of the mixture are gone",
            where=folder,
            got=f"no folder {path}",
            fix="put them back beside the mixture, or compile it again",
        )
    return open_tokens(path)
