"""From ids back to text, on the command line and off it."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from castor.filters.errors import CastorError, ConfigError
from castor.pipelines import api
from castor.pipelines.tokens.decode import parse_ids
from castor.tokenizer.processor import load


@given(st.lists(st.integers(0, 2**31)), st.sampled_from([" ", ",", ", ", "\n", "\t"]))
def test_ids_are_read_as_people_write_them(ids, between):
    assert parse_ids(between.join(map(str, ids))) == ids
    assert parse_ids(json.dumps(ids)) == ids
    assert parse_ids(f" {ids}\n") == ids


@pytest.mark.parametrize(
    ("text", "wrong"),
    [("a", "a"), ("1 2 three", "three"), ("1.5", "1.5"), ("{1}", "{1}"), ("1;2", "1;2"),
     ("0x10", "0x10"), ("--1", "--1"), (",5,-6 x", "x"), ("1 1_0", "1_0"), ("9" * 5000, "9" * 40)],
)  # fmt: skip
def test_what_is_no_id_is_refused(text, wrong):
    with pytest.raises(ConfigError, match="ids are whole numbers") as caught:
        parse_ids(text)
    assert caught.value.got == repr(wrong)


def test_ids_of_a_tokenizer_and_of_tokens(tokenizer, tokens):
    text = "the house of words, 12 x"
    ids = load(tokenizer).encode(text).tolist()
    assert api.tokenizer_decode(tokenizer, ids) == text
    assert api.tokenizer_decode(tokens, [2, *ids, 1]) == text
    for wrong in (-1, 10**6, 10**30):
        with pytest.raises(CastorError, match="outside the space"):
            api.tokenizer_decode(tokenizer, [5, wrong])


def test_documents_come_back_whole(tokens, records):
    by_key = {r.key: r for r in records}
    found = api.tokenizer_decode(tokens, n=2)
    assert [(d["source"], d["split"], d["number"]) for d in found] == [
        ("books", "train", 0), ("books", "train", 1), ("web", "train", 0), ("web", "train", 1)
    ]  # fmt: skip
    for document in found:
        assert document["parts"] == [{"text": by_key[document["key"]].text}]
    keys = [records[i].key for i in (200, 3, 77)]
    assert [d["key"] for d in api.tokenizer_decode(tokens, keys=keys)] == keys
    held = api.tokenizer_decode(tokens, source="web", split="heldout", n=1000)
    assert {d["split"] for d in held} == {"heldout"}
    assert 0 < len(held) < 100


def test_what_is_not_there(tokens, tmp_path):
    with pytest.raises(CastorError, match="no document has this key"):
        api.tokenizer_decode(tokens, keys=["web:nowhere"])
    with pytest.raises(ConfigError, match="did you mean 'books'"):
        api.tokenizer_decode(tokens, source="book")
    with pytest.raises(CastorError, match="no tokenizer here"):
        api.tokenizer_decode(tmp_path, [1])


def test_the_command(castor, tokenizer, tokens, records):
    ids = load(tokenizer).encode("words again").tolist()
    assert castor("tokenizer", "decode", tokenizer, *ids).stdout == "words again\n"
    piped = subprocess.run(
        [sys.executable, "-m", "castor.pipelines.cli", "tokenizer", "decode", str(tokens), "-"],
        input=json.dumps(ids), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert piped.stdout == "words again\n"
    shown = castor("tokenizer", "decode", tokens, "--key", records[0].key).stdout
    assert shown.startswith(f"{records[0].key}  (web/")
    assert records[0].text.split()[1] in shown
    both = castor("tokenizer", "decode", tokens, 5, "--n", 2, check=False)
    assert (both.returncode, "not both" in both.stderr) == (2, True)
    wrong = castor("tokenizer", "decode", tokenizer, "5", "x", check=False)
    assert (wrong.returncode, "ids are whole numbers" in wrong.stderr) == (2, True)
