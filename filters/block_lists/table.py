"""A table of hashed entries with the categories of each: 10 bytes an entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from castor.filters.errors import ConfigError


class Table(NamedTuple):
    """Hashed entries, sorted, and which sets of categories they belong to.

    A hash has 64 bits: among five million entries, a name that is not listed is taken for one
    that is with probability 3e-13.
    """

    keys: np.ndarray  # uint64 [n], unique
    sets: np.ndarray  # uint16 [n], rows of `members`
    members: np.ndarray  # bool [n_sets, n_categories]

    def find(self, wanted: np.ndarray) -> np.ndarray:
        """The categories of hashes: bool [len(wanted), n_categories], no one for no entry."""
        if not len(self.keys):
            return np.zeros((len(wanted), self.members.shape[1]), bool)
        place = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        hit = self.keys[place] == wanted
        return self.members[self.sets[place]] & hit[:, None]


def build(by_category: Mapping[int, np.ndarray], n_categories: int) -> Table:
    """The table of hashes, given by the number of their category; the arrays may repeat.

    Categories are added one at a time, so beside the table and the largest list little else
    is held.
    """
    table = Table(np.zeros(0, np.uint64), np.zeros(0, np.uint16), np.zeros((1, n_categories), bool))
    for category, given in sorted(by_category.items()):
        table = _with(table, category, np.unique(given))
    return table


def _with(table: Table, category: int, new: np.ndarray) -> Table:
    """The table with one more category, of hashes that are sorted and unique."""
    keys, sets, members = table
    more = members.copy()
    more[:, category] = True
    number = np.arange(len(members), 2 * len(members))  # of each set with the category
    place = np.searchsorted(keys, new)
    known = np.zeros(len(new), bool)
    inside = place < len(keys)
    known[inside] = keys[place[inside]] == new[inside]
    sets = sets.astype(np.int64)
    sets[place[known]] = number[sets[place[known]]]
    at = place[~known]
    sets = np.insert(sets, at, len(members))  # the empty set is the first, with it the next
    used, sets = np.unique(sets, return_inverse=True)
    kept = np.concatenate([members, more])[used]
    if not len(kept) or kept[0].any():  # the empty set stays the first
        kept, sets = np.concatenate([members[:1], kept]), sets + 1
    if len(kept) > np.iinfo(np.uint16).max:
        raise ConfigError("block lists overlap in too many ways", got=f"{len(kept)} combinations")
    return Table(np.insert(keys, at, new[~known]), sets.astype(np.uint16), kept)
