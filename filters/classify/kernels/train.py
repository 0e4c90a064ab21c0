"""Stochastic gradient descent on fastText's supervised objective, one example after the other.

A text's vector is the mean of the rows of its words and n-grams; a linear layer scores the
labels. Every operation is written out in an order that does not depend on the processor, and
exp is our own, so that the same data and seed give the same weights on every machine.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np

from castor.filters.classify.kernels.scores import MOST_NGRAM, ask, fold
from castor.filters.classify.kernels.words import SLOTS_I64, n_grams, next_known
from castor.filters.kernels._compile import I64, U8, U64, kernel
from castor.filters.kernels.words import finish

WEIGHTS = nb.types.Array(nb.float32, 2, "C")
VECTOR = nb.types.Array(nb.float32, 1, "C")
SOFTMAX, OVA, NS = 3, 4, 2
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
INVERSES = tuple(1.0 / f for f in (6227020800.0, 479001600.0, 39916800.0, 3628800.0, 362880.0,
                                   40320.0, 5040.0, 720.0, 120.0, 24.0, 6.0, 2.0))  # fmt: skip


@nb.njit(nogil=True, _nrt=False)
def draw(seed, counter):
    """The random 64 bits that a counter-based generator (SplitMix64) has at a place."""
    return finish((np.uint64(seed) + GOLDEN) * GOLDEN ^ finish(np.uint64(counter) + GOLDEN))


@nb.njit(nogil=True, _nrt=False)
def exp(x):
    """The exponential, to 2e-15 of its value, by Taylor's series: the same on every machine."""
    x = min(max(x, -700.0), 700.0)
    k = np.floor(x * 1.4426950408889634 + 0.5)
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    p = 0.0
    for c in INVERSES:
        p = p * r + c
    p = (p * r + 1.0) * r + 1.0
    return math.ldexp(p, int(k))


@nb.njit(nogil=True, _nrt=False)
def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return 1.0 / (1.0 + exp(-x))


@nb.njit(nogil=True, _nrt=False)
def dot(vector, rows, row):
    """The product of a vector and a row, summed in four lanes."""
    a, b, c, d = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
    width = len(vector)
    i = 0
    while i + 4 <= width:
        a += vector[i] * rows[row, i]
        b += vector[i + 1] * rows[row, i + 1]
        c += vector[i + 2] * rows[row, i + 2]
        d += vector[i + 3] * rows[row, i + 3]
        i += 4
    while i < width:
        a += vector[i] * rows[row, i]
        i += 1
    return (a + b) + (c + d)


@nb.njit(nogil=True, _nrt=False)
def _mean(rows, block, n, inverse, hidden):
    """The mean of n rows, eight columns at a time, which stay in registers."""
    d = np.uint64(0)
    width = np.uint64(len(hidden))
    eight = np.uint64(8)
    one = np.uint64(1)
    while d + eight <= width:
        s0, s1, s2, s3 = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        s4, s5, s6, s7 = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for k in range(n):
            row = rows[np.uint64(block[np.uint64(k)])]
            s0 += row[d]
            s1 += row[d + one]
            s2 += row[d + np.uint64(2)]
            s3 += row[d + np.uint64(3)]
            s4 += row[d + np.uint64(4)]
            s5 += row[d + np.uint64(5)]
            s6 += row[d + np.uint64(6)]
            s7 += row[d + np.uint64(7)]
        hidden[d], hidden[d + one] = s0 * inverse, s1 * inverse
        hidden[d + np.uint64(2)], hidden[d + np.uint64(3)] = s2 * inverse, s3 * inverse
        hidden[d + np.uint64(4)], hidden[d + np.uint64(5)] = s4 * inverse, s5 * inverse
        hidden[d + np.uint64(6)], hidden[d + np.uint64(7)] = s6 * inverse, s7 * inverse
        d += eight
    while d < width:
        s0 = np.float32(0)
        for k in range(n):
            s0 += rows[np.uint64(block[np.uint64(k)]), d]
        hidden[d] = s0 * inverse
        d += one


@nb.njit(nogil=True, _nrt=False)
def _spread(gradient, block, n, rows):
    """Adds the gradient to n rows, eight columns at a time."""
    d = np.uint64(0)
    width = np.uint64(len(gradient))
    eight = np.uint64(8)
    one = np.uint64(1)
    while d + eight <= width:
        g0, g1, g2, g3 = (
            gradient[d],
            gradient[d + one],
            gradient[d + np.uint64(2)],
            gradient[d + np.uint64(3)],
        )
        g4, g5 = gradient[d + np.uint64(4)], gradient[d + np.uint64(5)]
        g6, g7 = gradient[d + np.uint64(6)], gradient[d + np.uint64(7)]
        for k in range(n):
            row = rows[np.uint64(block[np.uint64(k)])]
            row[d] += g0
            row[d + one] += g1
            row[d + np.uint64(2)] += g2
            row[d + np.uint64(3)] += g3
            row[d + np.uint64(4)] += g4
            row[d + np.uint64(5)] += g5
            row[d + np.uint64(6)] += g6
            row[d + np.uint64(7)] += g7
        d += eight
    while d < width:
        for k in range(n):
            rows[np.uint64(block[np.uint64(k)]), d] += gradient[d]
        d += one


@nb.njit(nogil=True, _nrt=False)
def features(data, i, stop, keys, ids, first, grams, shape, history, out):
    """Row numbers of the words and n-grams of a text, into `out`; how many.

    Stops where `out` is full: what comes later in a very long text trains nothing.
    """
    longest, minn, maxn, bucket, end_word = shape[0], shape[1], shape[2], shape[3], shape[4]
    n_words = np.int64(len(first) - 1)
    n, filled = 0, 0
    while True:
        start, end, h, number = next_known(data, i, stop, keys, ids, end_word)
        i = end
        is_end = start == end
        before = n
        if number >= 0:
            out[n] = number
            n += 1
            for k in range(first[number], first[number + 1]):
                if n >= len(out) - MOST_NGRAM:
                    return n
                out[n] = n_words + grams[k]
                n += 1
        elif maxn > 0 and not is_end:
            length = end - start + 2
            for j in range(length):
                n = n_grams(data, start, length, j, minn, maxn, bucket, out, n)
                if n >= len(out) - 2 * MOST_NGRAM:
                    break
            for k in range(before, n):
                out[k] += n_words
        if longest > 1:
            before = n
            n = fold(h, filled, longest, bucket, history, out, n)
            filled = min(filled + 1, longest - 1)
            for k in range(before, n):
                out[k] += n_words
        if is_end or n >= len(out) - 2 * MOST_NGRAM:
            return n


@nb.njit(nogil=True, _nrt=False)
def _step(label, alpha, hidden, gradient, outputs):
    for d in range(len(hidden)):
        gradient[d] += alpha * outputs[label, d]
        outputs[label, d] += alpha * hidden[d]


@nb.njit(nogil=True, _nrt=False)
def _softmax(target, lr, hidden, gradient, outputs, scores):
    """A step against the cross entropy of the softmax of all labels; the loss."""
    most = -np.inf
    for label in range(len(scores)):
        scores[label] = dot(hidden, outputs, label)
        most = max(most, np.float64(scores[label]))
    total = 0.0
    for label in range(len(scores)):
        e = exp(np.float64(scores[label]) - most)
        scores[label] = np.float32(e)
        total += e
    for label in range(len(scores)):
        p = np.float64(scores[label]) / total
        alpha = np.float32(lr * ((1.0 if label == target else 0.0) - p))
        _step(label, alpha, hidden, gradient, outputs)
    return -np.log(max(np.float64(scores[target]) / total, 1e-30))


@nb.njit(nogil=True, _nrt=False)
def _logistic(label, positive, lr, hidden, gradient, outputs):
    """A step against the cross entropy of one label's sigmoid; the loss."""
    p = sigmoid(np.float64(dot(hidden, outputs, label)))
    _step(label, np.float32(lr * ((1.0 if positive else 0.0) - p)), hidden, gradient, outputs)
    return -np.log(max(p if positive else 1.0 - p, 1e-30))


@kernel(
    nb.float64(
        U8, I64, U64, I64, I64, I64, I64, I64, I64, I64, I64, I64, nb.uint64, nb.int64,
        nb.float64, nb.float64, nb.float64, WEIGHTS, WEIGHTS, SLOTS_I64,
        nb.types.Array(nb.uint64, 1, "C"), VECTOR, VECTOR, VECTOR,
    )
)  # fmt: skip
def epoch(
    data, offsets, keys, ids, first, grams, shape, order, row_words, labels, label_first,
    negatives, seed, step, rate, done, total, rows, outputs, block, history, hidden, gradient,
    scores,
):  # fmt: skip
    """One pass over the examples in an order; returns the mean loss.

    Args:
        data, offsets: the texts. keys, ids: the dictionary's table.
        first, grams: int64, the character n-grams of every word of the dictionary.
        shape: int64 [7]: word n-grams, minn, maxn, buckets, number of </s>, loss, negatives.
        order: int64 [rows], the examples to go through. row_words: int64 [rows].
        labels, label_first: int64, the labels of row r at label_first[r] to label_first[r + 1].
        negatives: int64, labels as often as they are drawn as negatives; for loss 2 only.
        seed, step: the draws of this pass are those from place `step` * 2**40 on.
        rate: learning rate at the beginning of the training; it falls to 0 linearly.
        done, total: words that were seen before this pass, and in all passes together.
        rows, outputs: float32 [rows of the model, dim] and [labels, dim], changed.
    """
    loss_sum, seen = 0.0, 0
    place = np.uint64(step) << np.uint64(40)
    for row in order:
        lr = rate * max(0.0, 1.0 - done / total)
        done += row_words[row] + 1
        n_labels = label_first[row + 1] - label_first[row]
        n = features(
            data, offsets[row], offsets[row + 1], keys, ids, first, grams, shape, history, block
        )
        if n == 0 or n_labels == 0:
            continue
        ask(rows, block, 0, n)
        inverse = np.float32(1.0 / n)
        _mean(rows, block, n, inverse, hidden)
        for d in range(len(gradient)):
            gradient[d] = 0
        chosen = np.int64(0)
        if n_labels > 1:
            chosen = np.int64(draw(seed, place) % np.uint64(n_labels))
            place += np.uint64(1)
        target = labels[label_first[row] + chosen]
        if shape[5] == SOFTMAX:
            loss_sum += _softmax(target, lr, hidden, gradient, outputs, scores)
        elif shape[5] == OVA:
            for label in range(outputs.shape[0]):
                positive = False
                for k in range(label_first[row], label_first[row + 1]):
                    positive = positive or labels[k] == label
                loss_sum += _logistic(label, positive, lr, hidden, gradient, outputs)
        else:
            loss_sum += _logistic(target, True, lr, hidden, gradient, outputs)
            for _ in range(shape[6]):
                negative = negatives[np.int64(draw(seed, place) % np.uint64(len(negatives)))]
                place += np.uint64(1)
                if negative != target:
                    loss_sum += _logistic(negative, False, lr, hidden, gradient, outputs)
        for d in range(len(gradient)):
            gradient[d] *= inverse
        _spread(gradient, block, n, rows)
        seen += 1
    return loss_sum / max(seen, 1)


@kernel(nb.void(nb.uint64, VECTOR))
def uniform(seed, out):
    """Fills `out` with numbers from -1 to 1: place i holds what the generator has at i."""
    for i in range(len(out)):
        bits = np.float64(draw(seed, i) >> np.uint64(11)) * 1.1102230246251565e-16  # 2**-53
        out[i] = np.float32(2.0 * bits - 1.0)


@kernel(nb.void(nb.uint64, nb.types.Array(nb.uint64, 1, "C")))
def draws(seed, out):
    """Fills `out` with what the generator has at 0, 1, ..."""
    for i in range(len(out)):
        out[i] = draw(seed, i)
