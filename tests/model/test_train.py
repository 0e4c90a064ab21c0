"""Training in one process: what stops it, what it goes on from, what it refuses."""

import json
import shutil
import signal

import numpy as np
import pytest
import training
import yaml

from castor.filters.errors import CastorError, ConfigError
from castor.mixtures.plan import Plan, PlanStage
from castor.model import loop
from castor.model.checkpoint import Checkpoints
from castor.model.setup import same_order
from castor.model.train import train

pytestmark = pytest.mark.slow

STEPS = 12  # with a checkpoint every 3 and a line every 5


@pytest.fixture(scope="module", autouse=True)
def _compiled_once(tmp_path_factory):
    with training.compiled_once(tmp_path_factory.mktemp("compiled")):
        yield


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """A configuration whose mixture is compiled."""
    from castor.mixtures.compile import compile_mixture

    path = training.make_run(tmp_path_factory.mktemp("run"), documents=120)
    compile_mixture(path.parent / "mixture.yaml", path.parent / "mixture")
    changed = yaml.safe_load(path.read_text()) | {
        "mixture": "mixture", "steps": STEPS, "checkpoint_every": 3, "keep": 2,
    }  # fmt: skip
    changed["model"] |= {"experts": 0, "moe_every": 1}  # compiles in half the time
    path.write_text(yaml.safe_dump(changed))
    return path


@pytest.fixture(scope="module")
def finished(config, tmp_path_factory):
    out = tmp_path_factory.mktemp("finished") / "out"
    train(config, out)
    return out


@pytest.fixture
def out(finished, tmp_path):
    """A copy of the finished training."""
    return shutil.copytree(finished, tmp_path / "out")


def unfinished(out):
    """Makes a finished training look as if it had been killed before its manifest."""
    (out / "manifest.json").unlink()
    return out


def test_what_a_training_leaves(finished, config):
    assert Checkpoints(finished / "checkpoints").steps() == [9, 12]
    assert [r["step"] for r in training.log_of(finished)] == [5, 10, 12]
    line = training.log_of(finished)[0]
    assert set(line["loss_by_source"]) == {"bag", "chain"}
    assert line["tokens"] == 5 * 8 * 64
    manifest = json.loads((finished / "manifest.json").read_text())
    assert manifest["steps"] == STEPS
    assert manifest["made_from"]["config"]["model"]["vocab_size"] == 768
    assert str(config.parent) not in json.dumps(manifest)
    assert (finished / "tokenizer" / "tokenizer.model").is_file()
    data = Checkpoints(finished / "checkpoints").data(12)
    assert data["data_state"] == 12


def test_what_is_finished_is_left_alone(out, config):
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*.json*")}
    assert train(config, out)["skipped"]
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*.json*")} == before


def test_killed_just_before_its_manifest_it_is_finished_at_once(finished, out, config):
    manifest = (out / "manifest.json").read_bytes()
    outcome = train(config, unfinished(out))
    assert (outcome["resumed_from"], outcome["skipped"]) == (STEPS, False)
    assert (out / "manifest.json").read_bytes() == manifest
    assert training.log_of(out) == training.log_of(finished)


@pytest.mark.parametrize("unfinish", [False, True])
def test_a_damaged_checkpoint_costs_only_what_came_after_the_one_before(
    finished, out, config, capfd, unfinish
):
    if unfinish:
        unfinished(out)
    arrays = max((out / "checkpoints/12/state").rglob("*"), key=lambda p: p.stat().st_size)
    arrays.write_bytes(arrays.read_bytes()[:-1] + b"?")
    outcome = train(config, out)
    said = capfd.readouterr().err
    assert "checkpoints/12" in said
    assert "going back" in said
    assert outcome["resumed_from"] == 9
    assert training.leaves(out, STEPS) == training.leaves(finished, STEPS)
    assert training.log_of(out) == training.log_of(finished)
    assert Checkpoints(out / "checkpoints").steps() == [9, 12]


def test_nothing_is_deleted_where_all_checkpoints_are_damaged(out, config):
    for step in (9, 12):
        (out / f"checkpoints/{step}/data.json").write_text("{}")
    before = sorted(out.rglob("*"))
    log = (out / "log.jsonl").read_bytes()
    with pytest.raises(CastorError, match="all checkpoints are damaged") as caught:
        train(config, out)
    assert "--force" in str(caught.value)
    assert sorted(out.rglob("*")) == before
    assert (out / "log.jsonl").read_bytes() == log


def test_a_loss_that_is_no_number_ends_it_and_keeps_what_was_good(
    finished, out, config, monkeypatch
):
    shutil.rmtree(unfinished(out) / "checkpoints/12")
    placed = loop.shard_batch

    def poisoned(batch, mesh):
        poisoned.number += 1
        if poisoned.number == 2:  # step 11
            batch["loss_mask"][0, 0] = np.nan
        return placed(batch, mesh)

    poisoned.number = 0
    monkeypatch.setattr(loop, "shard_batch", poisoned)
    with pytest.raises(CastorError, match="the loss is no finite number") as caught:
        train(config, out)
    assert "step 11" in str(caught.value)
    assert "nan" in str(caught.value)
    assert caught.value.exit_code == 1
    assert Checkpoints(out / "checkpoints").steps() == [9]
    assert training.log_of(out) == training.log_of(finished)[:2]
    assert not (out / "manifest.json").exists()
    monkeypatch.undo()
    train(config, out)
    assert training.leaves(out, STEPS) == training.leaves(finished, STEPS)


def test_steps_may_grow_and_not_shrink(out, config, monkeypatch):
    with pytest.raises(ConfigError, match="longer than what was asked") as caught:
        train(config, out, steps=6)
    assert "12 steps, asked for 6" in str(caught.value)

    class Loop:  # what it computes is no question here, and would be compiled anew
        def __init__(self, setup, *_):
            assert setup.steps == STEPS + 1

        def run(self, state, begun, data):
            assert (begun, int(state["step"]), data["data_state"]) == (STEPS, STEPS, STEPS)
            assert not (out / "manifest.json").exists()
            return {"tokens": 1, "loss": 0.5}

    monkeypatch.setattr("castor.model.train.Loop", Loop)
    outcome = train(config, out, steps=STEPS + 1)
    assert (outcome["resumed_from"], outcome["steps"], outcome["loss"]) == (STEPS, STEPS + 1, 0.5)


def test_a_signal_ends_it_after_the_step_with_a_checkpoint(finished, out, config, monkeypatch):
    shutil.rmtree(unfinished(out) / "checkpoints/12")
    placed = loop.shard_batch

    def signalled(batch, mesh):
        if signalled.first:
            signalled.first = False
            signal.raise_signal(signal.SIGTERM)
        return placed(batch, mesh)

    signalled.first = True
    monkeypatch.setattr(loop, "shard_batch", signalled)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        train(config, out)
    assert signal.getsignal(signal.SIGTERM) == before
    assert Checkpoints(out / "checkpoints").steps() == [9, 10]
    assert not (out / "manifest.json").exists()
    assert train(config, out)["resumed_from"] == 10
    assert training.leaves(out, STEPS) == training.leaves(finished, STEPS)
    assert training.log_of(out) == training.log_of(finished)


@pytest.mark.parametrize("unfinish", [False, True])
def test_another_configuration_is_refused_with_what_differs(out, config, unfinish):
    if unfinish:
        unfinished(out)
    before = sorted(out.rglob("*"))
    with pytest.raises(ConfigError, match="made from something else") as caught:
        train(config, out, settings=["model.d_ff=32", "seed=5"])
    assert "model.d_ff: 64 there, 32 now; seed: 0 there, 5 now" in str(caught.value)
    assert sorted(out.rglob("*")) == before


def test_force_begins_anew(out, config):
    (out / "evaluation.json").write_text("{}")
    log = training.log_of(out)
    with (out / "log.jsonl").open("a") as file:
        file.write("damaged\n")
    outcome = train(config, out, force=True)
    assert outcome["resumed_from"] == 0
    assert training.log_of(out) == log
    assert not (out / "evaluation.json").exists()


REFUSED = [
    (["steps=999"], "the mixture runs out", "enough for 196 steps"),
    (["mesh.data=2"], "the mesh needs 2 devices", "got 1"),
    (["batch_rows=9", "mesh.data=2"], "batch_rows 9 is no multiple", None),
    (["model.vocab_size=100"], "vocab_size", "768"),
    (["optimizer.warmup=90"], "warm-up and decay are longer", None),
    (["model.layerz=2"], "no key", "did you mean 'layers'"),
    (["mixture=nowhere"], "cannot read the mixture", None),
]


@pytest.mark.parametrize(("settings", "what", "also"), REFUSED)
def test_what_does_not_fit_is_refused_before_the_start(tmp_path, config, settings, what, also):
    with pytest.raises(ConfigError, match=what) as caught:
        train(config, tmp_path / "out", settings=settings)
    assert also is None or also in str(caught.value)
    assert not (tmp_path / "out" / "checkpoints").exists()
    assert not (tmp_path / "out" / "log.jsonl").exists()


def test_a_folder_of_something_else_is_not_touched(tmp_path, config):
    (tmp_path / "photo.png").write_bytes(b"x")
    with pytest.raises(ConfigError, match="did not write"):
        train(config, tmp_path)
    before = sorted((config.parent / "mixture").rglob("*"))
    for force in (False, True):
        with pytest.raises(ConfigError, match="in use") as caught:
            train(config, config.parent / "mixture", force=force)
        assert "got a mixture" in str(caught.value)
        assert "--force" not in str(caught.value)
    assert sorted((config.parent / "mixture").rglob("*")) == before
    assert [p.name for p in tmp_path.iterdir()] == ["photo.png"]


def plan(*stages, seed=0):
    shares = {"even": (0.5, 0.5), "late": (0.1, 0.9)}
    made = [PlanStage(blocks, shares[kind], shares[kind]) for blocks, kind in stages]
    return Plan(["a", "b"], [100, 100], made, seed=seed, block=16)


@pytest.mark.parametrize(
    ("other", "sequences", "same"),
    [
        (plan((4, "even"), (4, "even")), 64, True),  # a later stage changed
        (plan((4, "even"), (4, "even")), 65, False),  # the stage that has begun
        (plan((4, "even"), (9, "late")), 100, True),  # longer
        (plan((4, "even"), (2, "late")), 100, False),  # shorter than what was trained
        (plan((4, "even"), (4, "late"), seed=1), 16, False),
    ],
)
def test_a_mixture_may_change_after_what_was_trained(other, sequences, same):
    old = plan((4, "even"), (4, "late"))
    assert same_order(old.to_json(), other, sequences) is same
    if same:
        index = np.arange(sequences)
        for one, two in zip(old.locate(index), other.locate(index), strict=True):
            assert np.array_equal(one, two)
