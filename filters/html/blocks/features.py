"""The features of every block of a page, one row of float32 each, in the order of NAMES.

Shares are of bytes of text unless they say words; `log` is log(1 + x); levels are of the tree.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np

from castor.filters.html.blocks import ancestry as a
from castor.filters.html.blocks import measure as m
from castor.filters.html.blocks.ancestry import bucket
from castor.filters.html.blocks.grams import gram_share, is_among
from castor.filters.html.tokens import classwords, tags
from castor.filters.html.tokens.compile import part
from castor.filters.html.tokens.state import (
    B_BOLD,
    B_ELEMENT,
    B_FLAGS,
    B_IMAGES,
    B_LINES,
    B_LINKED,
    B_LINKS,
    B_SOURCE,
    E_DEPTH,
    E_PARENT,
    E_TAG,
    E_WORDS,
    E_WORDS_END,
)
from castor.filters.html.tokens.tags import FLAGS
from castor.filters.kernels._compile import kernel

TEXT_BITS = 15  # buckets of words of text: 2 ** TEXT_BITS
FIRST_WORDS = 14  # of a block, that its text score looks at
WHOLE_WORDS = 5  # a block of no more is one word more, itself
MAX_CLIMB = 64  # levels looked through for a common ancestor

_OWN = (
    "log_words log_bytes letters_per_word linked bold lines links images flags upper digits "
    "capitalised commas sentences_per_word sentences symbols ends_sentence ends_colon begins_upper "
    "begins_digit long_words quotes caps_words "
    "place log_blocks bytes_before log_words_before log_words_after source_place from_h1 "
    "from_heading heading_level heading_text heading_class article articles title_of_block "
    "title_of_title json json_grams depth class_own class_path class_parent text_score "
    "twins twin_words twin_linked in_best from_best of_best"
).split()
_HOLDERS = [
    f"{name}_{level}"
    for level in range(4)
    for name in ("log_words", "linked", "log_blocks", "sentences", "of_page")
]
_NEAR = [f"near_{n.split()[0]}" for n in (*a.TAG_KINDS, *(f".{g}" for g in classwords.NAMES))]
_BESIDE = [
    f"{name}_{step:+d}"
    for step in (-2, -1, 1, 2)
    for name in ("log_words", "linked", "ends", "heading", "class", "text", "same", "levels")
]
_AROUND = [
    f"{name}_{span}"
    for span in ("before3", "after3", "both8")
    for name in ("log_words", "linked", "class", "text", "ends")
]
NAMES = (*_OWN, *_HOLDERS, *_NEAR, *_BESIDE, *_AROUND)
N_FEATURES = len(NAMES)
_F = {name: i for i, name in enumerate(NAMES)}
_F_PLACE, _F_DEPTH, _F_TWINS = _F["place"], _F["depth"], _F["twins"]
_F_HOLDERS, _F_NEAR = _F["log_words_0"], _F["near_article"]
_F_BESIDE, _F_AROUND = _F["log_words_-2"], _F["log_words_before3"]
F_TEXT, F_CLASS, F_CLASS_OWN = _F["text_score"], _F["class_path"], _F["class_own"]
_K_H1, _K_H2, _K_H4 = (a.TAG_KINDS.index(k) for k in ("h1", "h2 h3", "h4 h5 h6"))
_ARTICLE = tags.TAG["article"]
_PRIME = np.uint32(16777619)

# What neighbours look at.
_Q_WORDS, _Q_LINKED, _Q_ENDS, _Q_HEADING, _Q_CLASS, _Q_TEXT, _Q_HOLDER, N_BASE = range(8)
_TWIN_BITS = 10
TWIN_SLOTS = 1 << _TWIN_BITS


@part
def _log(x):
    return math.log(np.float32(1) + max(np.float32(0), np.float32(x)))


@part
def text_score(words, start, end, weights):
    """The learned score of the words from start to end: of each, each pair, and all if few."""
    score = np.float32(0)
    last = min(end, start + FIRST_WORDS)
    whole = np.uint32(7)
    for i in range(start, last):
        score += weights[bucket(words[i], TEXT_BITS)]
        if i > start:
            score += weights[bucket(words[i - 1] * _PRIME ^ words[i], TEXT_BITS)]
        whole = np.uint32((whole ^ words[i]) * _PRIME)
    if end - start <= WHOLE_WORDS:
        score += weights[bucket(whole, TEXT_BITS)]
    return score / np.float32(math.sqrt(np.float64(max(1, last - start))))


@part
def _holder(elements, e):
    """The element itself or its nearest ancestor that is a block element."""
    while e > 0 and not FLAGS[elements[e, E_TAG]] & tags.BLOCK:
        e = elements[e, E_PARENT]
    return e


@part
def _levels_between(elements, e, other):
    """Levels up from e to the innermost element that holds other too."""
    up = 0
    for _ in range(MAX_CLIMB):
        if e == other:
            break
        if elements[e, E_DEPTH] >= elements[other, E_DEPTH]:
            e = elements[e, E_PARENT]
            up += 1
        else:
            other = elements[other, E_PARENT]
        if e < 0 or other < 0:
            break
    return up


@part
def _base(elements, blocks, measures, words, offsets, near, sums, weights, base):
    """What neighbours look at, of every block."""
    for b in range(len(blocks)):
        e = blocks[b, B_ELEMENT]
        row = base[b]
        row[_Q_WORDS] = _log(measures[b, m.WORDS])
        row[_Q_LINKED] = blocks[b, B_LINKED] / max(np.float32(1), measures[b, m.BYTES])
        row[_Q_ENDS] = measures[b, m.ENDS_SENTENCE]
        row[_Q_HEADING] = 1 if min(near[e, _K_H1], near[e, _K_H2], near[e, _K_H4]) < 3 else 0
        row[_Q_CLASS] = sums[e, a.C_PATH]
        row[_Q_TEXT] = text_score(words, offsets[b], offsets[b + 1], weights)
        row[_Q_HOLDER] = _holder(elements, e)


@part
def _own(b, blocks, measures, x):
    """What the block says alone."""
    s = measures[b]
    n_words, n_bytes = max(np.float32(1), s[m.WORDS]), max(np.float32(1), s[m.BYTES])
    x[0] = _log(s[m.WORDS])
    x[1] = _log(s[m.BYTES])
    x[2] = s[m.LETTERS] / n_words
    x[3] = blocks[b, B_LINKED] / n_bytes
    x[4] = blocks[b, B_BOLD] / n_bytes
    x[5] = blocks[b, B_LINES]
    x[6] = blocks[b, B_LINKS]
    x[7] = blocks[b, B_IMAGES]
    x[8] = blocks[b, B_FLAGS]
    x[9] = s[m.UPPER] / n_bytes
    x[10] = s[m.DIGITS] / n_bytes
    x[11] = s[m.CAPITALISED] / n_words
    x[12] = s[m.COMMAS] / n_words
    x[13] = s[m.SENTENCES] / n_words
    x[14] = s[m.SENTENCES]
    x[15] = s[m.SYMBOLS]
    x[16] = s[m.ENDS_SENTENCE]
    x[17] = s[m.ENDS_COLON]
    x[18] = s[m.BEGINS_UPPER]
    x[19] = s[m.BEGINS_DIGIT]
    x[20] = s[m.LONG_WORDS] / n_words
    x[21] = s[m.QUOTES]
    x[22] = s[m.CAPS_WORDS] / n_words


@part
def _places(elements, blocks, measures, near, sums, base, n_source, out):
    """Where each block stands: in the page, after which heading, in which article."""
    n = len(blocks)
    total_words, total_bytes = sums[0, a.T_WORDS], max(np.float32(1), sums[0, a.T_BYTES])
    h1 = -1
    for b in range(n):
        if near[blocks[b, B_ELEMENT], _K_H1] < 3:
            h1 = b
            break
    n_articles = 0
    words_before = bytes_before = np.float32(0)
    heading = -1
    level = 0
    ordinal = 0
    last_article = -1
    for b in range(n):
        e = blocks[b, B_ELEMENT]
        x = out[b, _F_PLACE:]
        x[0] = b / n
        x[1] = _log(n)
        x[2] = bytes_before / total_bytes
        x[3] = _log(words_before)
        words_before += measures[b, m.WORDS]
        bytes_before += measures[b, m.BYTES]
        x[4] = _log(total_words - words_before)
        x[5] = blocks[b, B_SOURCE] / max(1, n_source)
        x[6] = b - h1 if h1 >= 0 else -1000
        x[7] = b - heading if heading >= 0 else 1000
        x[8] = level
        x[9] = base[heading, _Q_TEXT] if heading >= 0 else 0
        x[10] = base[heading, _Q_CLASS] if heading >= 0 else 0
        if base[b, _Q_HEADING] > 0:
            heading = b
            level = 1 if near[e, _K_H1] < 3 else (2 if near[e, _K_H2] < 3 else 3)
        article = -1
        if near[e, 0] < a.FAR:  # TAG_KINDS begins with article
            up = e
            while up > 0:
                if elements[up, E_TAG] == _ARTICLE:
                    article = up
                up = elements[up, E_PARENT]
            if article != last_article:
                n_articles += 1
                last_article = article
            ordinal = n_articles
        x[11] = ordinal if article >= 0 else 0
    for b in range(n):
        out[b, _F_PLACE + 12] = n_articles


@part
def _signature(elements, words, e):
    """One number for the tags and class words of an element and its parent."""
    h = np.uint32(elements[e, E_TAG] + 1)
    parent = elements[e, E_PARENT]
    for i in range(elements[e, E_WORDS], elements[e, E_WORDS_END]):
        h = np.uint32((h ^ words[i]) * _PRIME)
    if parent >= 0:
        h = np.uint32((h ^ np.uint32(elements[parent, E_TAG] + 1)) * _PRIME)
        for i in range(elements[parent, E_WORDS], elements[parent, E_WORDS_END]):
            h = np.uint32((h ^ words[i]) * _PRIME)
    return bucket(h, _TWIN_BITS)


@part
def _twins(elements, class_words, measures, base, slots, out):
    """Blocks made alike: how many there are, how long, how much linked. slots: [TWIN_SLOTS, 3]."""
    slots[:] = 0
    for b in range(len(base)):
        t = slots[_signature(elements, class_words, np.int64(base[b, _Q_HOLDER]))]
        t[0] += 1
        t[1] += measures[b, m.WORDS]
        t[2] += base[b, _Q_LINKED]
    for b in range(len(base)):
        t = slots[_signature(elements, class_words, np.int64(base[b, _Q_HOLDER]))]
        out[b, _F_TWINS] = _log(t[0])
        out[b, _F_TWINS + 1] = _log(t[1] / t[0])
        out[b, _F_TWINS + 2] = t[2] / t[0]


@part
def _best_holder(sums):
    """The element whose text is worth most as an article, near paragraphs counting most."""
    best, most = 0, np.float32(-1)
    for e in range(len(sums)):
        worth = sums[e, a.T_WORTH]
        if worth > most:
            worth *= 1 - sums[e, a.T_LINKED] / max(np.float32(1), sums[e, a.T_BYTES])
            if worth > most:
                best, most = e, worth
    return best


@part
def _tree(b, elements, blocks, near, sums, base, best, x):
    """Where the block stands in the tree, and what its ancestors hold."""
    e = blocks[b, B_ELEMENT]
    holder = np.int64(base[b, _Q_HOLDER])
    parent = max(0, elements[holder, E_PARENT])
    x[_F_DEPTH] = elements[e, E_DEPTH]
    x[F_CLASS_OWN] = sums[e, a.C_OWN]
    x[F_CLASS] = sums[e, a.C_PATH]
    x[_F_DEPTH + 3] = sums[parent, a.C_OWN]
    x[F_TEXT] = base[b, _Q_TEXT]
    levels = _levels_between(elements, e, best)
    above = _levels_between(elements, best, e)
    x[_F_TWINS + 3] = 1 if above == 0 else 0
    x[_F_TWINS + 4] = levels + above
    page_words = max(np.float32(1), sums[0, a.T_WORDS])
    x[_F_TWINS + 5] = sums[best, a.T_WORDS] / page_words
    up = holder
    for level in range(4):
        at = _F_HOLDERS + 5 * level
        t = sums[up]
        x[at] = _log(t[a.T_WORDS])
        x[at + 1] = t[a.T_LINKED] / max(np.float32(1), t[a.T_BYTES])
        x[at + 2] = _log(t[a.T_BLOCKS])
        x[at + 3] = t[a.T_SENTENCES] / max(np.float32(1), t[a.T_BLOCKS])
        x[at + 4] = t[a.T_WORDS] / page_words
        up = elements[up, E_PARENT] if up > 0 else up
    for k in range(a.N_KINDS):
        x[_F_NEAR + k] = near[e, k]


@part
def _beside(b, elements, blocks, base, x):
    """The two blocks before and after."""
    n = len(base)
    for i in range(4):
        other = b + (i - 2 if i < 2 else i - 1)
        at = _F_BESIDE + 8 * i
        if other < 0 or other >= n:
            for k in range(8):
                x[at + k] = -1
            continue
        for k in range(6):
            x[at + k] = base[other, k]
        x[at + 6] = 1 if base[other, _Q_HOLDER] == base[b, _Q_HOLDER] else 0
        x[at + 7] = _levels_between(elements, blocks[b, B_ELEMENT], blocks[other, B_ELEMENT])


@part
def _around(b, base, x):
    """Means over three blocks before, three after, and eight on both sides."""
    n = len(base)
    for i in range(3):
        first = b - 3 if i == 0 else (b + 1 if i == 1 else b - 8)
        last = b if i == 0 else (b + 4 if i == 1 else b + 9)
        first, last = max(0, first), min(n, last)
        n_words = n_linked = n_class = n_text = n_ends = np.float32(0)
        for other in range(first, last):
            n_words += base[other, _Q_WORDS]
            n_linked += base[other, _Q_WORDS] * base[other, _Q_LINKED]
            n_class += base[other, _Q_CLASS]
            n_text += base[other, _Q_TEXT]
            n_ends += base[other, _Q_ENDS]
        count = max(1, last - first)
        at = _F_AROUND + 5 * i
        x[at] = n_words / count
        x[at + 1] = n_linked / max(np.float32(0.1), n_words)
        x[at + 2] = n_class / count
        x[at + 3] = n_text / count
        x[at + 4] = n_ends / count


@part
def _title(words, start, end, title, x):
    """How much of the block is in the page's title, and the other way round."""
    n = 0
    last = min(end, start + 40)
    for i in range(start, last):
        n += is_among(title, words[i])
    x[0] = n / max(1, last - start)
    x[1] = n / max(1, len(title))


_I32_2 = nb.types.Array(nb.int32, 2, "C")
_F32_2 = nb.types.Array(nb.float32, 2, "C")


@kernel(
    nb.void(
        _I32_2, _I32_2, nb.types.Array(nb.uint32, 1, "C"), _F32_2,
        nb.types.Array(nb.uint32, 1, "C"), nb.types.Array(nb.int32, 1, "C"),
        nb.types.Array(nb.uint8, 2, "C"), _F32_2, nb.types.Array(nb.float32, 1, "C"),
        nb.types.Array(nb.uint32, 1, "C"), nb.types.Array(nb.uint64, 1, "C"), nb.int64,
        _F32_2, _F32_2, _F32_2,
    )
)  # fmt: skip
def fill(
    elements, blocks, class_words, measures, words, offsets, near, sums, weights, title, grams,
    n_source, base, slots, out
):  # fmt: skip
    """Fills out, float32 [n_blocks, N_FEATURES].

    Beside what `measure` and `ancestry` give: weights of words float32 [2 ** TEXT_BITS], sorted
    hashes of the title's words, a table of 4-grams (`grams.table`), bytes of the page, and room:
    base float32 [n_blocks, N_BASE] and slots float32 [TWIN_SLOTS, 3].
    """
    _base(elements, blocks, measures, words, offsets, near, sums, weights, base)
    _places(elements, blocks, measures, near, sums, base, n_source, out)
    _twins(elements, class_words, measures, base, slots, out)
    best = _best_holder(sums)
    for b in range(len(blocks)):
        x = out[b]
        _own(b, blocks, measures, x)
        _title(words, offsets[b], offsets[b + 1], title, x[_F_PLACE + 13 :])
        x[_F_PLACE + 15] = gram_share(words, offsets[b], offsets[b + 1], grams)
        x[_F_PLACE + 16] = _log(len(grams)) if len(grams) > 1 else 0
        _tree(b, elements, blocks, near, sums, base, best, x)
        _beside(b, elements, blocks, base, x)
        _around(b, base, x)
