"""One small tokenizer, trained once for all tests that only use it."""

import pathlib

import pytest
from tokenizers import make_tokenizer

import castor.tokenizer


@pytest.fixture(scope="session")
def tokenizer_folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return make_tokenizer(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="session")
def tokenizer(tokenizer_folder: pathlib.Path) -> castor.tokenizer.Tokenizer:
    return castor.tokenizer.load(tokenizer_folder)
