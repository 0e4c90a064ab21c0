"""Which keys were there before, in 16 to 32 bytes a key."""

from __future__ import annotations

import array
import hashlib


class Seen:
    """A set of strings that only grows, kept as 64-bit digests.

    Two of 10 million different strings share a digest with a chance of 3 in a million.
    """

    def __init__(self) -> None:
        self._slots = array.array("Q", bytes(8 * 1024))  # a power of two; 0 is a free slot
        self._count = 0

    def add(self, name: str) -> bool:
        """Adds a string; false if it was there."""
        digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        if not self._put(int.from_bytes(digest, "little") or 1):
            return False
        self._count += 1
        if 2 * self._count > len(self._slots):
            old = self._slots
            self._slots = array.array("Q", bytes(16 * len(old)))
            for value in old:
                if value:
                    self._put(value)
        return True

    def _put(self, value: int) -> bool:
        slots, mask = self._slots, len(self._slots) - 1
        i = value & mask
        while (there := slots[i]) != 0:
            if there == value:
                return False
            i = (i + 1) & mask
        slots[i] = value
        return True
