"""MinHash signatures and bands of documents given as word hashes.

Family: a document's set is its word n-grams; the hash of an n-gram folds the 64-bit hashes of
its words, `h = (h ^ word) * FNV_PRIME` from FNV_BASIS, ended by fmix64, of which the upper 32
bits are kept. From there on it is datasketch's scheme `affine32`: x = fmix32(x), permutation k
is `a[k] * x + b[k] mod 2**32` with odd a, drawn by `numpy.random.RandomState(seed)`. So
`datasketch.MinHash(num_perm, seed, hashfunc=<identity>)` fed with `gram_hashes` gives the same
numbers, which a test checks.
"""

from __future__ import annotations

import functools
import itertools

import numba as nb
import numpy as np

from castor.filters.kernels._compile import I64, U32, U64, kernel
from castor.filters.kernels.words import FNV_BASIS, FNV_PRIME, finish

NGRAM = 5  # words, as Penedo et al. 2024 (FineWeb, arXiv:2406.17557, appendix E.1)
PERMUTATIONS = 112  # 14 bands of 8 rows, the same
BANDS, ROWS = 14, 8
EMPTY = np.uint32(0xFFFFFFFF)


def minhash(
    hashes: np.ndarray,
    offsets: np.ndarray,
    *,
    ngram: int = NGRAM,
    permutations: int = PERMUTATIONS,
    seed: int = 1,
) -> np.ndarray:
    """The MinHash signature of every row: uint32 [rows, permutations].

    Args:
        hashes: uint64 [n_words], as `words.normalised_words` gives them.
        offsets: int64 [rows + 1].
        ngram: words in a shingle. A row with fewer words, but at least one, has a single
            shingle of all its words.
        permutations: length of a signature.
        seed: of the permutations.

    A row without words has no signature: all its values are 0xFFFFFFFF. Tell such rows by
    `offsets[r] == offsets[r + 1]` and store null for them.
    """
    a, b = coefficients(permutations, seed)
    out = np.full((len(offsets) - 1, permutations), EMPTY, np.uint32)
    longest = int(np.diff(offsets).max(initial=1))
    _minhash(hashes, offsets, ngram, a, b, np.empty(longest, np.uint32), out)
    return out


def gram_hashes(hashes: np.ndarray, offsets: np.ndarray, *, ngram: int = NGRAM) -> list[np.ndarray]:
    """The 32-bit hashes of every row's shingles, in order, before the permutations."""
    out = np.zeros(len(hashes), np.uint32)
    counts = np.zeros(len(offsets) - 1, np.int64)
    for row, (start, stop) in enumerate(itertools.pairwise(offsets.tolist())):
        counts[row] = _grams(hashes, start, stop, ngram, out[start:])
    return [out[s : s + n] for s, n in zip(offsets[:-1], counts, strict=True)]


def bands(signatures: np.ndarray, *, bands: int = BANDS, rows: int = ROWS) -> np.ndarray:
    """One 64-bit key per band: uint64 [rows of signatures, bands].

    Two documents are candidates if any band's key is equal. The key folds the band's number
    and its `rows` values; it is never 0, but for a row without words, whose keys are all 0.

    Raises:
        ValueError: the signatures are too short for bands * rows.
    """
    if signatures.shape[1] < bands * rows:
        raise ValueError(
            f"{bands} bands of {rows} rows need {bands * rows} permutations, "
            f"got {signatures.shape[1]}"
        )
    out = np.zeros((len(signatures), bands), np.uint64)
    for band in range(bands):
        h = np.full(len(signatures), FNV_BASIS ^ np.uint64(band), np.uint64)
        for k in range(band * rows, band * rows + rows):
            h = (h ^ signatures[:, k]) * FNV_PRIME
        out[:, band] = finish_all(h)
    out[out == 0] = 1
    out[(signatures == EMPTY).all(axis=1)] = 0
    return out


def finish_all(h: np.ndarray) -> np.ndarray:
    """`words.finish` of every element: uint64 [n]."""
    h = (h ^ (h >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    h = (h ^ (h >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return h ^ (h >> np.uint64(33))


@functools.cache
def coefficients(permutations: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A (odd) and b of every permutation: uint32 [permutations] each."""
    # The legacy generator's stream is frozen by numpy, and it is the one datasketch draws from.
    state = np.random.RandomState(seed)
    a = state.randint(0, 1 << 31, permutations, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    b = state.randint(0, 1 << 32, permutations, dtype=np.uint32)
    return a, b


@nb.njit(nogil=True, _nrt=False)
def _grams_of(hashes, start, stop, ngram, out):
    """Writes the hashes of one row's shingles into out[0:n]; returns n."""
    if stop == start:
        return 0
    size = min(ngram, stop - start)
    n = stop - start - size + 1
    for i in range(n):
        h = FNV_BASIS
        for j in range(size):
            h = (h ^ hashes[start + i + j]) * FNV_PRIME
        out[i] = np.uint32(finish(h) >> np.uint64(32))
    return n


@kernel(nb.int64(U64, nb.int64, nb.int64, nb.int64, nb.uint32[::1]))
def _grams(hashes, start, stop, ngram, out):
    return _grams_of(hashes, start, stop, ngram, out)


@kernel(nb.void(U64, I64, nb.int64, U32, U32, nb.uint32[::1], nb.uint32[:, ::1]))
def _minhash(hashes, offsets, ngram, a, b, grams, out):
    for row in range(len(offsets) - 1):
        n = _grams_of(hashes, offsets[row], offsets[row + 1], ngram, grams)
        for i in range(n):
            # Numba widens a product of 32-bit numbers to 64 bits, hence the casts.
            x = grams[i]
            x = np.uint32((x ^ (x >> np.uint32(16))) * np.uint32(0x85EBCA6B))
            x = np.uint32((x ^ (x >> np.uint32(13))) * np.uint32(0xC2B2AE35))
            x = np.uint32(x ^ (x >> np.uint32(16)))
            for k in range(len(a)):
                out[row, k] = min(out[row, k], np.uint32(a[k] * x + b[k]))
