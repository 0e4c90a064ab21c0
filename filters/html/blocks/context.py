"""Features of the second stage: what the first stage thinks of a block's surroundings."""

from __future__ import annotations

import math

import numba as nb
import numpy as np

from castor.filters.html.blocks.measure import WORDS
from castor.filters.html.tokens import tags
from castor.filters.html.tokens.compile import part
from castor.filters.html.tokens.state import B_ELEMENT, E_PARENT, E_TAG
from castor.filters.html.tokens.tags import FLAGS
from castor.filters.kernels._compile import kernel

LEVELS = 5
NAMES = (
    "p p_-3 p_-2 p_-1 p_+1 p_+2 p_+3 p_before3 p_after3 p_both8 p_both20 "
    "words_before words_after from_first to_last before_first after_last page_words page_share "
    "in_best best_share"
).split() + [f"{name}_{level}" for level in range(LEVELS) for name in ("p_of", "words_of")]
N_CONTEXT = len(NAMES)
_SURE = np.float32(0.5)
_DOUBT = np.float32(0.4)  # a holder's worth falls with words of a lower probability
S_WORDS, S_MAIN, S_WORTH, N_HELD = range(4)


@part
def _mean(p, weight, first, last):
    total = sum_weight = np.float32(0)
    for i in range(max(0, first), min(len(p), last)):
        total += p[i] * weight[i]
        sum_weight += weight[i]
    return total / max(sum_weight, np.float32(1e-3))


@part
def _hold(elements, blocks, p, weight, held):
    """Sums over every element's text: words, probable words, words over the doubt."""
    held[:] = 0
    for b in range(len(blocks)):
        row = held[blocks[b, B_ELEMENT]]
        row[S_WORDS] += weight[b]
        row[S_MAIN] += weight[b] * p[b]
        row[S_WORTH] += weight[b] * (p[b] - _DOUBT)
    best, most = 0, np.float32(-1e9)
    for e in range(len(elements) - 1, -1, -1):
        if held[e, S_WORTH] > most:
            best, most = e, held[e, S_WORTH]
        if e:
            for k in range(N_HELD):
                held[elements[e, E_PARENT], k] += held[e, k]
    return best


@part
def _is_inside(elements, e, best):
    while e > best:
        e = elements[e, E_PARENT]
    return 1 if e == best else 0


@part
def _near(b, p, weight, x):
    x[0] = p[b]
    for i in range(6):
        other = b + (i - 3 if i < 3 else i - 2)
        x[1 + i] = p[other] if 0 <= other < len(p) else np.float32(-1)
    x[7] = _mean(p, weight, b - 3, b)
    x[8] = _mean(p, weight, b + 1, b + 4)
    x[9] = _mean(p, weight, b - 8, b + 9)
    x[10] = _mean(p, weight, b - 20, b + 21)


@kernel(
    nb.void(
        nb.types.Array(nb.int32, 2, "C"),
        nb.types.Array(nb.int32, 2, "C"),
        nb.types.Array(nb.float32, 2, "C"),
        nb.types.Array(nb.float32, 1, "C"),
        nb.types.Array(nb.float32, 2, "C"),
        nb.types.Array(nb.float32, 1, "C"),
        nb.types.Array(nb.float32, 2, "C"),
        nb.int64,
    )
)
def fill(elements, blocks, measures, p, held, weight, out, at):
    """Fills N_CONTEXT columns of out, from column `at` on.

    Args:
        elements, blocks, measures: as for the first stage.
        p: float32 [n_blocks], probabilities of the first stage.
        held, weight: room, float32 [n_elements, N_HELD] and [n_blocks].
        out: float32 [n_blocks, at + N_CONTEXT].
    """
    for b in range(len(blocks)):
        weight[b] = measures[b, WORDS] + np.float32(0.5)
    best = _hold(elements, blocks, p, weight, held)
    first, last = -1, -1
    total = np.float32(0)
    for b in range(len(p)):
        total += p[b] * weight[b]
        if p[b] > _SURE and weight[b] >= 4:
            if first < 0:
                first = b
            last = b
    before = np.float32(0)
    for b in range(len(blocks)):
        x = out[b, at:]
        _near(b, p, weight, x)
        x[11] = math.log(1 + before)
        before += p[b] * weight[b]
        x[12] = math.log(1 + max(np.float32(0), total - before))
        x[13] = b - first if first >= 0 else -999
        x[14] = last - b if last >= 0 else -999
        x[15] = 1 if b < first else 0
        x[16] = 1 if b > last else 0
        x[17] = math.log(1 + total)
        x[18] = p[b] * weight[b] / max(total, np.float32(1))
        e = blocks[b, B_ELEMENT]
        x[19] = _is_inside(elements, e, best)
        x[20] = held[best, S_MAIN] / max(total, np.float32(1))
        while e > 0 and not FLAGS[elements[e, E_TAG]] & tags.BLOCK:
            e = elements[e, E_PARENT]
        for level in range(LEVELS):
            x[21 + 2 * level] = held[e, S_MAIN] / max(held[e, S_WORDS], np.float32(1e-3))
            x[22 + 2 * level] = math.log(1 + held[e, S_WORDS])
            e = max(0, elements[e, E_PARENT])
