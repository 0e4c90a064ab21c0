"""Token datasets on disk: what is written comes back, and what is damaged is told by file."""

import dataclasses
import pathlib

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from tokens import document, id_space, make_tokens, write_tokens

from castor.filters.errors import CastorError, ConfigError
from castor.filters.record import MediaRef
from castor.mixtures.tokens import (
    ShardWriter,
    Span,
    manifest_content,
    open_tokens,
    verify,
)

MEDIA = MediaRef("in:a.zip", "cat.png", 12, 345, "image/png", b"0123456789abcdef")


def some(seed=0, n=7, source="web"):
    """Documents of several lengths, every second with a picture and a sound."""
    rng = np.random.default_rng(seed)
    return [
        document(
            rng,
            f"{source}:{i}",
            tokens=2 + 5 * i,
            source=source,
            spans=(("image", 1 + i), ("audio", 3), ("image", 2)) if i % 2 else (),
        )
        for i in range(n)
    ]


def files(folder, suffix):
    """The files of the first part with a suffix."""
    return folder / "web" / "train" / f"part-00000{suffix}"


def assert_equal(found, given):
    for name in ("key", "source", "modality", "language", "domain", "text_bytes", "spans"):
        assert getattr(found, name) == getattr(given, name)
    assert found.ids.dtype == np.uint32
    np.testing.assert_array_equal(found.ids, given.ids)
    assert found.soft.keys() == given.soft.keys()
    for modality, vectors in given.soft.items():
        assert found.soft[modality].dtype == np.float16
        np.testing.assert_array_equal(found.soft[modality], vectors)


@pytest.mark.parametrize("parts", [1, 3, 9])
def test_documents_come_back_as_they_were(tmp_path, parts):
    given = some()
    given[1] = dataclasses.replace(
        given[1], domain="cats", spans=(Span("image", 2, 2, MEDIA), *given[1].spans[1:])
    )
    tokens = open_tokens(write_tokens(tmp_path / "t", given, parts=parts))
    assert all(line["documents"] for line in tokens.manifest["shards"])
    source = tokens.source("web")
    for one, other in zip(source.read(), given, strict=True):
        assert_equal(one, other)
    assert source.keys() == [d.key for d in given]
    assert source.documents == len(given)
    assert source.tokens == sum(len(d.ids) for d in given)
    assert source.text_bytes == sum(d.text_bytes for d in given)
    assert source.soft_dims == {"image": 8, "audio": 6}
    np.testing.assert_array_equal(source.offsets, np.cumsum([0] + [len(d.ids) for d in given]))
    stream = np.concatenate([d.ids for d in given])
    for start in range(0, source.tokens, 7):
        for stop in range(start, source.tokens + 1, 11):
            np.testing.assert_array_equal(source.ids(start, stop), stream[start:stop])


def test_files_are_what_the_contract_says(tmp_path):
    given = some()
    folder = write_tokens(tmp_path / "t", given)
    ids = np.fromfile(files(folder, ".ids"), "<u4")
    offsets = np.fromfile(files(folder, ".offsets"), "<i8")
    for i, one in enumerate(given):
        np.testing.assert_array_equal(ids[offsets[i] : offsets[i + 1]], one.ids)
        assert one.ids[0] == 2
        assert one.ids[-1] == 1
    images = np.fromfile(files(folder, ".soft-image"), "<f2").reshape(-1, 8)
    np.testing.assert_array_equal(
        images, np.concatenate([d.soft["image"] for d in given if "image" in d.soft])
    )
    names = {p.name for p in files(folder, "").parent.iterdir()}
    suffixes = ("ids", "offsets", "parquet", "soft-image", "soft-audio")
    assert names == {f"part-00000.{suffix}" for suffix in suffixes}


def test_the_manifest_counts_and_the_splits_are_apart(tmp_path):
    web, held = some(1), some(2, 3, "books")
    tokens = open_tokens(write_tokens(tmp_path / "t", web, parts=2, heldout=held))
    assert tokens.names == ("books", "web")
    counts = tokens.manifest["sources"]
    assert counts["web"]["train"]["tokens"] == tokens.source("web").tokens
    assert counts["web"]["train"]["soft"] == {
        m: sum(len(d.soft.get(m, ())) for d in web) for m in ("image", "audio")
    }
    assert counts["web"]["heldout"] == {"documents": 0, "tokens": 0, "text_bytes": 0, "soft": {}}
    assert tokens.source("web", "heldout").tokens == 0
    assert tokens.source("web", "heldout").keys() == []
    assert tokens.source("books").documents == 0
    assert tokens.source("books", "heldout").keys() == [d.key for d in held]
    with pytest.raises(ConfigError, match=r"no source named 'boks'.*\n.*did you mean 'books'"):
        tokens.source("boks")
    with pytest.raises(ConfigError, match="no split named 'test'"):
        tokens.source("web", "test")


def test_equal_documents_give_equal_bytes_and_digests(tmp_path):
    one = write_tokens(tmp_path / "1", some(), parts=2)
    two = write_tokens(tmp_path / "2", some(), parts=2)
    for path in one.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (two / path.relative_to(one)).read_bytes()
    changed = some()
    changed[3] = dataclasses.replace(changed[3], language="de")
    three = write_tokens(tmp_path / "3", changed, parts=2)
    digests = [open_tokens(p).source("web").digest for p in (one, two, three)]
    assert digests[0] == digests[1] != digests[2]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A source of three parts with media."""
    folder = write_tokens(tmp_path_factory.mktemp("runs") / "t", some(3, 9), parts=3)
    return open_tokens(folder).source("web")


@hypothesis.settings(deadline=None, max_examples=40)
@hypothesis.given(data=st.data())
def test_runs_of_soft_inputs_are_those_of_the_placeholders(source, data):
    start = data.draw(st.integers(0, source.tokens - 1))
    length = data.draw(st.integers(1, source.tokens - start))
    ids, space = source.ids(start, start + length), id_space()
    seen = {m: [] for m in ("image", "audio")}
    for run in source.soft_runs(np.array([start]), np.array([length])):
        for i, vector in enumerate(run.vectors):
            assert ids[run.at + i] == space["soft"][run.modality]
            seen[run.modality].append((start + run.at + i, vector.tolist()))
    every = {m: [] for m in seen}
    for number, one in enumerate(source.read()):
        for m in seen:
            places = np.flatnonzero(one.ids == space["soft"][m]) + source.offsets[number]
            every[m] += zip(places.tolist(), one.soft.get(m, np.zeros((0, 1))).tolist())
    for m, found in seen.items():
        assert found == [(p, v) for p, v in every[m] if start <= p < start + length]


def test_a_part_appears_whole_or_not_at_all(tmp_path):
    writer = ShardWriter(tmp_path, "web", "train", 0)
    for one in some():
        writer.add(one)
    assert not list(tmp_path.rglob("part-*"))
    writer.abandon()
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]

    def fails():
        with ShardWriter(tmp_path, "web", "train", 1) as writer:
            writer.add(some()[1])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]
    assert ShardWriter(tmp_path, "web", "train", 2).close()["files"] == {}
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_a_full_disk_is_told_and_nothing_is_left(tmp_path):
    writer = ShardWriter(tmp_path, "web", "train", 0)
    writer.add(some()[1])
    full = open("/dev/full", "wb", buffering=0)  # noqa: SIM115 - closed by the writer
    writer._files[".ids"]._file = full
    with pytest.raises(CastorError, match=r"the disk is full.*part-00000"):
        writer.add(some()[2])
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]
    full.close()


def broken(**changes):
    return dataclasses.replace(some()[3], **changes)


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (broken(ids=np.array([5, 1], np.uint32)), "do not begin with bos"),
        (broken(ids=np.array([2, 5], np.uint32)), "end with eos"),
        (broken(ids=np.array([2], np.uint32)), "do not begin with bos"),
        (broken(ids=np.array([2.0, 1.0])), "ids of type float64"),
        (broken(ids=np.array([2, 2**31, 1], np.uint32), spans=(), soft={}), r"over 2\*\*31"),
        (broken(spans=(Span("smell", 2, 1),)), "a span of 'smell'"),
        (broken(spans=(Span("image", 2, 400),)), "a span of 400 tokens at 2"),
        (broken(spans=(Span("image", 3, 2), Span("image", 2, 1))), "a span of 1 tokens at 2"),
        (broken(spans=(Span("image", 1, 2),)), "over different ids"),
        (broken(spans=()), r"vectors \{'image': 6, 'audio': 3\} for placeholders \{\}"),
        (broken(soft={}), r"vectors \{\} for placeholders \{'image': 6, 'audio': 3\}"),
    ],
)
def test_what_breaks_the_format_is_refused_by_key(tmp_path, one, why):
    writer = ShardWriter(tmp_path, "web", "train", 0)
    with pytest.raises(CastorError, match=rf"no document of a token dataset, in web:3.*{why}"):
        writer.add(one)
    writer.add(some()[3])  # the part goes on
    assert writer.close()["documents"] == 1


def test_names_that_leave_the_folder_are_refused(tmp_path):
    for name in ("../x", "", ".hidden", "a/b"):
        with pytest.raises(CastorError, match="usable as the name of a folder"):
            ShardWriter(tmp_path, name, "train", 0)
    with pytest.raises(ConfigError, match="no split named 'val'"):
        ShardWriter(tmp_path, "web", "val", 0)


def test_widths_that_differ_are_refused(tmp_path):
    wide = {m: np.zeros((len(v), 9), np.float16) for m, v in some()[3].soft.items()}
    writer = ShardWriter(tmp_path, "web", "train", 0)
    writer.add(some()[1])
    with pytest.raises(CastorError, match=r"vectors of image with another width.*9 after 8"):
        writer.add(broken(soft=wide))
    lines = []
    for number, one in enumerate([some()[3], broken(soft=wide)]):
        with_one = ShardWriter(tmp_path, "web", "train", number)
        with_one.add(one)
        lines.append(with_one.close())
    about = {"tokenizer": {"sha256": "", "id_space": id_space()}, "heldout_share": 0, "dataset": {}}
    with pytest.raises(CastorError, match=r"vectors of image with different widths.*part-00001"):
        manifest_content(lines, **about)
    with pytest.raises(CastorError, match="a part is there twice, in web/train/part-00000"):
        manifest_content(lines[:1] * 2, **about)


def cut(path):
    path.write_bytes(path.read_bytes()[:-4])


def grow(path):
    path.write_bytes(path.read_bytes() + bytes(8))


@pytest.mark.parametrize("suffix", [".ids", ".offsets", ".parquet", ".soft-image"])
@pytest.mark.parametrize("damage", [cut, grow, pathlib.Path.unlink])
def test_opening_tells_which_file_is_missing_or_of_another_size(tmp_path, suffix, damage):
    folder = write_tokens(tmp_path / "t", some())
    damage(files(folder, suffix))
    what = "missing" if damage is pathlib.Path.unlink else "damaged"
    with pytest.raises(CastorError, match=rf"{what}, in .*part-00000{suffix}"):
        open_tokens(folder)


@pytest.mark.parametrize("suffix", [".ids", ".offsets", ".parquet", ".soft-audio"])
def test_verify_tells_which_file_was_changed(tmp_path, suffix):
    folder = write_tokens(tmp_path / "t", some())
    verify(open_tokens(folder))
    path = files(folder, suffix)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(CastorError, match=rf"damaged, in .*part-00000{suffix}.*digest"):
        verify(open_tokens(folder))


def test_offsets_that_do_not_fit_the_ids_are_told(tmp_path):
    folder = write_tokens(tmp_path / "t", some())
    path = files(folder, ".offsets")
    path.write_bytes((np.fromfile(path, "<i8") + 1).astype("<i8").tobytes())
    source = open_tokens(folder).source("web")
    with pytest.raises(CastorError, match=r"damaged, in .*\.offsets: got 8 offsets from 1 to"):
        _ = source.offsets


def test_a_damaged_sidecar_is_told_and_never_read_as_something_else(tmp_path):
    folder = write_tokens(tmp_path / "t", some())
    path = files(folder, ".parquet")
    source = open_tokens(folder).source("web")
    whole, keys, places = path.read_bytes(), source.keys(), []
    for at in range(0, len(whole), 11):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1 :])
        try:
            found = source.keys()
        except CastorError as error:
            places.append(error.where)
        else:
            assert found == keys  # what was hit is not read for the keys
    assert set(places) == {path}
    assert len(places) > 20


def test_ids_outside_the_space_are_found_by_verify(tmp_path):
    space = id_space()
    with pytest.raises(CastorError, match=r"damaged, in .*\.ids: got id \d+ in a space of 100"):
        verify(open_tokens(write_tokens(tmp_path / "t", some(), space=space | {"size": 100})))


def test_an_unfinished_folder_is_no_token_dataset(tmp_path):
    folder = make_tokens(tmp_path / "t", {"web": 50})
    (folder / "manifest.json").unlink()
    with pytest.raises(CastorError, match="no tokens here"):
        open_tokens(folder)
