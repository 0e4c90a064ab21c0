"""Output folders: made already, made from something else, not ours, changed."""

import json

import pytest

from castor.filters import outputs
from castor.filters.errors import CastorError, ConfigError

FROM = {"tokens": "abc", "vocab_size": 8, "caps": (1, 2)}


def test_made_from_the_same_is_finished(tmp_path):
    out = tmp_path / "out"
    assert not outputs.is_finished(out, "tokenizer", FROM, force=False)
    outputs.write(out, "tokenizer", FROM, rows=3)
    assert outputs.is_finished(out, "tokenizer", FROM, force=False)
    assert outputs.read(out, "tokenizer")["rows"] == 3


def test_made_from_something_else_is_refused_and_named(tmp_path):
    outputs.write(tmp_path, "tokenizer", FROM)
    with pytest.raises(ConfigError, match="another vocab_size") as caught:
        outputs.is_finished(tmp_path, "tokenizer", FROM | {"vocab_size": 9}, force=False)
    assert "--force" in str(caught.value)
    assert not outputs.is_finished(tmp_path, "tokenizer", FROM | {"vocab_size": 9}, force=True)
    with pytest.raises(CastorError, match="no tokenizer here"):
        outputs.read(tmp_path, "tokenizer")


def test_another_kind_is_refused_even_by_force(tmp_path):
    outputs.write(tmp_path, "tokens", FROM)
    for force in (False, True):
        with pytest.raises(ConfigError, match="this is no tokenizer") as caught:
            outputs.is_finished(tmp_path, "tokenizer", FROM, force=force)
        assert "--force" not in str(caught.value)
    assert outputs.read(tmp_path, "tokens")["made_from"]["tokens"] == "abc"


def test_files_of_others_are_refused_even_by_force(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    for force in (False, True):
        with pytest.raises(ConfigError, match=r"thesis\.txt"):
            outputs.is_finished(tmp_path, "tokenizer", FROM, force=force)


def test_an_unfinished_run_goes_on(tmp_path):
    (tmp_path / ".work").mkdir()
    (tmp_path / "part").write_text("x")
    assert not outputs.is_finished(tmp_path, "tokenizer", FROM, force=False)
    with pytest.raises(CastorError, match="did not finish"):
        outputs.read(tmp_path, "tokenizer")


def test_a_changed_manifest_is_refused(tmp_path):
    outputs.write(tmp_path, "tokenizer", FROM, rows=3)
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"rows": 4}))
    with pytest.raises(CastorError, match="was changed"):
        outputs.read(tmp_path, "tokenizer")
