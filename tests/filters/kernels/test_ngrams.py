"""Room for n-grams: what is not tested for every access must hold for every size."""

import pytest

from castor.filters.kernels import ngrams


@pytest.mark.parametrize("n", [*range(70), 127, 128, 129, 1023, 1024, 1025])
def test_tables_have_the_places_that_hashes_may_choose(n):
    room = ngrams.grams(n)
    slots = 2 ** int(ngrams.bits_of.py_func(n))
    assert slots >= 2 * n
    assert len(room.table) >= 2 * slots
    assert len(room.seen) >= 2 * slots
    assert len(room.first) == len(room.counts) == len(room.places) == n + 1
