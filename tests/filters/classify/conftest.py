"""Texts with labels that can be learnt, made by rule; and models of them."""

import pathlib

import numpy as np
import pyarrow as pa
import pytest

from castor.filters.classify import fasttext_file, trainer


def made(n: int, seed: int = 0) -> tuple[list[str], list[int]]:
    """Texts of words drawn from three overlapping vocabularies, one for each label."""
    rng = np.random.default_rng(seed)
    words = ["été", "zebra", "日本", "don't", "naïve", "x", "Ωmega", "the", "a-b", "😀"]
    words += [f"w{k}" for k in range(200)]
    labels = rng.integers(0, 3, n)
    texts = []
    for label in labels:
        own = rng.permutation(200)[:8] % 60 + 10 + 60 * label
        common = rng.integers(0, len(words), 8)
        texts.append(" ".join(words[k] for k in rng.permutation([*own, *common])))
    return texts, labels.tolist()


@pytest.fixture(scope="session")
def texts() -> list[str]:
    return made(300)[0]


@pytest.fixture(scope="session")
def labels() -> list[int]:
    return made(300)[1]


@pytest.fixture(scope="session")
def trained(texts, labels, tmp_path_factory):
    """A model trained with some settings, and its file."""
    folder = tmp_path_factory.mktemp("models")
    cache: dict = {}

    def train(**given) -> tuple[fasttext_file.Model, pathlib.Path]:
        settings = trainer.Settings(**{"dim": 8, "lr": 0.5, "buckets": 2000, **given})
        if settings not in cache:
            model = trainer.train(
                pa.array(texts), [[k] for k in labels], ["one", "two", "three"], settings
            )
            path = folder / f"{len(cache)}.bin"
            fasttext_file.write(path, model)
            cache[settings] = model, path
        return cache[settings]

    return train
