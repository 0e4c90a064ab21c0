"""`castor train` and `castor evaluate` as a person runs them: killed, resumed, scored."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
import training

from castor.model import run_log

pytestmark = pytest.mark.slow

COMMAND = pathlib.Path(sys.executable).parent / "castor"
KILL_AFTER = 12  # steps, of 60


@pytest.fixture(scope="module")
def env(tmp_path_factory):
    return training.compiled_once_env(tmp_path_factory.mktemp("compiled"))


@pytest.fixture(scope="module")
def folder(castor, env, tmp_path_factory) -> pathlib.Path:
    """A configuration, its tokens, and OUT of a training that nothing stopped."""
    folder = tmp_path_factory.mktemp("run")
    training.make_run(folder)
    done = castor("train", folder / "train.yaml", folder / "out", "--json", env=env)
    outcome = json.loads(done.stdout)
    assert (outcome["steps"], outcome["resumed_from"], outcome["skipped"]) == (60, 0, False)
    return folder


def test_killed_and_resumed_ends_with_the_same_bits(castor, env, folder):
    out = folder / "killed"
    command = [COMMAND, "train", folder / "train.yaml", out]
    process = subprocess.Popen(
        command, env=os.environ | env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    end = time.monotonic() + 300
    while not (out / f"checkpoints/{KILL_AFTER}").exists() and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, process.stdout.read()
    assert not (out / "manifest.json").exists()
    done = castor("train", folder / "train.yaml", out, "--json", env=env)
    outcome = json.loads(done.stdout)
    assert KILL_AFTER <= outcome["resumed_from"] < 60
    assert f"resuming from step {outcome['resumed_from']}" in done.stderr
    assert training.leaves(out, 60) == training.leaves(folder / "out", 60)
    logs = [training.log_of(o) for o in (out, folder / "out")]
    assert logs[0] == logs[1]
    assert [r["step"] for r in logs[0]] == list(range(5, 61, 5))
    assert (out / "manifest.json").read_bytes() == (folder / "out/manifest.json").read_bytes()


def test_the_log_shows_learning_and_routing(folder):
    log = run_log.read(folder / "out/log.jsonl")
    assert log[-1]["loss_by_source"]["chain"] < log[0]["loss_by_source"]["chain"] - 2
    for line in log:
        load = line["router"]["load"]
        assert len(load) == 1
        assert sum(load[0]) == pytest.approx(1)
    assert log[-1]["tokens_per_s"] > 0
    assert log[-1]["mfu"] is None


def test_finished_says_so_and_a_changed_configuration_exits_2(castor, env, folder):
    done = castor("train", folder / "train.yaml", folder / "out", env=env)
    assert "nothing to do" in done.stdout
    arguments = ("train", folder / "train.yaml", folder / "out", "--set", "seed=7")
    done = castor(*arguments, env=env, check=False)
    assert done.returncode == 2
    assert "seed: 0 there, 7 now" in done.stderr


def test_the_model_beats_the_unigram_baseline_where_there_is_an_order(castor, env, folder):
    done = castor("evaluate", folder / "out", folder / "tokens", env=env)
    result = json.loads((folder / "out/evaluation.json").read_text())
    assert set(result["sources"]) == {"bag", "chain"}
    chain = result["sources"]["chain"]
    assert chain["bits_per_byte"] < 0.7 * min(chain["unigram_bits_per_byte"].values())
    assert chain["bytes"] == sum(
        len(text.encode()) for text in training.held_out_texts(folder)["chain"]
    )
    lines = {line.split()[0]: line.split() for line in done.stdout.splitlines() if line.strip()}
    assert lines["chain"][1] == "40"
    assert lines["chain"][4] == f"{chain['bits_per_byte']:.4f}"
    assert "total" in lines


def test_without_jax_the_error_names_the_extra(tmp_path, monkeypatch):
    from castor.filters.errors import CastorError
    from castor.model import needs
    from castor.pipelines import api

    monkeypatch.setattr(needs, "PACKAGES", ("jax", "no_such_package.at_all"))
    for call in (api.train, api.evaluate):
        with pytest.raises(CastorError, match="needs JAX") as caught:
            call(tmp_path / "a", tmp_path / "b")
        assert "pip install 'castor[model]'" in str(caught.value)
        assert "no_such_package" in str(caught.value)
