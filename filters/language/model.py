"""A language model on disk and in memory.

The file is a compressed .npz of plain arrays: the tables of the alphabets, the features of
each bucket (tag and list number), the lists (lanes and weights), floors, families and the
logistic weights of the answer. It is read once per process, in about 0.1 s, into 7 MB.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
import pathlib
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from castor.filters.errors import CastorError
from castor.filters.language.kernels.alphabets import (
    ANSWERS,
    SCORED,
    SCRIPTS,
    TELL_TALES,
    Alphabets,
)
from castor.filters.language.kernels.fold import GROUPS, ascii_classes
from castor.filters.language.kernels.layout import DIRECT, N_IDS, TELL_TALE, Weights
from castor.filters.language.kernels.vectors import ALIGNED, LANES, LIST_BYTES, SLOTS, TAG_BITS

FORMAT = 2
FILE = "model.npz"
BUCKETS = 1 << 16  # as `score` takes them from the upper bits of a hash
UNKNOWN = "und"


class Model(NamedTuple):
    """A model that is ready to identify.

    Attributes:
        weights: as the kernel reads it.
        codes: BCP 47 by number; the last one, reached by -1 as well, is `und`.
        languages: the codes that it can answer with, sorted.
        families: sets of codes that are hard to tell apart.
    """

    weights: Weights
    codes: tuple[str, ...]
    languages: tuple[str, ...]
    families: tuple[tuple[str, ...], ...]


class Table(NamedTuple):
    """What training makes: the features by bucket, and their lists.

    Attributes:
        filled: uint8 [BUCKETS]; features in each bucket, SLOTS at most.
        tags: uint16 [n_features], bucket after bucket.
        numbers: uint32 [n_features]; list of the feature, 1 or more.
        lengths: uint8 [n_lists]; languages of each list; list 0 is empty.
        lanes, values: uint8 [sum of lengths]; 1 to 15 each value.
    """

    filled: np.ndarray
    tags: np.ndarray
    numbers: np.ndarray
    lengths: np.ndarray
    lanes: np.ndarray
    values: np.ndarray


class Answer(NamedTuple):
    """What training fits last; see `layout.Weights`."""

    floors: np.ndarray
    priors: np.ndarray
    known: np.ndarray
    right: np.ndarray
    limits: np.ndarray
    usual: np.ndarray


def write(
    path: pathlib.Path,
    scored: Mapping[str, Sequence[str]],
    families: Sequence[Sequence[str]],
    alphabets: Alphabets,
    table: Table,
    answer: Answer,
) -> None:
    """Writes a model file; the same arguments give the same bytes.

    Args:
        scored: languages of each scored script, in the order of their lanes.
        families: sets of codes that are hard to tell apart.
    """
    head = {
        "format": FORMAT,
        "scored": {script: list(scored[script]) for script in SCORED},
        "families": [list(family) for family in families],
    }
    text = json.dumps(head, sort_keys=True).encode()
    with path.open("wb") as stream:
        np.savez_compressed(
            stream,
            head=np.frombuffer(text, np.uint8),
            **alphabets._asdict(),
            **_split(table)._asdict(),
            numbers_high=(table.numbers >> 16).astype(np.uint8),
            **answer._asdict(),
        )


def _split(table: Table) -> Table:
    return table._replace(numbers=(table.numbers & 0xFFFF).astype(np.uint16))


@functools.cache
def shipped() -> Model:
    """The model that comes with Castor."""
    file = importlib.resources.files("castor.filters") / "data" / "language" / FILE
    with importlib.resources.as_file(file) as path:
        return read(path)


def read(path: pathlib.Path) -> Model:
    """A model file in memory.

    Raises:
        CastorError: it is no model of ours, or of a newer format.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        head = json.loads(arrays["head"].tobytes())
        version = head["format"]
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise CastorError(
            "this is no language model",
            where=path,
            got=f"{type(error).__name__}: {error}"[:200],
            fix="give the model.npz that `castor classifier train language` writes",
        ) from error
    if version != FORMAT:
        raise CastorError(
            "the language model has another format",
            where=path,
            got=f"format {version}; this Castor reads {FORMAT}",
            fix="train it again with this Castor",
        )
    return build(head["scored"], head["families"], arrays)


def build(
    scored: Mapping[str, Sequence[str]],
    families: Sequence[Sequence[str]],
    arrays: Mapping[str, Any],
) -> Model:
    """A model in memory, from the arrays of a file or of training."""
    codes = _codes(scored)
    rates, homes = np.zeros(GROUPS, np.int64), np.zeros(GROUPS, np.int64)
    for group, tale in enumerate(TELL_TALES, 1):
        rates[group], homes[group] = tale.per_mille, SCRIPTS.index(tale.script)
    numbers = arrays["numbers"].astype(np.uint32)
    if "numbers_high" in arrays:
        numbers |= arrays["numbers_high"].astype(np.uint32) << 16
    weights = Weights(
        classes=ascii_classes(),
        table=_buckets(arrays["filled"], arrays["tags"], numbers),
        lists=_lists(arrays["lengths"], arrays["lanes"], arrays["values"]),
        families=_family_numbers(codes, families),
        rates=rates,
        homes=homes,
        **{name: arrays[name] for name in (*Alphabets._fields, *Answer._fields)},
    )
    for array in weights:
        array.setflags(write=False)
    languages = tuple(sorted({code for code in codes if code and code != UNKNOWN}))
    return Model(weights, codes, languages, tuple(tuple(f) for f in families))


def _codes(scored: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    codes = [""] * (N_IDS + 1)
    codes[N_IDS] = UNKNOWN
    for script, name in enumerate(SCORED):
        for lane, code in enumerate(scored[name]):
            codes[script * LANES + lane] = code
    for name, code in ANSWERS.items():
        codes[DIRECT + SCRIPTS.index(name)] = code
    for group, tale in enumerate(TELL_TALES, 1):
        codes[TELL_TALE + group] = tale.code
    return tuple(codes)


def _family_numbers(codes: Sequence[str], families: Sequence[Sequence[str]]) -> np.ndarray:
    numbers = np.zeros(DIRECT, np.int8)
    for number, family in enumerate(families, 1):
        for lane in range(DIRECT):
            if codes[lane] in family:
                numbers[lane] = number
    return numbers


def _buckets(filled: np.ndarray, tags: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """uint32 [BUCKETS * SLOTS], see `vectors.find`."""
    first = np.repeat(np.cumsum(filled, dtype=np.int64) - filled, filled)
    slots = np.repeat(np.arange(BUCKETS) * SLOTS, filled) + np.arange(len(tags)) - first
    table = _aligned(BUCKETS * SLOTS * 4).view(np.uint32)
    table[slots] = numbers << TAG_BITS | tags
    return table


def _lists(lengths: np.ndarray, lanes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """uint8 [n_lists * LIST_BYTES], see `vectors.add_lists`."""
    packed = np.zeros((len(lengths), LANES), np.uint8)
    packed[np.repeat(np.arange(len(lengths)), lengths), lanes] = values
    half = LANES // 2
    lists = _aligned(len(lengths) * LIST_BYTES)
    lists[:] = (packed[:, :half] | packed[:, half:] << 4).reshape(-1)
    return lists


def _aligned(size: int) -> np.ndarray:
    """uint8 [size], zeros, that begin where a cache line does."""
    room = np.zeros(size + ALIGNED, np.uint8)
    first = -room.ctypes.data % ALIGNED
    return room[first : first + size]


@functools.lru_cache(maxsize=4)
def read_once(path: pathlib.Path, changed_ns: int) -> Model:
    """`read`, remembered until the file changes."""
    return read(path)
