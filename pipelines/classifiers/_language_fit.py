"""How sure an answer is: logistic regressions on texts that the table has not seen.

The texts are cut in folds. Each fold's table is made from the others, without a few languages,
whose texts then stand for all the languages in the world that the model does not know. What
the kernel tells of the fold's texts (`layout.FACTS`) is fitted twice: is the language one of the
model's, and is the answer right.

Languages differ in how much of a text a model of them knows: of an isolating language it has
seen nearly every word, of an agglutinating one half. So each rate counts as its difference from
what is usual in the language that the text is taken for.
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
from castor.pipelines.classifiers._language_rows import Rows

RIDGE = 1e-3
CHANCE = 1.96  # standard deviations that chance stays within 19 times in 20
MOST_LEAD = 12.0  # nats that one language of a family may be given over another
REFUSED = 0.0002  # of whole texts of known languages that may be called unknown, in
ELSEWHERE = 1.0  # log-odds more, as texts of other sources are less usual than held-out ones
HAN_LETTERS = 4  # that are looked at for kana in Japanese
REFUSE_NOTHING = -1e9  # a limit of log-odds


class Facts(NamedTuple):
    """What the kernel tells of held-out texts.

    Attributes:
        facts: float64 [texts, N_FACTS].
        right: bool [texts]; the answer is the main language.
        known: bool [texts]; the language is one of the model's.
        whole: bool [texts]; a text as it was given, not cut.
        lanes: int16 [texts]; number of the answer.
        clean: bool [texts]; the label is believed.
    """

    facts: np.ndarray
    right: np.ndarray
    known: np.ndarray
    whole: np.ndarray
    lanes: np.ndarray
    clean: np.ndarray


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
    """Nats to add to the second language: the fewest that are not surely worse than the best.

    The share of texts that are told right is flat over many nats, so its maximum jumps with a
    few texts. Two leads differ in the texts that only one of them tells right; by chance alone
    the difference exceeds CHANCE times the root of their number once in twenty (McNemar 1947).
    Of the leads that are that close to the best one the smallest is taken: a short text, whose
    margins are a few nats, should not be decided by it.

    Args:
        truth: code of each text.
    """
    swapped = (found.codes == second) & (found.runners == first)
    pair = swapped | ((found.codes == first) & (found.runners == second))
    pair &= np.isin(truth, [first, second])
    margins = np.where(swapped, -1, 1)[pair] * found.margins[pair]  # of the first over the second
    leads = np.arange(-MOST_LEAD, MOST_LEAD + 0.25, 0.25)
    right = (margins[None, :] > leads[:, None]) == (truth[pair] == first)[None, :]
    n_right = right.sum(axis=1)
    best = int(n_right.argmax())
    differ = (right != right[best]).sum(axis=1)
    close = leads[n_right[best] - n_right <= CHANCE * np.sqrt(differ)]
    return float(close[np.abs(close).argmin()])


def held_out(model: Model, rows: Rows, clean: np.ndarray, absent: set[str], seed: int) -> Facts:
    """The facts of texts that are not in the model's table: whole, and a few words of each.

    Args:
        model: one that refuses nothing, see REFUSE_NOTHING.
        clean: bool [texts]; whether each label is believed.
        absent: languages that the model does not know.
    """
    draw = random.Random(seed)
    made: list[tuple[str, str, bool]] = []
    for text, code in zip(*rows, strict=True):
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
    lanes, clean = answers.found.ids[:, 0], np.repeat(clean, 2)
    return Facts(*(each[scored] for each in (facts, right, known, whole, lanes, clean)))


def joined(folds: Sequence[Facts]) -> Facts:
    """The facts of all folds."""
    return Facts(*(np.concatenate(part) for part in zip(*folds, strict=True)))


def usual(found: Facts) -> np.ndarray:
    """What each rate usually is, by language: its mean over whole texts that are told right.

    Args:
        found: facts of models for which nothing is usual: `usual` is all 0.

    Returns:
        float64 [N_RATES, DIRECT]; the mean over all languages where one has no such text.
    """
    fair = found.right & found.known & found.whole
    rates = found.facts[fair, layout.FIRST_RATE :][:, : layout.N_RATES]
    lanes = found.lanes[fair]
    counts = np.bincount(lanes, minlength=layout.DIRECT)
    sums = [np.bincount(lanes, rate, minlength=layout.DIRECT) for rate in rates.T]
    everywhere = rates.mean(axis=0) if len(rates) else np.zeros(layout.N_RATES)
    return np.where(counts > 0, sums / np.maximum(counts, 1), everywhere[:, None])


def from_usual(found: Facts, rates: np.ndarray) -> Facts:
    """The facts, with each rate as its difference from what is usual.

    Args:
        rates: see `usual`.
    """
    facts = found.facts.copy()
    shift = rates[:, found.lanes].T
    first, n = layout.FIRST_RATE, layout.N_RATES
    facts[:, first : first + n] -= shift
    facts[:, first + n : first + 2 * n] -= shift * facts[:, [layout.FACTS.index("length")]]
    return found._replace(facts=facts)


def known(found: Facts) -> tuple[np.ndarray, float]:
    """Weights of "the language is known", and the log-odds below which it is not.

    Texts whose label is not believed do not count: in what other language they are is not known.
    """
    facts, is_known = found.facts[found.clean], found.known[found.clean]
    weights = logistic(facts, is_known)
    odds = (facts @ weights)[is_known & found.whole[found.clean]]
    return weights, float(np.quantile(odds, REFUSED)) - ELSEWHERE


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
