"""What is checked of a vocabulary by itself: each check finds what it is for."""

import numpy as np
import pytest
import tokenizers as support
from toy_tokenizer import Toy

from castor.tokenizer import vocabulary_checks as checks
from castor.tokenizer.count import count
from castor.tokenizer.kinds import Kind, kinds


def test_a_piece_that_its_own_text_does_not_give_is_found():
    pieces = ["the", "cat", "a", "t", "c"]
    assert checks.unreachable(Toy(pieces)) == {"count": 0, "share": 0, "examples": []}
    toy = Toy(pieces, avoids="cat")
    found = checks.unreachable(toy)
    assert (found["count"], found["share"]) == (1, 0.2)
    (number, name, ids) = found["examples"][0]
    assert name == "cat"
    assert toy.names[number] == "cat"
    assert ids != [number]


def test_a_text_that_gives_a_control_id_is_found():
    assert checks.injections(Toy(["a"]))["failures"] == 0
    found = checks.injections(Toy(["a"], injects="a<start_of_image>b"))
    assert found["failures"] == 1
    assert found["examples"] == [["a<start_of_image>b", [2]]]


def test_a_real_tokenizer_gives_no_control_id(tokenizer):
    found = checks.injections(tokenizer)
    assert found["failures"] == 0
    assert found["texts"] > 4 * len(tokenizer.id_space.control)


def test_how_many_pieces_are_used_how_often():
    found = checks.usage(np.array([0, 0, 1, 4, 5, 19, 20, 100]))
    assert found == {
        "size": 8,
        "used": 6,
        "utilisation": 0.75,
        "below": {"1": 2, "5": 4, "20": 6, "100": 7},
    }


def test_what_training_saw_is_what_its_text_holds(tokenizer):
    found = checks.training(tokenizer, count(support.corpus()))
    ids = np.concatenate(tokenizer.encode_batch([t.rstrip("\r\n") for t in support.corpus()]))
    seen = np.bincount(ids, minlength=tokenizer.id_space.text_size)
    assert found == checks.usage(seen) | {"scaffold": found["scaffold"]}
    learned = [i for i in np.flatnonzero(seen == 0) if kinds(tokenizer)[i] == Kind.NORMAL]
    assert found["scaffold"] == len(learned) > 0


def evaluation(failures=0, control=0, unk=0.0):
    return {
        "injections": {"failures": failures, "texts": 9},
        "total": {"control_tokens": control, "unk_share": unk},
    }


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (evaluation(failures=2), "2 of 9 texts give a control id"),
        (evaluation(control=3), "3 control ids in the documents"),
        (evaluation(unk=0.25), "0.25 of the tokens are <unk>"),
    ],
)
def test_what_must_never_be_is_a_fault(found, words):
    assert checks.faults(found) == [words]
    assert checks.faults(evaluation()) == []


def test_a_round_trip_of_the_whole_corpus(tokenizer):
    for text in support.corpus(12):
        assert tokenizer.decode(tokenizer.encode(text)) == text
