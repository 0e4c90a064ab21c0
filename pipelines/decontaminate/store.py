"""An index of benchmarks as a folder of arrays, which all workers map and share."""

from __future__ import annotations

import os
import pathlib
import shutil

import numpy as np
import pyarrow as pa

from castor.filters.errors import CastorError
from castor.pipelines.decontaminate.index import ARRAYS, VERSION, Index


def save_index(index: Index, folder: str | os.PathLike[str]) -> None:
    """Writes the index as a folder of arrays that `load_index` maps; whole or not at all."""
    folder = pathlib.Path(folder)
    temporary = folder.with_name(folder.name + ".tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    for name in ARRAYS:
        np.save(temporary / f"{name}.npy", getattr(index, name))
    texts = pa.table({"text": index.texts})
    for name, table in (("texts", texts), ("items", index.items)):
        with pa.ipc.new_file(str(temporary / f"{name}.arrow"), table.schema) as writer:
            writer.write_table(table)
    (temporary / "fingerprint").write_text(f"{VERSION} {index.fingerprint}\n")
    shutil.rmtree(folder, ignore_errors=True)
    temporary.rename(folder)


def load_index(folder: str | os.PathLike[str]) -> Index:
    """Maps an index; its pages are shared by all processes that do.

    Raises:
        CastorError: there is none, or one of another version.
    """
    folder = pathlib.Path(folder)
    try:
        version, fingerprint = (folder / "fingerprint").read_text().split()
        arrays = {n: np.load(folder / f"{n}.npy", mmap_mode="r") for n in ARRAYS}
        tables = {
            name: pa.ipc.open_file(pa.memory_map(str(folder / f"{name}.arrow"))).read_all()
            for name in ("texts", "items")
        }
    except (OSError, ValueError) as error:
        raise CastorError(
            "there is no whole index of benchmarks", where=folder, got=error, fix="build it again"
        ) from error
    if int(version) != VERSION:
        raise CastorError(
            "the index of benchmarks is of another version",
            where=folder,
            got=f"{version}, not {VERSION}",
            fix="build it again",
        )
    texts = tables["texts"].column("text").combine_chunks()
    plain = {name: np.asarray(array) for name, array in arrays.items()}
    return Index(**plain, texts=texts, items=tables["items"], fingerprint=fingerprint)
