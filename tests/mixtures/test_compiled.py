"""Compiled mixtures: whole or not there, opened again, skipped when nothing changed."""

import json
import shutil

import numpy as np
import pytest
from mixing import explicit, make, stages, write_spec
from tokens import make_tokens

from castor.filters import storage
from castor.filters.errors import CastorError, ConfigError, GateError
from castor.mixtures.compile import compile_mixture, preview_mixture
from castor.mixtures.compiled import files as compiled_files
from castor.mixtures.compiled import open_mixture
from castor.mixtures.loader import Loader
from castor.mixtures.spec import load


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with tokens, a spec, and the spec compiled to `out`."""
    folder = tmp_path_factory.mktemp("compiled")
    make(folder, media=("web",))
    compile_mixture(write_spec(folder), folder / "out")
    return folder


def files(folder):
    """Every file but the lock, with its bytes."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and ".work" not in p.parts
    }


def test_it_opens_as_it_was_resolved(made):
    found = open_mixture(made / "out")
    told = preview_mixture(made / "mixture.yaml")
    assert found.names == ("web", "books", "code")
    assert found.sequences == told["sequences"]
    assert found.sequence_length == 32
    assert [s.rows for s in found.sources] == [told["sources"][n]["rows"] for n in found.names]
    assert found.soft_dims == {"image": 8, "audio": 6}
    assert found.id_space["size"] == 512
    assert found.tokenizer_sha256 == "0" * 64
    assert found.plan.rows == tuple(s.rows for s in found.sources)


def test_the_loader_reads_it(made):
    found = open_mixture(made / "out")
    loader = Loader(found, 16, threads=0)
    batch = loader.batches(5)
    source, _, row = found.plan.locate(np.arange(80, 96))
    assert np.array_equal(batch["source"], source)
    own = found.sources[source[3]].gather(row[3:4])
    assert np.array_equal(batch["inputs"][3], own["inputs"][0])


def test_the_folder_holds_the_preview_and_the_spec(made):
    assert json.loads((made / "out/preview.json").read_text()) == json.loads(
        storage.to_json(preview_mixture(made / "mixture.yaml"))
    )
    spec = load(made / "out/spec.yaml")
    assert spec.sources["web"].tokens == "../tokens"
    assert spec.stages == load(made / "mixture.yaml").stages


def test_the_folder_names_no_place_of_this_machine(made):
    for name, content in files(made / "out").items():
        assert str(made).encode() not in content, name


def test_the_manifest_names_every_file(made):
    found = compiled_files(open_mixture(made / "out").manifest)
    assert set(found) == set(files(made / "out")) - {"manifest.json"}
    for name, file in found.items():
        assert file["bytes"] == (made / "out" / name).stat().st_size
        assert file["blake2b"] == storage.digest(made / "out" / name)


def test_its_own_spec_compiles_to_the_same(made):
    again = compile_mixture(made / "out/spec.yaml", made / "again")
    assert not again.skipped
    assert files(made / "again") == files(made / "out")


def test_unchanged_it_does_nothing(made):
    before = {p: p.stat().st_mtime_ns for p in (made / "out").rglob("*") if p.is_file()}
    outcome = compile_mixture(made / "mixture.yaml", made / "out")
    assert outcome.skipped
    assert outcome.preview["sequences"] == open_mixture(made / "out").sequences
    after = {p: p.stat().st_mtime_ns for p in (made / "out").rglob("*") if p.is_file()}
    assert after == before


def test_tokens_and_mixture_may_move_together(made, tmp_path):
    for name in ("tokens", "out"):
        shutil.copytree(made / name, tmp_path / name)
    assert open_mixture(tmp_path / "out").sequences == open_mixture(made / "out").sequences


@pytest.fixture
def own(tmp_path):
    """The same for one test, to change."""
    make(tmp_path)
    compile_mixture(write_spec(tmp_path), tmp_path / "out")
    return tmp_path


def test_another_spec_needs_force(own):
    other = write_spec(own, seed=9)
    with pytest.raises(ConfigError, match="made from something else"):
        compile_mixture(other, own / "out")
    assert compile_mixture(other, own / "out", force=True).skipped is False
    assert open_mixture(own / "out").plan.seed == 9


def test_a_forced_one_that_is_refused_leaves_the_old(own):
    before = files(own / "out")
    sources = {n: {"tokens": "tokens", "max_epochs": 1} for n in ("web", "books", "code")}
    with pytest.raises(GateError, match="runs dry"):
        compile_mixture(write_spec(own, sources=sources), own / "out", force=True)
    assert files(own / "out") == before


def test_a_forced_one_that_is_killed_is_neither_the_old_nor_the_new(own, monkeypatch):
    from castor.filters import outputs

    def killed(*args, **content):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(outputs, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            compile_mixture(write_spec(own, packing="best-fit"), own / "out", force=True)
    with pytest.raises(CastorError, match="no finished mixture here"):
        open_mixture(own / "out")
    compile_mixture(own / "mixture.yaml", own / "out")
    assert open_mixture(own / "out").manifest["packing"] == "best-fit"


def test_what_runs_dry_is_not_written(own):
    sources = {n: {"tokens": "tokens", "max_epochs": 1} for n in ("web", "books", "code")}
    with pytest.raises(GateError):
        compile_mixture(write_spec(own, sources=sources), own / "new")
    assert not (own / "new").exists()


def test_best_fit_is_indexed(own):
    compile_mixture(write_spec(own, packing="best-fit"), own / "best")
    found = open_mixture(own / "best")
    assert found.manifest["packing"] == "best-fit"
    assert next(Loader(found, 8, threads=0))["inputs"].shape == (8, 32)


def test_a_killed_run_is_begun_again(own):
    (own / "out/manifest.json").unlink()
    (own / "out/preview.json").unlink()
    with pytest.raises(CastorError, match="no finished mixture here"):
        open_mixture(own / "out")
    compile_mixture(own / "mixture.yaml", own / "out")
    assert open_mixture(own / "out").sequences


def test_other_tokens_are_noticed(own):
    shutil.rmtree(own / "tokens")
    make_tokens(own / "tokens", {"web": 20_000, "books": 3000, "code": 7000}, seed=1)
    with pytest.raises(CastorError, match="the tokens changed"):
        open_mixture(own / "out")
    with pytest.raises(ConfigError, match="made from something else"):
        compile_mixture(own / "mixture.yaml", own / "out")
    compile_mixture(own / "mixture.yaml", own / "out", force=True)
    open_mixture(own / "out")


def test_lost_tokens_are_told(own):
    (own / "tokens").rename(own / "elsewhere")
    with pytest.raises(CastorError, match="the tokens of the mixture are gone"):
        open_mixture(own / "out")


def test_a_damaged_index_is_told(own):
    (index,) = (own / "out/index/web").iterdir()
    index.write_bytes(index.read_bytes()[:-8])
    with pytest.raises(CastorError):
        open_mixture(own / "out")


def test_no_mixture_at_all(tmp_path):
    with pytest.raises(CastorError, match="no mixture here"):
        open_mixture(tmp_path)


def test_a_folder_of_somebody_else_is_left_alone(own):
    (own / "mine").mkdir()
    (own / "mine/letter.txt").write_text("dear")
    with pytest.raises(ConfigError, match="did not write"):
        compile_mixture(own / "mixture.yaml", own / "mine")
    assert (own / "mine/letter.txt").read_text() == "dear"


def test_a_later_stage_moves_nothing_that_was_compiled(own):
    changed = stages(
        {"rule": "proportional", "until": 0.6}, explicit(1, 1, 8, until=0.8), explicit(5, 1, 1)
    )
    compile_mixture(write_spec(own, stages=changed), own / "new")
    old, new = open_mixture(own / "out"), open_mixture(own / "new")
    index = np.arange(old.plan.stages[0].blocks * old.plan.block)
    for a, b in zip(old.plan.locate(index), new.plan.locate(index)):
        assert np.array_equal(a, b)
