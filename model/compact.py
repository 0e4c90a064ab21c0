"""A smaller vocabulary for small models: the ids that their data hold, numbered from 0.

Most of a small model's work is its output layer, and most ids of the whole space (codes of
images that a mixture has none of, reserved pieces) occur in none of its data. An id that is
never a target costs a logit at every token and changes nothing but the first steps, in which
the model learns that it never comes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np

from castor.filters.errors import CastorError

MULTIPLE = 64  # the size is padded to it: matrices of odd sizes are slow
NONE = -1
Batch = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """Ids that occur, and their numbers.

    Attributes:
        number: int32 [ids of the whole space], -1 where an id does not occur.
        size: numbers in all, padded.
    """

    number: np.ndarray
    size: int

    def apply(self, batch: Mapping[str, np.ndarray]) -> Batch:
        """The batch with numbers in place of the ids of inputs and targets.

        Raises:
            CastorError: an id that was not there when the vocabulary was made.
        """
        found = dict(batch)
        for name in ("inputs", "targets"):
            found[name] = self.number[batch[name]]
            if found[name].size and int(found[name].min()) == NONE:
                raise CastorError(
                    "an id that no source held before", got=int(batch[name][found[name] < 0][0]),
                    fix="were the token shards changed while they were read?",
                )  # fmt: skip
        return found


def of(batches: Iterable[Mapping[str, np.ndarray]], size: int) -> Vocabulary:
    """The vocabulary of some batches.

    Args:
        size: ids of the whole space.
    """
    seen = np.zeros(size, bool)
    for batch in batches:
        for name in ("inputs", "targets"):
            seen[np.asarray(batch[name]).reshape(-1)] = True
    count = int(seen.sum())
    number = np.where(seen, np.cumsum(seen) - 1, NONE).astype(np.int32)
    return Vocabulary(number, -(-count // MULTIPLE) * MULTIPLE)
