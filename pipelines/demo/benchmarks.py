"""A made benchmark: questions about the standard library, to be found where they leaked.

Every run of thirteen words of a question holds a number of its own, so that two
questions never share one, and no page that is not planted can hold one by chance.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import random

from castor.pipelines.demo import machine
from castor.pipelines.demo.ledger import MADE, Ledger

COUNTING, CHOOSING, SHORT = "made-counting", "made-choosing", "made-short"
_PEOPLE = ("Ada", "Grace", "Linus", "Barbara", "Edsger", "Radia", "Donald", "Alan", "Ken")


@dataclasses.dataclass(frozen=True)
class Item:
    """One question: its id (`made-counting/7`), text, the choices if any, and the answer."""

    id: str
    question: str
    choices: tuple[str, ...]
    answer: str


def items(n: int = 100) -> tuple[Item, ...]:
    """`n` counting and `n` multiple-choice questions, then short ones; fixed for a Python."""
    facts = _facts()
    rng = random.Random("castor demo benchmark")
    pairs = list(itertools.combinations(facts, 2))
    counting = [_counting(i, *pair, rng) for i, pair in enumerate(rng.sample(pairs, n))]
    choosing = [_choosing(i, facts, rng) for i in range(n)]
    return tuple(counting + choosing + _short(facts))


def write(ledger: Ledger, questions: tuple[Item, ...]) -> None:
    """Writes the questions as JSONL files, in the shapes of GSM8K, ARC and NQ-Open."""
    for name in (COUNTING, CHOOSING, SHORT):
        rows = [_row(q) for q in questions if q.id.startswith(name)]
        data = "".join(json.dumps(row) + "\n" for row in rows).encode()
        ledger.write(f"benchmarks/{name}.jsonl", data)
        ledger.count("benchmarks", MADE, len(data), len(rows))


def _short(facts: list[machine.Module]) -> list[Item]:
    """Ten questions of four words, which say nothing without their answers."""
    longest = [max(m.functions, key=lambda name: (len(name), name)) for m in facts[:10]]
    return [
        Item(f"{SHORT}/{i}", f"Which module defines {name}?", (), facts[i].name)
        for i, name in enumerate(longest)
    ]


def _row(item: Item) -> dict[str, object]:
    if not item.choices:
        return {"question": item.question, "answer": item.answer}
    gold = item.choices.index(item.answer)
    return {"query": item.question, "choices": list(item.choices), "gold": gold}


def _facts() -> list[machine.Module]:
    modules = (m for m in machine.library_modules() if 3 <= len(m.functions) <= 60)
    found = list(itertools.islice(modules, 48))
    return found if len(found) >= 24 else [_imaginary(i) for i in range(48)]


def _imaginary(i: int) -> machine.Module:
    """Stands in where the standard library's sources are not installed."""
    names = tuple(f"made_{verb}_{i}" for verb in ("open", "fold", "count", "split", "merge"))
    return machine.Module(f"made_module_{i}", "python", (), names[: 3 + i % 3], ())


def _counting(i: int, m1: machine.Module, m2: machine.Module, rng: random.Random) -> Item:
    a, b = rng.sample(_PEOPLE, 2)
    n1, n2, days, late = len(m1.functions), len(m2.functions), rng.randint(3, 9), 10 + i
    total = (n1 + n2) * days + late
    question = (
        f"In course {100 + i} {a} teaches {n1} functions of {m1.name} and {b} {n2} of {m2.name}; "
        f"course {100 + i} runs {days} times, and {a} has {late} more. How many lessons does "
        f"course {100 + i} bring?"
    )
    answer = (
        f"Each time they teach {n1} + {n2} = {n1 + n2}. In {days} times it is "
        f"{n1 + n2} * {days} = {(n1 + n2) * days}, and {late} more make {total}.\n#### {total}"
    )
    return Item(f"{COUNTING}/{i}", question, (), answer)


def _choosing(i: int, facts: list[machine.Module], rng: random.Random) -> Item:
    right, *wrong = rng.sample(facts, 4)
    f, g, h = rng.sample(right.functions, 3)
    person = rng.choice(_PEOPLE)
    question = (
        f"{person} of team {500 + i} calls {f}, then {g}, and {h} last. From which module can "
        f"team {500 + i} import {g}, {h} and {f}?"
    )
    choices = [m.name for m in (right, *wrong)]
    rng.shuffle(choices)
    return Item(f"{CHOOSING}/{i}", question, tuple(choices), right.name)
