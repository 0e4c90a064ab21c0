"""The texts that benchmarks run on, and the clock that they run by."""

import gzip
import os
import pathlib
import time
from collections.abc import Callable

import numpy as np

DOCUMENT = 3500  # characters, about the mean of web documents


def data_kit() -> pathlib.Path | None:
    """The data kit, where there is one: CASTOR_DATA, else ../shared/data."""
    named = os.environ.get("CASTOR_DATA")
    root = pathlib.Path(__file__).resolve().parents[2]
    folder = pathlib.Path(named) if named else root.parent / "shared" / "data"
    return folder if (folder / "manifest.jsonl").is_file() else None


def books(kit: pathlib.Path | None) -> str:
    """The kit's English books, or made-up words in lines."""
    if kit is None:
        rng = np.random.default_rng(0)
        words = " ".join(f"word{i}" for i in rng.zipf(1.3, 400_000) % 50_000)
        return words.replace("word7 ", "word7.\n")
    files = sorted((kit / "books" / "en").glob("*.gz"))
    return "\n".join(gzip.decompress(f.read_bytes()).decode() for f in files)


def cut(text: str, n_characters: int | None = None) -> list[str]:
    """Documents of 3,500 characters each, of the beginning of a text or of all of it."""
    text = text[:n_characters]
    return [text[i : i + DOCUMENT] for i in range(0, len(text), DOCUMENT)]


def seconds(function: Callable[[], object], repeats: int = 5) -> float:
    """CPU seconds of the fastest of some runs, after one that does not count."""
    function()
    best = float("inf")
    for _ in range(repeats):
        start = time.process_time()
        function()
        best = min(best, time.process_time() - start)
    return best
