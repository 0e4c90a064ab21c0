"""One compiled pass over the bytes of a text column that finds what may be personal data.

What it finds are candidates: a shape and a span. What a checksum, a table of blocks or the
form alone can decide is decided here (cards, IBANs, social security, public IPv4); the rest
goes to `castor.filters.pii.verify`, candidate by candidate.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numba as nb
import numpy as np
import pyarrow as pa

from castor.filters.kernels._compile import I64, U8, U16, U32, U64, at, kernel
from castor.filters.kernels.column import buffers
from castor.filters.kernels.unicode import tables
from castor.filters.pii import formats
from castor.filters.pii.kernels.digits import lettered_at
from castor.filters.pii.kernels.numbers import number_at
from castor.filters.pii.kernels.shapes import (
    ADDRESS,
    ASSIGNED,
    CLASSES,
    DIGIT,
    EMAIL,
    IPV6,
    MAX_GROUPS,
    NONE,
    PREFIXED,
    UPPER,
    WORD,
    byte_at,
    is_a,
    run_end,
)
from castor.filters.pii.kernels.words import (
    assigned_at,
    domain_end,
    ipv6_at,
    local_start,
    prefixed_at,
    scheme_start,
    url_end,
)

MAX_NESTED = 8
URL_OF_NOBODY = -2
OUT64 = nb.int64[::1]


class Candidates(NamedTuple):
    """What may be personal data, in the order of its ends' detection within each row."""

    codes: np.ndarray  # int64 [n], see castor.filters.pii.kernels.shapes
    starts: np.ndarray  # int64 [n], bytes in `data`
    ends: np.ndarray  # int64 [n]
    data: np.ndarray  # uint8 [n_bytes], the column's memory
    rows: np.ndarray  # int64 [rows + 1], where rows begin and end in `data`


def candidates(column: pa.Array) -> Candidates:
    """The candidates in a text column.

    Args:
        column: string or large_string [rows]; slices and nulls are fine.
    """
    data, rows = buffers(column)
    n_bytes = int(rows[-1] - rows[0])
    # The shortest, a number before a degree sign, has three bytes.
    out = [np.empty(n_bytes // 3 + 16, np.int64) for _ in range(3)]
    scratch = [np.empty(MAX_GROUPS + 1, np.int64) for _ in range(3)]
    unicode = tables()
    n = _scan(
        data, rows, CLASSES, unicode.pages, unicode.flags, *_formats(), *scratch, *out
    )  # fmt: skip
    codes, starts, ends = (a[:n].copy() for a in out)
    return Candidates(codes, starts, ends, data, rows)


@functools.cache
def _formats() -> tuple[np.ndarray, ...]:
    found = (
        formats.iban_lengths(),
        *formats.key_prefixes(),
        formats.hashed(formats.PLACES_OF_NAMES),
        formats.hashed(formats.PHONE_LABELS),
    )
    for array in found:
        array.setflags(write=False)
    return found


@nb.njit(nogil=True, _nrt=False)
def sign_at(data, i, first, stop, classes, pages, flags, hosts, nested):
    """What is found around the @, : or = at byte i: (code, start, end).

    nested: how many URLs this one would lie in; no more than 8 are looked at.
    """
    b = at(data, i)
    if b == 64:
        start = local_start(data, i, first, stop, classes, pages, flags)
        end = domain_end(data, i + 1, stop, classes, pages, flags) if start < i else i + 1
        return (EMAIL, start, end) if end > i + 1 else (NONE, i, i)
    if b == 58:
        if byte_at(data, i + 1, first, stop) == 47 and byte_at(data, i + 2, first, stop) == 47:
            if nested > MAX_NESTED:
                return NONE, i, i
            end, told = url_end(data, i + 3, stop, classes, hosts)
            start = scheme_start(data, i, first, stop, classes)
            return (ADDRESS if told and start < i else URL_OF_NOBODY), start, end
        start, end = ipv6_at(data, i, first, stop, classes)
        if end > i:
            return IPV6, start, end
    start, end = assigned_at(data, i, first, stop, classes)
    return (ASSIGNED, start, end) if end > i else (NONE, i, i)


@kernel(
    nb.int64(
        U8, I64, U16, U16, U16, I64, U32, U8, I64, U64, U64,
        OUT64, OUT64, OUT64, OUT64, OUT64, OUT64,
    )
)  # fmt: skip
def _scan(
    data, rows, classes, pages, flags, ibans, keys, texts, offsets, hosts, labels,
    group_starts, group_ends, group_signs, codes, starts, ends,
):  # fmt: skip
    n = 0
    for row in range(len(rows) - 1):
        first, stop = rows[row], rows[row + 1]
        i = key_done = url_done = first
        nested = 0
        while i < stop:
            b = at(data, i)
            c = np.int64(at(classes, np.int64(b)))
            if not c & WORD:
                if b in (64, 58, 61):
                    nested = nested if i < url_done else 0
                    code, start, end = sign_at(
                        data, i, first, stop, classes, pages, flags, hosts, nested
                    )
                    if code in (ADDRESS, URL_OF_NOBODY):
                        nested, url_done = nested + 1, max(url_done, end)
                    if code >= 0:
                        codes[n], starts[n], ends[n] = code, start, end
                        n += 1
                    if code in (EMAIL, IPV6):
                        i = end - 1
                i += 1
                continue
            code, start, end = NONE, i, i
            if c & DIGIT:
                code, start, end = number_at(
                    data, i, first, stop, classes, labels, group_starts, group_ends, group_signs
                )
            else:
                if c & UPPER and is_a(data, i + 1, stop, classes, UPPER):
                    code, end = lettered_at(data, i, first, stop, classes, ibans)
                if code == NONE and i >= key_done:  # one try per run of letters and hyphens
                    key_done = prefixed_at(data, i, stop, classes, keys, texts, offsets)
                    end, code = key_done, PREFIXED if key_done > i else NONE
            if code != NONE:
                codes[n], starts[n], ends[n] = code, start, end
                n += 1
            i = run_end(data, i, stop, classes, WORD) if code in (NONE, PREFIXED) else end
    return n
