"""Rows with numbered labels, of a field or of seed files; and folds for cross-validation."""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from castor.filters.errors import CastorError, ConfigError
from castor.pipelines.classifiers import _labelled

GOOD, RANDOM, OTHER = "good", "random", "other"


class Labelled(NamedTuple):
    """Rows and their labels.

    Attributes:
        labels: int64 [rows], numbers of `names`.
        positive: the label that a probability is of; None for topics.
        is_seeded: whether labels come from files, good against random.
    """

    rows: list[_labelled.Row]
    labels: np.ndarray
    names: list[str]
    positive: str | None
    is_seeded: bool


def read(
    data: Sequence[Path], options: Mapping[str, str], names: Sequence[str] | None = None
) -> Labelled:
    """The labelled rows of files.

    Args:
        options: `text`, `label`, `positive`, `good`, `balance` of the kind fasttext.
        names: the labels of a trained model, to which those of the data must belong.

    Raises:
        ConfigError: an option is wrong.
        CastorError: the data cannot be read, hold one label only, or one that is not in `names`.
    """
    seeds = options.get("good")
    if seeds is not None and {"label", "positive"} & set(options):
        raise ConfigError("give good, or label and positive, not both")
    rows = _labelled.read(
        data, text=options.get("text"), label=options.get("label"), need_label=seeds is None
    )
    given = [str(row.label) for row in rows]
    positive = None
    if seeds is not None:
        patterns = [p for p in seeds.split(",") if p]
        given = [
            GOOD if any(fnmatch.fnmatch(r.file, p) for p in patterns) else RANDOM for r in rows
        ]
        positive = GOOD
    elif options.get("positive"):
        given, positive = _merged(given, [p for p in options["positive"].split(",") if p])
    given = ["_".join(label.split()) for label in given]
    found = list(names) if names is not None else sorted(set(given))
    strange = sorted(set(given) - set(found))
    if strange:
        raise CastorError(
            "the model has no such label", got=", ".join(strange[:5]), fix=f"it knows {found[:10]}"
        )
    if names is None and len(found) < 2:
        raise CastorError("the data have one label only", got=", ".join(found) or "no rows",
                          fix="give rows of two labels or more")  # fmt: skip
    if positive is None and len(found) == 2:
        positive = found[1]
    labels = np.array([found.index(label) for label in given], np.int64)
    balance = options.get("balance", "no")
    if balance not in ("yes", "no"):
        raise ConfigError("balance must be yes or no", got=balance)
    if balance == "yes":
        keep = _balanced(rows, labels)
        rows, labels = [rows[k] for k in keep], labels[keep]
    return Labelled(rows, labels, found, positive, seeds is not None)


def _merged(given: list[str], wanted: list[str]) -> tuple[list[str], str]:
    """Labels with the wanted ones as one and all others as one, and the name of the first."""
    missing = sorted(set(wanted) - set(given))
    if missing or not wanted:
        raise ConfigError("no row has this label", got=", ".join(missing), where="positive")
    name = "+".join(wanted)
    rest = sorted(set(given) - set(wanted))
    other = rest[0] if len(rest) == 1 else OTHER
    return [name if label in wanted else other for label in given], name


def _balanced(rows: list[_labelled.Row], labels: np.ndarray) -> np.ndarray:
    """Rows to keep so that all labels have as many: those with the smallest hashes, in order."""
    n = int(np.bincount(labels).min())
    hashes = np.array([_hash(row.text.encode()) for row in rows], np.uint64)
    chosen = [np.flatnonzero(labels == k) for k in np.unique(labels)]
    return np.sort(np.concatenate([c[np.argsort(hashes[c], kind="stable")][:n] for c in chosen]))


def folds(folded: pa.Array, labels: np.ndarray, n: int, seed: int) -> np.ndarray:
    """A fold for every row, int64 [rows]: equal texts in one, labels spread evenly over all.

    Args:
        folded: the texts, folded: two that differ in case, digits or spacing are equal.
        n: how many folds.
        seed: another one draws others.
    """
    hashes = [_hash(text.encode(), seed) for text in folded.to_pylist()]
    first: dict[int, int] = {}  # the label of a text's first row stands for all of it
    for h, label in zip(hashes, labels.tolist(), strict=True):
        first.setdefault(h, label)
    fold_of: dict[int, int] = {}
    for place, h in enumerate(sorted(first, key=lambda h: (first[h], h))):
        fold_of[h] = place % n
    found = np.array([fold_of[h] for h in hashes], np.int64)
    for number in range(n):
        if len(np.unique(labels[found != number])) < len(np.unique(labels)):
            raise CastorError(
                "a label is too rare for cross-validation",
                got=f"{n} folds, the rarest label has {np.bincount(labels).min()} rows",
                fix="give more rows of it, with different texts",
            )
    return found


def _hash(text: bytes, seed: int = 0) -> int:
    digest = hashlib.blake2b(text, digest_size=8, salt=seed.to_bytes(16, "little")).digest()
    return int.from_bytes(digest, "little")
