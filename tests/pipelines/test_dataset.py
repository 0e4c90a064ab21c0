"""Datasets and the files they are made of: whole or not there, refused when newer or damaged."""

import json
import pathlib

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from castor.filters import outputs, storage
from castor.filters.errors import CastorError
from castor.filters.record import VERSION_KEY, Modality, Record, to_batch
from castor.pipelines import api
from castor.pipelines.coders import RecordBatchCoder
from castor.pipelines.dataset import ShardWriter, describe_shard, read_shard

BATCH = to_batch([Record(f"rows:a@{i}", "rows", Modality.TEXT, f"text {i}") for i in range(5)])


def make(folder: pathlib.Path) -> pathlib.Path:
    writer = ShardWriter(folder / "part-00000.parquet", BATCH.schema)
    writer.write(BATCH)
    shard = describe_shard(folder / "part-00000.parquet", writer.close())
    manifest = {"schema_version": 1, "dataset": "kept", "shards": [vars(shard)]}
    storage.write_json(folder / "manifest.json", manifest)
    return folder


def test_a_dataset_gives_rows_tables_and_batches(tmp_path):
    found = api.open_dataset(make(tmp_path))
    assert found.rows == 5
    assert found.table(["key"]).column("key").to_pylist() == BATCH.column("key").to_pylist()
    assert found.table().to_pandas()["text"][2] == "text 2"
    assert [b.num_rows for b in found.batches()] == [5]


def test_a_folder_without_a_manifest_is_no_dataset(tmp_path):
    make(tmp_path)
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(CastorError, match="no dataset here"):
        api.open_dataset(tmp_path)
    (tmp_path / ".work").mkdir()
    with pytest.raises(CastorError, match="did not finish") as caught:
        api.open_dataset(tmp_path)
    assert "run the same command again" in str(caught.value)


def test_another_output_is_no_dataset(tmp_path):
    outputs.write(tmp_path, "tokenizer", {})
    with pytest.raises(CastorError, match=r"this is no dataset.*a tokenizer"):
        api.open_dataset(tmp_path)


def test_a_newer_schema_is_refused(tmp_path):
    make(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    storage.write_json(tmp_path / "manifest.json", manifest | {"schema_version": 99})
    with pytest.raises(CastorError, match="reads up to 1"):
        api.open_dataset(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: [m], "this is no manifest of a dataset.*no schema_version"),
        (lambda m: {"name": "package.json"}, "this is no manifest of a dataset"),
        (lambda m: {k: v for k, v in m.items() if k != "shards"}, "this is no manifest.*'shards'"),
        (lambda m: m | {"shards": [{"path": "x"}]}, "this is no manifest.*shards that are none"),
        (lambda m: m | {"blake2b": "00"}, "the manifest was changed"),
    ],
)
def test_a_manifest_that_is_none_is_refused(tmp_path, change, message):
    make(tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    storage.write_json(tmp_path / "manifest.json", change(manifest))
    with pytest.raises(CastorError, match=message) as caught:
        api.open_dataset(tmp_path)
    assert str(tmp_path / "manifest.json") in str(caught.value)


def test_a_single_bit_that_fell_is_noticed_by_whoever_reads(tmp_path):
    shard = make(tmp_path) / "part-00000.parquet"
    whole = shard.read_bytes()
    column = pq.read_metadata(shard).row_group(0).column(0)
    start = column.dictionary_page_offset or column.data_page_offset
    at = start + column.total_compressed_size - 1
    shard.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(CastorError, match=r"a shard is damaged, in .*part-00000\.parquet"):
        api.open_dataset(tmp_path).table()


def test_a_damaged_file_of_a_run_says_what_to_delete(tmp_path):
    with pytest.raises(CastorError, match=r"a shard is missing, in .*\.work.*\n.*delete .*\.work"):
        list(read_shard(tmp_path / ".work" / "part-00000.parquet"))


def test_damaged_and_missing_shards_are_named(tmp_path):
    shard = make(tmp_path) / "part-00000.parquet"
    shard.write_bytes(shard.read_bytes()[:100])
    with pytest.raises(CastorError, match=r"a shard is damaged, in .*part-00000\.parquet"):
        list(read_shard(shard))
    shard.unlink()
    with pytest.raises(CastorError, match="a shard is missing"):
        list(read_shard(shard))


def test_a_shard_that_is_not_finished_is_not_there(tmp_path):
    path = tmp_path / "part-00000.parquet"
    writer = ShardWriter(path, BATCH.schema)
    writer.write(BATCH)
    assert not path.exists()
    writer.abandon()
    assert list(tmp_path.iterdir()) == []


def test_a_shard_without_rows_has_no_file_unless_asked_for(tmp_path):
    path = tmp_path / "part-00000.parquet"
    assert ShardWriter(path, BATCH.schema).close() == 0
    assert not path.exists()
    ShardWriter(path, BATCH.schema).close(keep_empty=True)
    assert pq.read_table(path).num_rows == 0
    assert pq.read_schema(path).metadata[VERSION_KEY] == b"1"


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.json"
    storage.write_bytes(path, b"before")

    def fail() -> None:
        with storage.replacing(path) as temporary:
            temporary.write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_bytes() == b"before"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_full_disk_is_told_apart(tmp_path):
    error = storage.cannot_write(tmp_path / "a", OSError(28, "No space left on device"))
    assert "the disk is full" in str(error)
    assert "MB free" in str(error)
    other = storage.cannot_write(tmp_path / "a", PermissionError(13, "Permission denied"))
    assert "cannot write" in str(other)
    assert "Permission denied" in str(other)


def test_a_batch_keeps_its_metadata_and_a_slice_costs_its_own_size():
    batch = BATCH.replace_schema_metadata({b"note": b"1"})
    coder = beam.coders.registry.get_coder(pa.RecordBatch)
    assert isinstance(coder, RecordBatchCoder)
    back = coder.decode(coder.encode(batch))
    assert back.equals(batch)
    assert back.schema.metadata == {b"note": b"1"}
    big = to_batch([Record(f"k{i}", "s", Modality.TEXT, "x" * 1000) for i in range(1000)])
    assert len(coder.encode(big.slice(7, 1))) < 10_000
