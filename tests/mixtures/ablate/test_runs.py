import pytest

from castor.filters.errors import CastorError
from castor.mixtures.ablate import runs


def run(i, losses=None):
    return runs.finished(
        "settings", "swarm", {"a": 0.5, "b": 0.5}, i, 1000, {"a": "x", "b": "y"},
        losses or {"a": 1.0},
    )  # fmt: skip


def test_a_record_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "runs.jsonl"
    written = [run(0), run(1, {"a": float("nan")}), run(2)]
    runs.write(path, written)
    assert list(runs.read(path).values()) == written
    assert runs.read(tmp_path / "none.jsonl") == {}


def test_a_loss_that_is_not_finite_makes_a_lost_run():
    lost = run(0, {"a": 1.0, "b": float("inf")})
    assert lost.losses == {}
    assert lost.lost == "loss of b is not finite"


def test_a_key_is_of_all_that_determines_a_run_and_of_nothing_else():
    key = runs.key_of({"a": 0.25, "b": 0.75}, 0, "settings")
    assert key == runs.key_of({"b": 0.75, "a": 0.25}, 0, "settings")
    assert key != runs.key_of({"a": 0.75, "b": 0.25}, 0, "settings")
    assert key != runs.key_of({"a": 0.25, "b": 0.75}, 1, "settings")
    assert key != runs.key_of({"a": 0.25, "b": 0.75}, 0, "others")
    assert run(0).key == runs.key_of({"a": 0.5, "b": 0.5}, 0, "settings")


def test_a_damaged_line_is_named(tmp_path):
    path = tmp_path / "runs.jsonl"
    runs.write(path, [run(0)])
    path.write_text(path.read_text() + '{"key": \n')
    with pytest.raises(CastorError, match=r"damaged, in .*runs\.jsonl:2") as error:
        runs.read(path)
    assert "trained again" in error.value.fix


def test_a_few_lost_runs_are_left_out_and_many_are_an_error():
    good, bad = [run(i) for i in range(9)], [run(9, {"a": float("nan")})]
    assert runs.kept([*good, *bad], needed=8) == good
    with pytest.raises(CastorError, match=r"9 of 10, 10 are needed: got 1 lost; the first: loss"):
        runs.kept([*good, *bad], needed=10)
    with pytest.raises(CastorError, match=r"5 of 8, 4 are needed") as error:
        runs.kept(good[:5] + 3 * bad, needed=4)
    assert "peak_lr" in error.value.fix
