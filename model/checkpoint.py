"""Checkpoints that are whole or not there: written by orbax, checked byte for byte when read.

    checkpoints/<step>/state/      the training state, as orbax writes it (sharded, OCDBT)
    checkpoints/<step>/data.json   what belongs to it, and bytes and digest of every file

A checkpoint is written under a temporary name and renamed, so a killed run never leaves half of
one. Orbax's own format has no checksum over array data; the digests find a damaged file before
any of it is used. Restoring takes shapes and shardings from the target, so the devices and the
mesh may be others than those that saved.
"""

from __future__ import annotations

import os
import pathlib
import shutil
from collections.abc import Mapping
from typing import Any

from castor.filters import storage
from castor.filters.errors import CastorError

STATE, DATA = "state", "data.json"


class Checkpoints:
    """The checkpoints of one training, by step.

    Args:
        folder: where they lie; made with the first.
        keep: how many of the newest remain after a save; at least 1.
    """

    def __init__(self, folder: pathlib.Path, *, keep: int = 2) -> None:
        if keep < 1:
            raise ValueError(f"keep {keep}: at least one checkpoint must remain")
        self.folder, self._keep = folder, keep

    def steps(self) -> list[int]:
        """The steps of all finished checkpoints, ascending; whether they are whole is not read."""
        if not self.folder.is_dir():
            return []
        return sorted(int(p.name) for p in self.folder.iterdir() if p.name.isdigit())

    def path(self, step: int) -> pathlib.Path:
        """The folder of one checkpoint."""
        return self.folder / str(step)

    def save(self, step: int, state: Any, data: Mapping[str, Any]) -> None:
        """Writes a checkpoint, waits for it, and removes those older than the newest `keep`.

        On several hosts all must call it: each writes its part of the arrays, and process 0
        the rest. Checkpoints of later steps are left alone: they are there only where they
        could not be read, and go when training passes them.

        Args:
            step: how many steps made this state.
            state: a pytree of arrays.
            data: what else belongs to it, as JSON.

        Raises:
            CastorError: the operating system refuses to write.
        """
        from castor.model import hosts

        temporary = self.folder / f"{storage.TEMPORARY}{step}"
        with storage.writing(self.path(step)):
            if hosts.first():
                self.folder.mkdir(parents=True, exist_ok=True)
                shutil.rmtree(temporary, ignore_errors=True)
            hosts.wait(f"checkpoint {step}: begin")
            _write_state(temporary / STATE, state)
            hosts.wait(f"checkpoint {step}: arrays")
            if hosts.first():
                _describe(temporary, step, data)
                self._place(temporary, step)
                self._prune(step)
            hosts.wait(f"checkpoint {step}: end")

    def data(self, step: int) -> dict[str, Any]:
        """What was saved beside the state, once every file has the bytes that were written.

        Raises:
            CastorError: a file is absent, was changed, or is of another kind.
        """
        folder = self.path(step)
        if not folder.is_dir():
            known = ", ".join(map(str, self.steps())) or "none"
            raise CastorError("no such checkpoint", where=folder, fix=f"there are: {known}")
        try:
            described = storage.read_json(folder / DATA)
            if not isinstance(described, dict) or described.get("step") != step:
                raise CastorError("it does not describe this step", where=folder / DATA)
            own = storage.digest_of({k: v for k, v in described.items() if k != "blake2b"})
            if described.get("blake2b") != own:
                raise CastorError("it does not fit its own digest", where=folder / DATA)
            for name, want in described["files"].items():
                _check(folder / name, want)
        except CastorError as error:
            raise _damaged(folder, str(error).splitlines()[0]) from error
        except OSError as error:
            raise _damaged(folder, f"{error.filename}: {error.strerror}") from error
        return described["data"]

    def restore(self, step: int, target: Any) -> Any:
        """The state of a checkpoint whose `data` was read, in the target's shapes and shardings.

        Args:
            target: a pytree of arrays or of `jax.ShapeDtypeStruct` with shardings.

        Raises:
            CastorError: the checkpoint holds another tree or other shapes, or cannot be read.
        """
        import jax
        import orbax.checkpoint as ocp

        abstract = jax.tree.map(
            lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), target
        )
        try:
            with ocp.StandardCheckpointer() as checkpointer:
                return checkpointer.restore(self.path(step).resolve() / STATE, abstract)
        except Exception as error:  # orbax raises many kinds; each means: not this one
            raise _damaged(self.path(step), " ".join(str(error).split())[:300]) from error

    def remove_unfinished(self) -> None:
        """Removes what a killed run left under temporary names."""
        if self.folder.is_dir():
            for path in self.folder.glob(f"{storage.TEMPORARY}*"):
                shutil.rmtree(path, ignore_errors=True)

    def _place(self, temporary: pathlib.Path, step: int) -> None:
        """Gives a finished checkpoint its name; one that lies there could not be read."""
        old = self.folder / f"{storage.TEMPORARY}old-{step}"
        if self.path(step).exists():
            os.replace(self.path(step), old)
        os.replace(temporary, self.path(step))
        shutil.rmtree(old, ignore_errors=True)

    def _prune(self, step: int) -> None:
        for old in [s for s in self.steps() if s <= step][: -self._keep]:
            # renamed first: a kill in the middle leaves a temporary name, not half a checkpoint
            gone = self.folder / f"{storage.TEMPORARY}gone-{old}"
            os.replace(self.path(old), gone)
            shutil.rmtree(gone, ignore_errors=True)


def _write_state(path: pathlib.Path, state: Any) -> None:
    import orbax.checkpoint as ocp

    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(path.resolve(), state)


def _describe(folder: pathlib.Path, step: int, data: Mapping[str, Any]) -> None:
    files = {
        path.relative_to(folder).as_posix(): {
            "bytes": path.stat().st_size,
            "blake2b": storage.digest(path),
        }
        for path in sorted((folder / STATE).rglob("*"))
        if path.is_file()
    }
    described = {"step": step, "data": dict(data), "files": files}
    storage.write_json(folder / DATA, described | {"blake2b": storage.digest_of(described)})


def _check(path: pathlib.Path, want: Mapping[str, Any]) -> None:
    if path.stat().st_size != want["bytes"]:
        found = f"{path.stat().st_size:,} bytes instead of {want['bytes']:,}"
        raise CastorError(f"a file has {found}", where=path)
    if storage.digest(path) != want["blake2b"]:
        raise CastorError("a file has other bytes than were written", where=path)


def _damaged(folder: pathlib.Path, why: str) -> CastorError:
    return CastorError(
        "the checkpoint is damaged",
        where=folder,
        got=why,
        fix="restore it from a copy, or train again: that goes on from the checkpoint before",
    )
