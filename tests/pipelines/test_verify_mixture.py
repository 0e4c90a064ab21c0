"""castor verify of compiled mixtures: silent on a whole one, and it names what was changed."""

import shutil

import pytest
from mixing import make, write_spec

from castor.mixtures.compile import compile_mixture
from castor.pipelines.verify import verify


@pytest.fixture
def out(tmp_path):
    make(tmp_path)
    compile_mixture(write_spec(tmp_path, packing="best-fit"), tmp_path / "out")
    return tmp_path / "out"


def told(out):
    return [(p.what, p.where) for p in verify(out)]


def test_a_whole_one_has_no_problem(out):
    assert verify(out) == []


def test_every_file_that_is_changed_is_found(out):
    for path in sorted(out.rglob("*")):
        if not path.is_file() or ".work" in path.parts:
            continue
        before = path.read_bytes()
        changed = bytearray(before)
        changed[len(changed) // 2] ^= 1
        for content, what in ((bytes(changed), None), (before + b"\n", None), (None, "missing")):
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content)
            if path.name == "manifest.json" and content != bytes(changed):
                path.write_bytes(before)  # a line more at its end is the same JSON
                continue
            found = told(out)
            assert found, (path, what)
            assert found[0][1] == path.relative_to(out).as_posix()
            path.write_bytes(before)
    assert verify(out) == []


def test_strange_files_are_named(out):
    (out / "index/notes.txt").write_text("mine")
    assert told(out) == [("no manifest names this", "index/notes.txt")]


def test_lost_tokens_are_a_problem(out):
    shutil.rmtree(out.parent / "tokens")
    assert told(out) == [("the tokens of the mixture are gone", "manifest.json")]
