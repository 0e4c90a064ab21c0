"""The unigram baseline: counts over chunks, add-one, scored ids only."""

import numpy as np
import pytest

from castor.model import unigram


class Flat:
    def __init__(self, ids: list[int]) -> None:
        self._ids = np.array(ids, np.uint32)
        self.tokens = len(ids)

    def ids(self, start: int, stop: int) -> np.ndarray:
        return self._ids[start:stop]


def test_counts_cross_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unigram, "CHUNK", 3)
    ids = [1, 4, 4, 2, 0, 4, 1]
    assert unigram.count(Flat(ids), 6).tolist() == [1, 2, 1, 0, 3, 0]


def test_bits_are_laplace_over_the_id_space_and_scored_ids_only() -> None:
    scored = np.array([False, True, True, True])
    bits = unigram.bits(np.array([100, 3, 0, 1]), scored)
    # 4 scored tokens, one more for each of 4 ids: (3 + 1) / 8, 1 / 8, 2 / 8
    assert bits == pytest.approx([0, 1, 3, 2])


def test_counts_that_fit_cost_least() -> None:
    rng = np.random.default_rng(0)
    share = rng.dirichlet(np.ones(50))
    counts = rng.multinomial(100_000, share)
    scored = np.ones(50, bool)
    own = (unigram.bits(counts, scored) * counts).sum() / counts.sum()
    other = (unigram.bits(counts[::-1], scored) * counts).sum() / counts.sum()
    entropy = -(share * np.log2(share)).sum()
    assert own == pytest.approx(entropy, abs=0.01)
    assert other > own + 0.1
