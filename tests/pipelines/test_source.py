"""The contract of sources: files, keys, neighbours, modules from outside."""

import dataclasses
import pickle
import textwrap

import pytest

from castor.filters.errors import CastorError, ConfigError
from castor.filters.reasons import Reason
from castor.filters.record import Modality, Record
from castor.pipelines import source
from castor.pipelines.source import InputFile, Rejected, RejectError


@pytest.fixture
def file(tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "a.txt").write_bytes(b"hello")
    (tmp_path / "in" / "deep" / "a.srt").write_bytes(b"words")
    (tmp_path / "secret.txt").write_bytes(b"no")
    return InputFile("books", str(tmp_path / "in"), "deep/a.txt")


def test_keys_and_uris_are_relative_to_the_root(file):
    assert file.key() == "books:deep/a.txt"
    assert file.key("17") == "books:deep/a.txt@17"
    assert file.uri == "books:deep/a.txt"


def test_a_file_is_opened_as_it_lies(file):
    with file.open() as stream:
        assert stream.read() == b"hello"
    assert file.size == 5
    assert file.local_path.read_bytes() == b"hello"


def test_a_neighbour_is_found_but_nothing_outside_the_root(file):
    assert file.beside("a.srt").read_bytes() == b"words"
    assert file.beside("../deep/a.srt").name == "a.srt"
    assert file.beside("none.srt") is None
    assert file.beside(".") is None  # a folder is no sidecar
    assert file.beside("../../secret.txt") is None
    assert file.beside("/etc/passwd") is None


def test_a_link_out_of_the_root_is_no_neighbour(file, tmp_path):
    (tmp_path / "in" / "deep" / "link.txt").symlink_to(tmp_path / "secret.txt")
    assert file.beside("link.txt") is None


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """A package with a source, as somebody else would write one."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "empty.py").write_text("from outside.lines import lines\n")
    (tmp_path / "outside" / "lines.py").write_text(
        textwrap.dedent('''
            import dataclasses
            from castor.filters.record import Modality, Record
            from castor.pipelines.source import source

            @dataclasses.dataclass(frozen=True)
            class Options:
                upper: bool = False

            @source(version=3, files=["*.txt"], options=Options)
            def lines(file, options):
                """One document a line."""
                for number, line in enumerate(file.open(), 1):
                    text = line.decode().strip()
                    text = text.upper() if options.upper else text
                    yield Record(file.key(str(number)), file.source, Modality.TEXT, text)
        ''')
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    source.load.cache_clear()
    yield
    source.load.cache_clear()


@pytest.mark.usefixtures("outside")
def test_an_outside_module_is_a_source(file):
    found = source.load("outside.lines")
    assert (found.name, found.version, found.files) == ("lines", 3, ("*.txt",))
    assert found.doc == "One document a line."
    assert [r.text for r in found(file)] == ["hello"]
    assert list(found(file, found.options(upper=True))) == [
        Record("books:deep/a.txt@1", "books", Modality.TEXT, "HELLO")
    ]


@pytest.mark.usefixtures("outside")
def test_a_module_that_only_imports_a_source_defines_none():
    message = r"must define exactly one source, in outside\.empty: got 0"
    with pytest.raises(CastorError, match=message):
        source.load("outside.empty")


def test_an_unknown_source_names_the_nearest():
    with pytest.raises(ConfigError, match="no source named 'wep'\n  -> did you mean 'web'"):
        source.load("wep")


def test_every_source_that_ships_keeps_the_contract():
    assert {"web", "rows"} <= set(source.names())
    for name in source.names():
        found = source.load(name)
        assert found.name == name
        assert found.version >= 1
        assert found.doc
        assert found.files
        assert all(p == p.lower() for p in found.files)
        assert dataclasses.is_dataclass(found.options)
        assert found.options.__dataclass_params__.frozen
        found.options()  # every option has a default


def test_items_cross_a_process():
    items = [
        Rejected("k", "row 1", Reason.CORRUPT, "bad"),
        source.Skipped(source.Skip.NOT_HTML, 3),
        InputFile("s", "/root", "a/b"),
    ]
    assert pickle.loads(pickle.dumps(items)) == items


def test_a_reject_error_carries_its_reason_and_place():
    error = RejectError(Reason.BOMB, "too much", place="offset 7")
    assert (error.reason, error.place, str(error)) == (Reason.BOMB, "offset 7", "too much")
