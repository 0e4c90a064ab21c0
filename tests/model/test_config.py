"""Configurations: defaults fit, and each fault is a clear error before anything runs."""

import pytest

from castor.filters import configuration
from castor.filters.errors import ConfigError
from castor.model.config import MeshConfig, ModelConfig, TrainConfig, check_mesh

PLAIN = "castor: 1\nmixture: mixture/\n"


def train(text: str, *settings: str) -> TrainConfig:
    return configuration.parse(
        PLAIN + text, TrainConfig, kind="training", where="t.yaml", settings=settings
    )


def test_defaults_make_a_run():
    config = train("")
    assert config.model.width_of_head == 32
    assert config.model.width_of_mlp == 352  # 8/3 of 128 is 341.3
    assert config.steps_for(256) is None
    assert config.mesh.devices == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("model: {d_model: 130}", "d_model 130 is no multiple of heads 4"),
        ("model: {d_model: 12, heads: 4}", "head_dim 3 must be even"),
        ("model: {heads: 4, kv_heads: 3}", "heads 4 is no multiple of kv_heads 3"),
        ("model: {experts: 1}", "experts: 1 is a dense model"),
        ("model: {experts: 4, top_k: 5}", "top_k 5 is more than experts 4"),
        ("model: {experts: 4, layers: 3}", "layers 3 is no multiple of moe_every 2"),
        ("model: {layers: 0}", "greater than 0"),
        ("model: {capacity_factor: .inf}", "finite"),
        ("model: {dtype: float16}", "'float32' or 'bfloat16'"),
        ("model: {expert: 4}", "did you mean 'experts'"),
        ("optimizer: {schedule: linear}", "'wsd' or 'cosine'"),
        ("optimizer: {peak_lr: 0}", "greater than 0"),
        ("optimizer: {b2: 1.0}", "less than 1"),
        ("steps: 5\ntokens: 2M", "steps or tokens, not both"),
        ("tokens: many", "must be a whole number"),
        ("tokens: 1.5", "integer"),
        ("steps: 0.0000005M", "whole number"),
        ("batch_rows: 6\naccumulate: 4", "batch_rows 6 is no multiple of accumulate 4"),
        ("batch_rows: 6\nmesh: {data: 4}", "data x fsdp x expert 4"),
        ("mesh: {tensor: 8}", "model.heads 4 is no multiple of mesh.tensor 8"),
        ("mesh: {expert: 2}", "but the model has no experts"),
        ("model: {experts: 4}\nmesh: {expert: 8}", "model.experts 4 is no multiple of mesh.expert"),
        (
            "model: {d_model: 40, heads: 2}\nmesh: {fsdp: 16}\nbatch_rows: 16",
            "model.d_model 40 is no multiple of mesh.fsdp",
        ),
        ("castor: 2", "1"),
    ],
)
def test_a_fault_is_named(text, says):
    with pytest.raises(ConfigError) as error:
        train(text)
    assert says in str(error.value)
    assert "value error" not in str(error.value)  # pydantic's words


@pytest.mark.parametrize(
    ("written", "tokens"), [("2M", 2_000_000), ("1.5K", 1500), ("0.5b", 500_000_000), ("7_0", 70)]
)
def test_large_numbers_have_units(written, tokens):
    assert train(f"tokens: {written}").tokens == tokens


def test_tokens_become_steps_rounded_up():
    assert train("tokens: 10_000\nbatch_rows: 4").steps_for(256) == 10  # 9.77
    assert train("steps: 7").steps_for(256) == 7


def test_set_reaches_inside():
    assert train("", "model.d_model=256").model.d_model == 256


def test_the_data_give_the_vocabulary():
    config = ModelConfig().for_data(512, {"image": 48})
    assert config.vocabulary == 512
    assert config.soft_dims.present() == {"image": 48}
    assert hash(config) == hash(ModelConfig().for_data(512, {"image": 48}))
    with pytest.raises(ConfigError, match="no vocab_size"):
        ModelConfig().vocabulary  # noqa: B018
    with pytest.raises(ConfigError, match="not the size of the mixture's id space"):
        ModelConfig(vocab_size=256).for_data(512)
    with pytest.raises(ConfigError, match="no key 'smell'"):
        ModelConfig().for_data(512, {"smell": 3})


def test_a_vocabulary_must_divide():
    model = ModelConfig().for_data(255)
    with pytest.raises(ValueError, match="the vocabulary 255 is no multiple"):
        check_mesh(model, MeshConfig(tensor=2))
