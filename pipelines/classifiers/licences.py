"""`castor classifier train licences`: what a licence's full text is recognised by."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from castor.filters import spdx
from castor.filters.code import licence_text
from castor.filters.errors import ConfigError
from castor.pipelines.classifiers._verb import files_under
from castor.pipelines.sources import _licence_names

HELP = "full texts of licences: a folder of text files, each named by its SPDX id"
FILE = "texts.npz"
# Who holds the rights and when, and what is to be filled in, differs from copy to copy.
_HOLDER = re.compile(r"^[ \t]*(?:copyright|\(c\)|©).*$", re.I | re.M)
_BLANK = re.compile(r"\[[^\]\n]{1,60}\]|<[^>\n]{1,60}>|\{[^}\n]{1,60}\}")


def train(
    data: Sequence[Path], out: Path, *, seed: int, options: Mapping[str, str]
) -> dict[str, Any]:
    """Writes the runs of five words of each text; the order of the files does not matter.

    Raises:
        ConfigError: a file's name is no known SPDX id, or its text is too short to tell.
    """
    _no_options(options)
    found: dict[str, np.ndarray] = {}
    for path in _texts(data):
        found[path.stem] = hashes_of(path.read_text("utf-8"))
        if len(found[path.stem]) < 20:
            raise ConfigError("too few words for a licence", where=path, got=len(found[path.stem]))
    ids = sorted(found)
    starts = np.cumsum([0, *(len(found[i]) for i in ids)]).astype(np.int64)
    hashes = np.concatenate([found[i] for i in ids])
    np.savez(out / FILE, ids=np.array(ids), starts=starts, hashes=hashes)
    return {
        "licences": len(ids),
        "ids": ids,
        "runs": len(hashes),
        "words_of_a_run": licence_text.RUN,
        "threshold": licence_text.MIN_CONTAINED,
    }


def evaluate(model: Path, data: Sequence[Path], *, options: Mapping[str, str]) -> dict[str, Any]:
    """How many texts, each named by its SPDX id, are found to be that licence and no other."""
    _no_options(options)
    with np.load(model / FILE, allow_pickle=False) as held:
        texts = licence_text.Texts([str(i) for i in held["ids"]], held["starts"], held["hashes"])
    wrong = {}
    paths = _texts(data)
    for path in paths:
        words = _licence_names.normalise(path.read_text("utf-8"))
        got = licence_text.find(words, texts).ids
        if [spdx.normal_id(i) for i in got] != [spdx.normal_id(path.stem)]:
            wrong[path.stem] = got
    return {"texts": len(paths), "right": len(paths) - len(wrong), "wrong": wrong}


def hashes_of(text: str) -> np.ndarray:
    """The hashes of the runs of a licence's text, sorted, without the places to be filled in."""
    gapped = _BLANK.sub(" \ue000 ", _HOLDER.sub(" \ue000 ", text))
    words: list[str] = []
    for piece in gapped.split("\ue000"):
        words += [*_licence_names.normalise(piece).split(), licence_text.GAP]
    found = np.unique(licence_text.runs(words))
    return found[found > 0]


def _texts(data: Sequence[Path]) -> list[Path]:
    paths = [p for path in data for p in files_under(path) if p.suffix == ".txt"]
    if not paths:
        raise ConfigError("no licence texts", got=", ".join(map(str, data)),
                          fix="give a folder of files such as MIT.txt")  # fmt: skip
    for path in paths:
        if spdx.normal_id(path.stem) not in spdx.KNOWN:
            raise ConfigError("not the SPDX id of a known licence", where=path, got=path.stem,
                              fix="name the file by the id: Apache-2.0.txt")  # fmt: skip
    return sorted(paths, key=lambda p: p.stem)


def _no_options(options: Mapping[str, str]) -> None:
    if options:
        raise ConfigError("licences take no options", got=", ".join(options))
