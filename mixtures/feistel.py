"""Permutations of the numbers below n without a table: Feistel networks with cycle walking.

A number is cut into two digits, left and right; in turn each is moved, modulo its base, by a
scatter of the other. That permutes the numbers below the product of the bases, which is at least n
and hardly more; what lands at n or above is sent through again until it is below. So the numbers
below n are permuted (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002), any
of them at a time and in constant memory. It is for shuffling, not for secrets.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np

ROUNDS = 4  # Luby and Rackoff (1988): from four on, no few places tell a network from chance
CHUNK = 1 << 14  # numbers at a time: the working arrays stay in the processor's cache

# SplitMix64's increment and the multipliers of its finaliser (Steele, Lea and Flood, 2014).
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_HALF = np.uint64(32)


def key(*parts: str | int) -> int:
    """A 64-bit key of names and numbers; the same on every machine."""
    told = "\0".join(f"{type(p).__name__}:{p}" for p in parts)
    return int.from_bytes(hashlib.blake2b(told.encode(), digest_size=8).digest(), "little")


def mix(x: np.ndarray) -> np.ndarray:
    """Scatters 64-bit numbers (uint64 [n]) over all 64 bits; a bijection."""
    x = (x ^ (x >> np.uint64(30))) * _FIRST
    x = (x ^ (x >> np.uint64(27))) * _SECOND
    return x ^ (x >> np.uint64(31))


class Permutations:
    """Permutations of [0, size) for some sizes, as many of each as there are keys.

    Args:
        sizes: numbers from 1 to 2^62.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        left = [math.isqrt(max(0, n - 1)) + 1 for n in sizes]  # the least whose square is n or more
        right = [-(-n // base) for n, base in zip(sizes, left)]
        self._sizes = np.array(sizes, np.uint64)
        self._left, self._right = np.array(left, np.uint64), np.array(right, np.uint64)

    def __call__(self, x: np.ndarray, which: np.ndarray, keys: np.ndarray) -> np.ndarray:
        """Where the permutations send numbers.

        Args:
            x: int64 [n], each below its size.
            which: int64 [n], the number of the size.
            keys: uint64 [n], scattered (`mix`).

        Returns:
            int64 [n]
        """
        result = np.empty(len(x), np.int64)
        for start in range(0, len(x), CHUNK):
            part = slice(start, start + CHUNK)
            result[part] = self._walk(x[part].astype(np.uint64), which[part], keys[part])
        return result

    def _walk(self, x: np.ndarray, which: np.ndarray, keys: np.ndarray) -> np.ndarray:
        found = self._network(x, which, keys)
        outside = np.flatnonzero(found >= self._sizes[which])
        while len(outside):
            again = self._network(found[outside], which[outside], keys[outside])
            found[outside] = again
            outside = outside[again >= self._sizes[which[outside]]]
        return found.astype(np.int64)

    def _network(self, x: np.ndarray, which: np.ndarray, keys: np.ndarray) -> np.ndarray:
        bases = self._left[which], self._right[which]
        digits = list(np.divmod(x, bases[1]))
        keys = keys.copy()
        for turn in range(ROUNDS):
            mine = turn % 2
            step = digits[1 - mine] + keys
            step *= _FIRST
            step ^= step >> _HALF
            step *= _SECOND
            step >>= _HALF  # 32 scattered bits; as a fraction of 2^32 they are scaled to the base
            step *= bases[mine]
            step >>= _HALF
            step += digits[mine]
            digits[mine] = np.minimum(step, step - bases[mine])  # modulo: below 0 is very large
            keys += GOLDEN
        return digits[0] * bases[1] + digits[1]
