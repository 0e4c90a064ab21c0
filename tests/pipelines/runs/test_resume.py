"""A run that was killed or interrupted resumes, and gives the same bytes."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from runs import contents, start, wait_for, workers_of

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("victim", ["a worker", "everything"])
def test_a_killed_run_resumes(castor, recipe, many, uninterrupted, tmp_path, victim):
    out = tmp_path / "out"
    process = start(recipe, out, many)
    wait_for(lambda: len(list((out / ".work" / "measured").glob("*.json"))) >= 2, process)
    killed = time.monotonic()
    if victim == "a worker":
        os.kill(workers_of(process)[0], signal.SIGKILL)
        _, errors = process.communicate(timeout=20)
        assert time.monotonic() - killed < 10
        assert process.returncode == 1
        assert "a worker process was killed" in errors
        assert "run the same command again: it resumes" in errors
    else:
        import psutil

        family = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=20)
        _, alive = psutil.wait_procs(family, timeout=10)
        assert not [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]
    assert not (out / "manifest.json").exists()
    done = castor("run", recipe, out, "--set", f"input={many}", "--workers", 1, "--json")
    assert json.loads(done.stdout)["shards_reused"] >= 2
    assert contents(out) == contents(uninterrupted)
    assert not list(out.rglob(".tmp-*"))


def test_control_c_ends_every_process_and_says_what_to_do(recipe, many, tmp_path):
    import psutil

    process = start(recipe, tmp_path / "out", many)
    wait_for(lambda: len(workers_of(process)) == 2, process)
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "the same command resumes where it stopped" in errors
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not [p for p in alive if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def test_a_driver_whose_supervisor_died_while_it_started_does_nothing(tmp_path):
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"supervisor": 1, "job": "none"}))
    command = [sys.executable, "-m", "castor.pipelines.engines.driver", str(plan)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr == "the supervisor died before its driver had started\n"
