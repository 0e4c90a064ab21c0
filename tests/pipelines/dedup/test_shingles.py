"""Sets of shingles: made from text, written, and read again."""

import itertools

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from castor.filters.errors import CastorError
from castor.pipelines.dedup.shingles import read_shingles, shingle_sets, write_shingles

TEXTS = [
    "one two three four five six",
    "One, two; three four FIVE  six!",
    "one two three",
    None,
    "",
    "a a a a a a a a a",
    "six five four three two one",
    "one two three four five six seven",
]


@pytest.fixture
def parquet(tmp_path):
    path = tmp_path / "part.parquet"
    table = pa.table(
        {"key": [str(i) for i in range(8)], "text": pa.array(TEXTS, pa.large_string())}
    )
    pq.write_table(table, path, row_group_size=3)
    return path


def sets_of(shingles):
    return [
        shingles.values[int(a) : int(b)].tolist()
        for a, b in zip(shingles.offsets[:-1], shingles.offsets[1:], strict=True)
    ]


def test_a_set_is_sorted_and_without_repetition():
    values, offsets = shingle_sets(pa.array(TEXTS, pa.large_string()))
    assert np.diff(offsets).tolist() == [2, 2, 1, 0, 0, 1, 2, 3]
    for a, b in itertools.pairwise(offsets):
        assert (np.diff(values[a:b].astype(object)) > 0).all()


def test_case_and_punctuation_do_not_matter_but_order_does(parquet, tmp_path):
    write_shingles(parquet, np.arange(8), tmp_path / "s")
    sets = sets_of(read_shingles(tmp_path / "s"))
    assert sets[0] == sets[1]
    assert not set(sets[0]) & set(sets[6])
    assert set(sets[0]) < set(sets[7])


@pytest.mark.parametrize("rows", [[0, 2, 3, 7], [1], [6, 7], []])
def test_only_the_rows_asked_for_are_there_across_row_groups(parquet, tmp_path, rows):
    size = write_shingles(parquet, np.array(rows, np.uint32), tmp_path / "s")
    assert size == (tmp_path / "s").stat().st_size
    found = read_shingles(tmp_path / "s")
    assert found.rows.tolist() == rows
    values, offsets = shingle_sets(pa.array(TEXTS, pa.large_string()))
    assert sets_of(found) == [values[offsets[r] : offsets[r + 1]].tolist() for r in rows]
    assert not (tmp_path / "s.tmp").exists()


def test_a_row_beyond_the_shard_is_an_error_and_leaves_nothing(parquet, tmp_path):
    with pytest.raises(CastorError, match=r"fewer rows than its signatures, in .*part\.parquet"):
        write_shingles(parquet, np.array([1, 8]), tmp_path / "s")
    assert [p.name for p in tmp_path.iterdir()] == ["part.parquet"]


@pytest.mark.parametrize("cut", [0, 8, 30, -8])
def test_a_cut_file_is_an_error(parquet, tmp_path, cut):
    write_shingles(parquet, np.arange(8), tmp_path / "s")
    (tmp_path / "s").write_bytes((tmp_path / "s").read_bytes()[:cut])
    with pytest.raises(CastorError, match="not a whole file of shingles"):
        read_shingles(tmp_path / "s")
