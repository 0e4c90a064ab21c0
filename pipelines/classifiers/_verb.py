"""What `castor classifier` does around a kind: inputs, output folder, card, manifest."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from castor.filters import outputs, storage
from castor.filters.errors import ConfigError
from castor.filters.lock import locked
from castor.pipelines.classifiers import _card, _kinds

KIND = "classifier"


def classifier_train(
    kind: str,
    data: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    settings: Sequence[str] = (),
    seed: int = 0,
    source: str | None = None,
    licence: str | None = None,
    force: bool = False,
) -> dict[str, Any]:
    """Trains a model of a kind on files or folders, into a folder with its card.

    Args:
        settings: options of the kind, as `key=value`.
        source, licence: of the data, for the card.

    Returns:
        The card, as card.json holds it, with `out` and `skipped`: whether it was there already.

    Raises:
        ConfigError: an unknown kind or option, data that is not there, or a folder in use.
    """
    chosen = _kinds.load(kind)
    paths, folder, options = _existing(data), Path(out), parse_settings(settings)
    made_from = {
        "classifier": kind,
        "seed": seed,
        "options": options,
        "source": source,
        "licence": licence,
        "data": described(paths),
    }
    if not force and outputs.is_finished(folder, KIND, made_from, force=False):
        card = storage.read_json(folder / _card.JSON)
        return {**card, "out": os.fspath(folder), "skipped": True}
    with tempfile.TemporaryDirectory(prefix="castor-classifier-") as temporary:
        work = Path(temporary)
        facts = chosen.train(paths, work, seed=seed, options=options)
        card = _card.make(made_from, _files(work), facts)
        if force:  # not before the new one is there: this removes the old one
            outputs.is_finished(folder, KIND, made_from, force=True)
        with locked(folder):
            _publish(work, folder, card)
            outputs.write(folder, KIND, made_from, files=_files(folder))
    return {**card, "out": os.fspath(folder), "skipped": False}


def _publish(work: Path, folder: Path, card: Mapping[str, Any]) -> None:
    """Puts a model's files and its card in the place of those of an older model."""
    with storage.writing(folder):
        for path in folder.iterdir():
            if path.is_file():
                path.unlink()
        for name in card["files"]:
            with storage.replacing(folder / name) as target:
                shutil.copyfile(work / name, target)
    _card.write(folder, card)


def classifier_eval(
    model: str | os.PathLike[str],
    data: Sequence[str | os.PathLike[str]],
    *,
    settings: Sequence[str] = (),
) -> dict[str, Any]:
    """Figures of a trained model on files or folders that it has not seen.

    Data that the model was trained on, by digest, is refused.
    """
    folder, paths = Path(model), _existing(data)
    made_from = outputs.read(folder, KIND)["made_from"]
    trained = {entry["blake2b"]: entry["name"] for entry in made_from["data"]}
    for entry in described(paths):
        if entry["blake2b"] in trained:
            raise ConfigError(
                "the model was trained on this file",
                where=entry["name"],
                fix="evaluate on other data; figures of held-out folds are in the card",
            )
    kind = _kinds.load(made_from["classifier"])
    return kind.evaluate(folder, paths, options=parse_settings(settings))


def classifier_card(model: str | os.PathLike[str]) -> dict[str, Any]:
    """The card of a trained model, as card.json holds it."""
    outputs.read(Path(model), KIND)
    found: dict[str, Any] = storage.read_json(Path(model) / _card.JSON)
    return found


def classifier_kinds() -> dict[str, str]:
    """The kinds of classifiers there are, and their options."""
    return {name: _kinds.load(name).HELP for name in _kinds.names()}


def parse_settings(settings: Iterable[str]) -> dict[str, str]:
    """`key=value` texts as a mapping; a key is given once."""
    found: dict[str, str] = {}
    for text in settings:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise ConfigError("--set needs KEY=VALUE", got=text, fix="such as --set folds=5")
        if key in found:
            raise ConfigError("--set gives a key twice", got=key)
        found[key] = value
    return found


def described(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Name, size and digest of every file; files of a folder by their path in it, sorted."""
    found = []
    for path in paths:
        for file in files_under(path):
            name = file.relative_to(path.parent).as_posix()
            n_bytes, digest = file.stat().st_size, storage.digest(file)
            found.append({"name": name, "bytes": n_bytes, "blake2b": digest})
    return found


def files_under(path: Path) -> list[Path]:
    """The file, or every file in a folder, sorted; hidden ones are left out."""
    if not path.is_dir():
        return [path]
    inside = (p for p in path.rglob("*") if p.is_file())
    return sorted(
        p for p in inside if not any(q.startswith(".") for q in p.relative_to(path).parts)
    )


def _existing(data: Sequence[str | os.PathLike[str]]) -> list[Path]:
    paths = [Path(path) for path in data]
    for path in paths:
        if not path.exists():
            raise ConfigError("no such file or folder", got=path, fix="check the path")
    return paths


def _files(folder: Path) -> dict[str, Mapping[str, Any]]:
    """Size and digest of every file of a model, by name."""
    return {
        p.name: {"bytes": p.stat().st_size, "blake2b": storage.digest(p)}
        for p in sorted(folder.iterdir())
        if p.is_file() and p.name != outputs.MANIFEST
    }
