"""The folder `.work` of an output: what an interrupted run left, what stays of a finished one."""

from __future__ import annotations

import pathlib
import shutil

from castor.filters import outputs, storage
from castor.pipelines.tokens.corpus import DIGESTS, Corpus

KEPT = {"lock", DIGESTS}


def prepare(out: pathlib.Path, corpus: Corpus) -> None:
    """Clears what a killed run left half written, and notes the digests of the input."""
    storage.remove_temporaries(out)
    if corpus.state:
        storage.write_json(out / outputs.WORK / DIGESTS, corpus.state)


def tidy(out: pathlib.Path) -> None:
    """Removes what only an unfinished run needs."""
    for path in (out / outputs.WORK).iterdir():
        if path.name in KEPT:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
