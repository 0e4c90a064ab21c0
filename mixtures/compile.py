"""Compiles a mixture: everything that is decided before a run, in one folder."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from castor.filters import outputs, storage
from castor.filters.lock import locked
from castor.mixtures import preview as previews
from castor.mixtures.compiled import KIND, PREVIEW, SPEC
from castor.mixtures.inputs import INDEX, Input, open_inputs, pack_inputs, soft_dims
from castor.mixtures.plan import PLAN_VERSION
from castor.mixtures.resolve import Resolved, resolve
from castor.mixtures.spec import MixtureSpec, load, moved, to_yaml
from castor.mixtures.tokens import Tokens, TokenSource

PACKING_VERSION = 1  # another number whenever a packing would give other rows


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What compiling did.

    Attributes:
        out: the folder.
        skipped: whether it held the same already.
        preview: see castor.mixtures.preview.
    """

    out: pathlib.Path
    skipped: bool
    preview: Mapping[str, Any]


def preview_mixture(path: str | os.PathLike[str], settings: Sequence[str] = ()) -> dict[str, Any]:
    """The preview of a spec; writes nothing that stays.

    Raises:
        ConfigError: the spec is wrong, or its token datasets are not there or do not fit together.
        GateError: a stage cannot be filled under `max_epochs`. A source that runs dry is no
            error here: it is among the preview's problems (`castor.mixtures.preview.check`).
    """
    resolved, inputs = resolve_mixture(path, settings)
    return previews.preview(resolved, inputs)


def resolve_mixture(
    path: str | os.PathLike[str], settings: Sequence[str] = ()
) -> tuple[Resolved, list[Input]]:
    """A spec with everything decided, and its sources; raises as `preview_mixture`."""
    spec = load(path, settings)
    opened = open_inputs(spec, pathlib.Path(path).parent)
    with tempfile.TemporaryDirectory(prefix="castor-mixture-") as indexes:
        inputs = pack_inputs(spec, opened, pathlib.Path(indexes))
    return resolve(spec, {i.name: i.rows for i in inputs}), inputs


def compile_mixture(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    settings: Sequence[str] = (),
    force: bool = False,
) -> Outcome:
    """Compiles a spec into a folder; does nothing if it holds the same already.

    Raises:
        ConfigError: as of `preview_mixture`; or OUT holds something else, and not `force`.
        GateError: the mixture runs dry; nothing is written.
        CastorError: the operating system refuses to write, or another run writes to OUT.
    """
    out, folder = pathlib.Path(out), pathlib.Path(path).parent
    spec = load(path, settings)
    opened = open_inputs(spec, folder)
    made_from = _made_from(moved(spec, folder, out), opened)
    if not force and outputs.is_finished(out, KIND, made_from, force=False):
        return Outcome(out, True, storage.read_json(out / PREVIEW))
    with tempfile.TemporaryDirectory(prefix="castor-mixture-") as temporary:
        indexes = pathlib.Path(temporary)
        inputs = pack_inputs(spec, opened, indexes)
        resolved = resolve(spec, {i.name: i.rows for i in inputs})
        found = previews.preview(resolved, inputs)
        previews.check(found, where=path)
        if force:  # not before the new one is known to be good: this removes the old one
            outputs.is_finished(out, KIND, made_from, force=True)
        with locked(out):
            _write(out, moved(spec, folder, out), resolved, inputs, found, indexes, made_from)
    return Outcome(out, False, found)


def _write(
    out: pathlib.Path, spec: MixtureSpec, resolved: Resolved, inputs: Sequence[Input],
    found: Mapping[str, Any], indexes: pathlib.Path, made_from: Mapping[str, Any],
) -> None:  # fmt: skip
    with storage.writing(out / INDEX):
        if (out / INDEX).exists():
            shutil.rmtree(out / INDEX)
        shutil.copytree(indexes, out / INDEX)
    storage.write_bytes(out / SPEC, to_yaml(spec).encode())
    storage.write_json(out / PREVIEW, found)
    tokens = inputs[0].tokens
    outputs.write(
        out,
        KIND,
        made_from,
        name=spec.name,
        plan=resolved.plan.to_json(),
        packing=spec.packing.kind,
        sequence_length=spec.sequence_length,
        sequences=resolved.plan.sequences,
        tokenizer={"sha256": tokens.tokenizer_sha256, "id_space": dict(tokens.id_space)},
        soft_dims=soft_dims([i.source for i in inputs]),
        sources=[_source(i, spec) for i in inputs],
        files={name: _file(out / name) for name in (SPEC, PREVIEW)},
        stages=[
            {"name": s.spec.name, "rule": s.spec.rule, "blocks": s.blocks,
             "first": dict(s.first), "last": dict(s.last)}
            for s in resolved.stages
        ],
    )  # fmt: skip


def _file(path: pathlib.Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "blake2b": storage.digest(path)}


def _source(given: Input, spec: MixtureSpec) -> dict[str, Any]:
    return {
        "name": given.name,
        "folder": spec.sources[given.name].tokens,  # of its tokens, relative to the mixture
        "source": given.source.name,
        "split": given.source.split,
        "digest": given.source.digest,
        **given.packed,
        "text_bytes": given.source.text_bytes,
        "max_epochs": given.max_epochs,
    }


def _made_from(
    spec: MixtureSpec, opened: Mapping[str, tuple[Tokens, TokenSource]]
) -> dict[str, Any]:
    """What determines the bytes of the folder."""
    return {
        "spec": spec.model_dump(mode="json"),
        "tokens": {name: source.digest for name, (_, source) in opened.items()},
        "tokenizer": {name: tokens.tokenizer_sha256 for name, (tokens, _) in opened.items()},
        "plan_version": PLAN_VERSION,
        "packing_version": PACKING_VERSION,
    }
