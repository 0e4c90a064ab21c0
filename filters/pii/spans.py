"""Finds personal data in a text column."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from castor.filters.pii.kernels import shapes as code
from castor.filters.pii.kernels.scan import candidates
from castor.filters.pii.kinds import KINDS, Kind
from castor.filters.pii.verify import verified

# What a shape can turn out to be; a shape that no chosen kind needs is not verified.
PRODUCES: dict[int, tuple[Kind, ...]] = {
    code.EMAIL: (Kind.EMAIL,),
    code.INTERNATIONAL: (Kind.PHONE,),
    code.NATIONAL: (Kind.PHONE,),
    code.LABELLED: (Kind.PHONE,),
    code.IPV4: (Kind.IP,),
    code.IPV6: (Kind.IP,),
    code.CARD: (Kind.CREDIT_CARD,),
    code.IBAN: (Kind.IBAN,),
    code.SOCIAL: (Kind.SOCIAL_SECURITY,),
    code.PLACE: (Kind.COORDINATES,),
    # A password in a URL looks like an e-mail address, so both kinds need this shape.
    code.ADDRESS: (Kind.CREDENTIALS, Kind.USERNAME, Kind.EMAIL),
    code.PREFIXED: (Kind.KEY,),
    code.ASSIGNED: (Kind.KEY,),
}


# A telephone number costs up to 0.2 ms. After so many of them in one row their shape is enough:
# no row takes longer than seconds, and none of its numbers passes unseen.
MAX_PHONES = 10_000


class Spans(NamedTuple):
    """Personal data in a text column, by row and place; spans of a row do not overlap."""

    rows: np.ndarray  # int64 [n]
    starts: np.ndarray  # int64 [n], byte in the UTF-8 of the row's own text
    ends: np.ndarray  # int64 [n]
    kinds: list[Kind]  # [n]

    def by_row(self) -> Iterator[tuple[int, list[tuple[int, int, Kind]]]]:
        """Every row that has any, with its (start, end, kind)."""
        bounds = np.flatnonzero(np.diff(self.rows, prepend=-1, append=-1))
        for a, b in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            spans = zip(
                self.starts[a:b].tolist(), self.ends[a:b].tolist(), self.kinds[a:b], strict=True
            )
            yield int(self.rows[a]), list(spans)


def find(column: pa.Array, kinds: Collection[Kind | str] = KINDS) -> Spans:
    """The personal data in a text column.

    Where two kinds overlap, the one that begins first is it, of those the longest: a password
    in a URL is no e-mail address. That holds whichever kinds are chosen. Only a key that goes on
    behind the end of the other keeps its rest: each part of it is as secret as the whole.

    Args:
        column: string or large_string [rows]; a null row has none.
        kinds: which kinds to look for.
    """
    wanted = {Kind(k) for k in kinds}
    codes, starts, ends, data, rows = candidates(column)
    of_row = np.searchsorted(rows, starts, side="right") - 1
    needed = [s for s, made in PRODUCES.items() if wanted.intersection(made)]
    order = np.flatnonzero(np.isin(codes, needed))
    order = order[np.lexsort((-ends[order], starts[order]))]
    found: list[tuple[int, int, int, Kind]] = []
    row, n_phones = -1, 0
    for i in order.tolist():
        if of_row[i] != row:
            row, n_phones = int(of_row[i]), 0
        first, stop, shape = int(rows[row]), int(rows[row + 1]), int(codes[i])
        start, end = int(starts[i]), int(ends[i])
        last = found[-1] if found and found[-1][0] == row else (row, 0, 0, Kind.KEY)
        if shape != code.PREFIXED and first + last[2] > start >= first + last[1]:
            continue  # begins in what was found
        n_phones += PRODUCES[shape] == (Kind.PHONE,)
        if n_phones > MAX_PHONES and PRODUCES[shape] == (Kind.PHONE,):
            span: tuple[Kind, int, int] | None = (Kind.PHONE, start, end)
        else:
            span = verified(data, shape, start, end, first, stop)
        if span is not None:
            found.append((row, span[1] - first, span[2] - first, span[0]))
    kept = [f for f in disjoint(found) if f[3] in wanted]
    return Spans(
        np.array([f[0] for f in kept], np.int64),
        np.array([f[1] for f in kept], np.int64),
        np.array([f[2] for f in kept], np.int64),
        [f[3] for f in kept],
    )


def disjoint(found: list[tuple[int, int, int, Kind]]) -> list[tuple[int, int, int, Kind]]:
    """Spans as (row, start, end, kind) in order, so that none overlaps one before it.

    Of those that begin at one place the longest comes first, then the first of `KINDS`. Of one
    that begins in another nothing is left, but of a key what is behind the end of the other; if
    that is a key too, both are one.
    """
    kept: list[tuple[int, int, int, Kind]] = []
    for row, start, end, kind in sorted(
        found, key=lambda f: (f[0], f[1], -f[2], KINDS.index(f[3]))
    ):
        if kept and kept[-1][0] == row and start < kept[-1][2]:
            if kind != Kind.KEY or end <= kept[-1][2]:
                continue
            _, begun, start, before = kept[-1]
            if before == Kind.KEY:
                kept.pop()
                start = begun
        kept.append((row, start, end, kind))
    return kept
