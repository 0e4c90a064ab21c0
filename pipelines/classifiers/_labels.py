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
        labels: int64 [rows], numbers of `names`. Where rows have several, that of the rarest of
            them, or as many as there are names where a row has none.
        positive: the label that a probability is of; None for topics.
        is_seeded: whether labels come from files, good against random.
        several: bool [rows, labels], which labels a row has, where it may have several.
    """

    rows: list[_labelled.Row]
    labels: np.ndarray
    names: list[str]
    positive: str | None
    is_seeded: bool
    several: np.ndarray | None = None


def read(
    data: Sequence[Path],
    options: Mapping[str, str],
    names: Sequence[str] | None = None,
    several: bool | None = None,
) -> Labelled:
    """The labelled rows of files.

    Args:
        options: `text`, `label`, `separator`, `positive`, `good`, `balance` of the kind fasttext.
        names: the labels of a trained model, to which those of the data must belong.
        several: whether that model gives a text several labels; by default, whether rows have
            lists.

    Raises:
        ConfigError: an option is wrong.
        CastorError: the data cannot be read, hold one label only, or one that is not in `names`.
    """
    seeds = options.get("good")
    if seeds is not None and {"label", "positive", "separator"} & set(options):
        raise ConfigError("give good, or label and positive, not both")
    balance = options.get("balance", "no")
    if balance not in ("yes", "no"):
        raise ConfigError("balance must be yes or no", got=balance)
    rows = list(_labelled.read(
        data, text=options.get("text"), label=options.get("label"), need_label=seeds is None,
        separator=options.get("separator"),
    ))  # fmt: skip
    given = [row.labels for row in rows]
    positive = None
    if seeds is not None:
        patterns = [p for p in seeds.split(",") if p]
        is_good = (any(fnmatch.fnmatch(r.file, p) for p in patterns) for r in rows)
        given = [(GOOD if good else RANDOM,) for good in is_good]
        positive = GOOD
    elif "positive" in options:
        wanted = ["_".join(p.split()) for p in options["positive"].split(",") if p]
        given, positive = _merged(given, wanted, names)
    elif several or (several is None and any(row.is_list for row in rows)):
        return _several(rows, given, names, balance)
    found = _known(given, names)
    if any(len(labels) != 1 for labels in given):
        raise CastorError("the model gives a text one label, the rows have lists of them")
    if positive is None and len(found) == 2:
        positive = found[1]
    labels = np.array([found.index(label) for (label,) in given], np.int64)
    if balance == "yes":
        keep = _balanced(rows, labels)
        rows, labels = [rows[k] for k in keep], labels[keep]
    return Labelled(rows, labels, found, positive, seeds is not None)


def _several(
    rows: list[_labelled.Row],
    given: Sequence[tuple[str, ...]],
    names: Sequence[str] | None,
    balance: str,
) -> Labelled:
    """Rows that may have several labels, or none."""
    if balance == "yes":
        raise ConfigError("rows with lists of labels cannot be balanced")
    found = _known(given, names)
    place = {name: k for k, name in enumerate(found)}
    has = np.zeros((len(rows), len(found)), bool)
    for row, labels in enumerate(given):
        has[row, [place[label] for label in labels]] = True
    rarity = np.append(has.sum(axis=0), len(rows) + 1)  # no label: after every label
    rarest = np.where(np.c_[has, np.ones(len(rows), bool)], rarity, len(rows) + 2).argmin(axis=1)
    return Labelled(rows, rarest, found, None, False, has)


def _known(given: Sequence[tuple[str, ...]], names: Sequence[str] | None) -> list[str]:
    """The labels there are, or those of a model, to which all must belong."""
    there = {label for labels in given for label in labels}
    found = list(names) if names is not None else sorted(there)
    strange = sorted(there - set(found))
    if strange:
        raise CastorError(
            "the model has no such label", got=", ".join(strange[:5]), fix=f"it knows {found[:10]}"
        )
    if names is None and len(found) < 2:
        raise CastorError("the data have one label only", got=", ".join(found) or "no rows",
                          fix="give rows of two labels or more")  # fmt: skip
    return found


def _merged(
    given: Sequence[tuple[str, ...]], wanted: list[str], names: Sequence[str] | None
) -> tuple[list[tuple[str, ...]], str]:
    """Labels with the wanted ones as one and all others as one, and the name of the first.

    Data of a trained model need not have them all, and their others are the model's other one.
    """
    name, chosen = "+".join(wanted), set(wanted)
    there = {label for labels in given for label in labels}
    missing = sorted(chosen - there)
    if not wanted or (missing and names is None):
        raise ConfigError("no row has this label", got=", ".join(missing), where="positive")
    rest = sorted(there - chosen) if names is None else [n for n in names if n != name]
    other = rest[0] if len(rest) == 1 else OTHER
    if names is not None and other != OTHER:  # the model knows the one other label by its name
        _known([tuple(sorted(there - chosen))], [other])
    return [(name if chosen & set(labels) else other,) for labels in given], name


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
    fewest = np.unique(labels, return_counts=True)[1].min()
    for number in range(n):
        if len(np.unique(labels[found != number])) < len(np.unique(labels)):
            raise CastorError(
                "a label is too rare for cross-validation",
                got=f"{n} folds, the rarest label has {fewest} rows",
                fix="give more rows of it, with different texts",
            )
    return found


def _hash(text: bytes, seed: int = 0) -> int:
    digest = hashlib.blake2b(text, digest_size=8, salt=seed.to_bytes(16, "little")).digest()
    return int.from_bytes(digest, "little")
