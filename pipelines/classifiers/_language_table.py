"""Counts of features by language, and the table of weights that they make.

Naive Bayes with a weight of log((c + a) / a) for a feature that was counted c times in a
language and a floor of log(a / (T + a V)) for every feature that is known to the model: what a
language never had costs nothing to store. Features are runs of four letters in two texts or
more, and words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from castor.filters.kernels.column import buffers
from castor.filters.language.kernels import identify as kernel
from castor.filters.language.kernels import layout
from castor.filters.language.kernels.alphabets import SCORED
from castor.filters.language.kernels.layout import DIRECT, POINT, STEP
from castor.filters.language.kernels.vectors import LANES, LOWEST, SLOTS, TAG_BITS
from castor.filters.language.model import BUCKETS, Model, Table

SMOOTHING = 0.05  # a
FEWEST_TEXTS = 2  # that a run of letters must be in; a word may be in one
LEAST_OF_LARGEST = 0.01  # a language with less of the feature's largest count is left out
VERY_LOW = -(1 << 20)  # floor of a lane without a language
BATCH = 4096


class Features(NamedTuple):
    """Every feature of every text, sorted by hash, language and text.

    Attributes:
        hashes: uint64 [n].
        lanes: int16 [n]; language, as a number of the scored scripts.
        rows: int32 [n]; text.
        is_word: bool [n].
    """

    hashes: np.ndarray
    lanes: np.ndarray
    rows: np.ndarray
    is_word: np.ndarray


class Counts(NamedTuple):
    """How often each feature was in each language.

    Attributes:
        hashes: uint64 [n_features], sorted.
        starts: int64 [n_features + 1]; the entries of a feature.
        lanes: int16 [n_entries].
        counts: float64 [n_entries].
        totals: float64 [DIRECT]; of all features of the language, those left out included.
    """

    hashes: np.ndarray
    starts: np.ndarray
    lanes: np.ndarray
    counts: np.ndarray
    totals: np.ndarray


def features(texts: Sequence[str], lanes: np.ndarray, fold: Model) -> Features:
    """The features of texts in the script of their language.

    Args:
        lanes: int16 [texts]; language of each, -1 for one that is not scored.
        fold: a model of which only the alphabets are read.
    """
    found: list[tuple[np.ndarray, ...]] = []
    for first in range(0, len(texts), BATCH):
        data, rows = buffers(pa.array(texts[first : first + BATCH], pa.large_string()))
        lane = lanes[first : first + BATCH]
        wanted = np.where(lane >= 0, lane // LANES, -1).astype(np.int64)
        for array in (rows := rows.copy(), wanted):
            array.setflags(write=False)
        room = 2 * int(rows[-1]) + 4 * len(rows)
        hashes, is_word = np.empty(room, np.uint64), np.empty(room, np.uint8)
        offsets = np.zeros(len(rows), np.int64)
        n = kernel.features(
            data, rows, wanted, fold.weights, layout.scratch(), hashes, is_word, offsets
        )
        row = np.repeat(np.arange(first, first + len(lane), dtype=np.int32), np.diff(offsets))
        found.append((hashes[:n].copy(), lanes[row], row, is_word[:n] == 1))
    hashes, lane, row, word = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.lexsort((row, lane, hashes))
    return Features(hashes[order], lane[order], row[order], word[order])


def count(found: Features, use: np.ndarray) -> Counts:
    """Counts of the features in the texts that are to be used.

    Args:
        use: bool [texts].
    """
    keep = use[found.rows]
    hashes, lanes, rows, is_word = (array[keep] for array in found)
    new_hash = np.concatenate([[True], hashes[1:] != hashes[:-1]])
    new_lane = new_hash | np.concatenate([[True], lanes[1:] != lanes[:-1]])
    new_row = new_lane | np.concatenate([[True], rows[1:] != rows[:-1]])
    feature = np.cumsum(new_hash) - 1
    n_texts = np.bincount(feature[new_row])
    wanted = (n_texts >= FEWEST_TEXTS) | is_word[new_hash]
    entries = np.flatnonzero(new_lane)
    counts = np.diff(np.append(entries, len(hashes))).astype(np.float64)
    totals = np.bincount(lanes[entries], counts, DIRECT)
    inside = wanted[feature[entries]]
    entries, counts = entries[inside], counts[inside]
    renumbered = (np.cumsum(wanted) - 1)[feature[entries]]
    starts = np.searchsorted(renumbered, np.arange(int(wanted.sum()) + 1))
    return Counts(hashes[new_hash][wanted], starts, lanes[entries], counts, totals)


def floors(counts: Counts) -> np.ndarray:
    """float64 [DIRECT], in nats; see the module."""
    whole = counts.totals + SMOOTHING * len(counts.hashes)
    return np.log(SMOOTHING / whole)


def table(counts: Counts, most: int) -> Table:
    """The table of the features that tell most, at most so many."""
    n = np.diff(counts.starts)
    owner = np.repeat(np.arange(len(n)), n)
    largest = np.maximum.reduceat(counts.counts, counts.starts[:-1])
    keep = counts.counts >= LEAST_OF_LARGEST * largest[owner]
    owner, lanes, values = owner[keep], counts.lanes[keep], counts.counts[keep]
    weights = np.log1p(values / SMOOTHING)
    chosen = np.argsort(-_gains(counts, owner, lanes, weights), kind="stable")[:most]
    kept, order = _placed(counts.hashes[chosen])
    chosen = chosen[kept][order]  # bucket after bucket
    steps = np.clip(np.round(weights / STEP) - LOWEST, 1, 15).astype(np.uint8)
    dense = np.zeros((len(n), LANES), np.uint8)
    dense[owner, lanes % LANES] = steps
    lists, numbers = np.unique(dense[chosen], axis=0, return_inverse=True)
    row, lane = np.nonzero(lists)
    hashes = counts.hashes[chosen]
    return Table(
        np.bincount((hashes >> np.uint64(48)).astype(np.int64), minlength=BUCKETS).astype(np.uint8),
        (hashes & np.uint64((1 << TAG_BITS) - 1)).astype(np.uint16),
        (numbers.ravel() + 1).astype(np.uint32),
        np.concatenate([[0], np.bincount(row, minlength=len(lists))]).astype(np.uint8),
        lane.astype(np.uint8),
        lists[row, lane],
    )


def _gains(counts: Counts, owner: np.ndarray, lanes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """How often a feature was seen times how much it tells: nats of its languages from all."""
    floor = floors(counts)
    script = counts.lanes[counts.starts[:-1]] // LANES
    there = counts.totals > 0
    prior = np.array(
        [np.exp(floor[s * LANES :][:LANES])[there[s * LANES :][:LANES]].sum() for s in range(4)]
    )
    n_languages = np.array([there[s * LANES :][:LANES].sum() for s in range(len(SCORED))])
    odds = np.exp(floor[lanes] + weights)
    low = np.exp(floor[lanes])
    n = len(counts.hashes)
    mass = prior[script] + np.bincount(owner, odds - low, n)
    share, rest = odds / mass[owner], (prior[script] - np.bincount(owner, low, n)) / mass
    told = np.bincount(owner, share * np.log(share), n)
    named = np.bincount(owner, minlength=n)
    others = np.maximum(n_languages[script] - named, 1)
    rest = np.maximum(rest, 1e-12)  # spread evenly over the languages that the list leaves out
    told += rest * np.log(rest / others) + np.log(np.maximum(n_languages[script], 1))
    return told * np.add.reduceat(counts.counts, counts.starts[:-1])


def _placed(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which features find a place, the first ones first, and their order by bucket.

    A bucket holds SLOTS, and each tag once.
    """
    bucket = (hashes >> np.uint64(48)).astype(np.int64)
    tag = (hashes & np.uint64((1 << TAG_BITS) - 1)).astype(np.int64)
    _, first = np.unique(bucket << TAG_BITS | tag, return_index=True)
    own = np.zeros(len(hashes), bool)
    own[first] = True
    kept = np.flatnonzero(own)
    order = np.argsort(bucket[kept], kind="stable")
    sorted_bucket = bucket[kept][order]
    rank = np.arange(len(order)) - np.searchsorted(sorted_bucket, sorted_bucket)
    inside = np.sort(order[rank < SLOTS])
    kept = kept[inside]
    return kept, np.argsort(bucket[kept], kind="stable")


def fixed_floors(values: np.ndarray, totals: np.ndarray) -> np.ndarray:
    """int32 [DIRECT]: floors in nats as steps * POINT, very low where no language is."""
    fixed = np.round(values / STEP * POINT)
    return np.where(totals > 0, fixed, VERY_LOW).astype(np.int32)
