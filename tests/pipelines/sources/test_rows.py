"""Rows in JSONL and Parquet: what becomes a record, and what a bad row costs."""

import bz2
import datetime
import decimal
import gzip
import json
import lzma
import tracemalloc

import lz4.frame
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from castor.filters.reasons import Reason
from castor.filters.record import Modality, Record
from castor.pipelines import source
from castor.pipelines.source import InputFile, Rejected
from castor.pipelines.sources._seen import Seen
from castor.pipelines.sources.rows import rows

SLACK = [HealthCheck.function_scoped_fixture]
PACK = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".zst": zstandard.compress,
    ".lz4": lz4.frame.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
}


@pytest.fixture
def read(tmp_path):
    """Reads bytes as a file of a name: its items."""

    def read(data: bytes, name: str = "a.jsonl", max_bytes: int = 64_000_000, **options) -> list:
        (tmp_path / name).write_bytes(data)
        file = InputFile("rows", str(tmp_path), name, max_bytes)
        return list(rows(file, rows.options(**options)))

    return read


def kinds(items: list) -> list[str]:
    return [getattr(item, "reason", "record") for item in items]


def lines(*objects: object) -> bytes:
    return b"".join(json.dumps(o, ensure_ascii=False).encode() + b"\n" for o in objects)


def parquet(table: pa.Table, **options) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    return sink.getvalue().to_pybytes()


def test_a_row_becomes_a_record(read):
    row = {"text": "Some words.", "id": "d7", "lang": "de-AT", "source": "blog", "url": "http://x"}
    extra = {"n": 3, "ok": True, "score": 0.5, "none": None, "tags": ["b", {"z": 1, "a": "é"}]}
    assert read(lines({**row, **extra})) == [
        Record(
            key="rows:a.jsonl@d7",
            source="rows",
            modality=Modality.TEXT,
            text="Some words.",
            meta={
                "language": "de",
                "language_tag": "de-AT",
                "n": "3",
                "ok": "true",
                "score": "0.5",
                "source": "blog",
                "tags": '["b",{"a":"é","z":1}]',
                "url": "http://x",
            },
        )
    ]


@pytest.mark.parametrize("ending", PACK)
def test_every_packing_reads_the_same(read, ending):
    data = lines(*({"text": f"text {i}"} for i in range(500)))
    records = read(PACK[ending](data), f"a.jsonl{ending}")
    assert [r.text for r in records] == [f"text {i}" for i in range(500)]
    assert records[499].key == f"rows:a.jsonl{ending}@500"


BAD_LINES = [
    (b'{"text": "x', Reason.CORRUPT),
    (b"[1]", Reason.CORRUPT),
    (b'"text"', Reason.CORRUPT),
    (b"null", Reason.CORRUPT),
    (b'{"text": 5}', Reason.CORRUPT),
    (b'{"text": ["a"]}', Reason.CORRUPT),
    (b'{"text": "a", "id": [1]}', Reason.CORRUPT),
    (b'{"text": "a", "id": true}', Reason.CORRUPT),
    (b"[" * 100_000, Reason.CORRUPT),
    (b'{"text": "' + b"\xff" + b'"}', Reason.BAD_ENCODING),
    (rb'{"text": "a \ud800 b"}', Reason.BAD_ENCODING),
    (rb'{"text": "a", "title": "\udfff"}', Reason.BAD_ENCODING),
    (b'{"text": null}', Reason.NO_TEXT),
    (b'{"text": ""}', Reason.NO_TEXT),
    (b'{"text": " \\n"}', Reason.NO_TEXT),
    (b'{"title": "a"}', Reason.NO_TEXT),
    (b"{}", Reason.NO_TEXT),
    (b'{"text": "' + b"a" * 300_000 + b'"}', Reason.TOO_LARGE),
]


@pytest.mark.parametrize(("line", "reason"), BAD_LINES)
def test_a_bad_row_costs_that_row_only(read, line, reason):
    first, bad, last = read(
        lines({"text": "a"}) + line + b"\n\n" + lines({"text": "b"}), max_bytes=200_000
    )
    assert (bad.key, bad.place, bad.reason) == ("rows:a.jsonl@2", "row 2", reason)
    assert [r.key for r in (first, last)] == ["rows:a.jsonl@1", "rows:a.jsonl@4"]


def test_what_python_writes_beyond_json_is_read(read):
    line = b'{"text": "a", "loss": NaN, "big": 123456789012345678901234567890}'
    assert read(line)[0].meta == {"big": "123456789012345678901234567890", "loss": "NaN"}


def test_a_byte_order_mark_and_crlf_are_no_text(read):
    assert [r.text for r in read(b'\xef\xbb\xbf{"text": "a"}\r\n{"text": "b"}')] == ["a", "b"]


def test_a_file_that_ends_inside_a_line_is_truncated(read):
    assert kinds(read(b'{"text": "a"}\n{"text": "b')) == ["record", Reason.TRUNCATED]


def test_an_id_that_is_there_twice_is_rejected_once(read):
    items = read(lines(*({"text": "a", "id": i} for i in (1, "x", 1, "", None, "x"))))
    assert kinds(items) == [
        *("record", "record", Reason.DUPLICATE_KEY, "record", "record", Reason.DUPLICATE_KEY)
    ]
    assert [i.key for i in items] == [
        f"rows:a.jsonl@{k}" for k in ("1", "x", "1#3", "4", "5", "x#6")
    ]
    assert items[2].place == "row 3"


def test_fields_can_be_named(read):
    row = {"tweet": "words", "text": "no", "nr": 9, "id": "no", "tongue": "eng"}
    options = {"text_field": "tweet", "id_field": "nr", "language_field": "tongue"}
    (record,) = read(lines(row), **options)
    assert (record.key, record.text) == ("rows:a.jsonl@9", "words")
    assert record.meta == {"id": "no", "language": "en", "language_tag": "eng", "text": "no"}
    (bad,) = read(lines({"text": "a"}), text_field="txt")
    assert bad.message == "no field txt; the row has: text"


@pytest.mark.parametrize("field", ["text", "content", "raw_content", "body"])
def test_the_usual_text_fields_are_found(read, field):
    assert read(lines({field: "words", "title": "t"}))[0].text == "words"


def test_long_values_are_named_instead_of_kept(read):
    (record,) = read(lines({"text": "a", "html": "x" * 5000, "list": [1] * 5000, "b": "c"}))
    assert record.meta == {"b": "c", "left_out": "html,list"}


def test_a_long_line_costs_no_memory(read, tmp_path):
    with gzip.open(tmp_path / "long.gz", "wb", 1) as out:
        out.write(b'{"text": "')
        for _ in range(60):
            out.write(b"a" * 1_000_000)
        out.write(b'"}\n{"text": "b"}\n')
    tracemalloc.start()
    items = read((tmp_path / "long.gz").read_bytes(), "a.jsonl.gz", max_bytes=1_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert kinds(items) == [Reason.TOO_LARGE, "record"]
    assert peak < 8_000_000


def test_a_parquet_file_is_read(read):
    when = datetime.datetime(2024, 1, 2, tzinfo=datetime.UTC)
    columns = {
        "text": ["a", None, "c"],
        "id": [7, 8, 9],
        "when": [when, None, None],
        "price": [decimal.Decimal("1.50"), None, None],
        "raw": [b"\xff", None, None],
        "pairs": pa.array([[("k", 1)], None, None], pa.map_(pa.string(), pa.int64())),
    }
    first, second, third = read(parquet(pa.table(columns)), "a.parquet")
    assert (first.key, first.text) == ("rows:a.parquet@7", "a")
    assert first.meta == {
        "pairs": '[["k",1]]',
        "price": '"1.50"',
        "raw": '"/w=="',
        "when": '"2024-01-02 00:00:00+00:00"',
    }
    assert (second.reason, second.place) == (Reason.NO_TEXT, "row 2")
    assert third.meta == {}


def test_a_parquet_text_that_is_not_utf_8_costs_its_row(read):
    for kind in (pa.string(), pa.large_string()):
        raw = pa.array(
            [b"ok", b"\xff\xfe", "größer".encode()],
            pa.large_binary() if kind == pa.large_string() else pa.binary(),
        )
        column = pa.Array.from_buffers(kind, 3, raw.buffers())
        items = read(parquet(pa.table({"text": column})), "a.parquet")
        assert kinds(items) == ["record", Reason.BAD_ENCODING, "record"]
        assert items[2].text == "größer"


def test_a_broken_parquet_file_is_one_rejected_row(read):
    table = pa.table({"text": [f"text {i} " * 50 for i in range(4000)]})
    data = parquet(table, row_group_size=1000, compression="snappy")
    assert kinds(read(data[:-5], "a.parquet")) == [Reason.TRUNCATED]
    assert kinds(read(data[:-4] + b"PARE", "a.parquet")) == [Reason.ENCRYPTED]
    damaged = bytearray(data)
    middle = len(data) // 2
    damaged[middle : middle + 200] = bytes(200)
    *good, bad = read(bytes(damaged), "a.parquet")
    assert bad.reason == Reason.CORRUPT
    assert [g.text for g in good] == table["text"].to_pylist()[: len(good)]


FILES = [
    ("a.jsonl", b"", Reason.EMPTY),
    ("a.csv.gz", gzip.compress(b"a,b\n"), Reason.UNSUPPORTED_FORMAT),
    ("a.jsonl.gz", b"\x1f\x8b\x08\0" + b"\xff" * 40, Reason.CORRUPT),
    ("a.jsonl.gz", gzip.compress(b"\n" * 99)[:-3], Reason.TRUNCATED),
    ("a.tfrecord", b"not framed at all", Reason.CORRUPT),
]


@pytest.mark.parametrize(("name", "data", "reason"), FILES)
def test_a_file_that_cannot_be_read_is_one_row(read, name, data, reason):
    assert kinds(read(data, name)) == [reason]


def test_what_stands_before_a_damage_is_kept(read):
    packed = gzip.compress(lines(*({"text": f"text {i}"} for i in range(9))))
    items = read(packed + gzip.compress(lines({"text": "x"}))[:-9], "a.jsonl.gz")
    assert kinds(items)[:9] == 9 * ["record"]
    assert kinds(items)[-1] == Reason.TRUNCATED
    assert items[-1].place.startswith("offset ")


PIECES = [
    lines({"text": "a"}),
    b"PAR1",
    b"\x1f\x8b\x08\0",
    gzip.compress(b"{}\n"),
    bytes(8) + b"\x29\x03\x98\x07",
]


@settings(max_examples=150, deadline=None, suppress_health_check=SLACK)
@given(
    st.lists(st.one_of(st.binary(max_size=50), st.sampled_from(PIECES)), max_size=5),
    st.sampled_from(["a.jsonl", "a.parquet", "a.tfrecord", "a.jsonl.gz"]),
)
def test_any_bytes_end_in_items(read, pieces, name):
    for item in read(b"".join(pieces), name):
        assert isinstance(item, Record | Rejected)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=8,
)


@settings(max_examples=80, deadline=None, suppress_health_check=SLACK)
@given(st.dictionaries(st.sampled_from(["text", "id", "lang", "x", "\ud800"]), json_values))
def test_any_json_row_is_a_record_that_can_be_stored_or_a_rejection(read, row):
    (item,) = read(json.dumps(row).encode() + b"\n")
    if isinstance(item, Record):
        for text in (item.key, item.text, *item.meta, *item.meta.values()):
            text.encode("utf-8")


def test_what_was_seen_is_known_again():
    seen = Seen()
    assert all(seen.add(f"name {i}") for i in range(5000))
    assert not any(seen.add(f"name {i}") for i in range(5000))
    assert seen.add("\ud800")


def test_the_rows_of_real_files_are_all_there(kit):
    for path, n_rows in (("text/sentences.jsonl.gz", 25629), ("images/captions.jsonl", 307)):
        items = list(source.load("rows")(InputFile("kit", str(kit), path)))
        assert len(items) == n_rows
        assert set(kinds(items)) <= {"record", Reason.NO_TEXT}
