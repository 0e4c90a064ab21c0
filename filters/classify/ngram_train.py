"""Interpolated modified Kneser-Ney, as KenLM's lmplz estimates it, in memory.

Chen and Goodman 1998 (TR-10-98), with what Heafield et al. 2013 (P13-2121) made of it: counts
of lower orders are numbers of different units to the left, except after <s>; each order has three
discounts; unigrams are interpolated with the uniform distribution. n-grams seen fewer times than
`prune` says are left out, and their share goes to the backoff weight of their context.

Memory is PER_UNIT + PER_NGRAM * order bytes at most for every unit; what would need more than
`memory_gb` is refused before any of it is taken.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from castor.filters.classify import dictionary
from castor.filters.classify.fasttext_file import END
from castor.filters.classify.fold import fold
from castor.filters.errors import CastorError, ConfigError
from castor.filters.kernels.column import buffers

FALLBACK = (0.5, 1.0, 1.5)  # discounts where counts of counts give none, as lmplz has them
PER_UNIT, PER_NGRAM = 64, 32  # bytes of estimation: a unit, and each of its n-grams
PER_BYTE = 50  # a byte of text, where it is prose
SMALL = 1 << 18  # slots up to which a table may grow for that, 1 MB
LOWEST = -100.0  # of a log backoff weight: nothing is left for what was not seen


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to estimate.

    Attributes:
        order: units of the longest n-gram.
        min_count: rarer words are spelled.
        prune: n-grams of three units and more that occur fewer times are left out.
        memory_gb: what estimation may take; texts that need more are refused before it begins.
    """

    order: int = 5
    min_count: int = 2
    prune: int = 2
    memory_gb: int = 8

    def __post_init__(self) -> None:
        from castor.filters.classify.kernels.ngrams import LONGEST

        for name, least, most in (
            ("order", 2, LONGEST), ("min_count", 1, 1 << 31), ("prune", 1, 1 << 31),
            ("memory_gb", 1, 1 << 20),
        ):  # fmt: skip
            if not least <= getattr(self, name) <= most:
                raise ConfigError(f"{name} must be from {least} to {most}", got=getattr(self, name))


class Order(NamedTuple):
    """The n-grams of one order that a model holds.

    Attributes:
        hashes: uint64 [n], rising. logs: float64 [n], natural log probability of the last unit
            after the others. backoffs: float64 [n], natural log weight of what was not seen
            after the n-gram.
    """

    hashes: np.ndarray
    logs: np.ndarray
    backoffs: np.ndarray


def estimate(column: pa.Array, settings: Settings) -> list[Order]:
    """The n-grams of texts, by order from 1.

    Raises:
        CastorError: there are no words.
    """
    units, within = _units(column, settings.min_count)
    if not len(units):
        raise CastorError("there is nothing to learn from", got="texts without words")
    check_memory(len(units) * (PER_UNIT + PER_NGRAM * settings.order), settings)
    hashes = _hashes(units, settings.order)
    counted = [_Counted.of(hashes[n], within, n + 1) for n in range(settings.order)]
    adjusted = [
        _adjusted(counted, hashes, within, n) if n + 1 < settings.order else counted[n].counts
        for n in range(settings.order)
    ]
    found: list[Order] = []
    for n, (these, counts) in enumerate(zip(counted, adjusted, strict=True)):
        kept = these.counts >= (settings.prune if n >= 2 else 1)
        logs, mass = _probabilities(found, counted, counts, kept, hashes, n)
        if n:
            found[n - 1] = found[n - 1]._replace(backoffs=mass)
        found.append(Order(these.keys[kept], logs, np.zeros(int(kept.sum()))))
    return found


def check_memory(n_bytes: int, settings: Settings) -> None:
    """Refuses what needs more memory than it may take.

    Raises:
        CastorError: `n_bytes` are more than `memory_gb`.
    """
    if n_bytes > settings.memory_gb << 30:
        raise CastorError(
            "the texts need more memory than estimation may take",
            got=f"{n_bytes / 2**30:.1f} GB, memory_gb is {settings.memory_gb}",
            fix="give a sample of them, or raise memory_gb",
        )


@dataclasses.dataclass(frozen=True)
class _Counted:
    """The different n-grams of one order: hashes rising, how often, where one ends."""

    keys: np.ndarray
    counts: np.ndarray
    ends: np.ndarray  # int64, the place of the last unit of its first occurrence

    @staticmethod
    def of(hashes: np.ndarray, within: np.ndarray, n: int) -> _Counted:
        places = np.flatnonzero(within >= n)
        keys, first, counts = np.unique(hashes[places], return_index=True, return_counts=True)
        return _Counted(keys, counts, places[first])


def _units(column: pa.Array, min_count: int) -> tuple[np.ndarray, np.ndarray]:
    from castor.filters.classify.kernels import ngrams

    folded = fold(column, keep_lines=True)
    words = [w for w in dictionary.count(folded, min_count).words if w != END]
    data, offsets = buffers(folded)
    room = 2 * int(offsets[-1] - offsets[0]) + 2 * len(offsets)
    out, within = np.empty(room, np.uint64), np.empty(room, np.int64)
    n = ngrams.units(data, offsets, *dictionary.index(words), out, within)
    return out[:n].copy(), within[:n].copy()


def _hashes(units: np.ndarray, order: int) -> list[np.ndarray]:
    """Hashes of the n-grams that end at each place, by order; wrong where a line is shorter."""
    from castor.filters.classify.kernels.ngrams import FOLD

    found = [units]
    for n in range(1, order):
        grown = np.zeros(len(units), np.uint64)
        grown[n:] = found[-1][n:] * FOLD + units[:-n]
        found.append(grown)
    return found


def _adjusted(
    counted: list[_Counted], hashes: list[np.ndarray], within: np.ndarray, n: int
) -> np.ndarray:
    """How many different units stand before each n-gram of order n + 1; after <s> its count."""
    these, longer = counted[n], counted[n + 1]
    place = np.searchsorted(these.keys, hashes[n][longer.ends])
    found = np.bincount(place, minlength=len(these.keys))
    begins = within[these.ends] == n + 1  # it begins with <s>: nothing can stand before it
    return np.where(begins, these.counts if n else 0, found)


def _probabilities(
    shorter: list[Order],
    counted: list[_Counted],
    counts: np.ndarray,
    kept: np.ndarray,
    hashes: list[np.ndarray],
    n: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Log probabilities of the kept n-grams, and log backoff weights of the order below."""
    these = counted[n]
    discount = _discounts(counts)[np.minimum(counts, 3)]
    if n == 0:
        real = counts > 0  # <s> is not predicted
        own = np.where(real, counts - discount, 0.0) / counts.sum()
        uniform = (1.0 - own.sum()) / (int(real.sum()) + 1)  # and one for what was never seen
        return np.log(own + uniform), np.zeros(0)
    below = shorter[-1]
    context = np.searchsorted(counted[n - 1].keys, hashes[n - 1][these.ends - 1])
    n_contexts = len(counted[n - 1].keys)
    total = np.bincount(context, weights=counts, minlength=n_contexts)
    own = (counts - discount) / total[context]
    left = np.maximum(1.0 - np.bincount(context[kept], own[kept], n_contexts), 0.0)
    suffix = np.searchsorted(below.hashes, hashes[n - 1][these.ends[kept]])
    logs = np.log(own[kept] + left[context[kept]] * np.exp(below.logs[suffix]))
    held = np.isin(counted[n - 1].keys, below.hashes, assume_unique=True)
    weights = np.where(total > 0, left, 1.0)[held]
    with np.errstate(divide="ignore"):
        return logs, np.maximum(np.log(weights), LOWEST)


def _discounts(counts: np.ndarray) -> np.ndarray:
    """What counts of 0, 1, 2, and 3 and more are lowered by: float64 [4]."""
    of = [int((counts == k).sum()) for k in range(1, 5)]
    if min(of) > 0:
        y = of[0] / (of[0] + 2 * of[1])
        found = [k - (k + 1) * y * of[k] / of[k - 1] for k in (1, 2, 3)]
        if all(0 <= d <= k for k, d in enumerate(found, 1)):
            return np.array([0.0, *found])
    return np.array([0.0, *FALLBACK])


def pack(orders: list[Order]) -> tuple[np.ndarray, np.ndarray]:
    """The table and the codes of a model (see ngram_model), from its n-grams.

    Values of each order are sorted into at most 256 bins of equally many, and stand for the mean
    of their bin; a backoff weight of 1 stays one. A small table grows until no two of its
    n-grams are taken for one.
    """
    from castor.filters.classify.kernels import ngrams

    first = orders[0]
    uniform = first.logs.min()  # that of <s>, which was seen before no other unit
    with_unknown = Order(
        np.append(first.hashes, ngrams.UNKNOWN),
        np.append(first.logs, uniform),
        np.append(first.backoffs, 0.0),
    )
    orders = [with_unknown, *orders[1:]]
    n = sum(len(o.hashes) for o in orders)
    codes = np.zeros((2, len(orders), 256), np.float32)
    entries = []
    for k, order in enumerate(orders):
        codes[0, k], of_logs = _binned(order.logs, 0)
        codes[1, k], of_backoffs = _binned(order.backoffs, 1)
        entries.append(of_backoffs.astype(np.uint32) << np.uint32(8) | of_logs.astype(np.uint32))
    slots = 1 << max(4, (n * 10 // 7).bit_length())
    while True:
        table = np.zeros(slots, np.uint32)
        twice = sum(
            ngrams.fill(order.hashes, k + 1, entries[k], table) for k, order in enumerate(orders)
        )
        if not twice or slots >= SMALL:
            return table, codes
        slots *= 2


def _binned(values: np.ndarray, reserved: int) -> tuple[np.ndarray, np.ndarray]:
    """256 values and the code of each of `values`; code 0 stands for 0.0 if one is reserved."""
    book = np.zeros(256, np.float32)
    codes = np.zeros(len(values), np.int64)
    rest = np.flatnonzero(values != 0.0) if reserved else np.arange(len(values))
    different, inverse = np.unique(values[rest], return_inverse=True)
    room = 256 - reserved
    if len(different) <= room:
        book[reserved : reserved + len(different)] = different
        codes[rest] = inverse + reserved
        return book, codes
    order = rest[np.argsort(values[rest], kind="stable")]
    for k, part in enumerate(np.array_split(order, room)):
        book[reserved + k] = values[part].mean()
        codes[part] = reserved + k
    return book, codes
