"""Records, their Arrow form and its version."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters.errors import CastorError
from castor.filters.record import (
    MAX_ROWS,
    RECORD_SCHEMA,
    VERSION_KEY,
    MediaRef,
    Modality,
    Part,
    Record,
    batched,
    check_schema,
    from_batch,
    size_of,
    to_batch,
    utf8_length,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
BYTE = st.integers(0, 2**40)
SECONDS = st.none() | st.floats(0, 1e6)
MEDIA = st.builds(
    MediaRef, TEXT, st.none() | TEXT, BYTE, BYTE, TEXT, st.binary(min_size=16, max_size=16)
)
PARTS = st.builds(
    Part, TEXT, st.none() | BYTE, st.none() | BYTE, st.none() | st.integers(0, 9), SECONDS, SECONDS
)
RECORDS = st.builds(
    Record,
    key=TEXT,
    source=TEXT,
    modality=st.sampled_from(Modality),
    text=st.none() | TEXT,
    media=st.lists(MEDIA, max_size=2).map(tuple),
    parts=st.lists(PARTS, max_size=2).map(tuple),
    meta=st.dictionaries(TEXT, TEXT, max_size=3),
    content_hash=st.none() | st.binary(min_size=16, max_size=16),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(RECORDS, max_size=4))
def test_a_batch_gives_back_its_records(records):
    batch = to_batch(records)
    assert batch.schema.equals(RECORD_SCHEMA, check_metadata=True)
    assert list(from_batch(batch)) == records


@settings(deadline=None, max_examples=60)
@given(st.lists(RECORDS, max_size=12), st.integers(1, 5), st.integers(1, 900))
def test_batches_keep_order_and_limits(records, max_rows, max_bytes):
    batches = [list(from_batch(b)) for b in batched(records, max_rows=max_rows,
                                                    max_bytes=max_bytes)]  # fmt: skip
    assert [r for b in batches for r in b] == records
    for rows in batches:
        assert 1 <= len(rows) <= max_rows
        assert len(rows) == 1 or sum(map(size_of, rows)) <= max_bytes


def test_a_batch_holds_1024_rows_at_most():
    rows = [Record(str(i), "s", Modality.TEXT, "x") for i in range(MAX_ROWS + 1)]
    assert [b.num_rows for b in batched(rows)] == [MAX_ROWS, 1]


def test_the_order_of_meta_does_not_change_the_bytes():
    one = Record("k", "s", Modality.TEXT, meta={"a": "1", "b": "2"})
    other = Record("k", "s", Modality.TEXT, meta={"b": "2", "a": "1"})
    assert to_batch([one]).serialize() == to_batch([other]).serialize()


@pytest.mark.parametrize(("text", "n"), [(None, 0), ("", 0), ("abc", 3), ("é中😀", 9)])
def test_utf8_length(text, n):
    assert utf8_length(text) == n


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({}, "not a shard of a Castor dataset, in f.parquet"),
        ({VERSION_KEY: b"99"}, "version 99, this Castor reads up to 1"),
    ],
)
def test_foreign_and_newer_schemas_are_refused(metadata, message):
    schema = pa.schema(list(RECORD_SCHEMA), metadata=metadata)
    with pytest.raises(CastorError, match=message):
        check_schema(schema, where="f.parquet")
    check_schema(RECORD_SCHEMA, where="f.parquet")
