"""The extraction model: which blocks of a page are its main text (`filters/html`)."""

from __future__ import annotations

import dataclasses
import itertools
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from castor.filters.errors import ConfigError, unknown_name
from castor.filters.html import extract, judge
from castor.filters.html.choose import choose
from castor.pipelines.classifiers import _gold, _measures, _stages

HELP = """Trains the model of HTML extraction on pages with hand-made answers.

DATA are folders: ground-truth.json.gz beside html/<id>.html.gz (whole articles), or *.warc.gz
beside gold*.jsonl.gz (phrases that must be kept, and that must go). A file *.jsonl of `url` and
`text` is a teacher: another extractor's reading of the pages that have phrases only, used where it
agrees with all of them.

Options: cross_validate=yes (by domain, into the card; takes twice as long), first=60, second=140
(trees of the two stages), folds=5.

Writes model.npz.
"""
TEACHER = ".jsonl"
OPTIONS = ("cross_validate", "first", "second", "folds")


def train(
    data: Sequence[pathlib.Path], out: pathlib.Path, *, seed: int, options: Mapping[str, str]
) -> dict[str, Any]:
    """Writes model.npz; returns the facts for the card.

    Raises:
        ConfigError: an option or a folder is not as HELP says.
    """
    for name in options:
        if name not in OPTIONS:
            raise unknown_name("option", name, OPTIONS, where="classifier extraction")
    given = {f.name: options.get(f.name) for f in dataclasses.fields(_stages.Sizes)}
    sizes = _stages.Sizes(**{k: int(value) for k, value in given.items() if value is not None})
    if sizes.folds < 3:
        raise ConfigError("too few folds", got=sizes.folds, fix="3 or more, such as folds=5")
    teacher = _gold.read_teacher(path for path in data if path.suffix == TEACHER)
    pages = read(data)
    opened = [extract.open_page(page.data, page.url, None) for page in pages]
    labels = [_labels(page, at, teacher) for page, at in zip(pages, opened)]
    corpus = _stages.Corpus(
        [at.page for at in opened], labels, [p.domain for p in pages], sizes=sizes, seed=seed
    )
    facts: dict[str, Any] = {
        "pages": len(pages),
        "blocks_labelled": int(sum((found != _gold.UNKNOWN).sum() for found in labels)),
        "blocks_main": int(sum((found == _gold.MAIN).sum() for found in labels)),
        "sizes": dataclasses.asdict(sizes),
        "teacher_pages": sum(p.body is None and p.url in teacher for p in pages),
    }
    without = _stages.stages_without(corpus)
    if options.get("cross_validate", "no") == "yes":
        found = _stages.cross_validate(corpus, without)
        texts = [_text(at, p) for at, p in zip(opened, found)]
        facts["cross_validation"] = _measures.figures(pages, texts)
    _stages.learn(corpus, without).save(out / judge.FILE)
    return facts


def evaluate(
    model: pathlib.Path, data: Sequence[pathlib.Path], *, options: Mapping[str, str]
) -> dict[str, Any]:
    """Both measures of the model's text for pages that it was not trained on."""
    learned = judge.load(model / judge.FILE)
    pages = read(data)
    texts = []
    for page in pages:
        opened = extract.open_page(page.data, page.url, None)
        texts.append(_text(opened, judge.judge(opened.page, learned)))
    return _measures.figures(pages, texts)


def read(data: Sequence[pathlib.Path]) -> list[_gold.Page]:
    """The pages of all folders.

    Raises:
        ConfigError: a folder holds neither kind of answers.
    """
    pages: list[_gold.Page] = []
    for folder in data:
        if folder.suffix == TEACHER:
            continue
        answers = sorted(folder.glob("gold*.jsonl.gz"))
        if (folder / "ground-truth.json.gz").is_file():
            pages += _gold.read_bodies(folder)
        elif answers:
            pairs = itertools.product(sorted(folder.glob("*.warc.gz")), answers)
            pages += itertools.chain.from_iterable(_gold.read_phrases(*pair) for pair in pairs)
        else:
            raise ConfigError(
                "no pages with answers", where=folder, fix="see castor classifier train --help"
            )
    return pages


def _labels(page: _gold.Page, opened: extract.Opened, teacher: Mapping[str, str]) -> np.ndarray:
    read = opened.page
    if page.body is not None:
        return _gold.align(read.words, read.offsets, judge.words_of(page.body))
    text = opened.tokens.text.tobytes()
    spans = opened.tokens.blocks[:, :2].tolist()
    labels = _gold.by_phrases(page, [text[a:b].decode("utf-8", "replace") for a, b in spans])
    taught = teacher.get(page.url)
    if taught is not None and _gold.agrees(page, taught):
        aligned = _gold.align(read.words, read.offsets, judge.words_of(taught))
        labels = np.where(labels == _gold.UNKNOWN, aligned, labels).astype(np.int8)
    return labels


def _text(opened: extract.Opened, p: np.ndarray) -> str:
    """What extraction makes of a page's probabilities."""
    chosen, _ = extract.by_kind(opened, choose(opened.page, p))
    return extract.text_of(opened, chosen)
