"""A dataset of several shards and languages, its tokenizer and its tokens, made once."""

import pathlib

import datasets
import pytest

from castor.pipelines import api

VOCAB = 900
RECORDS = 240


@pytest.fixture(scope="session")
def records():
    return datasets.records(RECORDS)


@pytest.fixture(scope="session")
def dataset(records, tmp_path_factory) -> pathlib.Path:
    return datasets.write_dataset(tmp_path_factory.mktemp("data") / "out", records, shards=4)


@pytest.fixture(scope="session")
def tokenizer(dataset, tmp_path_factory) -> pathlib.Path:
    out = tmp_path_factory.mktemp("trained") / "tokenizer"
    api.tokenizer_train(dataset, out, vocab_size=VOCAB, workers=1)
    return out


@pytest.fixture(scope="session")
def tokens(dataset, tokenizer, tmp_path_factory) -> pathlib.Path:
    out = tmp_path_factory.mktemp("encoded") / "tokens"
    api.tokenizer_encode(dataset, out, tokenizer=tokenizer, heldout=0.1, workers=1)
    return out
