"""Inputs: found in one order, grouped into shards by what they are and not by how they come."""

import itertools
import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from castor.filters.errors import ConfigError
from castor.pipelines import inputs
from castor.pipelines.recipe import Limits, SourceSpec
from castor.pipelines.source import load


def find(path: object, exclude: tuple[str, ...] = ()) -> inputs.Inputs:
    spec = SourceSpec(name="rows", kind="rows", input=str(path), exclude=exclude)
    return inputs.find(spec, load("rows"))


@pytest.fixture
def folder(tmp_path) -> pathlib.Path:
    for name in ("b/2.jsonl", "b/1.jsonl", "a.jsonl", "B.JSONL", "notes.txt", "b/é.jsonl"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}\n")
    return tmp_path


def test_a_folder_gives_what_the_source_takes_in_order_of_bytes(folder):
    found = find(folder)
    assert [f.path for f in found.files] == [
        "B.JSONL", "a.jsonl", "b/1.jsonl", "b/2.jsonl", "b/é.jsonl"]  # fmt: skip
    assert [f.path for f in found.others] == ["notes.txt"]
    assert found.root == str(folder)


def test_a_glob_is_taken_as_it_is(folder):
    found = find(folder / "b" / "*")
    assert found.root == str(folder / "b")
    assert [f.path for f in found.files] == ["1.jsonl", "2.jsonl", "é.jsonl"]
    assert [f.path for f in find(f"{folder}/**/1.jsonl").files] == ["b/1.jsonl"]
    assert [f.path for f in find(folder / "notes.txt").files] == ["notes.txt"]


def test_what_is_excluded_is_ignored(folder):
    found = find(folder, ("b/*",))
    assert [f.path for f in found.files] == ["B.JSONL", "a.jsonl"]
    assert len(found.others) == 4


def test_nothing_is_an_error(folder):
    with pytest.raises(ConfigError, match="matches no file"):
        find(folder / "*.parquet")
    (folder / "empty").mkdir()
    with pytest.raises(ConfigError, match="matches no file"):
        find(folder / "empty")
    with pytest.raises(ConfigError, match="does not exist"):
        find(folder / "absent")


@given(
    sizes=st.lists(st.integers(0, 50), max_size=40),
    n_bytes=st.integers(1, 60),
    n_files=st.integers(1, 9),
)
def test_shards_hold_every_file_once_within_the_limits(sizes, n_bytes, n_files):
    files = tuple(inputs.File(f"{i:03}", size, 0) for i, size in enumerate(sizes))
    limits = Limits(shard_bytes=n_bytes, shard_files=n_files)
    shards = inputs.shards([inputs.Inputs("rows", "/", files, ())], limits)
    assert [f for s in shards for f in s.files] == list(files)
    assert [s.number for s in shards] == list(range(len(shards)))
    for shard in shards:
        assert 1 <= len(shard.files) <= n_files
        assert len(shard.files) == 1 or sum(f.n_bytes for f in shard.files) <= n_bytes
    for one, other in itertools.pairwise(shards):
        together = [*one.files, other.files[0]]
        assert len(together) > n_files or sum(f.n_bytes for f in together) > n_bytes


@pytest.mark.parametrize(
    ("given", "out", "refused"),
    [
        ("", "", True),
        ("", "out", True),
        ("", "b/out", True),
        ("b", "out", False),
        ("b", "bb", False),
        ("**/*.jsonl", "out", True),
        ("*.jsonl", "out", False),
        ("*/*.jsonl", "out", True),
        ("b*/*.jsonl", "out", False),
        ("a.jsonl", "out", False),
        ("a.jsonl", "", False),
        ("kept", "", True),
        ("kept/x.jsonl", "", True),
        ("raw", "", False),
    ],
)
def test_an_output_folder_that_would_be_read_is_refused(folder, given, out, refused):
    for name in ("raw", "kept"):
        (folder / name).mkdir()
        (folder / name / "x.jsonl").write_text("{}\n")
    spec = SourceSpec(name="rows", kind="rows", input=str(folder / given))
    found = inputs.find(spec, load("rows"))
    if not refused:
        inputs.refuse_output(spec, found, folder / out)
        return
    with pytest.raises(ConfigError, match=r"output .*, in source 'rows'|would write") as caught:
        inputs.refuse_output(spec, found, folder / out)
    assert "give an output folder outside of the input" in str(caught.value)
