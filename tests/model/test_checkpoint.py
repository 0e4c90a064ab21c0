"""Checkpoints: whole or not there, checked byte for byte, pruned without losing the good ones."""

import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from castor.filters.errors import CastorError
from castor.model.checkpoint import Checkpoints


def state(seed: int) -> dict:
    key = jax.random.key(seed)
    return {
        "params": {"w": jax.random.normal(key, (7, 5)), "b": [jnp.full(3, seed, jnp.bfloat16)]},
        "step": jnp.int32(seed),
    }


@pytest.fixture
def saved(tmp_path: pathlib.Path) -> Checkpoints:
    checkpoints = Checkpoints(tmp_path / "checkpoints", keep=2)
    for step in (10, 20, 30):
        checkpoints.save(step, state(step), {"data_state": step, "third": 1 / 3})
    return checkpoints


def test_comes_back_bitwise_with_its_data(saved: Checkpoints) -> None:
    assert saved.data(30) == {"data_state": 30, "third": 1 / 3}
    restored = saved.restore(30, state(0))
    for found, wanted in zip(jax.tree.leaves(restored), jax.tree.leaves(state(30)), strict=True):
        assert found.dtype == wanted.dtype
        assert np.asarray(found).tobytes() == np.asarray(wanted).tobytes()


def test_keeps_the_newest_and_nothing_unfinished(saved: Checkpoints) -> None:
    assert saved.steps() == [20, 30]
    assert sorted(p.name for p in saved.folder.iterdir()) == ["20", "30"]


def test_any_changed_byte_of_any_file_is_found(saved: Checkpoints) -> None:
    files = [p for p in saved.path(30).rglob("*") if p.is_file()]
    assert len(files) > 5
    for path in files:
        whole = path.read_bytes()
        for damage in (whole[:-2], bytes([whole[0] ^ 1]) + whole[1:], None):
            if damage is None:
                path.unlink()
            else:
                path.write_bytes(damage)
            with pytest.raises(CastorError, match="damaged") as caught:
                saved.data(30)
            assert str(saved.path(30)) in str(caught.value)
        path.write_bytes(whole)
    assert saved.data(30)["data_state"] == 30


def test_a_damaged_newer_one_costs_no_good_one_and_is_replaced(saved: Checkpoints) -> None:
    (saved.path(30) / "data.json").write_text("{")
    saved.save(25, state(25), {})
    assert saved.steps() == [20, 25, 30]
    saved.save(30, state(30), {"again": True})
    assert saved.steps() == [25, 30]
    assert saved.data(30) == {"again": True}


def test_another_tree_is_refused(saved: Checkpoints) -> None:
    other = state(0)
    other["params"]["w"] = jnp.zeros((7, 6))
    with pytest.raises(CastorError, match="damaged"):
        saved.restore(30, other)


def test_what_is_not_there(saved: Checkpoints) -> None:
    with pytest.raises(CastorError, match="no such checkpoint") as caught:
        saved.data(11)
    assert "20, 30" in str(caught.value)
    assert Checkpoints(saved.folder / "nowhere").steps() == []


def test_what_a_killed_save_left_is_removed(saved: Checkpoints) -> None:
    left = saved.folder / ".tmp-40" / "state"
    left.mkdir(parents=True)
    (left / "half").write_bytes(b"x")
    assert saved.steps() == [20, 30]
    saved.remove_unfinished()
    assert not left.parent.exists()
    assert saved.steps() == [20, 30]


def test_names_hold_no_step_that_is_not_the_folders(saved: Checkpoints) -> None:
    saved.path(30).rename(saved.folder / "31")
    with pytest.raises(CastorError, match="does not describe this step"):
        saved.data(31)
    assert json.loads((saved.folder / "31" / "data.json").read_text())["step"] == 30
