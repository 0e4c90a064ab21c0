"""Which events of a page count: links and pictures in chosen blocks, links that name a licence."""

from __future__ import annotations

import numba as nb
import numpy as np

from castor.filters.html.tokens.compile import part
from castor.filters.html.tokens.state import (
    IMAGE,
    LINK,
    N_EVENT,
    V_BLOCK,
    V_END,
    V_END_2,
    V_KIND,
    V_START,
    V_START_2,
    Tokens,
)
from castor.filters.kernels._compile import U8, at, kernel

_I32_1, _I32_2 = nb.types.Array(nb.int32, 1, "C"), nb.types.Array(nb.int32, 2, "C")
MAX_LICENCES = 1000  # links of a page that are looked at for its licence
_COMMONS = np.frombuffer(b"creativecommons", np.uint8)
_LICENCE = np.frombuffer(b"icen", np.uint8)  # license, licence, License


@part
def _copy(events, v, out, n):
    for k in range(N_EVENT):
        out[n, k] = events[v, k]
    return n + 1


@kernel(nb.int64(_I32_2, _I32_1, nb.types.Array(nb.uint8, 1, "C"), nb.int64, _I32_2))
def _among(events, origin, chosen, kind, out):
    n = 0
    b = 0  # the block that the event stands in, or before which it stands
    last = len(chosen)
    for v in range(len(events)):
        if events[v, V_KIND] != kind:
            continue
        cell = events[v, V_BLOCK]
        while b < last and origin[b + 1] <= cell:
            b += 1
        while b > 0 and origin[b] > cell:
            b -= 1
        # A picture stands between blocks: one of its neighbours is chosen.
        if (b < last and chosen[b]) or (kind == IMAGE and b > 0 and chosen[b - 1]):
            n = _copy(events, v, out, n)
    return n


def among(tokens: Tokens, chosen: np.ndarray, kind: int) -> np.ndarray:
    """Events of a kind in chosen blocks, pictures beside them too: int32 [n, N_EVENT]."""
    out = np.empty_like(tokens.events)
    n = _among(tokens.events, tokens.origin, chosen.view(np.uint8), kind, out)
    return out[:n]


@part
def _holds(source, start, end, wanted):
    for i in range(start, end - len(wanted) + 1):
        k = 0
        while k < len(wanted) and at(source, i + k) == wanted[k]:
            k += 1
        if k == len(wanted):
            return True
    return False


@kernel(nb.int64(U8, _I32_2, _I32_2))
def _of_licences(source, events, out):
    n = 0
    for v in range(len(events)):
        if n == MAX_LICENCES:
            break
        if events[v, V_KIND] == LINK and (
            _holds(source, events[v, V_START_2], events[v, V_END_2], _LICENCE)
            or _holds(source, events[v, V_START], events[v, V_END], _COMMONS)
        ):
            n = _copy(events, v, out, n)
    return n


def of_licences(tokens: Tokens) -> np.ndarray:
    """Links to Creative Commons, and those whose rel may say licence: int32 [n, N_EVENT].

    At most the first MAX_LICENCES.
    """
    out = np.empty_like(tokens.events)
    return out[: _of_licences(tokens.source, tokens.events, out)]
