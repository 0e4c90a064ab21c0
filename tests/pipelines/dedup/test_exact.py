"""Exact duplicates: the kept row, against comparing all pairs."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from castor.pipelines.dedup.exact import exact_duplicates
from castor.pipelines.dedup.signatures import EXACT, MATCH, METHOD_EXACT, by_prefix


def packed(rows):
    return np.array(rows, EXACT)


def test_most_bytes_are_kept_then_the_first_place():
    rows = packed(
        [
            (1, 1, 10, 0, 5),
            (1, 1, 12, 1, 9),
            (1, 1, 12, 1, 3),
            (1, 2, 99, 0, 1),
            (2, 1, 99, 0, 2),
        ]
    )
    found = exact_duplicates([rows.tobytes()])
    assert found.dtype == MATCH
    assert found.tolist() == [
        (0, 5, 1, 3, 1.0, METHOD_EXACT),
        (1, 9, 1, 3, 1.0, METHOD_EXACT),
    ]


def test_no_signatures_no_matches():
    assert exact_duplicates([]).tolist() == []
    assert exact_duplicates([b""]).dtype == MATCH


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 4)), max_size=40),
    st.randoms(use_true_random=False),
    st.integers(1, 5),
)
def test_the_result_is_that_of_comparing_all_pairs(hashes, random, n_prefixes):
    spread = 2**64 // 4
    rows = [(hi * spread, lo, n, i % 3, i) for i, (hi, lo, n) in enumerate(hashes)]
    expected = {}
    for row in rows:
        group = [r for r in rows if r[:2] == row[:2]]
        kept = min(group, key=lambda r: (-r[2], r[3], r[4]))
        if kept != row:
            expected[row[3:]] = kept[3:]
    random.shuffle(rows)
    array = packed(rows) if rows else np.empty(0, EXACT)
    half = len(array) // 2
    blobs = {}
    for part in (array[:half], array[half:]):
        for prefix, blob in by_prefix(part, n_prefixes):
            blobs.setdefault(prefix, []).append(blob)
    found = [m for prefix in sorted(blobs) for m in exact_duplicates(blobs[prefix]).tolist()]
    assert {m[:2]: m[2:4] for m in found} == expected
    assert len(found) == len(expected)
