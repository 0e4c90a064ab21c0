"""The index of everything that must not be in the corpus: n-grams of benchmark items.

Which grams, for lengths in words (scaled for scripts without spaces, see `units`):

- a question of 13 units or more: all its 13-grams (GPT-3, Brown et al. 2020, appendix C);
- a question of 8 to 12 units: the whole question must be found; 8 is the least N of GPT-3's
  table C.1. One gram of it, the rarest among the items, is in the index;
- a question of 5 to 7 units: likewise, and its answer must stand beside it, as questions that
  short ("what is the capital of france") are asked outside of benchmarks; so must that of
  any short question that says nothing without its passage;
- a question of under 5 units: question and answer as one text of at least 8 units;
- an answer of 20 units or more (worked solutions, code; not one that is a piece of the
  passage) and a passage: all 13-grams.

Scripts without spaces are found by 13-grams of letters as well, which must extend to runs of
the scaled length. The scan thus looks for grams of three lengths.

Short questions of few different letters ("not true and not true") are left out, and so are
grams that more than 10 parts have in common: templates, not items. An item of which nothing
is left is *unprotected*; the index says which and why, and so does the report.
"""

from __future__ import annotations

import collections
import dataclasses
import enum
import hashlib
import json

import numpy as np
import pyarrow as pa

from castor.filters.kernels.words import normalised_words
from castor.pipelines.decontaminate.fields import Item
from castor.pipelines.decontaminate.kernels import part_grams
from castor.pipelines.decontaminate.units import scale, word_hashes

VERSION = 1
GRAM = 13  # words; GPT-3, appendix C
WHOLE = 8  # words from which a whole question counts; GPT-3, table C.1
WITH_ANSWER = 5  # words from which a whole question counts beside its answer
LONG_ANSWER = 20  # words from which an answer is looked for on its own
TEMPLATE = 10  # parts that may share a gram
PLAIN = 16  # bytes of the different words of a question under GRAM units, at least
# Lengths of grams in the index: few, because the scan pays for each.
_LENGTHS = (5, 8, 13)


class Kind(enum.IntEnum):
    """What a part is to its item."""

    QUESTION = 0
    ANSWER = 1
    PASSAGE = 2
    PAIR = 3  # question and answer as one text


class Rule(enum.IntEnum):
    """How much of a part must be found."""

    NONE = 0  # nothing can be: the part is too short or too plain
    GRAMS = 1  # runs of at least the part's gram length
    WHOLE = 2  # all of it
    WITH_ANSWER = 3  # all of it, an answer beside it


class Status(enum.IntEnum):
    """Whether an item's question can be found at all."""

    PROTECTED = 0
    TOO_SHORT = 1
    TOO_PLAIN = 2
    TEMPLATE = 3


PART = np.dtype([("item", "<u4"), ("kind", "u1"), ("rule", "u1"), ("run", "<u2")])
ARRAYS = (
    "grams", "starts", "lengths", "bitmaps", "bitmap_starts", "posting_offsets", "postings",
    "parts", "status",
)  # fmt: skip
POSTING = np.dtype([("part", "<u4"), ("position", "<u4")])
_ITEMS = pa.schema(
    [
        ("benchmark", pa.string()),
        ("item_id", pa.string()),
        ("choices", pa.list_(pa.string())),
        ("answers", pa.list_(pa.string())),
    ]
)


@dataclasses.dataclass(frozen=True)
class Index:
    """An index in memory, or mapped from a folder.

    Attributes:
        grams: sorted hashes of the n-grams (uint64[grams]); a gram's id is its place here.
        starts: where the grams of each hash prefix begin (uint32).
        lengths: the lengths of grams that occur, ascending (int64).
        bitmaps: for each length a bit per longer prefix, which stop most text (uint64).
        bitmap_starts: where the bitmap of each length begins (int64[lengths + 1]).
        posting_offsets: each gram's slice of `postings` (uint32[grams + 1]).
        postings: part and position in it (POSTING).
        parts: item, kind, rule, and the shortest run that counts, in units (PART).
        status: Status of each item (uint8[items]).
        texts: the text of each part.
        items: table of benchmark, item_id, choices, answers.
        fingerprint: digest of all of this, in hex.
    """

    grams: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    bitmaps: np.ndarray
    bitmap_starts: np.ndarray
    posting_offsets: np.ndarray
    postings: np.ndarray
    parts: np.ndarray
    status: np.ndarray
    texts: pa.LargeStringArray
    items: pa.Table
    fingerprint: str

    def name(self, item: int) -> tuple[str, str]:
        """(benchmark, item_id) of an item."""
        row = self.items
        return row.column("benchmark")[item].as_py(), row.column("item_id")[item].as_py()

    def text(self, part: int) -> str:
        """The text of a part."""
        return self.texts[part].as_py()

    @property
    def n_bytes(self) -> int:
        """Bytes of all arrays and texts."""
        return sum(getattr(self, n).nbytes for n in ARRAYS) + self.texts.nbytes + self.items.nbytes

    def unprotected(self) -> list[tuple[str, str, str]]:
        """(benchmark, item_id, why) of every item that cannot be found."""
        return [
            (*self.name(i), Status(self.status[i]).name.lower())
            for i in np.flatnonzero(self.status).tolist()
        ]


def build_index(items: tuple[Item, ...]) -> Index:
    """The index of the items, the same for the same items in the same order."""
    parts, texts, status = _parts(items)
    column = pa.array(texts, pa.large_string())
    hashes, offsets = word_hashes(column)
    lead = np.array([_lead(n) for n in np.diff(offsets).tolist()], np.int64)
    found = np.empty(len(hashes), np.uint64)
    part, position = np.empty(len(hashes), np.int64), np.empty(len(hashes), np.int64)
    n = part_grams(hashes, offsets, lead, found, part, position)
    order = np.argsort(found[:n], kind="stable")  # grams come by part and position
    found, part, position = _chosen(found[order], part[order], position[order], parts)
    _mark_templates(status, parts, part)
    grams, first = np.unique(found, return_index=True)
    lengths = np.unique(lead[part]).astype(np.int64)
    bitmaps, bitmap_starts = _bitmaps(grams, lead[part[first]], lengths)
    postings = np.empty(len(found), POSTING)
    postings["part"], postings["position"] = part, position
    table = pa.table(
        [
            [i.benchmark for i in items],
            [i.item_id for i in items],
            [list(i.choices) for i in items],
            [list(i.answers) for i in items],
        ],
        schema=_ITEMS,
    )
    index = Index(
        grams=grams,
        starts=_starts(grams),
        bitmaps=bitmaps,
        bitmap_starts=bitmap_starts,
        lengths=lengths,
        posting_offsets=np.append(first, len(found)).astype(np.uint32),
        postings=postings,
        parts=parts,
        status=status,
        texts=column,
        items=table.combine_chunks(),
        fingerprint="",
    )
    return dataclasses.replace(index, fingerprint=_fingerprint(index))


def _parts(items: tuple[Item, ...]) -> tuple[np.ndarray, list[str], np.ndarray]:
    """(PART of every part, their texts, status of every item)."""
    parts: list[tuple[int, Kind, Rule, int]] = []
    texts: list[str] = []
    status = np.zeros(len(items), np.uint8)
    passages: set[str] = set()
    sizes = _Sizes(items)

    def add(number: int, kind: Kind, rule: Rule, run: int, text: str) -> None:
        parts.append((number, kind, rule, run))
        texts.append(text)

    for number, item in enumerate(items):
        rule, run, status[number] = _question_rule(item.question, sizes)
        if item.refers and rule is Rule.WHOLE:
            rule = Rule.WITH_ANSWER
        if rule is not Rule.NONE:
            add(number, Kind.QUESTION, rule, run, item.question)
        elif status[number] == Status.TOO_SHORT and item.question.strip():
            for pair in _pairs(item):
                whole, _, _ = _question_rule(pair, sizes)
                if whole in (Rule.GRAMS, Rule.WHOLE):
                    add(number, Kind.PAIR, Rule.WHOLE, sizes[pair], pair)
                    status[number] = Status.PROTECTED
        for answer in item.answers:
            factor = scale(answer, sizes[answer])
            # An answer cut out of the passage is found wherever the passage is quoted.
            if sizes[answer] >= LONG_ANSWER * factor and answer not in item.passage:
                add(number, Kind.ANSWER, Rule.GRAMS, round(GRAM * factor), answer)
        factor = scale(item.passage, sizes[item.passage])
        if sizes[item.passage] >= GRAM * factor and item.passage not in passages:
            passages.add(item.passage)  # items share passages: it is the first item's
            add(number, Kind.PASSAGE, Rule.GRAMS, round(GRAM * factor), item.passage)
    return np.array(parts, PART), texts, status


def _pairs(item: Item) -> list[str]:
    return [f"{item.question}\n{answer}" for answer in item.answers]


class _Sizes:
    """How many units every text has that a part may be made of, and how plain they are."""

    def __init__(self, items: tuple[Item, ...]) -> None:
        texts = dict.fromkeys(
            t for i in items for t in (i.question, i.passage, *i.answers, *_pairs(i))
        )
        self._place = {text: place for place, text in enumerate(texts)}
        column = pa.array(list(texts), pa.large_string())
        self._hashes, start, end, self._offsets = normalised_words(column)
        self._n_bytes = end - start

    def __getitem__(self, text: str) -> int:
        place = self._place[text]
        return int(self._offsets[place + 1] - self._offsets[place])

    def is_plain(self, text: str) -> bool:
        """Whether its different words have under PLAIN bytes."""
        place = self._place[text]
        own = slice(self._offsets[place], self._offsets[place + 1])
        different = dict(zip(self._hashes[own].tolist(), self._n_bytes[own].tolist(), strict=True))
        return sum(different.values()) < PLAIN


def _question_rule(text: str, sizes: _Sizes) -> tuple[Rule, int, Status]:
    """(how much of a question must be found, the shortest run that counts, status)."""
    n = sizes[text]
    factor = scale(text, n)
    if n >= round(GRAM * factor):
        return Rule.GRAMS, round(GRAM * factor), Status.PROTECTED
    if n < round(WITH_ANSWER * factor):
        return Rule.NONE, 0, Status.TOO_SHORT
    if sizes.is_plain(text):
        return Rule.NONE, 0, Status.TOO_PLAIN
    rule = Rule.WHOLE if n >= round(WHOLE * factor) else Rule.WITH_ANSWER
    return rule, n, Status.PROTECTED


def _lead(n_units: int) -> int:
    """Length of the grams by which a part is found: the longest that fits."""
    return max(length for length in _LENGTHS if length <= n_units)


def _chosen(
    grams: np.ndarray, part: np.ndarray, position: np.ndarray, parts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Without templates; of a part that must be found whole only the rarest gram.

    Where the shortest run that counts is longer than a gram, every such run holds a gram
    at a multiple of their difference, plus one; no other is needed. The arrays are sorted
    by gram, part and position, and stay so.
    """
    if not len(grams):
        return grams, part, position
    new_gram = np.append(True, grams[1:] != grams[:-1])
    new_part = new_gram | np.append(True, part[1:] != part[:-1])
    frequency = np.add.reduceat(new_part.astype(np.int64), np.flatnonzero(new_gram))
    frequency = frequency[np.cumsum(new_gram) - 1]
    step = np.maximum(parts["run"][part].astype(np.int64) - GRAM + 1, 1)
    keep = (frequency <= TEMPLATE) & (position % step == 0)
    whole = np.flatnonzero(parts["rule"][part] != Rule.GRAMS)
    keep[whole] = False
    order = whole[np.lexsort((position[whole], frequency[whole], part[whole]))]
    rarest = order[np.append(True, part[order][1:] != part[order][:-1])] if len(order) else order
    keep[rarest] = frequency[rarest] <= TEMPLATE
    return grams[keep], part[keep], position[keep]


def _mark_templates(status: np.ndarray, parts: np.ndarray, indexed: np.ndarray) -> None:
    """Items whose question or pair has no gram left are unprotected."""
    asks = np.isin(parts["kind"], (Kind.QUESTION, Kind.PAIR))
    has_gram = np.zeros(len(parts), bool)
    has_gram[indexed] = True
    lost = set(parts["item"][asks].tolist()) - set(parts["item"][asks & has_gram].tolist())
    status[sorted(lost)] = Status.TEMPLATE


def _starts(grams: np.ndarray) -> np.ndarray:
    bits = max(1, len(grams).bit_length())
    prefix = (grams >> np.uint64(64 - bits)).astype(np.int64)
    return np.searchsorted(prefix, np.arange((1 << bits) + 1)).astype(np.uint32)


def _bitmaps(
    grams: np.ndarray, length: np.ndarray, lengths: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(bitmaps, where each length's begins): 16 to 32 bits per gram, one for every length.

    At most one other gram in 16 passes, and those of the lengths that only short items
    have are so small that they stay in the cache.
    """
    maps = []
    for wanted in lengths.tolist():
        own = grams[length == wanted]
        bits = max(6, int(16 * len(own)).bit_length())
        flags = np.zeros(1 << bits, np.uint8)
        flags[own >> np.uint64(64 - bits)] = 1
        maps.append(np.packbits(flags, bitorder="little").view("<u8"))
    starts = np.cumsum([0, *map(len, maps)]).astype(np.int64)
    return np.concatenate([np.empty(0, np.uint64), *maps]), starts


def _fingerprint(index: Index) -> str:
    digest = hashlib.blake2b(f"{VERSION}".encode(), digest_size=16)
    for name in ARRAYS:
        array = getattr(index, name)
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    for buffer in index.texts.buffers()[1:]:
        digest.update(buffer or b"")
    digest.update(json.dumps(index.items.to_pydict()).encode())
    return digest.hexdigest()


def counts(index: Index) -> dict[str, dict[str, int]]:
    """For every benchmark the number of items by status."""
    found: dict[str, collections.Counter[str]] = {}
    names = index.items.column("benchmark").to_pylist()
    for name, status in zip(names, index.status.tolist(), strict=True):
        found.setdefault(name, collections.Counter())[Status(status).name.lower()] += 1
    return {name: dict(sorted(c.items())) for name, c in found.items()}
