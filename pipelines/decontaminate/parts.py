"""The parts of benchmark items that are looked for, and how much of each must be found.

The rules, with their sources, stand in `index`.
"""

from __future__ import annotations

import enum

import numpy as np
import pyarrow as pa

from castor.filters.kernels.words import normalised_words
from castor.pipelines.decontaminate.fields import Item
from castor.pipelines.decontaminate.units import scale

GRAM = 13  # words; GPT-3, appendix C
WHOLE = 8  # words from which a whole question counts; GPT-3, table C.1
WITH_ANSWER = 5  # words from which a whole question counts beside its answer
LONG_ANSWER = 20  # words from which an answer is looked for on its own
PLAIN = 16  # bytes of the different words of a question under GRAM units, at least


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


def parts_of(items: tuple[Item, ...]) -> tuple[np.ndarray, list[str], np.ndarray]:
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
