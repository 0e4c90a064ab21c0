"""verify of tokenizers and token datasets: silent on a whole one, and it names what was changed."""

import json
import pathlib
import shutil

import datasets
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from castor.pipelines import api
from castor.pipelines.verify import verify


@pytest.fixture(scope="module")
def chain(tmp_path_factory) -> pathlib.Path:
    """A dataset with its tokenizer and its tokens beside it, as `castor demo` leaves them."""
    out = tmp_path_factory.mktemp("chain") / "out"
    datasets.write_dataset(out, datasets.records(60), shards=2)
    options = {"workers": 1, "keep_counts": True}
    api.tokenizer_train(out, out / "tokenizer", vocab_size=700, **options)
    api.tokenizer_encode(out, out / "tokens", tokenizer=out / "tokenizer", workers=1)
    return out


@pytest.fixture
def copy(chain, tmp_path) -> pathlib.Path:
    shutil.copytree(chain, tmp_path / "copy")
    return tmp_path / "copy"


def test_a_whole_one_has_no_problem(chain):
    assert verify(chain / "tokenizer") == []
    assert verify(chain / "tokens") == []
    assert verify(chain / "kept") == []


def files(folder):
    return sorted(p for p in folder.rglob("*") if p.is_file() and ".work" not in p.parts)


@settings(max_examples=40, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(data=st.data(), kind=st.sampled_from(["tokenizer", "tokens"]))
def test_every_byte_that_is_changed_is_found(chain, data, kind):
    folder = chain / kind
    path = data.draw(st.sampled_from(files(folder)))
    before = path.read_bytes()
    at = data.draw(st.integers(0, len(before) - 1))
    changed = bytearray(before)
    changed[at] ^= data.draw(st.integers(1, 255))
    try:
        path.write_bytes(changed)
        found = verify(folder) if path.name != "manifest.json" else _verify(folder)
        assert found, f"byte {at} of {path.relative_to(folder)}"
    finally:
        path.write_bytes(before)


def test_blanks_of_a_manifest_are_bytes_too(copy):
    path = copy / "tokens" / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b": ", b":\t", 1))
    (found,) = verify(copy / "tokens")
    assert (found.what, found.where) == ("the manifest was changed", "manifest.json")


def _verify(folder):
    """A manifest that is damaged may be no manifest of any kind any more: that is an error."""
    from castor.filters.errors import CastorError

    try:
        return verify(folder)
    except CastorError as error:
        return [error]


def test_a_file_that_is_missing_or_cut_or_strange_is_named(copy):
    tokens = copy / "tokens"
    (part,) = (p for p in files(tokens) if p.name == "part-00000.ids" and "web/train" in str(p))
    part.write_bytes(part.read_bytes()[:-4])
    part.with_suffix(".offsets").unlink()
    (part.parent / "part-00009.ids").write_bytes(b"")
    (tokens / "more").mkdir()
    (tokens / "tokenizer" / "tokenizer.model").unlink()
    found = {(p.what, p.where) for p in verify(tokens)}
    assert found == {
        ("a file has another size", "web/train/part-00000.ids"),
        ("a file is missing", "web/train/part-00000.offsets"),
        ("no manifest names this", "web/train/part-00009.ids"),
        ("no manifest names this", "more"),
        ("cannot read the model of the tokenizer", "tokenizer/tokenizer.model"),
    }


def test_a_tokenizer_of_somebody_else_is_told(copy, tmp_path):
    api.tokenizer_train(copy, tmp_path / "other", vocab_size=650, workers=1)
    shutil.rmtree(copy / "tokens" / "tokenizer")
    shutil.copytree(tmp_path / "other", copy / "tokens" / "tokenizer")
    (found,) = verify(copy / "tokens")
    assert (found.what, found.where) == ("the tokenizer is another one", "tokenizer")
    (copy / "tokenizer" / "tokenizer.vocab").unlink()
    (found,) = verify(copy / "tokenizer")
    assert (found.what, found.where) == ("a file is missing", "tokenizer.vocab")


def test_what_lies_in_a_run_is_verified_with_it(made, chain):
    for name in ("tokenizer", "tokens"):
        shutil.copytree(chain / name, made / name)
    (made / "mixture.yaml").write_text("castor: 1\n")
    assert verify(made) == []
    with (made / "tokens" / "web" / "train" / "part-00000.ids").open("r+b") as file:
        file.write(b"\xff")
    (found,) = verify(made)
    assert found.where == "tokens/web/train/part-00000.ids"


def test_the_command(castor, copy):
    assert "whole, and it adds up" in castor("verify", copy / "tokens").stdout
    manifest = json.loads((copy / "tokens" / "manifest.json").read_text())
    manifest["heldout_share"] = 0.5
    (copy / "tokens" / "manifest.json").write_text(json.dumps(manifest))
    done = castor("verify", copy / "tokens", check=False)
    assert done.returncode == 1
    assert "the manifest was changed" in done.stdout
