r"""How good extracted text is, by the two published measures, with intervals over pages.

`body`: scrapinghub's article-extraction-benchmark. Words are `\\w+`, a page's precision and recall
are shares of its 4-grams, counted as often as they occur; both are averaged over pages, and F1 is
that of the two averages. `phrases`: trafilatura's evaluation. Every phrase that must be kept and
is there is a hit, else a miss; every phrase that must go and is there is a false alarm.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Callable, Sequence

import numpy as np

from castor.pipelines.classifiers._gold import Page, plain

N = 4
RESAMPLES = 1000
_WORD = re.compile(r"\w+")


def _grams(text: str) -> collections.Counter[tuple[str, ...]]:
    words = _WORD.findall(text)
    if not words:
        return collections.Counter()
    return collections.Counter(tuple(words[i : i + N]) for i in range(max(1, len(words) - N + 1)))


def body_page(body: str, text: str) -> tuple[float, float]:
    """Precision and recall of one page; nan where the measure leaves the page out."""
    true, found = _grams(body), _grams(text)
    hits = sum((true & found).values())
    n_true, n_found = sum(true.values()), sum(found.values())
    precision = hits / n_found if n_found else float("nan")
    recall = hits / n_true if n_true else float("nan")
    return precision, recall


def phrase_page(page: Page, text: str) -> tuple[int, int, int]:
    """Hits, misses and false alarms of one page."""
    there = plain(text)
    hits = sum(plain(p) in there for p in page.kept)
    return hits, len(page.kept) - hits, sum(plain(p) in there for p in page.cut)


def body_f1(rows: np.ndarray) -> tuple[float, float, float]:
    """(precision, recall, F1) of pages, float64 [n, 2]."""
    precision, recall = np.nanmean(rows, axis=0)
    return float(precision), float(recall), float(2 * precision * recall / (precision + recall))


def phrase_f1(rows: np.ndarray) -> tuple[float, float, float]:
    """(precision, recall, F1) of pages, [n, 3]."""
    hits, misses, alarms = rows.sum(axis=0)
    precision, recall = hits / max(1, hits + alarms), hits / max(1, hits + misses)
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    return float(precision), float(recall), float(f1)


def interval(
    measure: Callable[[np.ndarray], tuple[float, float, float]], rows: np.ndarray
) -> list[float]:
    """The 95 % interval of F1 over pages drawn with replacement."""
    random = np.random.default_rng(0)
    found = [measure(rows[random.integers(0, len(rows), len(rows))])[2] for _ in range(RESAMPLES)]
    return [round(float(v), 4) for v in np.percentile(found, [2.5, 97.5])]


def figures(pages: Sequence[Page], texts: Sequence[str]) -> dict[str, dict[str, object]]:
    """Both measures of pages and what was extracted from them, each for the pages it is for."""
    bodies = [body_page(p.body, t) for p, t in zip(pages, texts, strict=True) if p.body is not None]
    phrases = [phrase_page(p, t) for p, t in zip(pages, texts, strict=True) if p.body is None]
    found: dict[str, dict[str, object]] = {}
    for name, measure, listed in (("body", body_f1, bodies), ("phrases", phrase_f1, phrases)):
        if listed:
            rows = np.array(listed, np.float64)
            values = (round(v, 4) for v in measure(rows))
            found[name] = dict(zip(("precision", "recall", "f1"), values), pages=len(rows))
            found[name]["f1_interval_95"] = interval(measure, rows)
    return found
