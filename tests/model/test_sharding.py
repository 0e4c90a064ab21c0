"""Several devices against one: the same losses, and parameters that lie where they should."""

import json
import pathlib
import subprocess
import sys

import jax
import numpy as np
import pytest
from jax.sharding import Mesh, PartitionSpec

from castor.filters.errors import ConfigError
from castor.model import sharding
from castor.model.config import MeshConfig

pytestmark = pytest.mark.slow

MESHES = {
    "data2-fsdp2-expert2": {"data": 2, "fsdp": 2, "expert": 2},
    "data2-expert2-tensor2": {"data": 2, "expert": 2, "tensor": 2},
}


@pytest.fixture(scope="module")
def simulated():
    """What `simulated_devices.py` says, in a process that has eight devices."""
    done = subprocess.run(
        [
            sys.executable,
            pathlib.Path(__file__).with_name("simulated_devices.py"),
            json.dumps(MESHES),
        ],
        capture_output=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    # What XLA says where it gathers a whole array because two annotations do not agree.
    assert "Involuntary full rematerialization" not in done.stderr, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("mesh", MESHES)
def test_eight_devices_are_one(simulated, mesh):
    one, many = simulated["one"], simulated[mesh]
    assert len(one["losses"]) == 4
    assert one["losses"][-1] < one["losses"][0] - 0.1  # it has learnt: later steps say something
    np.testing.assert_allclose(many["losses"], one["losses"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(many["grad_norms"], one["grad_norms"], rtol=1e-4)
    np.testing.assert_allclose(many["by_source"], one["by_source"], rtol=0, atol=2e-5)
    assert many["dropped"] == pytest.approx(one["dropped"], abs=1e-6)
    assert one["dropped"] > 0


def test_every_device_holds_its_part_alone(simulated):
    parts = simulated["data2-fsdp2-expert2"]["parts"]
    assert parts["embedding"] == [64, 8]  # fsdp cuts the width of 16
    assert parts["blocks.moe.gate"] == [1, 1, 2, 8, 32]  # expert cuts four experts
    assert parts["blocks.attention.query"] == [1, 2, 8, 16]
    assert parts["blocks.attention.norm"] == [1, 2, 16]
    parts = simulated["data2-expert2-tensor2"]["parts"]
    assert parts["embedding"] == [32, 16]  # tensor cuts the vocabulary
    assert parts["blocks.moe.down"] == [1, 1, 2, 16, 16]
    assert parts["blocks.mlp.gate"] == [1, 1, 16, 16]


def test_moments_lie_where_their_parameters_do(simulated):
    for mesh in MESHES:
        assert simulated[mesh]["moments_as_parameters"]


def grid(**sizes):
    """A mesh of this process's one device, over and over: for shapes alone."""
    shape = [sizes.get(axis, 1) for axis in sharding.AXES]
    return Mesh(np.full(shape, jax.devices()[0], dtype=object), sharding.AXES)


def spec(path, shape, **sizes):
    keys = [jax.tree_util.DictKey(key) for key in path.split(".")]
    return sharding.spec_of(keys, jax.ShapeDtypeStruct(shape, np.float32), grid(**sizes))


def test_a_dimension_that_cannot_be_cut_is_whole():
    wide = spec("blocks.attention.key", (1, 2, 16, 8), fsdp=2, tensor=4)
    assert wide == PartitionSpec(None, None, "fsdp", "tensor")
    narrow = spec("blocks.attention.key", (1, 2, 16, 6), fsdp=2, tensor=4)
    assert narrow == PartitionSpec(None, None, "fsdp")
    assert spec("blocks.attention.norm", (1, 2, 16), fsdp=2) == PartitionSpec()
    assert spec("step", (), fsdp=2) == PartitionSpec()
    assert spec("embedding", (64, 16), tensor=2) == PartitionSpec("tensor")


def test_a_mesh_of_other_than_all_devices_is_an_error():
    count = len(jax.devices())
    with pytest.raises(ConfigError, match="the mesh needs 3 devices") as error:
        sharding.make_mesh(MeshConfig(data=3), jax.devices() * 2)
    assert f"got {2 * count}" in str(error.value)


def test_without_a_mesh_nothing_is_constrained():
    assert sharding.constrainer(None) is sharding.unconstrained
    batch = sharding.shard_batch({"inputs": np.zeros((2, 3), np.int32)}, None)
    assert isinstance(batch["inputs"], jax.Array)
