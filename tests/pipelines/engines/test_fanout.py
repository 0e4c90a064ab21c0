"""One function over many shards: every mode, killed workers, faults, and what is done once."""

import os
import sys

import fans
import pytest

from castor.filters.errors import CastorError, ConfigError
from castor.pipelines.engines import fanout

pytestmark = pytest.mark.slow


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A work folder; worker processes find the functions where the tests do."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in sys.path if p))
    (tmp_path / ".work").mkdir()
    return tmp_path / ".work"


def ran(folder):
    return sorted(p.name for p in folder.glob("ran-*"))


@pytest.mark.parametrize(("mode", "workers"), [("memory", 1), ("threads", 2), ("processes", 2)])
def test_every_mode_gives_the_results_in_order(work, tmp_path, mode, workers):
    fan = fans.fan_out("square", tmp_path, [5, 3, 9, 1, 4, 0])
    seen = []
    done = fanout.run(fan, work=work, out=tmp_path, mode=mode, workers=workers, watch=seen.append)
    assert [r["square"] for r in done.results] == [25, 9, 81, 1, 16, 0]
    assert done.reused == 0
    assert (seen[-1].shards, seen[-1].rows, seen[-1].bytes) == (6, 22, 60)
    processes = {p.read_text() for p in tmp_path.glob("ran-*")}
    assert len(processes) == (2 if mode == "processes" else 1)
    assert (f"{os.getpid()}\n" in processes) == (mode != "processes")


def test_what_was_done_is_not_done_again(work, tmp_path):
    def run(fan, **options):
        for path in tmp_path.glob("ran-*"):
            path.unlink()
        return fanout.run(fan, work=work, out=tmp_path, **options)

    assert run(fans.fan_out("square", tmp_path, [1, 2, 3])).reused == 0
    assert run(fans.fan_out("square", tmp_path, [1, 2, 3])).reused == 3
    assert ran(tmp_path) == []
    done = run(fans.fan_out("square", tmp_path, [1, 2, 7]))
    assert (done.reused, ran(tmp_path)) == (2, ["ran-7"])
    assert [r["square"] for r in done.results] == [1, 4, 49]
    assert run(fans.fan_out("square", tmp_path, [1, 2, 7], seconds=0.0)).reused == 0


def test_a_result_whose_file_is_gone_is_made_again(work, tmp_path):
    fan = fans.fan_out("square", tmp_path, [1, 2, 7])
    fanout.run(fan, work=work, out=tmp_path)
    (tmp_path / "ran-2").unlink()
    roots = {1: 1, 4: 2, 49: 7}

    def whole(result):
        return (tmp_path / f"ran-{roots[result['square']]}").exists()

    done = fanout.run(fan, work=work, out=tmp_path, whole=whole)
    assert done.reused == 2
    assert ran(tmp_path) == ["ran-1", "ran-2", "ran-7"]
    assert [r["square"] for r in done.results] == [1, 4, 49]


def test_nothing_to_do(work, tmp_path):
    assert fanout.run(fans.fan_out("square", tmp_path, []), work=work, out=tmp_path).results == []


@pytest.mark.parametrize(
    ("mode", "ours"), [("memory", True), ("memory", False), ("processes", False)]
)
def test_a_fault_of_the_function_is_told(work, tmp_path, mode, ours):
    fan = fans.fan_out("square_or_raise", tmp_path, [1, 2, 3], raises_at=2, ours=ours)
    with pytest.raises(CastorError) as caught:
        fanout.run(fan, work=work, out=tmp_path, mode=mode, workers=1)
    if ours:
        assert str(caught.value) == "this shard is bad, in item 2: got bad\n  -> mend it"
    else:
        assert "ZeroDivisionError: by nothing" in str(caught.value)
        assert "see run.log" in str(caught.value)
    assert (mode == "memory") or "square_or_raise" in (work / "run.log").read_text()


def test_a_killed_worker_ends_it_and_the_rest_is_done_by_the_next_call(work, tmp_path):
    fan = fans.fan_out("square_or_die", tmp_path, [1, 2, 3, 4], dies_at=4)
    (tmp_path / "die").touch()
    with pytest.raises(CastorError) as caught:
        fanout.run(fan, work=work, out=tmp_path, mode="processes", workers=2)
    assert "a worker process was killed" in str(caught.value)
    assert "run the same command again: it resumes" in str(caught.value)
    (tmp_path / "die").unlink()
    done = fanout.run(fan, work=work, out=tmp_path, mode="memory", workers=1)
    assert 0 < done.reused < 4
    assert [r["square"] for r in done.results] == [1, 4, 9, 16]
    assert all(len(p.read_text().splitlines()) == 1 for p in tmp_path.glob("ran-*"))


def test_a_mode_that_does_not_exist(work, tmp_path):
    with pytest.raises(ConfigError, match="no such mode"):
        fanout.run(fans.fan_out("square", tmp_path, [1]), work=work, out=tmp_path, mode="magic")


def test_few_bytes_need_one_worker():
    assert fanout._workers(1_000_000) == 1
    assert fanout._workers(10**12) == len(os.sched_getaffinity(0))


def test_no_more_workers_start_than_there_are_items(work, tmp_path):
    fan = fans.fan_out("square", tmp_path, [3])
    assert fanout.run(fan, work=work, out=tmp_path, workers=8).results == [{"square": 9}]
    assert (tmp_path / "ran-3").read_text() == f"{os.getpid()}\n"  # one: in this process
