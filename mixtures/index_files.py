"""The arrays on disk that say how a source is packed."""

from __future__ import annotations

import pathlib

import numpy as np

from castor.filters import storage
from castor.filters.errors import CastorError


def save(path: pathlib.Path, array: np.ndarray) -> None:
    """Writes an array as .npy, whole or not at all.

    Raises:
        CastorError: the operating system refuses to write.
    """
    with storage.replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def load(path: pathlib.Path) -> np.ndarray:
    """An array as a memory map.

    Raises:
        CastorError: the file is missing, cut short or no array.
    """
    try:
        # A plain view: slices of np.memmap cost a microsecond more each.
        array = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise damaged(path, " ".join(str(error).split())) from error
    if array.ndim != 1 or array.dtype.kind != "i":
        raise damaged(path, f"an array of {array.dtype} and shape {array.shape}")
    return array


def damaged(path: pathlib.Path, got: str) -> CastorError:
    """The error for an index that is missing or not as it was written."""
    return CastorError(
        "the index of a packing is damaged or missing",
        where=path,
        got=got,
        fix="run `castor mixture compile` again with --force",
    )
