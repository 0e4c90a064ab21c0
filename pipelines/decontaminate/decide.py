"""Which verified matches make a document contaminated, and by which rule.

A document is contaminated, and leaves the corpus whole, if for any item one of these holds
(lengths in words, scaled for scripts without spaces):

- `question`: runs of at least 13 words cover half of a question of 13 words or more. Up to 26
  words that is GPT-3's rule, any 13-gram; above, a single 13-gram of a long question is most
  often a phrase that the question shares with other texts;
- `whole_question`: all of a question of 8 to 12 words stands there in one run;
- `question_with_answer`: the same for one of 5 to 7 words, and an answer follows within 10
  words, its choices not counted; or for one of fewer words and its answer in one run;
- `answer`: 80 % of an answer of 20 words or more; 60 % beside 30 % of the question.

Reported, but no contamination by themselves:

- `passage`: passages are quoted from books, news and Wikipedia, where they belong; a filter
  on them flagged 97 % of documents that had nothing but the passage;
- `partial`: less of a question or answer than above;
- `common`: all that matches are grams which more than 10 documents of the corpus have
  (GPT-3's rule). But a question that leaked into 11 documents must not pass for that reason:
  60 % of it in runs, with a run of 26 words or an answer beside it, counts all the same.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa

from castor.pipelines.decontaminate.index import Index
from castor.pipelines.decontaminate.parts import GRAM, Kind, Rule
from castor.pipelines.decontaminate.units import Units, scale, units_of
from castor.pipelines.decontaminate.verify import Match, verify

QUESTION_COVERAGE = 0.5
ANSWER_COVERAGE = 0.8
BOTH_COVERAGE = (0.3, 0.6)  # of the question, of the answer
COMMON_COVERAGE = 0.6
BESIDE = 10  # words between a short question and its answer, as in "the answer is"

_SPAN = pa.struct(
    [pa.field("start_byte", pa.int64(), False), pa.field("end_byte", pa.int64(), False)]
)
FINDING_SCHEMA = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("benchmark", pa.string(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("part", pa.string(), nullable=False),
        pa.field("rule", pa.string(), nullable=False),
        pa.field("contaminated", pa.bool_(), nullable=False),
        pa.field("matched_units", pa.int32(), nullable=False),
        pa.field("part_units", pa.int32(), nullable=False),
        pa.field("coverage", pa.float32(), nullable=False),
        pa.field("spans", pa.list_(_SPAN), nullable=False),
    ]
)


@dataclasses.dataclass(frozen=True)
class Finding:
    """What one document has of one part of one item.

    Attributes:
        benchmark, item_id: the item.
        part: `question`, `answer`, `passage` or `pair` (question and answer in one run).
        rule: the rule that holds, see the module.
        contaminated: whether by it the document leaves the corpus.
        matched_units: units of the part that were found.
        part_units: units that it has.
        coverage: the share of them.
        spans: half-open byte spans in the document's UTF-8 text, one per run.
    """

    benchmark: str
    item_id: str
    part: str
    rule: str
    contaminated: bool
    matched_units: int
    part_units: int
    coverage: float
    spans: tuple[tuple[int, int], ...]


def findings(text: str, index: Index, common: np.ndarray | None = None) -> list[Finding]:
    """Everything of the benchmarks that a document has, by benchmark, item and part."""
    document, matches = verify(text, index, common)
    items = index.parts["item"]
    found = []
    for item, group in itertools.groupby(matches, key=lambda m: int(items[m.part])):
        together = list(group)
        for match in together:
            rule, contaminated = _decide(match, together, document, index)
            found.append(_finding(match, rule, contaminated, item, document, index))
    return found


def contaminating(found: Sequence[Finding]) -> Finding | None:
    """The finding that a contaminated row names: the most of any part, of equals the first."""
    guilty = [f for f in found if f.contaminated]
    return max(guilty, key=lambda f: (f.coverage, f.matched_units)) if guilty else None


def to_table(found: Iterable[tuple[str, Finding]]) -> pa.Table:
    """(key of the document, finding) pairs as a table of FINDING_SCHEMA."""
    rows = []
    for key, finding in found:
        row = dataclasses.asdict(finding)
        row["spans"] = [{"start_byte": a, "end_byte": b} for a, b in finding.spans]
        rows.append({"key": key, **row})
    return pa.Table.from_pylist(rows, schema=FINDING_SCHEMA)


def _decide(
    match: Match, together: Sequence[Match], document: Units, index: Index
) -> tuple[str, bool]:
    """(rule, contaminated) of one match, given the other matches of its item."""
    if match.kind is Kind.PASSAGE:
        return "passage", False
    rule = _rule(match, together, document, index)
    if rule != "partial" and not match.rare:
        long = match.longest >= 2 * GRAM * scale(index.text(match.part), match.n_units)
        whole = match.coverage >= COMMON_COVERAGE
        if not (whole and (long or _answer_beside(match, document, index))):
            return "common", False
    return rule, rule != "partial"


def _rule(match: Match, together: Sequence[Match], document: Units, index: Index) -> str:
    if match.kind is Kind.PAIR:
        return "question_with_answer"
    if match.kind is Kind.QUESTION:
        if match.rule is Rule.WHOLE:
            return "whole_question"
        if match.rule is Rule.WITH_ANSWER:
            beside = _answer_beside(match, document, index)
            return "question_with_answer" if beside else "partial"
        if match.coverage >= QUESTION_COVERAGE:
            return "question"
    of_question, of_answer = BOTH_COVERAGE
    question = max((m.coverage for m in together if m.kind is Kind.QUESTION), default=0.0)
    answer = max((m.coverage for m in together if m.kind is Kind.ANSWER), default=0.0)
    alone = match.kind is Kind.ANSWER and match.coverage >= ANSWER_COVERAGE
    if alone or (question >= of_question and answer >= of_answer):
        return "answer"
    return "partial"


def _answer_beside(match: Match, document: Units, index: Index) -> bool:
    """Whether an answer of the item follows the match within BESIDE units and its choices."""
    item = index.parts["item"][match.part]
    choices = index.items.column("choices")[int(item)].as_py()
    width = round(BESIDE * scale(index.text(match.part), match.n_units))
    width += sum(len(units_of(c)) + 1 for c in choices)
    end = match.runs[-1].last
    for answer in index.items.column("answers")[int(item)].as_py():
        wanted = units_of(answer)
        words = wanted.slice(0, len(wanted))
        after = document.slice(end, end + width + len(words))
        if words and any(after[i : i + len(words)] == words for i in range(width + 1)):
            return True
    return False


def _finding(
    match: Match, rule: str, contaminated: bool, item: int, document: Units, index: Index
) -> Finding:
    spans = tuple(
        (int(document.start[run.first]), int(document.end[run.last - 1])) for run in match.runs
    )
    benchmark, item_id = index.name(item)
    return Finding(
        benchmark=benchmark,
        item_id=item_id,
        part=match.kind.name.lower(),
        rule=rule,
        contaminated=contaminated,
        matched_units=round(match.coverage * match.n_units),
        part_units=match.n_units,
        coverage=match.coverage,
        spans=spans,
    )
