"""What the identifier's kernels share: numbers of languages, the model's arrays, their room.

Languages have numbers: lane + 64 * script for scored scripts, DIRECT + script for the rest,
TELL_TALE + group for those known by their letters; -1 is `und`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from castor.filters.language.kernels.alphabets import SCORED
from castor.filters.language.kernels.fold import GROUPS, N_CODES, N_COUNTS
from castor.filters.language.kernels.vectors import LANES

N_SCORED = len(SCORED)
DIRECT = N_SCORED * LANES
TELL_TALE = DIRECT + GROUPS
N_IDS = TELL_TALE + GROUPS
KEPT = 6  # languages of a text that are told, the largest shares
BLOCK = 64  # features between two looks at the margin
WHOLE = 1024  # bytes of a text that is read whole; of a longer one,
BYTES_PER_WINDOW, FEWEST, MOST = 1024, 4, 64  # one window of 256 bytes for so many bytes
MAX_PARTS = 4 * MOST
POINT = 256  # scores in the decision are fixed-point: steps * POINT
STEP = 0.5  # nats
NATS = STEP / POINT
LEAST_SHARE = 0.02  # of letters; a language with less is not told

# What an answer's probability is made of. `log_margin` is log(1 + nats by which the best language
# leads); over_k is max(0, log_margin - k), so that the odds bend with the margin; `share` is the
# language's part of the letters; `pair` is 1 if the two best are of one family; `length` grows
# with the root of the number of runs of letters, up to 256 of them.
# Then the RATES: the share of features that the model knows (`hit`) and of words (`word`), nats
# for each known feature (`nats`), and what the best language's own weights add for each run of
# letters (`gram_nats`) and each word (`word_nats`), known or not. Each is told as its difference
# from what is usual in texts of that language, and the difference times the length: how little
# is too little depends on how much was read.
RATES = "hit word nats gram_nats word_nats".split()
FACTS = (
    "one log_margin over_1 over_2 over_3 over_4 log_hits share pair pair_log_margin length".split()
    + RATES
    + [f"{rate}_by_length" for rate in RATES]
)
N_RATES, FIRST_RATE = len(RATES), FACTS.index(RATES[0])
LONG = 256  # runs of letters; a text of more is as long as it gets
N_FACTS = len(FACTS)


class Weights(NamedTuple):
    """A model, as the kernel reads it.

    Attributes:
        classes, pages, entries, pairs, composed: see `fold.fold`.
        table, lists: see `vectors.find` and `vectors.add_lists`.
        floors: int32 [DIRECT]; steps * POINT, added once for each feature that is known; very low
            for lanes without a language.
        priors: int64 [DIRECT]; steps * POINT, added once for each text.
        families: int8 [DIRECT]; above 0 and equal for languages that are hard to tell apart.
        rates: int64 [GROUPS]; least per mille of the script's letters, by tell-tale.
        homes: int64 [GROUPS]; script of a tell-tale.
        known, right: float64 [N_FACTS]; logistic weights of "is a language of the model" and of
            "the answer is right".
        limits: float64 [4]; margin at which a chunk is decided, margin at which a part counts as
            another language than the text's main one (both steps * POINT), log-odds below which
            the language is unknown, and how fast Han letters without kana make Japanese unlikely.
        usual: float64 [N_RATES * DIRECT]; each rate in texts of a language, rate after rate.
    """

    classes: np.ndarray
    pages: np.ndarray
    entries: np.ndarray
    pairs: np.ndarray
    composed: np.ndarray
    table: np.ndarray
    lists: np.ndarray
    floors: np.ndarray
    priors: np.ndarray
    families: np.ndarray
    rates: np.ndarray
    homes: np.ndarray
    known: np.ndarray
    right: np.ndarray
    limits: np.ndarray
    usual: np.ndarray


class Scratch(NamedTuple):
    """What the kernel works in; one for each call, so that threads do not meet."""

    codes: np.ndarray  # uint16 [N_CODES]
    scripts: np.ndarray  # uint8 [N_CODES]
    grams: np.ndarray  # uint64 [BLOCK + 8]: features that wait to be looked up
    words: np.ndarray  # uint64 [BLOCK + 8]
    numbers: np.ndarray  # uint32 [2 * BLOCK + 16]: lists of those that are known
    scores: np.ndarray  # uint16 [2 * DIRECT]; steps of a chunk's runs of letters, of its words
    parts: np.ndarray  # int32 [MAX_PARTS, LANES]: scores of a script in a chunk
    places: np.ndarray  # int64 [MAX_PARTS, 2]: script and letters
    totals: np.ndarray  # int64 [DIRECT]
    evidence: np.ndarray  # int64 [2 * DIRECT]; `scores` of all chunks
    counts: np.ndarray  # int64 [N_COUNTS]
    before: np.ndarray  # int64 [N_SCORED]
    tail: np.ndarray  # uint64 [1]: the last three codes of the chunk before, 0 where none is
    seen: np.ndarray  # int64 [4, N_SCORED]: features looked up and found, words of these
    shares: np.ndarray  # float64 [N_IDS + 1]; the last is `und`; 0 between two texts
    touched: np.ndarray  # int64 [2 * N_IDS]; how many have a share, then their numbers


class Found(NamedTuple):
    """What the kernel tells of each text; the first place of KEPT is the answer.

    Attributes:
        ids: int16 [rows, KEPT]; by falling share, -1 for `und` and for nothing.
        shares: float32 [rows, KEPT]; of letters, 0 for nothing.
        scores: float32 [rows]; probability that the answer is right, 0 for `und`.
        runners: int16 [rows]; the next best language for the same text, or -1.
        facts: float32 [rows, N_FACTS]; what the score is made of; all 0 where no language was
            scored.
    """

    ids: np.ndarray
    shares: np.ndarray
    scores: np.ndarray
    runners: np.ndarray
    facts: np.ndarray


def scratch() -> Scratch:
    """Room for one call of `identify`."""
    return Scratch(
        np.zeros(N_CODES, np.uint16),
        np.zeros(N_CODES, np.uint8),
        np.zeros(BLOCK + 8, np.uint64),
        np.zeros(BLOCK + 8, np.uint64),
        np.zeros(2 * BLOCK + 16, np.uint32),
        np.zeros(2 * DIRECT, np.uint16),
        np.zeros((MAX_PARTS, LANES), np.int32),
        np.zeros((MAX_PARTS, 2), np.int64),
        np.zeros(DIRECT, np.int64),
        np.zeros(2 * DIRECT, np.int64),
        np.zeros(N_COUNTS, np.int64),
        np.zeros(N_SCORED, np.int64),
        np.zeros(1, np.uint64),
        np.zeros((4, N_SCORED), np.int64),
        np.zeros(N_IDS + 1, np.float64),
        np.zeros(2 * N_IDS, np.int64),
    )


def found(rows: int) -> Found:
    """Room for the answers of so many texts."""
    return Found(
        np.full((rows, KEPT), -1, np.int16),
        np.zeros((rows, KEPT), np.float32),
        np.zeros(rows, np.float32),
        np.full(rows, -1, np.int16),
        np.zeros((rows, N_FACTS), np.float32),
    )
