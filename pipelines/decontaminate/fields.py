"""From the rows of a benchmark file to items: which field is the question, which the answer.

The names are those of the common benchmarks' own files and of their copies on the Hugging
Face Hub. A file none of whose fields is known as a question is an error, never skipped.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from castor.filters.errors import ConfigError
from castor.pipelines.decontaminate.formats import Row

ROLES: dict[str, tuple[str, ...]] = {
    "question": (
        "question", "query", "problem", "prompt", "input", "goal", "instruction", "sentence",
        "question_stem", "problem_statement", "premise", "ctx", "context", "text",
    ),
    "passage": ("passage", "context", "article", "paragraph", "story", "document", "fact"),
    "choices": ("choices", "options", "endings", "candidates"),
    "answer": (
        "answer", "answers", "target", "targets", "canonical_solution", "solution",
        "continuation", "completion", "output", "best_answer", "correct_answer", "code",
        "answerkey", "gold", "label", "correct",
    ),
    "id": ("id", "item_id", "task_id", "qid", "question_id", "example_id", "doc_id", "idx", "uid"),
}  # fmt: skip
# Sets of single fields that together are the choices.
CHOICE_FIELDS = (
    ("a", "b", "c", "d", "e"), ("a", "b", "c", "d"), ("option1", "option2"), ("sol1", "sol2"),
    ("choice1", "choice2"), ("ending0", "ending1", "ending2", "ending3"),
    ("opa", "opb", "opc", "opd"),
)  # fmt: skip
# A field of these names is a question only beside an answer: alone it may be any document.
_WEAK = ("text", "context", "ctx", "input", "prompt", "sentence", "instruction", "premise")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PASSAGE_FIRST = re.compile(r"Passage: (?P<passage>.*)\nQuestion: (?P<question>.*)", re.DOTALL)
_REFERS = re.compile(
    r"This question refers to the following information\.\s*(?P<passage>.+)\n(?P<question>[^\n]+)",
    re.DOTALL,
)
_OPTIONS = re.compile(r"\nOptions:\n(?P<options>.+)\Z", re.DOTALL)
_OPTION = re.compile(r"^(?:\(([A-Z])\)|-) *(.*\S) *$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Item:
    """One item of a benchmark.

    Attributes:
        benchmark: name of the benchmark.
        item_id: stable within the benchmark.
        question: what is asked.
        passage: what the question is about, or empty; not part of the question.
        choices: the answers to choose from, or empty.
        answers: the right answers (alternatives), or empty.
        refers: the question says nothing without its passage ("the excerpt above is most
            likely a response to"), so that alone it is no sign of the item.
    """

    benchmark: str
    item_id: str
    question: str
    passage: str = ""
    choices: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    refers: bool = False


def is_header(names: Sequence[str]) -> bool:
    """Whether the first row of a table names a field that may be the question."""
    return any(n.strip().lower() in ROLES["question"] for n in names)


def items(
    benchmark: str, file: str, rows: Sequence[Row], mapping: Mapping[str, str] | None = None
) -> list[Item]:
    """The items of one file's rows.

    Args:
        benchmark: name of the benchmark.
        file: stem of the file, the first part of every item's id where it is not the
            benchmark's own name; also named in errors.
        rows: as `formats.read_rows` gives them.
        mapping: role (`question`, `passage`, `choices`, `answer`, `id`) to the name of the
            field, for files whose fields are not known by name.

    Raises:
        ConfigError: no field is known as the question, or a mapped one does not exist.
    """
    if rows and {"eval_instance_index", "is_correct", "answer"} <= rows[0].keys():
        rows = _one_per_question(rows)
    found = []
    for number, row in enumerate(rows):
        if row.keys() == {"canary"}:
            found.append(Item(benchmark, "canary", row["canary"]))
        else:
            found.append(_item(benchmark, file, number, row, mapping or {}))
    return found


def _one_per_question(rows: Iterable[Row]) -> list[Row]:
    """The layout of allenai/decon: one row per question and choice, `is_correct` on one."""
    grouped: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        split = str(row.get("split", ""))
        key = (split, row["eval_instance_index"], row["question"])
        one = grouped.setdefault(
            key,
            {
                "id": f"{split}-{row['eval_instance_index']}",
                "question": row["question"],
                "passage": row.get("passage"),
                "choices": [],
                "answers": [],
            },
        )
        one["choices"].append(row["answer"])
        if row["is_correct"]:
            one["answers"].append(row["answer"])
    return list(grouped.values())


def _item(benchmark: str, file: str, number: int, row: Row, mapping: Mapping[str, str]) -> Item:
    names = {name.lower(): name for name in row}
    fields = {role: _field(role, row, names, mapping) for role in ROLES}
    if fields["question"] is None or (
        fields["question"].lower() in _WEAK and fields["answer"] is None and not mapping
    ):
        raise ConfigError(
            "a benchmark file has no field known as the question",
            where=f"{file}, item {number}",
            got=f"fields {', '.join(sorted(row))}",
            fix="name it in the mapping, such as question=FIELD,answer=FIELD, or exclude the file",
        )
    if fields["passage"] == fields["question"]:
        fields["passage"] = None
    asked = row[fields["question"]]
    choices = _choices(row, fields["choices"], names)
    if isinstance(asked, Mapping):  # ARC: {"stem": ..., "choices": [{"text", "label"}]}
        choices = choices or _texts(asked.get("choices"))
        asked = asked.get("stem") or asked.get("text")
    question = " ".join(_texts(asked))
    refers = _REFERS.fullmatch(question) is not None
    question, passage, options = _split(question)
    choices = choices or options
    passage = passage or (" ".join(_texts(row[fields["passage"]])) if fields["passage"] else "")
    given = str(row[fields["id"]]) if fields["id"] else str(number)
    answers = _answers(row[fields["answer"]], choices) if fields["answer"] else ()
    item_id = given if file == benchmark else f"{file}/{given}"
    return Item(benchmark, item_id, question, passage, choices, answers, refers)


def _field(role: str, row: Row, names: Mapping[str, str], mapping: Mapping[str, str]) -> str | None:
    if role in mapping:
        if mapping[role] not in row:
            raise ConfigError(
                f"the mapping names a field for the {role} that an item lacks",
                got=f"{mapping[role]}, fields {', '.join(sorted(row))}",
                fix="correct the mapping",
            )
        return mapping[role]
    present = (names[n] for n in ROLES[role] if n in names)
    return next((n for n in present if row[n] is not None), None)


def _split(question: str) -> tuple[str, str, tuple[str, ...]]:
    """(question, passage, choices) of a question that holds all three as formatted text."""
    passage, choices = "", ()
    if match := _PASSAGE_FIRST.fullmatch(question) or _REFERS.fullmatch(question):
        passage, question = match["passage"], match["question"]
    question = question.removeprefix("Question: ").strip()
    if match := _OPTIONS.search(question):
        # The options stay in the question: in some tasks they are all that tells items apart.
        choices = tuple(text for _, text in _OPTION.findall(match["options"]))
    return question, passage, choices


def _choices(row: Row, field: str | None, names: Mapping[str, str]) -> tuple[str, ...]:
    if field is not None:
        return _texts(row[field])
    for together in CHOICE_FIELDS:
        if all(name in names for name in together):
            return tuple(str(row[names[name]]) for name in together)
    return ()


def _texts(value: Any) -> tuple[str, ...]:
    """The strings in a value, whichever of the usual shapes it has."""
    if value is None:
        return ()
    if isinstance(value, Mapping):
        for name in ("text", "value", "aliases"):
            if name in value:
                return _texts(value[name])
        return tuple(t for v in value.values() for t in _texts(v))
    if isinstance(value, list | tuple):
        return tuple(t for v in value for t in _texts(v))
    return (str(value),)


def _answers(value: Any, choices: tuple[str, ...]) -> tuple[str, ...]:
    """The right answers as text; an index or a letter of a choice becomes that choice."""
    if choices and isinstance(value, int) and not isinstance(value, bool):
        return (choices[value],) if 0 <= value < len(choices) else ()
    texts = _texts(value)
    if choices and len(texts) == 1 and texts[0] not in choices:
        letter = texts[0].strip().strip("()").upper()
        if len(letter) == 1 and letter in _LETTERS[: len(choices)]:
            return (choices[_LETTERS.index(letter)],)
    return tuple(dict.fromkeys(t for t in texts if t.strip()))
