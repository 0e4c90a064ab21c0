"""How probably each block of a page is main text: features, two stages of trees."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
from typing import Any, NamedTuple

import numpy as np

from castor.filters.errors import CastorError
from castor.filters.html.blocks import ancestry, context, features, grams
from castor.filters.html.blocks.measure import measure
from castor.filters.html.blocks.trees import Trees, evaluate
from castor.filters.html.tokens.state import Tokens

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "data" / "extraction"
FILE = "model.npz"
# A block that the first stage is this sure about, and whose neighbours are too, is settled.
SURELY_NOT = 0.02
REACH = 3  # blocks on both sides


@dataclasses.dataclass(frozen=True)
class Model:
    """What was learned.

    Attributes:
        class_weights: float32 [2 ** ancestry.CLASS_BITS].
        text_weights: float32 [2 ** features.TEXT_BITS].
        first, second: the two stages; the second sees the first's columns and then context's.
    """

    class_weights: np.ndarray
    text_weights: np.ndarray
    first: Trees
    second: Trees

    def save(self, path: pathlib.Path) -> None:
        """Writes the model as one npz, the same bytes for the same model."""
        arrays: dict[str, Any] = {
            "class_weights": self.class_weights.astype(np.float16),
            "text_weights": self.text_weights.astype(np.float16),
        }
        for name, trees in (("first", self.first), ("second", self.second)):
            for field in dataclasses.fields(Trees):
                arrays[f"{name}_{field.name}"] = np.asarray(getattr(trees, field.name))
        arrays["features"] = np.array(len(features.NAMES))
        np.savez_compressed(path, **arrays)


def load(path: pathlib.Path) -> Model:
    """Reads a model.

    Raises:
        CastorError: it was made for other features than these.
    """
    with np.load(path) as found:
        arrays = {name: found[name] for name in found.files}
    if int(arrays["features"]) != len(features.NAMES):
        raise CastorError(
            "the extraction model was made for other features",
            where=path,
            got=f"{int(arrays['features'])} of {len(features.NAMES)}",
            fix="castor classifier train extraction makes a new one",
        )
    stages = []
    for name in ("first", "second"):
        parts = {f.name: arrays[f"{name}_{f.name}"] for f in dataclasses.fields(Trees)}
        stages.append(Trees(**{**parts, "base": float(parts["base"])}))
    return Model(
        arrays["class_weights"].astype(np.float32),
        arrays["text_weights"].astype(np.float32),
        *stages,
    )


@functools.cache
def shipped() -> Model:
    """The model that comes with Castor, loaded once."""
    return load(FOLDER / FILE)


class Read(NamedTuple):
    """A page's blocks as they are before any model."""

    tokens: Tokens
    measures: np.ndarray  # float32 [n_blocks, measure.N_MEASURES]
    words: np.ndarray  # uint32, hashes of the words of all blocks
    offsets: np.ndarray  # int32 [n_blocks + 1]
    title: np.ndarray  # uint32, sorted hashes of the title's words
    grams: np.ndarray  # uint64, table of the 4-grams of what JSON-LD says is the article


def words_of(text: str) -> np.ndarray:
    """Hashes of the words of a text, uint32, as blocks have them."""
    data = np.frombuffer(text.encode("utf-8", "replace"), np.uint8).copy()
    span = np.zeros((1, 2), np.int32)
    span[0, 1] = len(data)
    return measure(data, span)[1]


def read(tokens: Tokens, title: str = "", article: str = "") -> Read:
    """Measures a page's blocks.

    Args:
        tokens: of the page.
        title: of the page.
        article: what JSON-LD says is its text, or empty.
    """
    measures, words, offsets = measure(tokens.text, tokens.blocks)
    table = grams.table(words_of(article)) if article else np.zeros(1, np.uint64)
    return Read(tokens, measures, words, offsets, np.unique(words_of(title)), table)


def describe(page: Read, class_weights: np.ndarray, text_weights: np.ndarray) -> np.ndarray:
    """The features of every block: float32 [n_blocks, N_FEATURES + N_CONTEXT], the last not set."""
    tokens = page.tokens
    near, sums = ancestry.ancestry(
        tokens.elements, tokens.blocks, tokens.words, page.measures, class_weights
    )
    n = len(tokens.blocks)
    rows = np.empty((n, features.N_FEATURES + context.N_CONTEXT), np.float32)
    features.fill(
        tokens.elements, tokens.blocks, tokens.words, page.measures, page.words, page.offsets,
        near, sums, text_weights, page.title, page.grams, tokens.n_bytes,
        np.empty((n, features.N_BASE), np.float32),
        np.empty((features.TWIN_SLOTS, 3), np.float32), rows,
    )  # fmt: skip
    return rows


def add_context(page: Read, p: np.ndarray, rows: np.ndarray) -> None:
    """Fills the columns of the second stage, of the first stage's probabilities."""
    tokens = page.tokens
    context.fill(
        tokens.elements, tokens.blocks, page.measures, p,
        np.empty((len(tokens.elements), context.N_HELD), np.float32),
        np.empty(len(p), np.float32), rows, features.N_FEATURES,
    )  # fmt: skip


def in_doubt(p: np.ndarray) -> np.ndarray:
    """Indices, int32, of the blocks that the second stage looks at."""
    sure = np.concatenate(([False] * REACH, p > SURELY_NOT, [False] * REACH)).astype(np.int32)
    sums = np.cumsum(np.concatenate(([0], sure)))
    return np.flatnonzero(sums[2 * REACH + 1 :] - sums[: -2 * REACH - 1]).astype(np.int32)


def judge(page: Read, model: Model) -> np.ndarray:
    """The probability of every block that it is main text: float32 [n_blocks]."""
    n = len(page.tokens.blocks)
    if n == 0:
        return np.zeros(0, np.float32)
    rows = describe(page, model.class_weights, model.text_weights)
    p = evaluate(model.first, rows, np.arange(n, dtype=np.int32))
    add_context(page, p, rows)
    which = in_doubt(p)
    final = p.copy()
    final[which] = evaluate(model.second, rows, which)
    return final
