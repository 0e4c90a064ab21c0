"""Full texts of licences, recognised by their runs of five words.

The texts themselves are not here: `filters/data/licences` holds 32-bit hashes of every run of
five words of each, made by `castor classifier train licences`; its card names their source. A
licence is there when nearly all of its runs are, whatever stands around them; what stands around
them is given back, because words beside a licence may take away what it gives.
"""

from __future__ import annotations

import functools
import importlib.resources
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

RUN = 5  # words
# Of the runs of a licence. Names of holders inside the text and small variants cost some: the
# copies of one licence in circulation keep 90 % and more, another licence has under 60 %.
MIN_CONTAINED = 0.85
# Of its runs, beyond those of a longer licence that is there too: MIT lies inside others.
MIN_OWN = 0.3
GAP = "\0"  # a place in a text where anything may stand: no run goes across
_FILE = "licences/texts.npz"
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


class Texts(NamedTuple):
    """The runs of many licences: those of `ids[i]` are `hashes[starts[i]:starts[i + 1]]`."""

    ids: list[str]
    starts: np.ndarray  # int64 [licences + 1]
    hashes: np.ndarray  # uint32 [runs]


class Found(NamedTuple):
    """The licences whose text is there, in order of appearance, and the words of no licence."""

    ids: list[str]
    contained: list[float]
    rest: str


def runs(words: Sequence[str]) -> np.ndarray:
    """The hash of each run of five words, uint32 [words - 4]; 0 where a gap is in it."""
    if len(words) < RUN:
        return np.zeros(0, np.uint32)
    known: dict[str, int] = {}
    codes = [known.setdefault(w, len(known)) for w in words]
    table = np.array([zlib.crc32(w.encode("utf-8", "surrogatepass")) + 1 for w in known], np.uint64)
    numbers = table[codes]
    total = np.zeros(len(words) - RUN + 1, np.uint64)
    with np.errstate(over="ignore"):
        for k in range(RUN):
            total = (total ^ numbers[k : k + len(total)]) * _MULTIPLIER
            total ^= total >> np.uint64(29)
    hashes = np.maximum((total >> np.uint64(32)).astype(np.uint32), np.uint32(1))
    if GAP in known:
        gaps = np.array([w == GAP for w in words])
        inside = np.convolve(gaps, np.ones(RUN, np.int64), "valid") > 0
        hashes[inside] = 0
    return hashes


@functools.cache
def shipped() -> Texts:
    """The licences that come with Castor, loaded once in a process."""
    path = importlib.resources.files("castor.filters") / "data" / _FILE
    with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
        return Texts([str(i) for i in held["ids"]], held["starts"], held["hashes"])


def find(words: str, texts: Texts | None = None) -> Found:
    """The licences whose full text a file holds.

    Args:
        words: normalised words with one space between (`_licence_names.normalise`).
        texts: which licences are known; those that are shipped by default.
    """
    known = shipped() if texts is None else texts
    split = words.split(" ") if words else []
    hashes = runs(split)
    present = np.unique(hashes)
    candidates: dict[int, np.ndarray] = {}
    for i in range(len(known.ids)):
        own = known.hashes[known.starts[i] : known.starts[i + 1]]
        if np.isin(own, present, assume_unique=True).mean() >= MIN_CONTAINED:
            candidates[i] = own
    chosen: list[tuple[int, str, float]] = []
    explained = np.zeros(len(hashes), bool)
    while candidates:
        best, here = _best(candidates, hashes, explained)
        if best is None:
            break
        own = candidates.pop(best)
        share = float(np.isin(own, present, assume_unique=True).mean())
        chosen.append((int(np.argmax(here & ~explained)), known.ids[best], share))
        explained |= here
    covered = np.zeros(len(split), bool)
    for k in range(RUN):
        covered[k : k + len(explained)] |= explained
    rest = " ".join(w for w, c in zip(split, covered.tolist(), strict=True) if not c)
    chosen.sort()
    return Found([name for _, name, _ in chosen], [share for *_, share in chosen], rest)


def _best(
    candidates: dict[int, np.ndarray], hashes: np.ndarray, explained: np.ndarray
) -> tuple[int | None, np.ndarray]:
    """The licence that explains most of what is left and of which least is missing.

    Texts of one family differ by a sentence (MIT and JSON, the six of Creative Commons): the one
    that has it explains more if it is there, and lacks it if it is not.

    Returns:
        Its number, or None if none explains enough, and where its runs are, bool [runs].
    """
    left = np.unique(hashes[~explained])
    best: tuple[int, int] | None = None
    for i, own in candidates.items():
        new = int(np.isin(own, left, assume_unique=True).sum())
        missing = int((~np.isin(own, hashes)).sum())
        score = new - missing
        if new >= MIN_OWN * len(own) and (best is None or score > best[0]):
            best = (score, i)
    if best is None:
        return None, explained
    return best[1], np.isin(hashes, candidates[best[1]])
