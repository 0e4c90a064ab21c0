"""What the tests of annotators that count as another system does have in common."""

import functools

import pytest

from castor.filters.record import Modality, Record, to_batch
from castor.filters.registry import load

STOP_WORDS = {"the", "be", "to", "of", "and", "that", "have", "with"}  # Rae et al. 2021, A.1.1

# Two texts that systems count differently: lines, and n-grams, that repeat.
REPEATED_LINES = "\n".join(
    ["alpha beta gamma delta."] * 2
    + ["one two three four five six.", "seven eight nine ten eleven."]
    + ["the quick brown fox jumps.", "over the lazy dog today."]
)
REPEATED_GRAMS = "a b c d e f g h. " * 3 + "x y z w v u t s."


def measured(annotator, texts):
    """Signal -> value of each text, without the annotator's name in front."""
    records = [Record(str(i), "s", Modality.TEXT, t) for i, t in enumerate(texts)]
    rows = load("annotator", annotator).annotate(to_batch(records)).to_pylist()
    return [{n.removeprefix(f"{annotator}."): v for n, v in row.items()} for row in rows]


def equal_to(signals, annotator, texts):
    """Asserts that every signal of every text is what the oracle says, and no row has an error."""
    for text, found in zip(texts, measured(annotator, texts), strict=True):
        assert found == {**signals(text), "error": None}, text


def ratio(part, whole):
    """Part / whole, None where the whole is 0."""
    return part / whole if whole else None


near = functools.partial(pytest.approx, abs=5e-5)
