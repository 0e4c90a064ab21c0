"""Scores of the languages of one chunk: features, looked up in blocks, added up by lane.

In a chunk, every run of four folded letters (word ends included) and every whole word is a
feature; the score of a language is its naive Bayes log-probability: the weights of the features
that the model knows, and the language's floor for each of them. A chunk is scored until one
language leads by a margin.
"""

from __future__ import annotations

import numpy as np

from castor.filters.kernels._compile import at, put
from castor.filters.language.kernels.fold import fold
from castor.filters.language.kernels.inlined import inlined
from castor.filters.language.kernels.layout import BLOCK, DIRECT, MAX_PARTS, N_SCORED, POINT
from castor.filters.language.kernels.vectors import (
    LANES,
    LIST_BYTES,
    SLOTS,
    TAG_BITS,
    add_lists,
    find,
    prefetch,
)

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_WORD = np.uint64(0xD1B54A32D192ED03)


@inlined
def spread(key):
    """Every bit of a feature's key into every bit of its hash."""
    h = key * _GOLDEN
    return (h ^ (h >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)


@inlined
def bucket_of(h):
    """Where the bucket of a hash begins in the table."""
    return np.int64(h >> np.uint64(48)) * SLOTS


@inlined
def next_word(word, code):
    """The key of a word, one letter further."""
    word = (word ^ np.uint64(code)) * _GOLDEN
    return word ^ (word >> np.uint64(32))


@inlined
def word_hash(word):
    """The hash of a whole word, other than that of any four letters."""
    return spread(word ^ _WORD)


@inlined
def tail_of(s, n):
    """The last three of n codes, which the next chunk's first features begin with."""
    tail = np.uint64(s.codes[n - 3]) << np.uint64(32) | np.uint64(s.codes[n - 2]) << np.uint64(16)
    return tail | np.uint64(s.codes[n - 1])


@inlined
def _look_up(w, s, hashes, n, found):
    """Numbers of the lists of n features, those that the model knows, into s.numbers[found:]."""
    for k in range(n):
        h = at(hashes, k)
        number = find(w.table, bucket_of(h), np.uint32(h) & np.uint32((1 << TAG_BITS) - 1))
        put(s.numbers, found, number)
        prefetch(w.lists, np.int64(number) * LIST_BYTES)
        found += number != 0
    return found


@inlined
def _resolve(w, s, n_grams, n_words, script):
    """Adds what the model knows of the features that wait; how many it knows."""
    for k in range(n_words):
        h = word_hash(at(s.words, k))
        put(s.words, k, h)
        prefetch(w.table, bucket_of(h))
    grams = _look_up(w, s, s.grams, n_grams, 0)
    hits = _look_up(w, s, s.words, n_words, grams)
    add_lists(s.scores, script * LANES, w.lists, s.numbers, 0, grams)
    add_lists(s.scores, DIRECT + script * LANES, w.lists, s.numbers, grams, hits)
    s.seen[0, script] += n_grams + n_words
    s.seen[1, script] += hits
    s.seen[2, script] += n_words
    s.seen[3, script] += hits - grams
    return hits


@inlined
def _value(w, s, lane, hits):
    """The score of a lane in the chunk so far, in steps * POINT."""
    steps = np.int32(at(s.scores, lane)) + np.int32(at(s.scores, DIRECT + lane))
    return np.int32(np.int32(steps * np.int32(POINT)) + np.int32(at(w.floors, lane) * hits))


@inlined
def _is_decided(w, s, script, hits, margin):
    """Whether one language leads all others of the script by the margin."""
    first = script * LANES
    best = np.int32(-(1 << 30))
    for lane in range(first, first + LANES):
        value = _value(w, s, lane, hits)
        best = max(best, np.int32(value))
    near = np.int32(0)
    for lane in range(first, first + LANES):
        value = _value(w, s, lane, hits)
        near += np.int32(value > best - margin)
    return near == 1


@inlined
def _score(w, s, n, alone):
    """Scores a folded chunk of n codes; may stop early if its letters are of one script."""
    key, word = s.tail[0], np.uint64(0)
    first = 3 if key == 0 else 1  # four codes make a feature
    n_grams, n_words = 0, 0
    script = np.int64(s.scripts[1])
    hits, margin = np.int32(0), np.int32(w.limits[0])
    for p in range(1, n):
        c = at(s.codes, p)
        if not alone and c != 0 and np.int64(at(s.scripts, p)) != script:
            _resolve(w, s, n_grams, n_words, script)
            n_grams, n_words, script = 0, 0, np.int64(at(s.scripts, p))
        key = key << np.uint64(16) | np.uint64(c)
        h = spread(key)
        put(s.grams, n_grams, h)  # both are written at every letter: a branch would cost more
        put(s.words, n_words, word)
        prefetch(w.table, bucket_of(h))
        n_grams += p >= first
        n_words += c == 0
        word = next_word(word, c) if c != 0 else np.uint64(0)
        if n_grams >= BLOCK:
            hits += np.int32(_resolve(w, s, n_grams, n_words, script))
            n_grams, n_words = 0, 0
            if alone and _is_decided(w, s, script, hits, margin):
                return
    _resolve(w, s, n_grams, n_words, script)


@inlined
def read_chunk(w, s, data, i, stop, parts):
    """Folds and scores the chunk at byte i; returns the next one's byte and the parts so far."""
    for k in range(N_SCORED):
        s.before[k] = s.counts[k]
    i, n = fold(
        data, i, stop, w.classes, w.pages, w.entries, w.pairs, w.composed,
        s.codes, s.scripts, s.counts,
    )  # fmt: skip
    kinds = 0
    for k in range(N_SCORED):
        kinds += s.counts[k] > s.before[k]
    if kinds == 0 or n < 3:
        s.tail[0] = 0
        return i, parts
    for lane in range(2 * DIRECT):
        put(s.scores, lane, np.uint16(0))
    hits = (s.seen[1, 0], s.seen[1, 1], s.seen[1, 2], s.seen[1, 3])
    _score(w, s, n, kinds == 1)
    s.tail[0] = tail_of(s, n)
    for k in range(N_SCORED):
        letters = s.counts[k] - s.before[k]
        if letters <= 0 or parts >= MAX_PARTS:
            continue
        known = np.int32(s.seen[1, k] - hits[k])
        for lane in range(LANES):
            number = k * LANES + lane
            value = _value(w, s, number, known)
            s.parts[parts, lane] = value
            put(s.totals, number, at(s.totals, number) + value)
            gram = at(s.evidence, number) + np.int64(at(s.scores, number))
            put(s.evidence, number, gram)
            word = at(s.evidence, DIRECT + number) + np.int64(at(s.scores, DIRECT + number))
            put(s.evidence, DIRECT + number, word)
        s.places[parts, 0], s.places[parts, 1] = k, letters
        parts += 1
    return i, parts
