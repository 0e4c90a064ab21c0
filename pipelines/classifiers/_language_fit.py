"""How sure an answer is: logistic regressions on texts that the table has not seen.

The texts are cut in folds. Each fold's table is made from the others, without a few languages,
whose texts then stand for all the languages in the world that the model does not know. What
the kernel tells of the fold's texts (`layout.FACTS`) is fitted twice: is the language one of the
model's, and is the answer right.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from castor.filters.language.identify import languages
from castor.filters.language.kernels import layout
from castor.filters.language.model import Model

RIDGE = 1e-3
REFUSED = 0.0005  # of whole texts of known languages that may be called unknown
MOST_LEAD = 4.0  # nats that one language of a family may be given over another
HAN_LETTERS = 4  # that are looked at for kana in Japanese
REFUSE_NOTHING = -1e9  # a limit of log-odds


class Facts(NamedTuple):
    """What the kernel tells of held-out texts.

    Attributes:
        facts: float64 [texts, N_FACTS].
        right: bool [texts]; the answer is the main language.
        known: bool [texts]; the language is one of the model's.
        whole: bool [texts]; a text as it was given, not cut.
    """

    facts: np.ndarray
    right: np.ndarray
    known: np.ndarray
    whole: np.ndarray


class Told(NamedTuple):
    """What a model says of held-out texts.

    Attributes:
        codes, runners: language of each text, and the next best one.
        margins: float64 [texts]; nats between the two, 0 where the script answers.
    """

    codes: np.ndarray
    runners: np.ndarray
    margins: np.ndarray


def told(model: Model, texts: Sequence[str]) -> Told:
    """What a model says of texts."""
    answers = languages(pa.array(texts, pa.large_string()), model)
    margins = np.expm1(answers.found.facts[:, layout.FACTS.index("log_margin")].astype(np.float64))
    runners = answers.names(answers.found.runners)
    return Told(np.array(answers.codes()), np.array(runners), margins)


def lead(found: Told, truth: np.ndarray, first: str, second: str) -> float:
    """Nats to add to the second language, so that most texts of the two are told right.

    Of all that are as good, the middle one.

    Args:
        truth: code of each text.
    """
    swapped = (found.codes == second) & (found.runners == first)
    pair = swapped | ((found.codes == first) & (found.runners == second))
    pair &= np.isin(truth, [first, second])
    margins = np.where(swapped, -1, 1)[pair] * found.margins[pair]  # of the first over the second
    is_first = truth[pair] == first
    offsets = np.arange(-MOST_LEAD, MOST_LEAD + 0.25, 0.25)
    right = ((margins[None, :] > offsets[:, None]) == is_first[None, :]).sum(axis=1)
    best = offsets[right == right.max()]
    return float(best[len(best) // 2])


def held_out(
    model: Model, texts: Sequence[str], codes: Sequence[str], absent: set[str], seed: int
) -> Facts:
    """The facts of texts that are not in the model's table: whole, and a few words of each.

    Args:
        model: one that refuses nothing, see REFUSE_NOTHING.
        codes: language of each text.
        absent: languages that the model does not know.
    """
    draw = random.Random(seed)
    made: list[tuple[str, str, bool]] = []
    for text, code in zip(texts, codes, strict=True):
        made.append((text, code, True))
        words = text.split()
        start = draw.randrange(len(words)) if words else 0
        made.append((" ".join(words[start : start + draw.randrange(1, 12)]), code, False))
    column = pa.array([text for text, _, _ in made], pa.large_string())
    answers = languages(column, model)
    scored = answers.found.facts[:, 0] > 0
    right = np.array([a == code for a, (_, code, _) in zip(answers.codes(), made, strict=True)])
    known = np.array([code not in absent for _, code, _ in made])
    whole = np.array([is_whole for _, _, is_whole in made])
    facts = answers.found.facts.astype(np.float64)
    return Facts(facts[scored], right[scored], known[scored], whole[scored])


def joined(folds: Sequence[Facts]) -> Facts:
    """The facts of all folds."""
    return Facts(*(np.concatenate(part) for part in zip(*folds, strict=True)))


def known(found: Facts) -> tuple[np.ndarray, float]:
    """Weights of "the language is known", and the log-odds below which it is not."""
    weights = logistic(found.facts, found.known)
    odds = found.facts @ weights
    return weights, float(np.quantile(odds[found.known & found.whole], REFUSED))


def refused(found: Facts, weights: np.ndarray, limit: float) -> float | None:
    """Share of the whole texts of unknown languages that are called so; None without any."""
    odds = found.facts[~found.known & found.whole] @ weights
    return round(float((odds < limit).mean()), 4) if len(odds) else None


def right(found: Facts) -> np.ndarray:
    """Weights of "the answer is right", where the language is known."""
    return logistic(found.facts[found.known], found.right[found.known])


def logistic(facts: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Weights of a logistic regression with a small ridge, by Newton's method.

    Args:
        facts: float64 [n, k].
        truth: bool [n].

    Returns:
        float64 [k].
    """
    scale = np.maximum(np.abs(facts).max(axis=0), 1e-9)
    x = facts / scale
    weights = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-(x @ weights)))
        gradient = x.T @ (truth - p) - RIDGE * weights
        curvature = (x * (p * (1 - p))[:, None]).T @ x + RIDGE * np.eye(len(weights))
        step = np.linalg.solve(curvature, gradient)
        weights += step
        if np.abs(step).max() < 1e-9:
            break
    return weights / scale


def kana_rate(texts: Sequence[str]) -> float:
    """How fast Han letters without kana make Japanese unlikely, per letter.

    -log of the share of Japanese texts whose first HAN_LETTERS Han letters come before any
    kana, per letter; 1 where there are no Japanese texts to tell.
    """
    bare = sum(_han_first(text) for text in texts)
    return -float(np.log((bare + 1) / (len(texts) + 2))) / HAN_LETTERS if texts else 1.0


def _han_first(text: str) -> bool:
    han = 0
    for char in text:
        if "\u3040" <= char <= "\u30ff":
            return False
        han += "\u4e00" <= char <= "\u9fff"
        if han == HAN_LETTERS:
            return True
    return False


def calibration_error(scores: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    """Expected calibration error: mean |score - accuracy| over bins of equal width.

    Guo et al. 2017 (arXiv:1706.04599), section 2.
    """
    place = np.minimum((scores * bins).astype(int), bins - 1)
    total = 0.0
    for b in range(bins):
        inside = place == b
        if inside.any():
            total += abs(scores[inside].mean() - right[inside].mean()) * inside.sum()
    return total / max(len(scores), 1)


def wilson(right: int, n: int) -> list[float]:
    """The 95 % interval of a share (Wilson 1927)."""
    z, p = 1.959964, right / n
    centre, width = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return [round((centre + sign * width) / (1 + z * z / n), 4) for sign in (-1, 1)]
